//! `/proc/meminfo`: what memory and swap are used for.
//!
//! Every field the kernel is known to have, under `node_exporter`'s name; a field that is not in
//! the table is left out, so that no file can make series without bound. Source: proc(5),
//! `fs/proc/meminfo.c`.

use tacho_model::Unit;

use crate::collector::{Collector, Context};
use crate::derive::MemoryReading;
use crate::emit::Family;
use crate::error::{CollectError, ParseError};
use crate::host::HostOptions;
use crate::source::TextFile;
use crate::text;

macro_rules! bytes {
    ($key:literal, $name:literal) => {
        (
            $key,
            Family::gauge(
                concat!("node_memory_", $name, "_bytes"),
                Unit::BYTES,
                concat!("Memory information field ", $name, "_bytes."),
            ),
        )
    };
}

macro_rules! count {
    ($key:literal, $name:literal) => {
        (
            $key,
            Family::gauge(
                concat!("node_memory_", $name),
                Unit::NONE,
                concat!("Memory information field ", $name, "."),
            ),
        )
    };
}

/// How many fields are known.
pub const FIELDS: usize = 57;

/// Key and family, in the kernel's order, so that each line is found at the first look.
static FAMILIES: [(&str, Family); FIELDS] = [
    bytes!("MemTotal", "MemTotal"),
    bytes!("MemFree", "MemFree"),
    bytes!("MemAvailable", "MemAvailable"),
    bytes!("Buffers", "Buffers"),
    bytes!("Cached", "Cached"),
    bytes!("SwapCached", "SwapCached"),
    bytes!("Active", "Active"),
    bytes!("Inactive", "Inactive"),
    bytes!("Active(anon)", "Active_anon"),
    bytes!("Inactive(anon)", "Inactive_anon"),
    bytes!("Active(file)", "Active_file"),
    bytes!("Inactive(file)", "Inactive_file"),
    bytes!("Unevictable", "Unevictable"),
    bytes!("Mlocked", "Mlocked"),
    bytes!("SwapTotal", "SwapTotal"),
    bytes!("SwapFree", "SwapFree"),
    bytes!("Zswap", "Zswap"),
    bytes!("Zswapped", "Zswapped"),
    bytes!("Dirty", "Dirty"),
    bytes!("Writeback", "Writeback"),
    bytes!("AnonPages", "AnonPages"),
    bytes!("Mapped", "Mapped"),
    bytes!("Shmem", "Shmem"),
    bytes!("KReclaimable", "KReclaimable"),
    bytes!("Slab", "Slab"),
    bytes!("SReclaimable", "SReclaimable"),
    bytes!("SUnreclaim", "SUnreclaim"),
    bytes!("KernelStack", "KernelStack"),
    bytes!("PageTables", "PageTables"),
    bytes!("SecPageTables", "SecPageTables"),
    bytes!("NFS_Unstable", "NFS_Unstable"),
    bytes!("Bounce", "Bounce"),
    bytes!("WritebackTmp", "WritebackTmp"),
    bytes!("CommitLimit", "CommitLimit"),
    bytes!("Committed_AS", "Committed_AS"),
    bytes!("VmallocTotal", "VmallocTotal"),
    bytes!("VmallocUsed", "VmallocUsed"),
    bytes!("VmallocChunk", "VmallocChunk"),
    bytes!("Percpu", "Percpu"),
    bytes!("HardwareCorrupted", "HardwareCorrupted"),
    bytes!("AnonHugePages", "AnonHugePages"),
    bytes!("ShmemHugePages", "ShmemHugePages"),
    bytes!("ShmemPmdMapped", "ShmemPmdMapped"),
    bytes!("FileHugePages", "FileHugePages"),
    bytes!("FilePmdMapped", "FilePmdMapped"),
    bytes!("CmaTotal", "CmaTotal"),
    bytes!("CmaFree", "CmaFree"),
    bytes!("Balloon", "Balloon"),
    count!("HugePages_Total", "HugePages_Total"),
    count!("HugePages_Free", "HugePages_Free"),
    count!("HugePages_Rsvd", "HugePages_Rsvd"),
    count!("HugePages_Surp", "HugePages_Surp"),
    bytes!("Hugepagesize", "Hugepagesize"),
    bytes!("Hugetlb", "Hugetlb"),
    bytes!("DirectMap4k", "DirectMap4k"),
    bytes!("DirectMap2M", "DirectMap2M"),
    bytes!("DirectMap1G", "DirectMap1G"),
];

