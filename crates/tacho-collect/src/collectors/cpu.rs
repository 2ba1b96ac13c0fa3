//! `/proc/stat`: CPU time by core and mode, forks, interrupts, context switches, boot time.
//!
//! Names are those of `node_exporter`'s collectors *cpu* and *stat*. The kernel's idle and iowait
//! counters can step back by a few ticks; as in `node_exporter`, a smaller reading is held at the
//! larger one before it, unless idle time fell by more than 3 s, which is a CPU that was
//! unplugged. Source: proc(5), `kernel/fs/proc/stat.c`.

use tacho_model::{Timestamp, Unit};

use crate::collector::{Collector, Context};
use crate::derive::CpuReading;
use crate::emit::Family;
use crate::error::{CollectError, ParseError};
use crate::host::HostOptions;
use crate::source::TextFile;
use crate::{sys, text};

/// Modes in the order of the columns; the last two are already part of `user` and `nice`.
pub const MODES: [&str; 10] = [
    "user",
    "nice",
    "system",
    "idle",
    "iowait",
    "irq",
    "softirq",
    "steal",
    "guest",
    "guest_nice",
];
const IDLE: usize = 3;
const IOWAIT: usize = 4;
/// The first column that is counted twice.
const GUEST: usize = 8;
/// Most CPUs that are reported one by one.
const CPUS_MAX: usize = 1024;

static SECONDS: Family = Family::counter(
    "node_cpu_seconds_total",
    Unit::SECONDS,
    "Seconds the CPUs spent in each mode.",
);
static GUEST_SECONDS: Family = Family::counter(
    "node_cpu_guest_seconds_total",
    Unit::SECONDS,
    "Seconds the CPUs spent in guests (VMs) for each mode.",
);
static INTERRUPTS: Family = Family::counter(
    "node_intr_total",
    Unit::NONE,
    "Total number of interrupts serviced.",
);
static SWITCHES: Family = Family::counter(
    "node_context_switches_total",
    Unit::NONE,
    "Total number of context switches.",
);
static FORKS: Family = Family::counter("node_forks_total", Unit::NONE, "Total number of forks.");
static BOOT: Family = Family::gauge(
    "node_boot_time_seconds",
    Unit::SECONDS,
    "Node boot time, in unixtime.",
);
static RUNNING: Family = Family::gauge(
    "node_procs_running",
    Unit::NONE,
    "Number of processes in runnable state.",
);
static BLOCKED: Family = Family::gauge(
    "node_procs_blocked",
    Unit::NONE,
    "Number of processes blocked waiting for I/O to complete.",
);

/// Times of one CPU in ticks, by mode; columns an older kernel lacks are `None`.
pub type Times = [Option<u64>; MODES.len()];

/// What `/proc/stat` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// All CPUs together.
    pub total: Times,
    /// Each CPU that is online, with its number.
    pub cpus: Vec<(u64, Times)>,
    /// Interrupts since boot.
    pub interrupts: Option<u64>,
    /// Context switches since boot.
    pub switches: Option<u64>,
    /// Boot time, seconds since the epoch.
    pub boot: Option<u64>,
    /// Forks since boot.
    pub forks: Option<u64>,
    /// Runnable threads.
    pub running: Option<u64>,
    /// Threads waiting for a disk.
    pub blocked: Option<u64>,
}

/// Parses `/proc/stat`.
pub fn parse(bytes: &[u8]) -> Result<Stat, ParseError> {
    let mut stat = Stat::default();
    let mut total = false;
    for line in text::lines(bytes) {
        let mut fields = text::fields(line);
        let Some(key) = fields.next() else { continue };
        let what = match key {
            b"intr" => &mut stat.interrupts,
            b"ctxt" => &mut stat.switches,
            b"btime" => &mut stat.boot,
            b"processes" => &mut stat.forks,
            b"procs_running" => &mut stat.running,
            b"procs_blocked" => &mut stat.blocked,
            b"cpu" => {
                stat.total = times(fields)?;
                total = true;
                continue;
            }
            _ => {
                if let Some(number) = key.strip_prefix(b"cpu")
                    && stat.cpus.len() < CPUS_MAX
                {
                    let number = text::unsigned(number).ok_or(ParseError::invalid("a CPU"))?;
                    stat.cpus.push((number, times(fields)?));
                }
                continue;
            }
        };
        let value = fields.next().and_then(text::unsigned);
        *what = Some(value.ok_or(ParseError::invalid("a total"))?);
    }
    if total {
        Ok(stat)
    } else {
        Err(ParseError::missing("the line `cpu`"))
    }
}

fn times<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Result<Times, ParseError> {
    let mut times = Times::default();
    for (time, field) in times.iter_mut().zip(fields) {
        *time = Some(text::unsigned(field).ok_or(ParseError::invalid("a CPU time"))?);
    }
    match times[IDLE] {
        Some(_) => Ok(times),
        None => Err(ParseError::missing("idle time")),
    }
}

