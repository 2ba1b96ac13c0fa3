//! `/proc/pressure`: time in which work waited for CPU, disks or memory (PSI).
//!
//! `some` is time in which at least one task waited, `full` in which all did; `node_exporter`
//! calls them *waiting* and *stalled*. Kernels before 4.20, and those booted with `psi=0`, have
//! none. Source: Documentation/accounting/psi.rst.

use tacho_model::Unit;

use crate::collector::{Collector, Context};
use crate::emit::Family;
use crate::error::{CollectError, ParseError};
use crate::host::HostOptions;
use crate::source::TextFile;
use crate::text;

const fn family(name: &'static str, help: &'static str) -> Family {
    Family::counter(name, Unit::SECONDS, help)
}

/// File, waiting, stalled. A whole system is never stalled for want of CPU.
static FILES: [(&str, Family, Option<Family>); 3] = [
    (
        "cpu",
        family(
            "node_pressure_cpu_waiting_seconds_total",
            "Total time in seconds that processes have waited for CPU time",
        ),
        None,
    ),
    (
        "io",
        family(
            "node_pressure_io_waiting_seconds_total",
            "Total time in seconds that processes have waited due to IO congestion",
        ),
        Some(family(
            "node_pressure_io_stalled_seconds_total",
            "Total time in seconds no process could make progress due to IO congestion",
        )),
    ),
    (
        "memory",
        family(
            "node_pressure_memory_waiting_seconds_total",
            "Total time in seconds that processes have waited for memory",
        ),
        Some(family(
            "node_pressure_memory_stalled_seconds_total",
            "Total time in seconds no process could make progress due to memory congestion",
        )),
    ),
];

/// Microseconds waited so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// By at least one task.
    pub some_micros: u64,
    /// By all tasks; absent for CPU on older kernels.
    pub full_micros: Option<u64>,
}

/// Parses one file of `/proc/pressure`.
pub fn parse(bytes: &[u8]) -> Result<Waits, ParseError> {
    let mut some = None;
    let mut full = None;
    for line in text::lines(bytes) {
        let mut fields = text::fields(line);
        let into = match fields.next() {
            Some(b"some") => &mut some,
            Some(b"full") => &mut full,
            _ => continue,
        };
        let total = fields.find_map(|field| field.strip_prefix(b"total="));
        let total = total.ok_or(ParseError::missing("a total"))?;
        *into = Some(text::unsigned(total).ok_or(ParseError::invalid("a total"))?);
    }
    Ok(Waits {
        some_micros: some.ok_or(ParseError::missing("the line `some`"))?,
        full_micros: full,
    })
}

/// Keeps the three files open.
#[derive(Debug)]
pub struct Pressure {
    files: [TextFile; 3],
}

impl Pressure {
    /// Reads below `options.procfs`.
    pub fn new(options: &HostOptions) -> Self {
        let folder = options.procfs.join("pressure");
        Self {
            files: std::array::from_fn(|i| TextFile::new(folder.join(FILES[i].0))),
        }
    }
}

impl Collector for Pressure {
    fn name(&self) -> &'static str {
        "pressure"
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        let mut outcome = Ok(());
        for (file, (_, waiting, stalled)) in self.files.iter_mut().zip(&FILES) {
            let waits = match file.parse(parse) {
                Ok(waits) => waits,
                Err(error) => {
                    outcome = outcome.and(Err(error));
                    continue;
                }
            };
            let seconds = |micros: u64| micros as f64 / 1e6;
            ctx.emit.push(waiting, &[], seconds(waits.some_micros));
            if let (Some(family), Some(micros)) = (stalled, waits.full_micros) {
                ctx.emit.push(family, &[], seconds(micros));
            }
        }
        outcome
    }
}
