//! The store in numbers, as `GET /api/performance/health?verbose=true` carries them.

use serde::Serialize;
use tacho_model::Timestamp;
use tacho_model::append::Culprit;
use utoipa::ToSchema;

use crate::app::App;
use crate::store_metrics::{Limit, limits};

/// Damaged parts of files that are named; the others are counted.
const DAMAGE_SHOWN: usize = 20;
/// From here on a limit is near, and the metric that takes most of it is named.
const NEAR: f64 = 0.8;

/// The store in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoreBody {
    /// Series with samples in memory.
    series: u64,
    /// Samples in memory, not yet in a block.
    samples_in_memory: u64,
    /// Samples in blocks.
    samples_in_blocks: u64,
    /// Number of block files.
    blocks: u64,
    /// Bytes on disk: blocks and log.
    disk_bytes: u64,
    /// Bytes of the blocks.
    block_bytes: u64,
    /// Bytes of the log, what is allocated ahead included.
    log_bytes: u64,
    /// Of the samples in blocks; `null` when there are none.
    bytes_per_sample: Option<f64>,
    /// Estimated bytes of memory that series and samples take.
    memory_bytes: u64,
    /// Time of the oldest sample, RFC 3339.
    oldest: Option<String>,
    /// Time of the newest sample, RFC 3339.
    newest: Option<String>,
    /// Number of snapshots of values.
    snapshots: usize,
    /// Their bytes on disk, not counted in `disk_bytes`.
    snapshot_bytes: u64,
    /// The limits that are set.
    limits: Vec<LimitBody>,
    /// The metric with the most series, when their limit is near or refused some.
    largest_metric: Option<LargestMetricBody>,
    /// When a limit on series last refused one, RFC 3339.
    limit_hit_at: Option<String>,
    /// Damage that was set aside, the first of it.
    set_aside: Vec<DamageBody>,
    /// How many damaged parts were set aside.
    set_aside_total: usize,
}

/// A limit and how full it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitBody {
    /// The key that sets it.
    key: &'static str,
    value: u64,
    limit: u64,
    /// 100 is full.
    percent: f64,
}

/// A metric.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LargestMetricBody {
    metric: String,
    /// How many series it has in memory.
    series: usize,
}

/// Stored bytes that were not what was written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DamageBody {
    /// In the data folder.
    file: String,
    offset: u64,
    bytes: u64,
    reason: String,
}

impl From<Limit> for LimitBody {
    fn from(limit: Limit) -> Self {
        Self {
            key: limit.key,
            value: limit.value,
            limit: limit.max,
            percent: limit.ratio() * 100.0,
        }
    }
}

impl StoreBody {
    /// The store as it is now.
    pub(crate) fn of(app: &App) -> Self {
        let stats = app.store.stats();
        let limits = limits(&stats, &app.settings.storage.options).into_iter();
        let limits: Vec<LimitBody> = limits.map(LimitBody::from).collect();
        let hit = app.limit_hit();
        let near = limits
            .iter()
            .any(|limit| limit.key == "storage.series_max" && limit.percent >= NEAR * 100.0);
        // As it was when a limit was met: by now it may look different.
        let at_hit = || hit.as_ref().map(|(_, culprit)| culprit.clone());
        let largest: Option<Culprit> = if near {
            app.store.largest_metric()
        } else {
            at_hit()
        };
        let snapshots = app.store.value_snapshots();
        let block_bytes = stats.disk_bytes.saturating_sub(stats.wal_bytes);
        let samples = stats.samples_in_blocks;
        let damage = stats.quarantined.iter().take(DAMAGE_SHOWN);
        Self {
            series: stats.series,
            samples_in_memory: stats.samples_in_memory,
            samples_in_blocks: samples,
            blocks: stats.blocks,
            disk_bytes: stats.disk_bytes,
            block_bytes,
            log_bytes: stats.wal_bytes,
            bytes_per_sample: (samples > 0).then(|| block_bytes as f64 / samples as f64),
            memory_bytes: stats.head_bytes,
            oldest: stats.oldest.map(Timestamp::to_rfc3339),
            newest: stats.newest.map(Timestamp::to_rfc3339),
            snapshots: snapshots.len(),
            snapshot_bytes: snapshots.iter().map(|snapshot| snapshot.bytes).sum(),
            limits,
            largest_metric: largest.map(|culprit| LargestMetricBody {
                metric: culprit.metric,
                series: culprit.series,
            }),
            limit_hit_at: hit.map(|(at, _)| at.to_rfc3339()),
            set_aside: damage
                .map(|damage| DamageBody {
                    file: damage.file.clone(),
                    offset: damage.offset,
                    bytes: damage.bytes,
                    reason: damage.reason.clone(),
                })
                .collect(),
            set_aside_total: stats.quarantined.len(),
        }
    }
}
