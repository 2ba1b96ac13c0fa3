/* A stand-in for NVIDIA's library: two GPUs, the second of which says hardly anything.
   BROKEN: initialisation fails. HANGS: reading sleeps for a minute.
   LOST: the path of a file; while it is there, reading fails. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { uint64_t total, free, used; } Memory;
typedef struct { unsigned pid; uint64_t used; unsigned gi, ci; } Process;

static int gpus[2];
static int live;
#define INDEX(device) ((int)((int *)(device) - gpus))
#define NOT_SUPPORTED 3

const char *nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : "GPU is lost"; }
int nvmlInit_v2(void) {
#ifdef BROKEN
    return 9;
#endif
    live = 1;
    return 0;
}
int nvmlShutdown(void) { live = 0; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) {
    if (!live) return 1;
#ifdef HANGS
    sleep(60);
#endif
#ifdef LOST
    if (!access(LOST, F_OK)) return 15;
#endif
    *count = 2;
    return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **device) { *device = &gpus[i]; return 0; }
int nvmlDeviceGetName(void *d, char *text, unsigned length) {
    snprintf(text, length, "Fake %d", INDEX(d));
    return 0;
}
int nvmlDeviceGetUUID(void *d, char *text, unsigned length) {
    snprintf(text, length, "GPU-%d", INDEX(d));
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *d, Utilization *u) {
    if (INDEX(d)) return NOT_SUPPORTED;
    u->gpu = 87; u->memory = 41;
    return 0;
}
int nvmlDeviceGetMemoryInfo(void *d, Memory *m) {
    m->total = 80ull << 30; m->used = (INDEX(d) ? 1ull : 30ull) << 30; m->free = m->total - m->used;
    return 0;
}
int nvmlDeviceGetPowerUsage(void *d, unsigned *milliwatts) {
    if (INDEX(d)) return NOT_SUPPORTED;
    *milliwatts = 412500;
    return 0;
}
int nvmlDeviceGetTemperature(void *d, unsigned sensor, unsigned *celsius) {
    if (INDEX(d) || sensor) return NOT_SUPPORTED;
    *celsius = 63;
    return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *count, Process *processes) {
    if (INDEX(d)) return NOT_SUPPORTED;
    if (*count < 3) return 7;
    Process found[3] = {{7, 20ull << 30, 0, 0}, {8, 5ull << 30, 0, 0}, {9, UINT64_MAX, 0, 0}};
    memcpy(processes, found, sizeof found);
    *count = 3;
    return 0;
}
