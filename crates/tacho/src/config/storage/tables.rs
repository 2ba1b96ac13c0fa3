//! `storage.spans` and `storage.events`: how much is kept of what is no series.

use anyhow::{Result, bail};
use serde::Deserialize;
use tacho_store::{StoreOptions, Table};

use super::super::scalar::{Age, Count, Placed, Size};
use super::{RETENTION_MIN, at_least, no_limit, put};

/// What may be written under a table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTable {
    /// How long they are kept.
    retention: Option<Placed<Age>>,
    /// How many bytes of them.
    retention_size: Option<Placed<Size>>,
    /// How many of them.
    retention_count: Option<Placed<Count>>,
}

impl RawTable {
    /// Reads what a variable says; whether there is such a key.
    pub(super) fn set_variable(&mut self, key: &str, text: &str, name: &str) -> Result<bool> {
        match key {
            "retention" => put(&mut self.retention, text, name)?,
            "retention_size" => put(&mut self.retention_size, text, name)?,
            "retention_count" => put(&mut self.retention_count, text, name)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Puts it into the table's options, checked.
    pub(super) fn apply(&self, name: &str, tables: &mut [Table]) -> Result<()> {
        let Some(table) = tables.iter_mut().find(|table| table.schema.name() == name) else {
            return Ok(());
        };
        let keep = &mut table.retention;
        if let Some(Placed { value, place }) = &self.retention {
            if value.0 < RETENTION_MIN {
                bail!("storage.{name}.retention must be at least 1h ({place})");
            }
            keep.age = value.0;
        }
        if let Some(size) = &self.retention_size {
            keep.bytes = at_least(&format!("storage.{name}.retention_size"), size)?;
        }
        if let Some(count) = &self.retention_count {
            keep.samples = count.value.0;
        }
        Ok(())
    }
}

/// The names of the keys of a table.
type Keys = [&'static str; 3];

const SPANS: Keys = [
    "storage.spans.retention",
    "storage.spans.retention_size",
    "storage.spans.retention_count",
];
const EVENTS: Keys = [
    "storage.events.retention",
    "storage.events.retention_size",
    "storage.events.retention_count",
];

/// Each key and what it comes to.
pub(super) fn explain(options: &StoreOptions) -> Vec<(&'static str, String)> {
    let mut explained = Vec::new();
    for (name, [age, bytes, count]) in [("spans", SPANS), ("events", EVENTS)] {
        let mut tables = options.tables.iter();
        let Some(table) = tables.find(|table| table.schema.name() == name) else {
            continue;
        };
        let keep = &table.retention;
        explained.push((age, Age(keep.age).to_string()));
        explained.push((bytes, no_limit(keep.bytes, Size(keep.bytes).to_string())));
        explained.push((count, no_limit(keep.samples, keep.samples.to_string())));
    }
    explained
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::RawStorage;
    use tacho_server::Settings;

    #[test]
    fn what_is_kept_of_a_table_is_what_is_said() {
        let text = "{spans: {retention: 2d, retention_count: 5M}, events: {retention_size: 1GiB}}";
        let mut raw: RawStorage = serde_saphyr::from_str(text).unwrap();
        let variables = [(
            "TACHO_STORAGE_SPANS_RETENTION_SIZE".to_owned(),
            "2GiB".to_owned(),
        )];
        raw.set_variables(variables.into_iter()).unwrap();
        let mut storage = Settings::default().storage;
        raw.apply(&mut storage).unwrap();
        let [spans, events, ..] = &storage.options.tables[..] else {
            panic!("{:?}", storage.options.tables);
        };
        assert_eq!(spans.retention.age, Duration::from_hours(48));
        assert_eq!(
            (spans.retention.bytes, spans.retention.samples),
            (2 << 30, 5_000_000)
        );
        assert_eq!(events.retention.bytes, 1 << 30);
        let explained = super::explain(&storage.options);
        assert!(
            explained.contains(&("storage.spans.retention", "2d".to_owned())),
            "{explained:?}"
        );
    }

    #[test]
    fn too_short_and_unknown_is_refused() {
        for (text, expected) in [
            (
                "{spans: {retention: 1m}}",
                "storage.spans.retention must be at least 1h",
            ),
            (
                "{events: {retention_size: 1}}",
                "storage.events.retention_size",
            ),
        ] {
            let raw: RawStorage = serde_saphyr::from_str(text).unwrap();
            let error = raw.apply(&mut Settings::default().storage).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(serde_saphyr::from_str::<RawStorage>("{spans: {days: 3}}").is_err());
    }
}
