//! `storage`: where data is kept, for how long, and within which limits.
//!
//! Every key is also an environment variable, `TACHO_STORAGE_` and its name in capitals
//! (`TACHO_STORAGE_RETENTION_SIZE`, `TACHO_STORAGE_SNAPSHOTS_KEEP`), which stands over the file.
//! What makes no sense is refused with the key and the place it was written at.

mod rollups;
mod tables;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use tacho_model::time::format_duration;
use tacho_server::settings::{SnapshotSettings, StorageSettings};
use tacho_store::{SNAPSHOTS_MAX, StoreOptions};

use self::rollups::RawRollUps;
use self::tables::RawTable;
use super::scalar::{Age, Count, Length, Place, Placed, Scalar, Size, Sync};

/// What the names of the variables begin with.
const PREFIX: &str = "TACHO_STORAGE_";
/// The shortest time that samples are kept.
const RETENTION_MIN: Duration = Duration::from_hours(1);
/// The smallest limits on bytes: less would not hold a minute of one host.
const BYTES_MIN: u64 = 1 << 20;
/// Between them lies how long samples may stay in memory.
const BLOCK_MIN: Duration = Duration::from_mins(1);
const BLOCK_MAX: Duration = Duration::from_hours(24);
/// Retention removes whole blocks, so one covers at most this part of it.
const BLOCKS_OF_RETENTION: u32 = 10;

/// What may be written under `storage`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawStorage {
    /// The data folder.
    pub(crate) dir: Option<PathBuf>,
    /// How long samples are kept.
    pub(crate) retention: Option<Placed<Age>>,
    /// How many bytes of them.
    retention_size: Option<Placed<Size>>,
    /// How many of them.
    pub(crate) retention_samples: Option<Placed<Count>>,
    /// When data is forced to the disk.
    fsync: Option<Placed<Sync>>,
    /// How late a sample may come.
    out_of_order: Option<Placed<Length>>,
    /// How long samples stay in memory.
    block_duration: Option<Placed<Length>>,
    /// How much memory they take there before they become a block early.
    head_memory: Option<Placed<Size>>,
    /// Most series.
    series_max: Option<Placed<Count>>,
    /// Most new series within a second.
    series_per_second_max: Option<Placed<Count>>,
    /// Most series that one query may touch.
    query_series_max: Option<Placed<Count>>,
    /// Most samples that one query may read.
    query_samples_max: Option<Placed<Count>>,
    /// What stands for raw data once it is older.
    rollups: RawRollUps,
    /// Snapshots of all current values.
    snapshots: RawSnapshots,
    /// Spans.
    spans: RawTable,
    /// Events.
    events: RawTable,
}

/// What may be written under `storage.snapshots`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSnapshots {
    /// How often one is taken by itself.
    interval: Option<Placed<Length>>,
    /// How many of those without a name are kept.
    keep: Option<Placed<Count>>,
    /// How long those without a name are kept.
    max_age: Option<Placed<Age>>,
}

/// Reads a variable's value.
pub(crate) fn put<T: Scalar>(slot: &mut Option<Placed<T>>, text: &str, name: &str) -> Result<()> {
    let value = T::parse(text).map_err(|error| anyhow!("{name}: {error}"))?;
    *slot = Some(Placed::new(value, Place::Variable(name.to_owned())));
    Ok(())
}

