//! NVML, the library that comes with NVIDIA's driver, loaded at run time.
//!
//! The only unsafe code of this crate. What makes it sound, besides that the library is what it
//! says it is (loading any library is trusting it):
//! 1. each function's type is that of `nvml.h`, whose ABI the versioned names (`…_v2`) fix;
//! 2. every pointer given is to a live local of the type and length the function fills, and NVML
//!    keeps none of them;
//! 3. functions are called only between a successful `nvmlInit_v2` and `nvmlShutdown`, since the
//!    one makes the [`Nvml`] that callers get and its drop calls the other; function pointers
//!    are copied out of the library, which lives in the same struct and is dropped after;
//! 4. device handles never leave a call of [`Nvml::read`], and NVML is thread-safe.
//!
//! Source: NVML API reference, `nvml.h`.

#![expect(unsafe_code, reason = "calling a C library; the proof stands above")]

use std::ffi::{CStr, OsStr, c_char, c_int, c_uint, c_void};

use libloading::Library;

type Device = *mut c_void;
type Return = c_int;
const SUCCESS: Return = 0;
const INSUFFICIENT_SIZE: Return = 7;
/// `NVML_TEMPERATURE_GPU`.
const TEMPERATURE_GPU: c_uint = 0;
/// `NVML_VALUE_NOT_AVAILABLE`.
const NOT_AVAILABLE: u64 = u64::MAX;
/// At least `NVML_DEVICE_UUID_V2_BUFFER_SIZE` and `NVML_DEVICE_NAME_V2_BUFFER_SIZE`.
const TEXT_BYTES: usize = 96;
/// Most processes of one GPU that are read.
const PROCESSES_MAX: usize = 256;
/// Most GPUs that are read.
pub const GPUS_MAX: u32 = 64;

/// `nvmlUtilization_t`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

/// `nvmlMemory_t`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Memory {
    total: u64,
    free: u64,
    used: u64,
}

/// `nvmlProcessInfo_t`, as versions 2 and 3 of the function fill it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct ProcessInfo {
    pid: c_uint,
    used_gpu_memory: u64,
    gpu_instance: c_uint,
    compute_instance: c_uint,
}

type Get<T> = unsafe extern "C" fn(Device, *mut T) -> Return;
type GetText = unsafe extern "C" fn(Device, *mut c_char, c_uint) -> Return;
type GetProcesses = unsafe extern "C" fn(Device, *mut c_uint, *mut ProcessInfo) -> Return;

/// The library, initialised.
pub struct Nvml {
    initialised: bool,
    shutdown: unsafe extern "C" fn() -> Return,
    error_string: unsafe extern "C" fn(Return) -> *const c_char,
    count: unsafe extern "C" fn(*mut c_uint) -> Return,
    handle: unsafe extern "C" fn(c_uint, *mut Device) -> Return,
    name: GetText,
    uuid: GetText,
    utilization: Get<Utilization>,
    memory: Get<Memory>,
    power: Get<c_uint>,
    temperature: unsafe extern "C" fn(Device, c_uint, *mut c_uint) -> Return,
    /// Drivers before 510 lack it.
    processes: Option<GetProcesses>,
    /// Last, so that it is dropped last.
    _library: Library,
}

/// One GPU now; what the driver does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Its position.
    pub index: u32,
    /// Its identity, such as `GPU-6b4d…`.
    pub uuid: String,
    /// Its model's name.
    pub name: String,
    /// Share of time in which a kernel ran, percent.
    pub utilization_percent: Option<u32>,
    /// Share of time in which memory was read or written, percent.
    pub memory_utilization_percent: Option<u32>,
    /// All its memory.
    pub memory_total_bytes: Option<u64>,
    /// Memory in use.
    pub memory_used_bytes: Option<u64>,
    /// Memory not in use.
    pub memory_free_bytes: Option<u64>,
    /// What it draws, milliwatts.
    pub power_milliwatts: Option<u32>,
    /// Its temperature, degrees Celsius.
    pub temperature_celsius: Option<u32>,
    /// Processes that compute on it, and the memory of each.
    pub processes: Vec<(u32, u64)>,
}

impl Nvml {
    /// Loads and initialises the library; the error is a reason for people.
    pub fn load(file: &OsStr) -> Result<Self, String> {
        // SAFETY: loading runs the library's initialisers; that the file is NVML is the trust
        // that point 1 above names. The types are those of `nvml.h`.
        unsafe {
            let library = Library::new(file).map_err(|e| reason_of(&e))?;
            let init: unsafe extern "C" fn() -> Return = symbol(&library, c"nvmlInit_v2")?;
            let mut nvml = Self {
                initialised: false,
                shutdown: symbol(&library, c"nvmlShutdown")?,
                error_string: symbol(&library, c"nvmlErrorString")?,
                count: symbol(&library, c"nvmlDeviceGetCount_v2")?,
                handle: symbol(&library, c"nvmlDeviceGetHandleByIndex_v2")?,
                name: symbol(&library, c"nvmlDeviceGetName")?,
                uuid: symbol(&library, c"nvmlDeviceGetUUID")?,
                utilization: symbol(&library, c"nvmlDeviceGetUtilizationRates")?,
                memory: symbol(&library, c"nvmlDeviceGetMemoryInfo")?,
                power: symbol(&library, c"nvmlDeviceGetPowerUsage")?,
                temperature: symbol(&library, c"nvmlDeviceGetTemperature")?,
                processes: symbol(&library, c"nvmlDeviceGetComputeRunningProcesses_v3")
                    .or_else(|_| symbol(&library, c"nvmlDeviceGetComputeRunningProcesses_v2"))
                    .ok(),
                _library: library,
            };
            match init() {
                SUCCESS => {
                    nvml.initialised = true;
                    Ok(nvml)
                }
                code => Err(nvml.reason(code)),
            }
        }
    }

