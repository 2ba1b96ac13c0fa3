//! `GET /api/performance/system`: this machine and this process, now.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tacho_collect::{HostSnapshot, ProcessUsage};
use utoipa::ToSchema;

use super::SCHEMA;
use crate::app::SharedApp;

const MIB: f64 = 1_048_576.0;

/// The host's current values. What cannot be read is `null`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SystemBody {
    schema: u32,
    /// When, RFC 3339.
    timestamp: String,
    hostname: Option<String>,
    kernel: Option<String>,
    cpu_cores: Option<usize>,
    /// Of all cores together, 0 to 100.
    cpu_percent: Option<f64>,
    memory_percent: Option<f64>,
    memory_total_mb: Option<f64>,
    memory_available_mb: Option<f64>,
    swap_used_mb: Option<f64>,
    /// Of the root file system.
    disk_usage_percent: Option<f64>,
    disk_read_mb_per_sec: Option<f64>,
    disk_write_mb_per_sec: Option<f64>,
    /// Over 1, 5 and 15 minutes.
    load_average: Option<[f64; 3]>,
    active_processes: Option<u64>,
    threads: Option<u64>,
    /// Of Tachograph itself.
    process_memory_mb: Option<f64>,
    /// Of Tachograph itself; 100 is one core.
    process_cpu_percent: Option<f64>,
    /// The processes that use most CPU and most memory.
    top: TopBody,
}

/// The processes that use most.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct TopBody {
    /// By CPU.
    cpu: Vec<ProcessBody>,
    /// By memory.
    memory: Vec<ProcessBody>,
}

/// One process.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProcessBody {
    pid: u32,
    name: String,
    /// 100 is one core.
    cpu_percent: Option<f64>,
    resident_bytes: u64,
}

impl From<&ProcessUsage> for ProcessBody {
    fn from(process: &ProcessUsage) -> Self {
        Self {
            pid: process.pid,
            name: process
                .executable
                .clone()
                .unwrap_or_else(|| process.name.clone()),
            cpu_percent: process.cpu_percent,
            resident_bytes: process.resident_bytes,
        }
    }
}

impl From<&HostSnapshot> for TopBody {
    fn from(host: &HostSnapshot) -> Self {
        Self {
            cpu: host.top_cpu.iter().map(ProcessBody::from).collect(),
            memory: host.top_memory.iter().map(ProcessBody::from).collect(),
        }
    }
}

/// This machine and this process, now.
#[utoipa::path(get, path = "/api/performance/system", tag = "host",
    responses((status = 200, body = SystemBody)))]
pub(crate) async fn get(State(app): State<SharedApp>) -> Json<SystemBody> {
    let host = app.host.read();
    let mib = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / MIB);
    let mb = |bytes: Option<f64>| bytes.map(|bytes| bytes / MIB);
    let swap_used = host.swap_total_bytes.zip(host.swap_free_bytes);
    Json(SystemBody {
        schema: SCHEMA,
        timestamp: host.time.to_rfc3339(),
        hostname: host.hostname.clone(),
        kernel: host.kernel.clone(),
        cpu_cores: host.cpu_cores,
        cpu_percent: host.cpu_percent,
        memory_percent: host.memory_percent,
        memory_total_mb: mib(host.memory_total_bytes),
        memory_available_mb: mib(host.memory_available_bytes),
        swap_used_mb: mib(swap_used.map(|(total, free)| total.saturating_sub(free))),
        disk_usage_percent: host.disk_usage_percent,
        disk_read_mb_per_sec: mb(host.disk_read_bytes_per_second),
        disk_write_mb_per_sec: mb(host.disk_write_bytes_per_second),
        load_average: host.load,
        active_processes: host.processes,
        threads: host.threads,
        process_memory_mb: mib(host.own_resident_bytes),
        process_cpu_percent: host.own_cpu_percent,
        top: TopBody::from(&*host),
    })
}
