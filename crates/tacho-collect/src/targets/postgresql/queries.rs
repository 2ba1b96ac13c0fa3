//! What PostgreSQL is asked: a table. More of it is one more row.
//!
//! Labels come first in a row, then one column for each metric, in their order. Names are
//! `postgres_exporter`'s. Sources: PostgreSQL 11 to 17, chapter "The Cumulative Statistics System".

use std::ops::RangeInclusive;

use tacho_model::Unit;

use crate::emit::Family;

/// A query and what its columns are.
pub(super) struct Query {
    /// What it reads, for messages.
    pub(super) what: &'static str,
    /// Servers that have it, by `server_version_num`.
    pub(super) versions: RangeInclusive<u32>,
    /// The names of its first columns, which are labels.
    pub(super) labels: &'static [&'static str],
    /// What its other columns are.
    pub(super) values: &'static [Family],
    /// The query.
    pub(super) sql: &'static str,
}

const ALL: RangeInclusive<u32> = 0..=u32::MAX;
const FROM_14: RangeInclusive<u32> = 140_000..=u32::MAX;
const TO_16: RangeInclusive<u32> = 0..=169_999;
const FROM_17: RangeInclusive<u32> = 170_000..=u32::MAX;
const N: Unit = Unit::NONE;
const S: Unit = Unit::SECONDS;
const B: Unit = Unit::BYTES;
const MS: Unit = Unit::of("ms");

const fn counter(name: &'static str, unit: Unit, help: &'static str) -> Family {
    Family::counter(name, unit, help)
}

const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Family {
    Family::gauge(name, unit, help)
}

