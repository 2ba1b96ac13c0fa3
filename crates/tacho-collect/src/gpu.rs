//! NVIDIA GPUs: utilisation, memory, power, temperature, and memory by process.
//!
//! Names and labels are those of DCGM-exporter (`DCGM_FI_DEV_GPU_UTIL{gpu,UUID,modelName}` …,
//! memory in MiB), which GPU dashboards are written for. It has no name for the memory of a
//! process: that goes under `process-exporter`'s `namedprocess_namegroup_memory_bytes` with
//! `memtype="gpu"`. The driver's library is loaded at run time by a thread of its own, since a
//! failing GPU makes it hang; where it is not installed, that is said once and tried again every
//! minute.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tacho_model::{Timestamp, Unit};

use crate::collector::{Collector, Context};
use crate::collectors::processes::groups::{Groups, Usage};
use crate::collectors::processes::{GROUP_MEMORY, group_name, stretch};
use crate::emit::{Emitter, Family};
use crate::error::CollectError;
use crate::host::HostOptions;
use crate::source::read_line;
use crate::sys;
use crate::worker::{Asked, Worker};
use nvml::{Nvml, Reading};

pub mod nvml;

/// How long the driver is waited for.
pub const PATIENCE: Duration = Duration::from_millis(100);
/// How long the driver may take to start: without its daemon it wakes every GPU first.
const STARTING_MAX: Duration = Duration::from_secs(30);
/// How often a library that is not there is looked for.
const ABSENT_EVERY: Duration = Duration::from_mins(1);
/// How often GPUs are read, unless that is too dear.
const EVERY: Duration = Duration::from_secs(1);
/// How many groups of processes are shown a GPU.
const TOP: usize = 10;
const MIB: f64 = 1_048_576.0;

const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Family {
    Family::gauge(name, Unit::of(unit), help)
}

type Value = fn(&Reading) -> Option<f64>;

static FAMILIES: [(Family, Value); 6] = [
    (
        gauge("DCGM_FI_DEV_GPU_UTIL", "%", "GPU utilization (in %)."),
        |r| r.utilization_percent.map(f64::from),
    ),
    (
        gauge(
            "DCGM_FI_DEV_MEM_COPY_UTIL",
            "%",
            "Memory utilization (in %).",
        ),
        |r| r.memory_utilization_percent.map(f64::from),
    ),
    (
        gauge(
            "DCGM_FI_DEV_FB_USED",
            "MiBy",
            "Frame buffer memory used (in MB).",
        ),
        |r| r.memory_used_bytes.map(|b| b as f64 / MIB),
    ),
    (
        gauge(
            "DCGM_FI_DEV_FB_FREE",
            "MiBy",
            "Frame buffer memory free (in MB).",
        ),
        |r| r.memory_free_bytes.map(|b| b as f64 / MIB),
    ),
    (
        gauge("DCGM_FI_DEV_POWER_USAGE", "W", "Power draw (in W)."),
        |r| r.power_milliwatts.map(|mw| f64::from(mw) / 1000.0),
    ),
    (
        gauge("DCGM_FI_DEV_GPU_TEMP", "Cel", "GPU temperature (in C)."),
        |r| r.temperature_celsius.map(f64::from),
    ),
];
/// DCGM's field 250; its exporter does not list it by default.
static FB_TOTAL: Family = gauge(
    "DCGM_FI_DEV_FB_TOTAL",
    "MiBy",
    "Total frame buffer memory (in MB).",
);

/// What the thread answers: the readings and what they cost in CPU time, or why there are none.
type Answer = Result<(Vec<Reading>, Duration), String>;

/// Keeps the thread that talks to the driver.
#[derive(Debug)]
pub struct Gpu {
    wanted: bool,
    library: PathBuf,
    procfs: PathBuf,
    hostname: String,
    worker: Option<Worker<(), Answer>>,
    /// When the driver was first asked; `None` once it answered.
    starting: Option<Timestamp>,
    was_here: bool,
    every: Duration,
    groups: HashMap<u32, Groups>,
}

impl Gpu {
    /// Loads `options.nvml_library` when it first runs.
    pub fn new(options: &HostOptions) -> Self {
        let hostname = read_line(&options.procfs.join("sys/kernel/hostname"));
        Self {
            wanted: options.gpu,
            library: options.nvml_library.clone(),
            procfs: options.procfs.clone(),
            hostname: hostname.unwrap_or_default(),
            worker: None,
            starting: None,
            was_here: false,
            every: EVERY,
            groups: HashMap::new(),
        }
    }