/// Fields in the order of the table, in bytes (huge pages: in pages); `None` where absent.
pub type Meminfo = [Option<u64>; FIELDS];

/// Parses `/proc/meminfo`.
pub fn parse(bytes: &[u8]) -> Result<Meminfo, ParseError> {
    let mut meminfo: Meminfo = [None; FIELDS];
    let mut expected = 0;
    for line in text::lines(bytes) {
        let Some((key, rest)) = text::split_once(line, b':') else {
            continue;
        };
        let wanted = (expected..FIELDS)
            .chain(0..expected)
            .find(|i| FAMILIES[*i].0.as_bytes() == key);
        let Some(i) = wanted else { continue };
        expected = i + 1;
        let mut fields = text::fields(rest);
        let number = fields.next().and_then(text::unsigned);
        let unit = if fields.next() == Some(b"kB") {
            1024
        } else {
            1
        };
        let value = number.and_then(|number| number.checked_mul(unit));
        meminfo[i] = Some(value.ok_or(ParseError::invalid("an amount of memory"))?);
    }
    match get(&meminfo, "MemTotal") {
        Some(_) => Ok(meminfo),
        None => Err(ParseError::missing("MemTotal")),
    }
}

fn get(meminfo: &Meminfo, key: &str) -> Option<u64> {
    let at = FAMILIES.iter().position(|(name, _)| *name == key)?;
    meminfo[at]
}

/// Total, available and swap. Kernels before 3.14 do not say what is available: then it is what
/// is free or cached.
fn reading(meminfo: &Meminfo) -> Option<MemoryReading> {
    let field = |key| get(meminfo, key);
    let free_or_cached = || {
        let parts = [field("MemFree")?, field("Buffers")?, field("Cached")?];
        Some(
            parts
                .iter()
                .fold(0u64, |sum, part| sum.saturating_add(*part)),
        )
    };
    Some(MemoryReading {
        total_bytes: field("MemTotal")?,
        available_bytes: field("MemAvailable").or_else(free_or_cached)?,
        swap_total_bytes: field("SwapTotal").unwrap_or(0),
        swap_free_bytes: field("SwapFree").unwrap_or(0),
    })
}

/// Keeps `/proc/meminfo` open.
#[derive(Debug)]
pub struct Memory {
    file: TextFile,
}

impl Memory {
    /// Reads below `options.procfs`.
    pub fn new(options: &HostOptions) -> Self {
        Self {
            file: TextFile::new(options.procfs.join("meminfo")),
        }
    }
}

impl Collector for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        ctx.readings.memory = None;
        let meminfo = self.file.parse(parse)?;
        for ((_, family), value) in FAMILIES.iter().zip(meminfo) {
            if let Some(value) = value {
                ctx.emit.push(family, &[], value as f64);
            }
        }
        ctx.readings.memory = reading(&meminfo);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_is_estimated_on_kernels_that_do_not_say() {
        let text = b"MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 5 kB\nCached: 20 kB\n";
        let reading = reading(&parse(text).unwrap()).unwrap();
        assert_eq!(reading.available_bytes, 35 * 1024);
    }

    #[test]
    fn names_and_units_are_node_exporters() {
        let meminfo = parse(b"Active(anon): 3 kB\nHugePages_Free: 7\nMemTotal: 1 kB\nNew: 1 kB\n");
        let meminfo = meminfo.unwrap();
        let said: Vec<_> = FAMILIES.iter().zip(meminfo).collect();
        let said = said.iter().filter_map(|((_, f), v)| Some((f.name, (*v)?)));
        assert_eq!(
            said.collect::<Vec<_>>(),
            [
                ("node_memory_MemTotal_bytes", 1024),
                ("node_memory_Active_anon_bytes", 3072),
                ("node_memory_HugePages_Free", 7),
            ]
        );
    }

    #[test]
    fn what_is_no_meminfo_is_refused() {
        let check = |text: &str, expected| assert_eq!(parse(text.as_bytes()), Err(expected));
        check("", ParseError::missing("MemTotal"));
        check(
            "MemTotal: -5 kB\n",
            ParseError::invalid("an amount of memory"),
        );
        check("MemTotal:\n", ParseError::invalid("an amount of memory"));
        check(
            "MemTotal: 18446744073709551615 kB\n",
            ParseError::invalid("an amount of memory"),
        );
    }
}