/// Everything but statements, in the order in which it is asked.
pub(super) static QUERIES: &[Query] = &[
    Query {
        what: "read pg_stat_database",
        versions: ALL,
        labels: &["datid", "datname"],
        values: &DATABASE,
        sql: "SELECT d.oid, d.datname, numbackends, xact_commit, xact_rollback, blks_read, \
              blks_hit, tup_returned, tup_fetched, tup_inserted, tup_updated, tup_deleted, \
              conflicts, temp_files, temp_bytes, deadlocks, blk_read_time, blk_write_time, \
              extract(epoch FROM stats_reset), d.datconnlimit, \
              CASE WHEN has_database_privilege(d.oid, 'CONNECT') \
              OR pg_has_role('pg_read_all_stats', 'MEMBER') THEN pg_database_size(d.oid) END \
              FROM pg_stat_database s JOIN pg_database d ON d.oid = s.datid \
              WHERE NOT d.datistemplate ORDER BY d.oid LIMIT 500",
    },
    Query {
        what: "read the active time of pg_stat_database",
        versions: FROM_14,
        labels: &["datid", "datname"],
        values: &ACTIVE_TIME,
        sql: "SELECT s.datid, s.datname, active_time / 1000, session_time / 1000, \
              idle_in_transaction_time / 1000, sessions, sessions_abandoned, sessions_fatal, \
              sessions_killed FROM pg_stat_database s JOIN pg_database d ON d.oid = s.datid \
              WHERE NOT d.datistemplate ORDER BY datid LIMIT 500",
    },
    Query {
        what: "read pg_stat_activity",
        versions: ALL,
        labels: &["datname", "state"],
        values: &ACTIVITY,
        sql: "SELECT d.datname, s.state, count(a.pid), \
              coalesce(extract(epoch FROM max(clock_timestamp() - a.xact_start)), 0) \
              FROM pg_database d CROSS JOIN (VALUES ('active'), ('idle'), \
              ('idle in transaction'), ('idle in transaction (aborted)'), \
              ('fastpath function call'), ('disabled')) s(state) \
              LEFT JOIN pg_stat_activity a ON a.datid = d.oid AND a.state = s.state \
              AND a.pid <> pg_backend_pid() \
              WHERE NOT d.datistemplate GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 3000",
    },
    Query {
        what: "read waits in pg_stat_activity",
        versions: ALL,
        labels: &[],
        values: &WAITING,
        sql: "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'), \
              count(*) FILTER (WHERE xact_start < clock_timestamp() - interval '1 minute' \
              AND state <> 'idle'), \
              coalesce(extract(epoch FROM max(clock_timestamp() - xact_start) \
              FILTER (WHERE state <> 'idle')), 0) FROM pg_stat_activity \
              WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    },
    Query {
        what: "read pg_locks",
        versions: ALL,
        labels: &["datname", "mode"],
        values: &LOCKS,
        sql: "SELECT d.datname, m.mode, count(l.mode) FROM pg_database d CROSS JOIN (VALUES \
              ('accesssharelock'), ('rowsharelock'), ('rowexclusivelock'), \
              ('shareupdateexclusivelock'), ('sharelock'), ('sharerowexclusivelock'), \
              ('exclusivelock'), ('accessexclusivelock'), ('sireadlock')) m(mode) \
              LEFT JOIN pg_locks l ON l.database = d.oid AND lower(l.mode) = m.mode \
              AND l.pid <> pg_backend_pid() \
              WHERE NOT d.datistemplate GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 4500",
    },
    Query {
        what: "read pg_stat_bgwriter",
        versions: TO_16,
        labels: &[],
        values: &BGWRITER,
        sql: "SELECT checkpoints_timed, checkpoints_req, checkpoint_write_time, \
              checkpoint_sync_time, buffers_checkpoint, buffers_clean, maxwritten_clean, \
              buffers_backend, buffers_backend_fsync, buffers_alloc FROM pg_stat_bgwriter",
    },
    Query {
        what: "read pg_stat_bgwriter",
        versions: FROM_17,
        labels: &[],
        values: &BGWRITER_17,
        sql: "SELECT buffers_clean, maxwritten_clean, buffers_alloc FROM pg_stat_bgwriter",
    },
    Query {
        what: "read pg_stat_checkpointer",
        versions: FROM_17,
        labels: &[],
        values: &CHECKPOINTER,
        sql: "SELECT num_timed, num_requested, restartpoints_timed, restartpoints_req, \
              restartpoints_done, write_time, sync_time, buffers_written \
              FROM pg_stat_checkpointer",
    },
    Query {
        what: "read pg_stat_wal",
        versions: FROM_14,
        labels: &[],
        values: &WAL,
        sql: "SELECT wal_records, wal_fpi, wal_bytes, wal_buffers_full FROM pg_stat_wal",
    },
    Query {
        what: "read how far replay is behind",
        versions: ALL,
        labels: &[],
        values: &REPLICATION,
        sql: "SELECT pg_is_in_recovery(), CASE WHEN NOT pg_is_in_recovery() THEN 0 \
              WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
              ELSE greatest(0, extract(epoch FROM clock_timestamp() \
              - pg_last_xact_replay_timestamp())) END",
    },
    Query {
        what: "read pg_stat_replication",
        versions: ALL,
        labels: &["application_name", "client_addr", "state", "sync_state"],
        values: &REPLICAS,
        sql: "SELECT application_name, coalesce(host(client_addr), 'local'), state, sync_state, \
              max(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() \
              ELSE pg_current_wal_lsn() END, replay_lsn)), \
              max(extract(epoch FROM replay_lag)) FROM pg_stat_replication \
              GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT 200",
    },
    Query {
        what: "read pg_replication_slots",
        versions: ALL,
        labels: &["slot_name", "slot_type"],
        values: &SLOTS,
        sql: "SELECT slot_name, slot_type, active, pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() \
              THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, restart_lsn) \
              FROM pg_replication_slots ORDER BY 1 LIMIT 200",
    },
    Query {
        what: "read pg_stat_archiver",
        versions: ALL,
        labels: &[],
        values: &ARCHIVER,
        sql: "SELECT archived_count, failed_count, \
              extract(epoch FROM clock_timestamp() - last_archived_time) FROM pg_stat_archiver",
    },
    Query {
        what: "read settings",
        versions: ALL,
        labels: &[],
        values: &SETTINGS,
        sql: "SELECT current_setting('max_connections'), \
              pg_size_bytes(current_setting('shared_buffers')), \
              extract(epoch FROM pg_postmaster_start_time())",
    },
    Query {
        what: "read the version",
        versions: ALL,
        labels: &["short_version"],
        values: &VERSION,
        sql: "SELECT current_setting('server_version'), 1",
    },
    Query {
        what: "read how old transaction ids are",
        versions: ALL,
        labels: &["datname"],
        values: &WRAPAROUND,
        sql: "SELECT datname, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database \
              WHERE NOT datistemplate ORDER BY 1 LIMIT 500",
    },
    Query {
        what: "read prepared transactions",
        versions: ALL,
        labels: &[],
        values: &PREPARED,
        sql: "SELECT count(*) FROM pg_prepared_xacts",
    },
];

static DATABASE: [Family; 19] = [
    gauge(
        "pg_stat_database_numbackends",
        N,
        "Connections to this database.",
    ),
    counter(
        "pg_stat_database_xact_commit",
        N,
        "Transactions that were committed.",
    ),
    counter(
        "pg_stat_database_xact_rollback",
        N,
        "Transactions that were rolled back.",
    ),
    counter(
        "pg_stat_database_blks_read",
        N,
        "Blocks read from outside the buffers.",
    ),
    counter(
        "pg_stat_database_blks_hit",
        N,
        "Blocks found in the buffers.",
    ),
    counter("pg_stat_database_tup_returned", N, "Rows that were read."),
    counter(
        "pg_stat_database_tup_fetched",
        N,
        "Rows that were fetched by an index.",
    ),
    counter(
        "pg_stat_database_tup_inserted",
        N,
        "Rows that were inserted.",
    ),
    counter("pg_stat_database_tup_updated", N, "Rows that were updated."),
    counter("pg_stat_database_tup_deleted", N, "Rows that were deleted."),
    counter(
        "pg_stat_database_conflicts",
        N,
        "Queries that ended for a conflict with recovery.",
    ),
    counter(
        "pg_stat_database_temp_files",
        N,
        "Temporary files that queries made.",
    ),
    counter(
        "pg_stat_database_temp_bytes",
        B,
        "Bytes written to temporary files.",
    ),
    counter(
        "pg_stat_database_deadlocks",
        N,
        "Deadlocks that were found.",
    ),
    counter(
        "pg_stat_database_blk_read_time",
        MS,
        "Time reading blocks (track_io_timing).",
    ),
    counter(
        "pg_stat_database_blk_write_time",
        MS,
        "Time writing blocks (track_io_timing).",
    ),
    gauge(
        "pg_stat_database_stats_reset",
        S,
        "When these statistics began, in Unix seconds.",
    ),
    gauge(
        "pg_database_connection_limit",
        N,
        "Connections it may have; -1 is no limit.",
    ),
    gauge("pg_database_size_bytes", B, "What it takes on disk."),
];
static ACTIVE_TIME: [Family; 7] = [
    counter(
        "pg_stat_database_active_time_seconds_total",
        S,
        "Time that sessions worked.",
    ),
    counter(
        "pg_stat_database_session_time_seconds_total",
        S,
        "Time that sessions were there.",
    ),
    counter(
        "pg_stat_database_idle_in_transaction_time_seconds_total",
        S,
        "Time that sessions did nothing in a transaction.",
    ),
    counter("pg_stat_database_sessions_total", N, "Sessions that began."),
    counter(
        "pg_stat_database_sessions_abandoned_total",
        N,
        "Sessions whose client went away.",
    ),
    counter(
        "pg_stat_database_sessions_fatal_total",
        N,
        "Sessions that ended by an error.",
    ),
    counter(
        "pg_stat_database_sessions_killed_total",
        N,
        "Sessions that were ended by an operator.",
    ),
];
static ACTIVITY: [Family; 2] = [
    gauge(
        "pg_stat_activity_count",
        N,
        "Connections in this state, besides this one.",
    ),
    gauge(
        "pg_stat_activity_max_tx_duration",
        S,
        "Age of the oldest transaction in this state.",
    ),
];
static WAITING: [Family; 3] = [
    gauge(
        "pg_stat_activity_waiting_for_lock",
        N,
        "Connections that wait for a lock.",
    ),
    gauge(
        "pg_long_running_transactions",
        N,
        "Transactions that run for more than a minute.",
    ),
    gauge(
        "pg_long_running_transactions_age_in_seconds",
        S,
        "Age of the oldest transaction.",
    ),
];
static LOCKS: [Family; 1] = [gauge("pg_locks_count", N, "Locks of this mode.")];
static BGWRITER: [Family; 10] = [
    counter(
        "pg_stat_bgwriter_checkpoints_timed_total",
        N,
        "Checkpoints whose time had come.",
    ),
    counter(
        "pg_stat_bgwriter_checkpoints_req_total",
        N,
        "Checkpoints that were asked for.",
    ),
    counter(
        "pg_stat_bgwriter_checkpoint_write_time_total",
        MS,
        "Time writing at checkpoints.",
    ),
    counter(
        "pg_stat_bgwriter_checkpoint_sync_time_total",
        MS,
        "Time syncing at checkpoints.",
    ),
    counter(
        "pg_stat_bgwriter_buffers_checkpoint_total",
        N,
        "Buffers written at checkpoints.",
    ),
    counter(
        "pg_stat_bgwriter_buffers_clean_total",
        N,
        "Buffers the background writer wrote.",
    ),
    counter(
        "pg_stat_bgwriter_maxwritten_clean_total",
        N,
        "Rounds it broke off at its limit.",
    ),
    counter(
        "pg_stat_bgwriter_buffers_backend_total",
        N,
        "Buffers that backends wrote.",
    ),
    counter(
        "pg_stat_bgwriter_buffers_backend_fsync_total",
        N,
        "Syncs that backends did.",
    ),
    counter(
        "pg_stat_bgwriter_buffers_alloc_total",
        N,
        "Buffers that were taken.",
    ),
];
static BGWRITER_17: [Family; 3] = [
    counter(
        "pg_stat_bgwriter_buffers_clean_total",
        N,
        "Buffers the background writer wrote.",
    ),
    counter(
        "pg_stat_bgwriter_maxwritten_clean_total",
        N,
        "Rounds it broke off at its limit.",
    ),
    counter(
        "pg_stat_bgwriter_buffers_alloc_total",
        N,
        "Buffers that were taken.",
    ),
];
static CHECKPOINTER: [Family; 8] = [
    counter(
        "pg_stat_checkpointer_num_timed_total",
        N,
        "Checkpoints whose time had come.",
    ),
    counter(
        "pg_stat_checkpointer_num_requested_total",
        N,
        "Checkpoints that were asked for.",
    ),
    counter(
        "pg_stat_checkpointer_restartpoints_timed_total",
        N,
        "Restartpoints by time.",
    ),
    counter(
        "pg_stat_checkpointer_restartpoints_req_total",
        N,
        "Restartpoints asked for.",
    ),
    counter(
        "pg_stat_checkpointer_restartpoints_done_total",
        N,
        "Restartpoints done.",
    ),
    counter(
        "pg_stat_checkpointer_write_time_total",
        MS,
        "Time writing at checkpoints.",
    ),
    counter(
        "pg_stat_checkpointer_sync_time_total",
        MS,
        "Time syncing at checkpoints.",
    ),
    counter(
        "pg_stat_checkpointer_buffers_written_total",
        N,
        "Buffers written at checkpoints.",
    ),
];
static WAL: [Family; 4] = [
    counter(
        "pg_stat_wal_records_total",
        N,
        "Records in the write-ahead log.",
    ),
    counter(
        "pg_stat_wal_fpi_total",
        N,
        "Whole pages in the write-ahead log.",
    ),
    counter(
        "pg_stat_wal_bytes_total",
        B,
        "Bytes of the write-ahead log.",
    ),
    counter(
        "pg_stat_wal_buffers_full_total",
        N,
        "Writes of the log because it was full.",
    ),
];
static REPLICATION: [Family; 2] = [
    gauge("pg_replication_is_replica", N, "1 where this is a replica."),
    gauge(
        "pg_replication_lag_seconds",
        S,
        "How far a replica is behind; 0 where it is none.",
    ),
];
static REPLICAS: [Family; 2] = [
    gauge(
        "pg_stat_replication_pg_wal_lsn_diff",
        B,
        "How far a replica is behind this server.",
    ),
    gauge(
        "pg_stat_replication_replay_lag_seconds",
        S,
        "How long a commit takes to be replayed.",
    ),
];
static SLOTS: [Family; 2] = [
    gauge(
        "pg_replication_slot_is_active",
        N,
        "1 where the slot is in use.",
    ),
    gauge(
        "pg_replication_slots_pg_wal_lsn_diff",
        B,
        "Log that is kept for the slot.",
    ),
];
static ARCHIVER: [Family; 3] = [
    counter(
        "pg_stat_archiver_archived_count",
        N,
        "Files of the log that were archived.",
    ),
    counter(
        "pg_stat_archiver_failed_count",
        N,
        "Attempts to archive that failed.",
    ),
    gauge(
        "pg_stat_archiver_last_archive_age",
        S,
        "Time since one was archived.",
    ),
];
static SETTINGS: [Family; 3] = [
    gauge(
        "pg_settings_max_connections",
        N,
        "Connections that the server takes.",
    ),
    gauge("pg_settings_shared_buffers_bytes", B, "Memory for buffers."),
    gauge(
        "pg_postmaster_start_time_seconds",
        S,
        "When the server started, in Unix seconds.",
    ),
];
static VERSION: [Family; 1] = [gauge("pg_static", N, "The server's version.")];
static WRAPAROUND: [Family; 2] = [
    gauge(
        "pg_database_wraparound_age_datfrozenxid",
        N,
        "Age of the oldest transaction id.",
    ),
    gauge(
        "pg_database_wraparound_age_datminmxid",
        N,
        "Age of the oldest multixact id.",
    ),
];
static PREPARED: [Family; 1] = [gauge(
    "pg_prepared_transactions",
    N,
    "Transactions that are prepared.",
)];