    fn read(&mut self, now: Timestamp) -> Result<Vec<Reading>, CollectError> {
        let worker = if let Some(worker) = &mut self.worker {
            worker
        } else {
            let library = self.library.clone();
            let mut nvml = None;
            let worker = Worker::start("tacho-nvml", move |()| answer(&mut nvml, &library));
            let worker = worker.map_err(|e| failure(self.was_here, &e))?;
            self.starting = Some(now);
            self.worker.insert(worker)
        };
        let answer = match worker.ask((), PATIENCE) {
            Asked::Answer(answer) => answer,
            Asked::Late if self.starting.is_some_and(|s| now.since(s) < STARTING_MAX) => {
                return Ok(Vec::new());
            }
            Asked::Late => {
                return Err(CollectError::Late {
                    what: "the NVIDIA driver".to_owned(),
                    waited: PATIENCE,
                });
            }
            Asked::Gone => Err("its thread ended".to_owned()),
        };
        match answer {
            Ok((readings, cost)) => {
                self.starting = None;
                self.was_here = true;
                self.every = stretch(EVERY, cost);
                Ok(readings)
            }
            Err(reason) => {
                self.every = ABSENT_EVERY;
                self.worker = None;
                Err(failure(self.was_here, &reason))
            }
        }
    }

    fn push(&mut self, reading: &Reading, ctx: &mut Context<'_>) {
        let index = reading.index.to_string();
        let device = format!("nvidia{index}");
        let labels = [
            ("gpu", index.as_str()),
            ("UUID", reading.uuid.as_str()),
            ("device", device.as_str()),
            ("modelName", reading.name.as_str()),
            ("Hostname", self.hostname.as_str()),
        ];
        for (family, value) in &FAMILIES {
            if let Some(value) = value(reading) {
                ctx.emit.push(family, &labels, value);
            }
        }
        if let Some(total) = reading.memory_total_bytes {
            ctx.emit.push(&FB_TOTAL, &labels, total as f64 / MIB);
        }
        if !reading.processes.is_empty() {
            let now = ctx.now;
            let usage = by_name(&self.procfs, &reading.processes);
            let groups = self.groups.entry(reading.index).or_default();
            let shown = groups.scan(now, &usage, TOP);
            for group in shown.iter().filter(|group| group.usage.processes > 0) {
                push_group(&group.name, &index, group.usage, &mut ctx.emit);
            }
        }
    }
}

fn push_group(name: &str, gpu: &str, usage: Usage, emit: &mut Emitter<'_>) {
    let labels = [("groupname", name), ("memtype", "gpu"), ("gpu", gpu)];
    emit.push(&GROUP_MEMORY, &labels, usage.resident_bytes as f64);
}

fn failure(was_here: bool, reason: &impl ToString) -> CollectError {
    let reason = reason.to_string();
    if was_here {
        CollectError::Library {
            library: "NVIDIA's driver",
            reason,
        }
    } else {
        CollectError::NotHere {
            what: "an NVIDIA GPU",
            reason,
        }
    }
}

/// Runs on the thread: loads the library if need be, and reads every GPU.
fn answer(nvml: &mut Option<Nvml>, library: &Path) -> Answer {
    let nvml = match nvml.take() {
        Some(loaded) => nvml.insert(loaded),
        None => nvml.insert(Nvml::load(library.as_os_str())?),
    };
    let started = sys::thread_cpu_time().unwrap_or_default();
    let readings = nvml.read()?;
    let ended = sys::thread_cpu_time().unwrap_or_default();
    Ok((readings, ended.saturating_sub(started)))
}

/// Adds up the memory of processes of one name; one whose name cannot be read is `?`.
fn by_name(procfs: &Path, processes: &[(u32, u64)]) -> BTreeMap<String, Usage> {
    let mut groups: BTreeMap<String, Usage> = BTreeMap::new();
    for (pid, bytes) in processes {
        let comm = read_line(&procfs.join(pid.to_string()).join("comm"));
        let name = group_name(comm.unwrap_or_default().as_bytes(), 0);
        groups.entry(name).or_default().add(Usage {
            cpu_ticks: 0,
            resident_bytes: *bytes,
            processes: 1,
        });
    }
    groups
}

impl Collector for Gpu {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        if !self.wanted {
            return Ok(());
        }
        for reading in self.read(ctx.now)? {
            self.push(&reading, ctx);
        }
        Ok(())
    }
}