/// Keeps `/proc/stat` open.
#[derive(Debug)]
pub struct Cpu {
    file: TextFile,
    ticks_per_second: u64,
    held: Vec<(String, u64, Times)>,
}

impl Cpu {
    /// Reads below `options.procfs`.
    pub fn new(options: &HostOptions) -> Self {
        Self {
            file: TextFile::new(options.procfs.join("stat")),
            ticks_per_second: sys::ticks_per_second(),
            held: Vec::new(),
        }
    }

    /// Takes new readings, each held at the one before where it is smaller.
    fn hold(&mut self, cpus: &[(u64, Times)]) {
        self.held.truncate(cpus.len());
        for (i, (number, new)) in cpus.iter().enumerate() {
            match self.held.get_mut(i) {
                Some((_, held, old)) if held == number => {
                    *old = not_below(old, new, 3 * self.ticks_per_second);
                }
                Some(other) => *other = (number.to_string(), *number, *new),
                None => self.held.push((number.to_string(), *number, *new)),
            }
        }
    }
}

fn not_below(old: &Times, new: &Times, unplugged_ticks: u64) -> Times {
    let fell = old[IDLE]
        .unwrap_or(0)
        .saturating_sub(new[IDLE].unwrap_or(0));
    if fell > unplugged_ticks {
        return *new;
    }
    // `None` is less than any number: a column that comes or goes is taken as it is.
    std::array::from_fn(|i| new[i].map(|n| n.max(old[i].unwrap_or(0))))
}

impl Collector for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        ctx.readings.cpu = None;
        ctx.readings.cpu_cores = None;
        let stat = self.file.parse(parse)?;
        self.hold(&stat.cpus);
        let seconds = |ticks: u64| ticks as f64 / self.ticks_per_second as f64;
        for (name, _, times) in &self.held {
            for (mode, ticks) in MODES.iter().zip(times) {
                let Some(ticks) = ticks else { continue };
                let (family, mode) = match *mode {
                    "guest" => (&GUEST_SECONDS, "user"),
                    "guest_nice" => (&GUEST_SECONDS, "nice"),
                    mode => (&SECONDS, mode),
                };
                let labels = [("cpu", name.as_str()), ("mode", mode)];
                ctx.emit.push(family, &labels, seconds(*ticks));
            }
        }
        let totals = [
            (&INTERRUPTS, stat.interrupts),
            (&SWITCHES, stat.switches),
            (&FORKS, stat.forks),
            (&BOOT, stat.boot),
            (&RUNNING, stat.running),
            (&BLOCKED, stat.blocked),
        ];
        for (family, value) in totals {
            if let Some(value) = value {
                ctx.emit.push(family, &[], value as f64);
            }
        }
        ctx.readings.cpu = Some(reading(&stat.total));
        ctx.readings.cpu_cores = Some(stat.cpus.len()).filter(|cores| *cores > 0);
        ctx.readings.boot_time = stat
            .boot
            .and_then(|secs| Some(Timestamp::from_secs(i64::try_from(secs).ok()?)));
        Ok(())
    }
}

/// Busy and all time. Waiting for a disk is idle: the CPU could have done something else.
fn reading(total: &Times) -> CpuReading {
    let sum = |times: &[Option<u64>]| {
        let known = times.iter().flatten();
        known.fold(0u64, |sum, ticks| sum.saturating_add(*ticks))
    };
    let total_ticks = sum(&total[..GUEST]);
    let idle = sum(&total[IDLE..=IOWAIT]);
    CpuReading {
        busy_ticks: total_ticks.saturating_sub(idle),
        total_ticks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_steps_back_is_held_until_the_cpu_was_unplugged() {
        let times = |idle, iowait| {
            let mut times = Times::default();
            (times[IDLE], times[IOWAIT]) = (Some(idle), Some(iowait));
            times
        };
        let old = times(1000, 50);
        assert_eq!(not_below(&old, &times(1001, 40), 300), times(1001, 50));
        assert_eq!(not_below(&old, &times(10, 5), 300), times(10, 5));
    }

    #[test]
    fn older_kernels_have_fewer_columns() {
        let stat = parse(b"cpu 1 2 3 4\ncpu0 1 2 3 4\n").unwrap();
        assert_eq!(stat.total[IDLE], Some(4));
        assert_eq!(stat.total[IOWAIT], None);
        assert_eq!(reading(&stat.total).busy_ticks, 6);
    }

    #[test]
    fn what_is_no_stat_is_refused() {
        let check = |text: &str, expected| assert_eq!(parse(text.as_bytes()), Err(expected));
        check("", ParseError::missing("the line `cpu`"));
        check("cpu 1 2 3\n", ParseError::missing("idle time"));
        check("cpu 1 2 3 -4\n", ParseError::invalid("a CPU time"));
        check("cpu 1 2 3 4\ncpux 1\n", ParseError::invalid("a CPU"));
        check("cpu 1 2 3 4\nctxt\n", ParseError::invalid("a total"));
        check(
            "cpu 99999999999999999999 2 3 4\n",
            ParseError::invalid("a CPU time"),
        );
    }
}