impl RawStorage {
    /// Puts what the environment says over what the file says.
    pub(crate) fn set_variables(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<()> {
        for (name, text) in variables {
            if let Some(key) = name.strip_prefix(PREFIX) {
                self.set_variable(&key.to_ascii_lowercase(), &text, &name)?;
            }
        }
        Ok(())
    }

    fn set_variable(&mut self, key: &str, text: &str, name: &str) -> Result<()> {
        match key {
            "dir" => self.dir = Some(PathBuf::from(text)),
            "retention" => put(&mut self.retention, text, name)?,
            "retention_size" => put(&mut self.retention_size, text, name)?,
            "retention_samples" => put(&mut self.retention_samples, text, name)?,
            "fsync" => put(&mut self.fsync, text, name)?,
            "out_of_order" => put(&mut self.out_of_order, text, name)?,
            "block_duration" => put(&mut self.block_duration, text, name)?,
            "head_memory" => put(&mut self.head_memory, text, name)?,
            "series_max" => put(&mut self.series_max, text, name)?,
            "series_per_second_max" => put(&mut self.series_per_second_max, text, name)?,
            "query_series_max" => put(&mut self.query_series_max, text, name)?,
            "query_samples_max" => put(&mut self.query_samples_max, text, name)?,
            "snapshots_interval" => put(&mut self.snapshots.interval, text, name)?,
            "snapshots_keep" => put(&mut self.snapshots.keep, text, name)?,
            "snapshots_max_age" => put(&mut self.snapshots.max_age, text, name)?,
            _ if self.set_table_variable(key, text, name)? => {}
            _ => {
                let of_rollups = key.strip_prefix("rollups_");
                let set = of_rollups.map(|key| self.rollups.set_variable(key, text, name));
                if !set.transpose()?.unwrap_or(false) {
                    bail!("{name}: there is no key storage.{key}");
                }
            }
        }
        Ok(())
    }

    /// Reads what a variable says of a table; whether it does.
    fn set_table_variable(&mut self, key: &str, text: &str, name: &str) -> Result<bool> {
        match key.split_once('_') {
            Some(("spans", key)) => self.spans.set_variable(key, text, name),
            Some(("events", key)) => self.events.set_variable(key, text, name),
            _ => Ok(false),
        }
    }

    /// Puts it into the settings, checked.
    pub(crate) fn apply(&self, storage: &mut StorageSettings) -> Result<()> {
        if let Some(dir) = &self.dir {
            storage.dir.clone_from(dir);
        }
        self.apply_options(&mut storage.options)?;
        self.apply_snapshots(&mut storage.snapshots)
    }

    fn apply_options(&self, options: &mut StoreOptions) -> Result<()> {
        if let Some(Placed { value, place }) = &self.retention {
            if value.0 < RETENTION_MIN {
                bail!("storage.retention must be at least 1h ({place})");
            }
            options.retention = value.0;
        }
        if let Some(size) = &self.retention_size {
            options.retention_bytes = at_least("storage.retention_size", size)?;
        }
        if let Some(count) = &self.retention_samples {
            options.retention_samples = count.value.0;
        }
        if let Some(sync) = &self.fsync {
            options.fsync = sync.value.0;
        }
        if let Some(Placed { value, place }) = &self.out_of_order {
            if value.0 > options.retention {
                let retention = Age(options.retention);
                bail!(
                    "storage.out_of_order must be within storage.retention ({retention}), beyond \
                     which no sample is taken ({place})"
                );
            }
            options.out_of_order = value.0;
        }
        self.apply_blocks(options)?;
        self.rollups.apply(options)?;
        self.spans.apply("spans", &mut options.tables)?;
        self.events.apply("events", &mut options.tables)?;
        if let Some(count) = &self.series_max {
            options.series_max = usize::try_from(count.value.0).unwrap_or(usize::MAX);
        }
        let limits = [
            (
                &self.series_per_second_max,
                &mut options.series_per_second_max,
            ),
            (&self.query_series_max, &mut options.query_series_max),
            (&self.query_samples_max, &mut options.query_samples_max),
        ];
        for (given, limit) in limits {
            *limit = given.as_ref().map_or(*limit, |count| count.value.0);
        }
        Ok(())
    }

    fn apply_blocks(&self, options: &mut StoreOptions) -> Result<()> {
        if let Some(Placed { value, place }) = &self.block_duration {
            if !(BLOCK_MIN..=BLOCK_MAX).contains(&value.0) {
                bail!("storage.block_duration must lie between 1m and 24h ({place})");
            }
            if value.0 > options.retention {
                let retention = Age(options.retention);
                bail!(
                    "storage.block_duration must be within storage.retention ({retention}), which \
                     removes whole blocks ({place})"
                );
            }
            options.block_duration = value.0;
        }
        let longest = options.retention / BLOCKS_OF_RETENTION;
        options.merge_duration = options
            .merge_duration
            .min(longest)
            .max(options.block_duration);
        if let Some(size) = &self.head_memory {
            options.head_bytes_max = at_least("storage.head_memory", size)?;
        }
        Ok(())
    }

    fn apply_snapshots(&self, settings: &mut SnapshotSettings) -> Result<()> {
        let raw = &self.snapshots;
        if let Some(Placed { value, place }) = &raw.interval {
            if value.0 < Duration::from_secs(1) {
                bail!("storage.snapshots.interval must be at least 1s ({place})");
            }
            settings.interval = Some(value.0);
        }
        if let Some(Placed { value, place }) = &raw.keep {
            if value.0 > SNAPSHOTS_MAX as u64 {
                bail!("storage.snapshots.keep must be at most {SNAPSHOTS_MAX} ({place})");
            }
            settings.retention.keep = value.0 as usize;
        }
        if let Some(Placed { value, place }) = &raw.max_age {
            let shortest = settings.interval.unwrap_or(Duration::from_secs(1));
            if value.0 < shortest {
                let shortest = format_duration(shortest);
                bail!("storage.snapshots.max_age must be at least {shortest} ({place})");
            }
            settings.retention.max_age = value.0;
        }
        Ok(())
    }
}

fn at_least(key: &str, Placed { value, place }: &Placed<Size>) -> Result<u64> {
    if value.0 < BYTES_MIN {
        bail!("{key} must be at least 1MiB ({place})");
    }
    Ok(value.0)
}

/// A limit in words.
fn no_limit(limit: u64, shown: String) -> String {
    match limit {
        u64::MAX => "no limit".to_owned(),
        _ => shown,
    }
}

/// Each key and what it comes to.
pub(crate) fn explain(storage: &StorageSettings) -> Vec<(&'static str, String)> {
    let options = &storage.options;
    let (bytes, samples) = (options.retention_bytes, options.retention_samples);
    let snapshots = &storage.snapshots;
    let interval = snapshots.interval.map(format_duration);
    let mut keys = vec![
        ("storage.dir", storage.dir.display().to_string()),
        ("storage.retention", Age(options.retention).to_string()),
        (
            "storage.retention_size",
            no_limit(bytes, Size(bytes).to_string()),
        ),
        (
            "storage.retention_samples",
            no_limit(samples, samples.to_string()),
        ),
        ("storage.fsync", Sync(options.fsync).to_string()),
        (
            "storage.out_of_order",
            format_duration(options.out_of_order),
        ),
        (
            "storage.block_duration",
            format_duration(options.block_duration),
        ),
        (
            "storage.head_memory",
            Size(options.head_bytes_max).to_string(),
        ),
        ("storage.series_max", options.series_max.to_string()),
        (
            "storage.series_per_second_max",
            options.series_per_second_max.to_string(),
        ),
        (
            "storage.query_series_max",
            options.query_series_max.to_string(),
        ),
        (
            "storage.query_samples_max",
            options.query_samples_max.to_string(),
        ),
    ];
    keys.extend(rollups::explain(options));
    keys.extend(tables::explain(options));
    keys.extend([
        (
            "storage.snapshots.interval",
            interval.unwrap_or_else(|| "off".to_owned()),
        ),
        (
            "storage.snapshots.keep",
            snapshots.retention.keep.to_string(),
        ),
        (
            "storage.snapshots.max_age",
            Age(snapshots.retention.max_age).to_string(),
        ),
    ]);
    keys
}

#[cfg(test)]
mod tests;
