//! The selectors behind the host's figures, the same on tiles and in reports.
//!
//! Devices are counted once: layers above a disk (mapped, looped, in memory) and interfaces whose
//! traffic also passes a real one, or never leaves the machine, are left out.

/// Share of all cores' time that was not idle.
pub const CPU: &str = r#"cpu_usage_percent{source="system"}"#;
/// Share of memory that is not available.
pub const MEMORY: &str = r#"memory_usage_percent{source="system"}"#;
/// Share of the root file system that is used.
pub const SPACE: &str = r#"disk_usage_percent{source="system"}"#;
/// Time that disks were busy.
pub const DISK_BUSY: &str =
    r#"node_disk_io_time_seconds_total{device!~"(dm-|md|loop|ram|zram|sr|fd)[0-9].*"}"#;
/// Bytes read from disks.
pub const DISK_READ: &str =
    r#"node_disk_read_bytes_total{device!~"(dm-|md|loop|ram|zram|sr|fd)[0-9].*"}"#;
/// Bytes written to disks.
pub const DISK_WRITTEN: &str =
    r#"node_disk_written_bytes_total{device!~"(dm-|md|loop|ram|zram|sr|fd)[0-9].*"}"#;
/// Bytes received from other machines.
pub const NETWORK_IN: &str = r#"node_network_receive_bytes_total{device!~"(lo|veth|docker|br-|virbr|cni|flannel|cali|tap|tun).*"}"#;
/// Bytes sent to other machines.
pub const NETWORK_OUT: &str = r#"node_network_transmit_bytes_total{device!~"(lo|veth|docker|br-|virbr|cni|flannel|cali|tap|tun).*"}"#;
