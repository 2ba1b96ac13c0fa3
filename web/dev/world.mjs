// A made-up host for development and the browser test: every figure is a function of the time, so
// that history and live points agree whatever is asked. Not shipped.

const HASH = (n) => {
  let x = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) / 4294967296;
};

/** Smooth noise in 0..1 with a wave of about `period` seconds. */
function smooth(seed, t, period) {
  const at = t / period;
  const i = Math.floor(at);
  const f = at - i;
  const s = f * f * (3 - 2 * f);
  return HASH(seed * 7919 + i) * (1 - s) + HASH(seed * 7919 + i + 1) * s;
}

/** Noise with several periods, around 0.5. */
const noise = (seed, t) =>
  0.4 * smooth(seed, t, 3) + 0.25 * smooth(seed + 1, t, 20) + 0.35 * smooth(seed + 2, t, 400);

const daily = (t) => 0.6 + 0.4 * Math.sin((t / 86400) * 2 * Math.PI - 2);

export const GIB = 1024 ** 3;
export const MIB = 1024 ** 2;
export const HOST = {
  name: "db2",
  cores: 8,
  kernel: "Linux 6.1",
  memory_bytes: 24 * GIB,
};

/** CPU shares of the whole machine by mode, 0..1; `busy` adds a burning process. */
export function cpu(t, busy) {
  const user = 0.05 + 0.16 * noise(1, t) * daily(t) + (busy(t) ? 0.78 : 0);
  const system = 0.015 + 0.04 * noise(4, t);
  const iowait = 0.05 * Math.max(0, smooth(7, t, 45) - 0.62);
  const softirq = 0.004 * noise(9, t);
  const used = Math.min(0.995, user + system + iowait + softirq);
  const cut = used / (user + system + iowait + softirq);
  return {
    user: user * cut,
    system: system * cut,
    iowait: iowait * cut,
    softirq: softirq * cut,
    irq: 0,
    nice: 0,
    steal: 0,
    idle: 1 - used,
  };
}

export const memory = (t) => {
  const used = (7.4 + 2.6 * smooth(21, t, 9000) + 0.3 * smooth(22, t, 60)) * GIB;
  const free = (3.2 + 2 * smooth(23, t, 5000)) * GIB;
  return { total: HOST.memory_bytes, available: HOST.memory_bytes - used, free, used };
};

const burst = (seed, t, period, sharpness) => smooth(seed, t, period) ** sharpness;

export const disk = (t) => ({
  read: 3 * MIB * burst(31, t, 12, 4) + 60 * MIB * burst(32, t, 90, 14),
  write: 2 * MIB + 24 * MIB * burst(33, t, 25, 5),
});

export const network = (t) => ({
  receive: 0.4 * MIB * daily(t) * (0.4 + noise(41, t)),
  transmit: 1.3 * MIB * daily(t) * (0.4 + noise(43, t)),
});

export const load = (t, busy) => HOST.cores * (1 - cpu(t, busy).idle) + 0.4 * smooth(51, t, 30);

export const PROCESSES = [
  { name: "postgres", pid: 811, cpu: 0.42, rss: 3.2 * GIB },
  { name: "uvicorn", pid: 1204, cpu: 0.31, rss: 1.1 * GIB },
  { name: "node", pid: 2210, cpu: 0.16, rss: 620 * MIB },
  { name: "redis-server", pid: 640, cpu: 0.06, rss: 210 * MIB },
  { name: "systemd-journald", pid: 210, cpu: 0.03, rss: 88 * MIB },
  { name: "containerd", pid: 590, cpu: 0.02, rss: 74 * MIB },
  { name: "sshd", pid: 702, cpu: 0.004, rss: 9 * MIB },
];

/** Share of one core a process uses. */
export function processCpu(index, t, busy) {
  const { cpu: share } = PROCESSES[index];
  const burning = index === 1 && busy(t) ? 0.78 * HOST.cores : 0;
  return share * HOST.cores * 0.2 * (0.5 + noise(60 + index * 3, t)) + burning;
}

export const processMemory = (index, t) =>
  PROCESSES[index].rss * (0.95 + 0.1 * smooth(90 + index, t, 3000));

/** The series a selector means, each as a function of time; null for one nobody has. */
export function resolve(match, busy) {
  const name = /^[a-zA-Z_:][\w:]*/.exec(match)?.[0] ?? "";
  const one = (value) => [{ name, labels: {}, value }];
  const pressure = /^node_pressure_(cpu|memory|io)_waiting_seconds_total$/.exec(name);
  if (pressure) {
    const scale = { cpu: 0.02, memory: 0.0005, io: 0.03 }[pressure[1]];
    const base = { cpu: 71, memory: 74, io: 77 }[pressure[1]];
    return one((t) => scale * burst(base, t, 15, 3) * (pressure[1] === "cpu" && busy(t) ? 20 : 1));
  }
  switch (name) {
    case "node_cpu_seconds_total":
      return Object.keys(cpu(0, busy)).map((mode) => ({
        name,
        labels: { mode },
        value: (t) => cpu(t, busy)[mode] * HOST.cores,
      }));
    case "node_memory_MemTotal_bytes":
      return one(() => HOST.memory_bytes);
    case "node_memory_MemAvailable_bytes":
      return one((t) => memory(t).available);
    case "node_memory_MemFree_bytes":
      return one((t) => memory(t).free);
    case "node_load1":
      return one((t) => load(t, busy));
    case "node_load5":
      return one((t) => (load(t, busy) + load(t - 90, busy) + load(t - 220, busy)) / 3);
    case "node_load15":
      return one((t) => (load(t - 200, busy) + load(t - 500, busy) + load(t - 800, busy)) / 3);
    case "node_disk_read_bytes_total":
      return ["nvme0n1", "nvme0n1p1", "dm-0"].map((device) => ({
        name,
        labels: { device },
        value: (t) => disk(t).read,
      }));
    case "node_disk_written_bytes_total":
      return [{ name, labels: { device: "nvme0n1" }, value: (t) => disk(t).write }];
    case "node_network_receive_bytes_total":
      return ["eth0", "lo"].map((device) => ({
        name,
        labels: { device },
        value: (t) => network(t).receive,
      }));
    case "node_network_transmit_bytes_total":
      return [{ name, labels: { device: "eth0" }, value: (t) => network(t).transmit }];
    case "namedprocess_namegroup_cpu_seconds_total":
      return PROCESSES.map((process, i) => ({
        name,
        labels: { groupname: process.name },
        every: 5,
        value: (t) => processCpu(i, t, busy),
      }));
    case "namedprocess_namegroup_memory_bytes":
      return PROCESSES.map((process, i) => ({
        name,
        labels: { groupname: process.name },
        every: 5,
        value: (t) => processMemory(i, t),
      }));
    case "traces_span_metrics_duration_seconds":
      return ["shop", "catalog"].map((service, i) => ({
        name,
        labels: { service, span_kind: "SPAN_KIND_SERVER" },
        value: (t) => 0.04 * (i + 1) * (0.6 + burst(80 + i, t, 20, 2)),
      }));
    default:
      return [];
  }
}
