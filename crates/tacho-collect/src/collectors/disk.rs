//! `/proc/diskstats`: what was read from and written to each disk.
//!
//! Names and default filter are those of `node_exporter`'s *diskstats*: no RAM disks, loop
//! devices, floppies or partitions. For the host's total, devices that are stacked on others
//! (device mapper, md) are left out: their bytes are counted below them already.
//! Source: Documentation/admin-guide/iostats.rst.

use std::collections::HashMap;
use std::path::PathBuf;

use tacho_model::Unit;

use crate::collector::{Collector, Context};
use crate::derive::DiskReading;
use crate::emit::Family;
use crate::error::{CollectError, ParseError};
use crate::host::HostOptions;
use crate::source::TextFile;
use crate::text;

/// Most disks that are reported one by one.
pub const DISKS_MAX: usize = 256;
/// Columns after the name: 11 since Linux 2.6, 15 since 4.18, 17 since 5.5.
pub const COLUMNS: usize = 17;
const COLUMNS_MIN: usize = 11;
const READ: usize = 2;
const WRITTEN: usize = 6;
/// The kernel's sector, whatever the disk's own.
const SECTOR_BYTES: u64 = 512;

const fn count(name: &'static str, help: &'static str) -> (f64, Family) {
    (1.0, Family::counter(name, Unit::NONE, help))
}

const fn sectors(name: &'static str, help: &'static str) -> (f64, Family) {
    (
        SECTOR_BYTES as f64,
        Family::counter(name, Unit::BYTES, help),
    )
}

const fn millis(name: &'static str, help: &'static str) -> (f64, Family) {
    (0.001, Family::counter(name, Unit::SECONDS, help))
}

/// What each column means, and by what it is multiplied.
static FAMILIES: [(f64, Family); COLUMNS] = [
    count(
        "node_disk_reads_completed_total",
        "The total number of reads completed successfully.",
    ),
    count(
        "node_disk_reads_merged_total",
        "The total number of reads merged.",
    ),
    sectors(
        "node_disk_read_bytes_total",
        "The total number of bytes read successfully.",
    ),
    millis(
        "node_disk_read_time_seconds_total",
        "The total number of seconds spent by all reads.",
    ),
    count(
        "node_disk_writes_completed_total",
        "The total number of writes completed successfully.",
    ),
    count(
        "node_disk_writes_merged_total",
        "The number of writes merged.",
    ),
    sectors(
        "node_disk_written_bytes_total",
        "The total number of bytes written successfully.",
    ),
    millis(
        "node_disk_write_time_seconds_total",
        "This is the total number of seconds spent by all writes.",
    ),
    (
        1.0,
        Family::gauge(
            "node_disk_io_now",
            Unit::NONE,
            "The number of I/Os currently in progress.",
        ),
    ),
    millis(
        "node_disk_io_time_seconds_total",
        "Total seconds spent doing I/Os.",
    ),
    millis(
        "node_disk_io_time_weighted_seconds_total",
        "The weighted # of seconds spent doing I/Os.",
    ),
    count(
        "node_disk_discards_completed_total",
        "The total number of discards completed successfully.",
    ),
    count(
        "node_disk_discards_merged_total",
        "The total number of discards merged.",
    ),
    count(
        "node_disk_discarded_sectors_total",
        "The total number of sectors discarded successfully.",
    ),
    millis(
        "node_disk_discard_time_seconds_total",
        "This is the total number of seconds spent by all discards.",
    ),
    count(
        "node_disk_flush_requests_total",
        "The total number of flush requests completed successfully",
    ),
    millis(
        "node_disk_flush_requests_time_seconds_total",
        "This is the total number of seconds spent by all flush requests.",
    ),
];

/// One line of `/proc/diskstats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The device's name.
    pub device: String,
    /// The columns after it; those an older kernel lacks are `None`.
    pub columns: [Option<u64>; COLUMNS],
}

/// Parses `/proc/diskstats`, leaving out devices of no interest.
pub fn parse(bytes: &[u8]) -> Result<Vec<Line>, ParseError> {
    let mut disks = Vec::new();
    for line in text::lines(bytes) {
        let mut fields = text::fields(line).skip(2);
        let Some(device) = fields.next() else {
            continue;
        };
        if is_ignored(device) || disks.len() == DISKS_MAX {
            continue;
        }
        let mut columns = [None; COLUMNS];
        for (column, field) in columns.iter_mut().zip(fields) {
            *column = Some(text::unsigned(field).ok_or(ParseError::invalid("a disk's total"))?);
        }
        if columns[COLUMNS_MIN - 1].is_none() {
            return Err(ParseError::missing("a disk's total"));
        }
        disks.push(Line {
            device: text::name(device),
            columns,
        });
    }
    Ok(disks)
}

