//! This process itself, under the names of Prometheus' client libraries, with `job="tacho"`.
//!
//! CPU time comes from the process' clock, which is finer than procfs' hundredths of a second:
//! a program that uses a thousandth of a core would else seem to use nothing, then a burst.

use std::path::PathBuf;

use tacho_model::Unit;

use crate::collector::{Collector, ConstantLabels, Context};
use crate::collectors::processes::stat;
use crate::emit::Family;
use crate::error::{CollectError, ParseError};
use crate::host::HostOptions;
use crate::source::TextFile;
use crate::{sys, text};

static CPU: Family = Family::counter(
    "process_cpu_seconds_total",
    Unit::SECONDS,
    "Total user and system CPU time spent in seconds.",
);
static RESIDENT: Family = Family::gauge(
    "process_resident_memory_bytes",
    Unit::BYTES,
    "Resident memory size in bytes.",
);
static VIRTUAL: Family = Family::gauge(
    "process_virtual_memory_bytes",
    Unit::BYTES,
    "Virtual memory size in bytes.",
);
static OPEN_FDS: Family = Family::gauge(
    "process_open_fds",
    Unit::NONE,
    "Number of open file descriptors.",
);
static MAX_FDS: Family = Family::gauge(
    "process_max_fds",
    Unit::NONE,
    "Maximum number of open file descriptors.",
);
static THREADS: Family = Family::gauge(
    "process_threads",
    Unit::NONE,
    "Number of OS threads in the process.",
);
static START: Family = Family::gauge(
    "process_start_time_seconds",
    Unit::SECONDS,
    "Start time of the process since unix epoch in seconds.",
);

/// Parses the soft limit on open files out of `/proc/self/limits`; `None` when unlimited.
pub fn parse_max_fds(bytes: &[u8]) -> Result<Option<u64>, ParseError> {
    let rest = text::lines(bytes).find_map(|line| line.strip_prefix(b"Max open files"));
    let rest = rest.ok_or(ParseError::missing("the line `Max open files`"))?;
    match text::fields(rest).next() {
        Some(b"unlimited") => Ok(None),
        Some(field) => match text::unsigned(field) {
            Some(limit) => Ok(Some(limit)),
            None => Err(ParseError::invalid("the limit on open files")),
        },
        None => Err(ParseError::missing("the limit on open files")),
    }
}

/// Keeps `/proc/self/stat` open.
#[derive(Debug)]
pub struct Own {
    stat: TextFile,
    limits: TextFile,
    fds: PathBuf,
    page_bytes: u64,
    ticks_per_second: u64,
}

impl Own {
    /// Reads below `options.procfs`.
    pub fn new(options: &HostOptions) -> Self {
        let folder = options.procfs.join("self");
        Self {
            stat: TextFile::new(folder.join("stat")),
            limits: TextFile::new(folder.join("limits")),
            fds: folder.join("fd"),
            page_bytes: sys::page_bytes(),
            ticks_per_second: sys::ticks_per_second(),
        }
    }
}

impl Collector for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    fn labels(&self) -> ConstantLabels {
        &[("job", "tacho")]
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        ctx.readings.own_resident_bytes = None;
        ctx.readings.own_cpu = sys::process_cpu_time();
        if let Some(time) = ctx.readings.own_cpu {
            ctx.emit.push(&CPU, &[], time.as_secs_f64());
        }
        let stat = self.stat.parse(stat::parse)?;
        let resident = stat.resident_pages.saturating_mul(self.page_bytes);
        ctx.emit.push(&RESIDENT, &[], resident as f64);
        ctx.emit.push(&VIRTUAL, &[], stat.virtual_bytes as f64);
        ctx.emit.push(&THREADS, &[], stat.threads as f64);
        if let Some(boot) = ctx.readings.boot_time {
            let since_boot = stat.start_ticks as f64 / self.ticks_per_second as f64;
            ctx.emit.push(&START, &[], boot.as_secs_f64() + since_boot);
        }
        ctx.readings.own_resident_bytes = Some(resident);
        let open = sys::count_fds(&self.fds).map_err(|source| CollectError::Read {
            path: self.fds.clone(),
            source,
        })?;
        ctx.emit.push(&OPEN_FDS, &[], open as f64);
        if let Some(limit) = self.limits.parse(parse_max_fds)? {
            ctx.emit.push(&MAX_FDS, &[], limit as f64);
        }
        Ok(())
    }
}
