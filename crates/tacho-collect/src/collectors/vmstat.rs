//! `/proc/vmstat`: paging, faults and OOM kills.
//!
//! Of its 150 counters only those that `node_exporter` keeps by default. Source: proc(5).

use tacho_model::{Kind, Unit};

use crate::collector::{Collector, Context};
use crate::emit::Family;
use crate::error::{CollectError, ParseError};
use crate::host::HostOptions;
use crate::source::TextFile;
use crate::text;

/// `node_exporter` declares these untyped; they are totals, and told so.
const fn family(name: &'static str, help: &'static str) -> Family {
    Family::new(name, Kind::Counter, Unit::NONE, help)
}

/// Key and family, in the order of the file.
static FAMILIES: [(&str, Family); 7] = [
    (
        "pgpgin",
        family("node_vmstat_pgpgin", "KiB read from disks."),
    ),
    (
        "pgpgout",
        family("node_vmstat_pgpgout", "KiB written to disks."),
    ),
    (
        "pswpin",
        family("node_vmstat_pswpin", "Pages read from swap."),
    ),
    (
        "pswpout",
        family("node_vmstat_pswpout", "Pages written to swap."),
    ),
    ("pgfault", family("node_vmstat_pgfault", "Page faults.")),
    (
        "pgmajfault",
        family("node_vmstat_pgmajfault", "Page faults that needed a disk."),
    ),
    (
        "oom_kill",
        family(
            "node_vmstat_oom_kill",
            "Processes killed for want of memory.",
        ),
    ),
];

/// The counters that are kept, in the order of the table; those the kernel lacks are `None`.
pub type Counters = [Option<u64>; 7];

/// Parses `/proc/vmstat`.
pub fn parse(bytes: &[u8]) -> Result<Counters, ParseError> {
    let mut counters = Counters::default();
    for line in text::lines(bytes) {
        let Some((key, value)) = text::split_once(line, b' ') else {
            continue;
        };
        // Most lines are of no interest, and no key of interest starts otherwise.
        if !matches!(key.first(), Some(b'p' | b'o')) {
            continue;
        }
        let wanted = FAMILIES.iter().position(|(name, _)| name.as_bytes() == key);
        if let Some(counter) = wanted.and_then(|i| counters.get_mut(i)) {
            *counter = Some(text::unsigned(value).ok_or(ParseError::invalid("a counter"))?);
        }
    }
    if counters.iter().all(Option::is_none) {
        return Err(ParseError::missing("every counter"));
    }
    Ok(counters)
}

/// Keeps `/proc/vmstat` open.
#[derive(Debug)]
pub struct Vmstat {
    file: TextFile,
}

impl Vmstat {
    /// Reads below `options.procfs`.
    pub fn new(options: &HostOptions) -> Self {
        Self {
            file: TextFile::new(options.procfs.join("vmstat")),
        }
    }
}

impl Collector for Vmstat {
    fn name(&self) -> &'static str {
        "vmstat"
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        let counters = self.file.parse(parse)?;
        for ((_, family), value) in FAMILIES.iter().zip(counters) {
            if let Some(value) = value {
                ctx.emit.push(family, &[], value as f64);
            }
        }
        Ok(())
    }
}