/// `node_exporter`'s default: `^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`.
fn is_ignored(device: &[u8]) -> bool {
    let digits = device.iter().rev().take_while(|b| b.is_ascii_digit());
    let stem = device.len() - digits.count();
    if stem == device.len() {
        return false;
    }
    let stem = device.get(..stem).unwrap_or_default();
    match stem {
        b"ram" | b"zram" | b"loop" | b"fd" => true,
        [b'h' | b's' | b'v', b'd', letter] | [b'x', b'v', b'd', letter] => {
            letter.is_ascii_lowercase()
        }
        _ => stem.strip_suffix(b"p").is_some_and(is_nvme_namespace),
    }
}

/// `^nvme\d+n\d+$`.
fn is_nvme_namespace(name: &[u8]) -> bool {
    let numbers = name.strip_prefix(b"nvme");
    let parts = numbers.and_then(|numbers| text::split_once(numbers, b'n'));
    parts.is_some_and(|(a, b)| text::unsigned(a).is_some() && text::unsigned(b).is_some())
}

/// Keeps `/proc/diskstats` open.
#[derive(Debug)]
pub struct Disk {
    file: TextFile,
    block: PathBuf,
    stacked: HashMap<String, bool>,
}

impl Disk {
    /// Reads below `options.procfs` and `options.sysfs`.
    pub fn new(options: &HostOptions) -> Self {
        Self {
            file: TextFile::new(options.procfs.join("diskstats")),
            block: options.sysfs.join("block"),
            stacked: HashMap::new(),
        }
    }

    /// Whether a device is made of others, asked once for each.
    fn is_stacked(&mut self, device: &str) -> bool {
        if let Some(known) = self.stacked.get(device) {
            return *known;
        }
        if self.stacked.len() >= DISKS_MAX {
            self.stacked.clear();
        }
        // In sysfs a `/` in a device's name is written `!`.
        let slaves = self.block.join(device.replace('/', "!")).join("slaves");
        let stacked = match std::fs::read_dir(slaves) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => device.starts_with("dm-") || device.starts_with("md"),
        };
        self.stacked.insert(device.to_owned(), stacked);
        stacked
    }
}

impl Collector for Disk {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        ctx.readings.disk = None;
        let disks = self.file.parse(parse)?;
        let mut total = DiskReading {
            read_bytes: 0,
            written_bytes: 0,
        };
        for Line { device, columns } in &disks {
            for ((factor, family), value) in FAMILIES.iter().zip(columns) {
                if let Some(value) = value {
                    let value = *value as f64 * factor;
                    ctx.emit.push(family, &[("device", device)], value);
                }
            }
            if !self.is_stacked(device) {
                let bytes = |at: usize| columns[at].unwrap_or(0).saturating_mul(SECTOR_BYTES);
                total.read_bytes = total.read_bytes.saturating_add(bytes(READ));
                total.written_bytes = total.written_bytes.saturating_add(bytes(WRITTEN));
            }
        }
        ctx.readings.disk = Some(total).filter(|_| !disks.is_empty());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_memory_are_no_disks() {
        for ignored in [
            "ram0",
            "zram1",
            "loop12",
            "fd0",
            "sda1",
            "vdb12",
            "xvda1",
            "nvme0n1p2",
        ] {
            assert!(is_ignored(ignored.as_bytes()), "{ignored}");
        }
        for kept in [
            "sda", "vda", "nvme0n1", "dm-0", "md127", "mmcblk0", "sr0", "sdaa1", "nvmep1",
        ] {
            assert!(!is_ignored(kept.as_bytes()), "{kept}");
        }
    }

    #[test]
    fn older_kernels_have_fewer_columns() {
        let disks = parse(b" 8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n").unwrap();
        assert_eq!(disks[0].columns[10], Some(11));
        assert_eq!(disks[0].columns[11], None);
        let short = parse(b" 8 0 sda 1 2 3\n");
        assert_eq!(short, Err(ParseError::missing("a disk's total")));
    }
}