    /// Reads every GPU. One that does not answer is left out.
    pub fn read(&self) -> Result<Vec<Reading>, String> {
        let mut count: c_uint = 0;
        // SAFETY: point 2, `count` is a live local.
        let code = unsafe { (self.count)(&raw mut count) };
        if code != SUCCESS {
            return Err(self.reason(code));
        }
        let gpus = (0..count.min(GPUS_MAX)).filter_map(|index| self.read_one(index));
        Ok(gpus.collect())
    }

    fn read_one(&self, index: u32) -> Option<Reading> {
        let mut device: Device = std::ptr::null_mut();
        // SAFETY: point 2 for every call below: each is given a live local of its type. Point 4:
        // the handle is used here only.
        unsafe {
            if (self.handle)(index, &raw mut device) != SUCCESS {
                return None;
            }
            let utilization = get(self.utilization, device);
            let memory = get(self.memory, device);
            let mut celsius: c_uint = 0;
            let code = (self.temperature)(device, TEMPERATURE_GPU, &raw mut celsius);
            Some(Reading {
                index,
                uuid: text(self.uuid, device),
                name: text(self.name, device),
                utilization_percent: utilization.map(|u| u.gpu),
                memory_utilization_percent: utilization.map(|u| u.memory),
                memory_total_bytes: memory.map(|m| m.total),
                memory_used_bytes: memory.map(|m| m.used),
                memory_free_bytes: memory.map(|m| m.free),
                power_milliwatts: get(self.power, device),
                temperature_celsius: (code == SUCCESS).then_some(celsius),
                processes: self.processes(device),
            })
        }
    }

    fn processes(&self, device: Device) -> Vec<(u32, u64)> {
        let Some(processes) = self.processes else {
            return Vec::new();
        };
        let mut infos = [ProcessInfo::default(); PROCESSES_MAX];
        let mut count = PROCESSES_MAX as c_uint;
        // SAFETY: point 2, `count` says how many `infos` there are to fill.
        let code = unsafe { processes(device, &raw mut count, infos.as_mut_ptr()) };
        if code != SUCCESS && code != INSUFFICIENT_SIZE {
            return Vec::new();
        }
        let filled = infos.iter().take(count as usize);
        let known = filled.filter(|info| info.pid != 0 && info.used_gpu_memory != NOT_AVAILABLE);
        known.map(|info| (info.pid, info.used_gpu_memory)).collect()
    }

    fn reason(&self, code: Return) -> String {
        // SAFETY: for any code NVML gives a constant, terminated text, and needs no
        // initialisation for it.
        let text = unsafe { (self.error_string)(code) };
        if text.is_null() {
            return format!("error {code}");
        }
        // SAFETY: not null, and a constant terminated text as above.
        let text = unsafe { CStr::from_ptr(text) };
        text.to_string_lossy().into_owned()
    }
}

impl Drop for Nvml {
    fn drop(&mut self) {
        if self.initialised {
            // SAFETY: point 3, it was initialised, and nothing is called after.
            unsafe { (self.shutdown)() };
        }
    }
}

/// The loader's own words, which its error keeps as the source.
fn reason_of(error: &libloading::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

/// # Safety
/// `T` must be a function pointer of the symbol's type.
unsafe fn symbol<T: Copy>(library: &Library, name: &CStr) -> Result<T, String> {
    // SAFETY: the caller's promise.
    unsafe { library.get::<T>(name.to_bytes_with_nul()) }
        .map(|symbol| *symbol)
        .map_err(|e| reason_of(&e))
}

/// # Safety
/// `function` and `device` must be NVML's.
unsafe fn get<T: Default>(function: Get<T>, device: Device) -> Option<T> {
    let mut value = T::default();
    // SAFETY: the caller's promise, and `value` is a live local.
    let code = unsafe { function(device, &raw mut value) };
    (code == SUCCESS).then_some(value)
}

/// # Safety
/// `function` and `device` must be NVML's.
unsafe fn text(function: GetText, device: Device) -> String {
    let mut bytes = [0u8; TEXT_BYTES];
    // SAFETY: the caller's promise, and the length is that of `bytes`.
    let code = unsafe { function(device, bytes.as_mut_ptr().cast(), TEXT_BYTES as c_uint) };
    let text = CStr::from_bytes_until_nul(&bytes).ok();
    let text = text.filter(|_| code == SUCCESS);
    text.map_or_else(String::new, |text| text.to_string_lossy().into_owned())
}
