//! What of `INFO` is told, and how it is called: tables. More of it is one more line.
//!
//! Sources: Redis documentation, "INFO"; names are `redis_exporter`'s.

use tacho_model::Unit;

use super::As;
use crate::emit::Family;

const N: Unit = Unit::NONE;
const B: Unit = Unit::BYTES;
const S: Unit = Unit::SECONDS;

const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Family {
    Family::gauge(name, unit, help)
}

const fn counter(name: &'static str, unit: Unit, help: &'static str) -> Family {
    Family::counter(name, unit, help)
}

/// A field, how it is read, and what it is.
pub(super) type Part = (&'static str, As, Family);

pub(super) static INSTANCE: Family = gauge("redis_instance_info", N, "What the server is.");
pub(super) static PERCENTILES: Family = gauge(
    "redis_latency_percentiles_usec",
    Unit::of("us"),
    "Percentiles of how long a command took, since the server started.",
);
pub(super) static COMMAND: [Part; 4] = [
    (
        "calls",
        As::Number,
        counter("redis_commands_total", N, "Calls of a command."),
    ),
    (
        "usec",
        As::Micros,
        counter(
            "redis_commands_duration_seconds_total",
            S,
            "Time in a command.",
        ),
    ),
    (
        "rejected_calls",
        As::Number,
        counter(
            "redis_commands_rejected_calls_total",
            N,
            "Calls refused before they began.",
        ),
    ),
    (
        "failed_calls",
        As::Number,
        counter("redis_commands_failed_calls_total", N, "Calls that failed."),
    ),
];
pub(super) static ERRORS: [Part; 1] = [(
    "count",
    As::Number,
    counter(
        "redis_errors_total",
        N,
        "Errors that were answered, by their first word.",
    ),
)];
pub(super) static DATABASE: [Part; 2] = [
    (
        "keys",
        As::Number,
        gauge("redis_db_keys", N, "Keys in a database."),
    ),
    (
        "expires",
        As::Number,
        gauge("redis_db_keys_expiring", N, "Keys that will expire."),
    ),
];
pub(super) static REPLICA: [Part; 2] = [
    (
        "offset",
        As::Number,
        gauge("redis_connected_slave_offset_bytes", B, "How far it is."),
    ),
    (
        "lag",
        As::Number,
        gauge(
            "redis_connected_slave_lag_seconds",
            S,
            "How far it is behind.",
        ),
    ),
];

pub(super) static FIELDS: &[Part] = &[
    (
        "uptime_in_seconds",
        As::Number,
        gauge("redis_uptime_in_seconds", S, "Since its start."),
    ),
    (
        "connected_clients",
        As::Number,
        gauge("redis_connected_clients", N, "Clients connected."),
    ),
    (
        "blocked_clients",
        As::Number,
        gauge("redis_blocked_clients", N, "Clients that wait."),
    ),
    (
        "tracking_clients",
        As::Number,
        gauge("redis_tracking_clients", N, "Clients that track."),
    ),
    (
        "maxclients",
        As::Number,
        gauge("redis_config_maxclients", N, "Clients it takes."),
    ),
    (
        "used_memory",
        As::Number,
        gauge("redis_memory_used_bytes", B, "Memory it uses."),
    ),
    (
        "used_memory_rss",
        As::Number,
        gauge("redis_memory_used_rss_bytes", B, "As the system counts it."),
    ),
    (
        "used_memory_peak",
        As::Number,
        gauge("redis_memory_used_peak_bytes", B, "The most it used."),
    ),
    (
        "used_memory_overhead",
        As::Number,
        gauge("redis_memory_used_overhead_bytes", B, "For keeping house."),
    ),
    (
        "used_memory_startup",
        As::Number,
        gauge("redis_memory_used_startup_bytes", B, "At its start."),
    ),
    (
        "used_memory_dataset",
        As::Number,
        gauge("redis_memory_used_dataset_bytes", B, "For data."),
    ),
    (
        "used_memory_lua",
        As::Number,
        gauge("redis_memory_used_lua_bytes", B, "For scripts."),
    ),
    (
        "maxmemory",
        As::Number,
        gauge(
            "redis_memory_max_bytes",
            B,
            "Memory it may use; 0 is no limit.",
        ),
    ),
    (
        "mem_fragmentation_ratio",
        As::Number,
        gauge(
            "redis_mem_fragmentation_ratio",
            N,
            "Of the system's to its own count.",
        ),
    ),
    (
        "mem_fragmentation_bytes",
        As::Number,
        gauge(
            "redis_mem_fragmentation_bytes",
            B,
            "The difference of the two.",
        ),
    ),
    (
        "mem_clients_normal",
        As::Number,
        gauge("redis_mem_clients_normal", B, "For clients."),
    ),
    (
        "mem_clients_slaves",
        As::Number,
        gauge("redis_mem_clients_slaves", B, "For replicas."),
    ),
    (
        "loading",
        As::Number,
        gauge("redis_loading_dump_file", N, "1 while it loads its file."),
    ),
    (
        "rdb_changes_since_last_save",
        As::Number,
        gauge(
            "redis_rdb_changes_since_last_save",
            N,
            "Changes not in the file.",
        ),
    ),
    (
        "rdb_bgsave_in_progress",
        As::Number,
        gauge("redis_rdb_bgsave_in_progress", N, "1 while it saves."),
    ),
    (
        "rdb_last_save_time",
        As::Number,
        gauge(
            "redis_rdb_last_save_timestamp_seconds",
            S,
            "When it saved last.",
        ),
    ),
    (
        "rdb_last_bgsave_status",
        As::Ok,
        gauge("redis_rdb_last_bgsave_status", N, "1 where that went well."),
    ),
    (
        "rdb_last_bgsave_time_sec",
        As::Number,
        gauge(
            "redis_rdb_last_bgsave_duration_sec",
            S,
            "How long that took.",
        ),
    ),
    (
        "aof_enabled",
        As::Number,
        gauge("redis_aof_enabled", N, "1 where it keeps a log."),
    ),
    (
        "aof_rewrite_in_progress",
        As::Number,
        gauge(
            "redis_aof_rewrite_in_progress",
            N,
            "1 while it rewrites the log.",
        ),
    ),
    (
        "aof_last_bgrewrite_status",
        As::Ok,
        gauge(
            "redis_aof_last_bgrewrite_status",
            N,
            "1 where that went well.",
        ),
    ),
    (
        "aof_last_write_status",
        As::Ok,
        gauge(
            "redis_aof_last_write_status",
            N,
            "1 where writing went well.",
        ),
    ),
    (
        "aof_current_size",
        As::Number,
        gauge("redis_aof_current_size_bytes", B, "Size of the log."),
    ),
    (
        "total_connections_received",
        As::Number,
        counter("redis_connections_received_total", N, "Connections taken."),
    ),
    (
        "total_commands_processed",
        As::Number,
        counter("redis_commands_processed_total", N, "Commands done."),
    ),
    (
        "instantaneous_ops_per_sec",
        As::Number,
        gauge(
            "redis_instantaneous_ops_per_sec",
            Unit::of("1/s"),
            "Commands a second.",
        ),
    ),
    (
        "total_net_input_bytes",
        As::Number,
        counter("redis_net_input_bytes_total", B, "Bytes read."),
    ),
    (
        "total_net_output_bytes",
        As::Number,
        counter("redis_net_output_bytes_total", B, "Bytes written."),
    ),
    (
        "rejected_connections",
        As::Number,
        counter(
            "redis_rejected_connections_total",
            N,
            "Connections refused.",
        ),
    ),
    (
        "expired_keys",
        As::Number,
        counter("redis_expired_keys_total", N, "Keys that expired."),
    ),
    (
        "expired_stale_perc",
        As::Number,
        gauge(
            "redis_expired_stale_percentage",
            Unit::PERCENT,
            "Keys expired and still there.",
        ),
    ),
    (
        "evicted_keys",
        As::Number,
        counter("redis_evicted_keys_total", N, "Keys that had to go."),
    ),
    (
        "keyspace_hits",
        As::Number,
        counter("redis_keyspace_hits_total", N, "Keys found."),
    ),
    (
        "keyspace_misses",
        As::Number,
        counter("redis_keyspace_misses_total", N, "Keys not found."),
    ),
    (
        "pubsub_channels",
        As::Number,
        gauge("redis_pubsub_channels", N, "Channels with subscribers."),
    ),
    (
        "pubsub_patterns",
        As::Number,
        gauge("redis_pubsub_patterns", N, "Patterns with subscribers."),
    ),
    (
        "latest_fork_usec",
        As::Micros,
        gauge(
            "redis_latest_fork_seconds",
            S,
            "How long the last fork took.",
        ),
    ),
    (
        "connected_slaves",
        As::Number,
        gauge("redis_connected_slaves", N, "Replicas connected."),
    ),
    (
        "master_repl_offset",
        As::Number,
        gauge("redis_master_repl_offset", B, "How far replication is."),
    ),
    (
        "master_link_status",
        As::Up,
        gauge(
            "redis_master_link_up",
            N,
            "1 where a replica has its master.",
        ),
    ),
    (
        "master_last_io_seconds_ago",
        As::Number,
        gauge(
            "redis_master_last_io_seconds_ago",
            S,
            "Since the master was heard.",
        ),
    ),
    (
        "repl_backlog_size",
        As::Number,
        gauge(
            "redis_repl_backlog_size_bytes",
            B,
            "Room for replicas that come back.",
        ),
    ),
    (
        "used_cpu_sys",
        As::Number,
        counter("redis_cpu_sys_seconds_total", S, "CPU in the kernel."),
    ),
    (
        "used_cpu_user",
        As::Number,
        counter("redis_cpu_user_seconds_total", S, "CPU."),
    ),
    (
        "used_cpu_sys_children",
        As::Number,
        counter(
            "redis_cpu_sys_children_seconds_total",
            S,
            "CPU of its children in the kernel.",
        ),
    ),
    (
        "used_cpu_user_children",
        As::Number,
        counter(
            "redis_cpu_user_children_seconds_total",
            S,
            "CPU of its children.",
        ),
    ),
    (
        "cluster_enabled",
        As::Number,
        gauge(
            "redis_cluster_enabled",
            N,
            "1 where it is part of a cluster.",
        ),
    ),
    (
        "active_defrag_running",
        As::Number,
        gauge("redis_active_defrag_running", N, "1 while it defragments."),
    ),
];
