//! What the store says of itself as metrics: how much it holds, and how full its limits are.
//!
//! The same figures as `GET /api/performance/health?verbose=true`. Only limits that are set are
//! told.

use tacho_model::{Batch, Kind, METRIC_NAME, Metadata, Timestamp, Unit};
use tacho_store::{Resolution, StoreOptions, StoreStats};

use crate::app::App;

const SERIES: &str = "tacho_store_series";
const SAMPLES: &str = "tacho_store_samples";
const DISK: &str = "tacho_store_disk_bytes";
const MEMORY: &str = "tacho_store_memory_bytes";
const LIMIT: &str = "tacho_store_limit_used_ratio";

/// Series, their unit and help. All are gauges.
const DESCRIBED: [(&str, Unit, &str); 5] = [
    (SERIES, Unit::NONE, "Series with samples in memory."),
    (SAMPLES, Unit::NONE, "Samples that are kept, by where."),
    (DISK, Unit::BYTES, "Bytes on disk, by what they hold."),
    (
        MEMORY,
        Unit::BYTES,
        "Estimated bytes of series, samples and records in memory.",
    ),
    (LIMIT, Unit::RATIO, "How full a limit of the store is."),
];

/// A limit and how much of it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// The key that sets it.
    pub(crate) key: &'static str,
    /// What is there.
    pub(crate) value: u64,
    /// What may be there.
    pub(crate) max: u64,
}

impl Limit {
    /// 1 is full.
    pub(crate) fn ratio(self) -> f64 {
        self.value as f64 / self.max.max(1) as f64
    }
}

/// Adds the store's figures of now.
pub(crate) fn observe(app: &App, now: Timestamp, batch: &mut Batch) {
    add(
        &app.store.stats(),
        &app.settings.storage.options,
        (now, &app.host_name()),
        batch,
    );
}

fn add(
    stats: &StoreStats,
    options: &StoreOptions,
    (now, host): (Timestamp, &str),
    batch: &mut Batch,
) {
    let mut push = |name: &str, more: Option<(&str, &str)>, value: f64| {
        let own = [(METRIC_NAME, name), ("instance", host), ("job", "tacho")];
        if let Ok(series) = batch.series(own.into_iter().chain(more)) {
            batch.push(series, now, value);
        }
    };
    push(SERIES, None, stats.series as f64);
    for (place, samples) in [
        ("memory", stats.samples_in_memory),
        ("blocks", stats.samples_in_blocks),
    ] {
        push(SAMPLES, Some(("place", place)), samples as f64);
    }
    let blocks = stats.disk_bytes.saturating_sub(stats.wal_bytes);
    for (part, bytes) in [("log", stats.wal_bytes), ("blocks", blocks)] {
        push(DISK, Some(("part", part)), bytes as f64);
    }
    push(MEMORY, None, stats.head_bytes as f64);
    for limit in limits(stats, options) {
        push(LIMIT, Some(("limit", limit.key)), limit.ratio());
    }
    for (name, unit, help) in DESCRIBED {
        let metadata = Metadata {
            kind: Kind::Gauge,
            unit,
            help: help.to_owned(),
        };
        batch.describe(name, metadata);
    }
}

/// The limits that are set, and how full they are.
pub(crate) fn limits(stats: &StoreStats, options: &StoreOptions) -> Vec<Limit> {
    let block_bytes = stats.disk_bytes.saturating_sub(stats.wal_bytes);
    let raw = [
        (
            "storage.series_max",
            stats.series,
            options.series_max as u64,
        ),
        (
            "storage.retention_size",
            block_bytes,
            options.retention_bytes,
        ),
        (
            "storage.retention_samples",
            stats.samples_in_blocks,
            options.retention_samples,
        ),
    ];
    let rolled_up = stats.rollups.iter().zip(&options.rollup_retention);
    let rolled_up = rolled_up.flat_map(|(held, limit)| {
        let [size, samples] = match held.resolution {
            Resolution::FiveMinutes => [
                "storage.rollups.5m.retention_size",
                "storage.rollups.5m.retention_samples",
            ],
            Resolution::Hour => [
                "storage.rollups.1h.retention_size",
                "storage.rollups.1h.retention_samples",
            ],
        };
        [
            (size, held.bytes, limit.bytes),
            (samples, held.samples, limit.samples),
        ]
    });
    let all = raw.into_iter().chain(rolled_up);
    let set = all.filter(|(_, _, limit)| *limit != u64::MAX);
    set.map(|(key, value, max)| Limit { key, value, max })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_the_limits_that_are_set_are_told() {
        let stats = StoreStats {
            series: 50,
            samples_in_memory: 7,
            samples_in_blocks: 9,
            disk_bytes: 30,
            wal_bytes: 10,
            ..StoreStats::default()
        };
        let options = StoreOptions {
            series_max: 200,
            retention_bytes: u64::MAX,
            retention_samples: u64::MAX,
            ..StoreOptions::default()
        };
        let mut batch = Batch::new();
        add(&stats, &options, (Timestamp::from_secs(1), "h"), &mut batch);
        let value = |wanted: &str| {
            let mut rows = batch.rows();
            let row = rows.find(|(series, _, _)| {
                let labels = batch.labels(*series).unwrap();
                labels.to_string() == wanted
            });
            row.map(|(_, _, value)| value)
        };
        let of = r#"instance="h",job="tacho""#;
        for (series, expected) in [
            (format!("tacho_store_series{{{of}}}"), 50.0),
            (
                format!(r#"tacho_store_samples{{{of},place="blocks"}}"#),
                9.0,
            ),
            (
                format!(r#"tacho_store_disk_bytes{{{of},part="blocks"}}"#),
                20.0,
            ),
            (
                format!(r#"tacho_store_limit_used_ratio{{{of},limit="storage.series_max"}}"#),
                0.25,
            ),
        ] {
            assert_eq!(
                value(&series),
                Some(tacho_model::Value::Float(expected)),
                "{series}"
            );
        }
        let limits = batch.rows().filter(|(series, _, _)| {
            batch.labels(*series).unwrap().get(METRIC_NAME) == Some(LIMIT)
        });
        assert_eq!(limits.count(), 1);
    }
}
