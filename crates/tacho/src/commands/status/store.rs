//! What `tacho status` shows of the store: how much it holds, what that costs, how far it reaches
//! back, how full its limits are, and the damage it found.

use serde_json::Value;
use tacho_model::Timestamp;
use tacho_model::time::format_duration;

use crate::table::{Cell, Table};
use crate::term::{self, Colour};

/// A limit on series that is fuller than this, in percent, is coloured.
const NEAR: f64 = 80.0;
/// Damaged parts that are named.
const DAMAGE_SHOWN: usize = 3;

/// Adds the rows of the store; none where the server does not tell.
pub(super) fn rows(store: &Value, table: &mut Table) {
    if !store.is_object() {
        return;
    }
    table.row(samples(store));
    table.row(disk(store));
    table.extend(history(store));
    table.row(series(store));
    let snapshots = number(store, "snapshots");
    if snapshots > 0.0 {
        let size = format!("{} of current values", size(store, "snapshot_bytes"));
        table.row(["  snapshots".into(), many(snapshots).into(), size.into()]);
    }
    damage(store, table);
}

fn number(store: &Value, key: &str) -> f64 {
    store[key].as_f64().unwrap_or(0.0)
}

fn size(store: &Value, key: &str) -> String {
    term::with_unit(number(store, key), "By")
}

fn samples(store: &Value) -> [Cell; 3] {
    let (in_blocks, in_memory) = (
        number(store, "samples_in_blocks"),
        number(store, "samples_in_memory"),
    );
    let blocks = number(store, "blocks");
    let text = format!(
        "{} in {} block{}{}, {} in memory ({} with the index)",
        many(in_blocks),
        many(blocks),
        if blocks == 1.0 { "" } else { "s" },
        of_limit(store, "storage.retention_samples", many),
        many(in_memory),
        size(store, "memory_bytes"),
    );
    let total = many(in_blocks + in_memory);
    ["  samples".into(), total.into(), text.into()]
}

fn disk(store: &Value) -> [Cell; 3] {
    let a_sample = store["bytes_per_sample"].as_f64();
    let a_sample = a_sample.map(|bytes| format!(", {} bytes a sample", term::number(bytes)));
    let bytes = |bytes| term::with_unit(bytes, "By");
    let text = format!(
        "blocks {}{}{}; log {}",
        size(store, "block_bytes"),
        of_limit(store, "storage.retention_size", bytes),
        a_sample.unwrap_or_default(),
        size(store, "log_bytes"),
    );
    [
        "  disk".into(),
        size(store, "disk_bytes").into(),
        text.into(),
    ]
}

/// How far it reaches back, and from when to when.
fn history(store: &Value) -> Option<[Cell; 3]> {
    let time = |key: &str| Timestamp::parse(store[key].as_str()?).ok();
    let (oldest, newest) = (time("oldest")?, time("newest")?);
    let second = std::time::Duration::from_secs(1);
    let (from, to) = (oldest.align_down(second), newest.align_down(second));
    let length = format_duration(to.since(from));
    let stretch = format!("{} to {}", from.to_rfc3339(), to.to_rfc3339());
    Some(["  history".into(), length.into(), stretch.into()])
}

fn series(store: &Value) -> [Cell; 3] {
    let (key, count) = ("storage.series_max", number(store, "series"));
    let limit = limit(store, key);
    let (limit, percent) = limit.unwrap_or((f64::INFINITY, 0.0));
    let mut text = format!("active; at most {} ({})", many(limit), part(percent));
    // What retention removes at its limit is meant to go; series are refused at theirs.
    let mut colour = (percent >= NEAR).then_some(Colour::Worse);
    if let Some(hit) = store["limit_hit_at"].as_str() {
        let hit =
            Timestamp::parse(hit).map(|hit| hit.align_down(std::time::Duration::from_secs(1)));
        let hit = hit.map(Timestamp::to_rfc3339).unwrap_or_default();
        text += &format!("; new ones were refused, last at {hit}");
        colour = Some(Colour::Worse);
    }
    if let Some(metric) = store["largest_metric"]["metric"].as_str() {
        let series = store["largest_metric"]["series"].as_f64().unwrap_or(0.0);
        text += &format!("; {} of {metric}", many(series));
    }
    let count = Cell::coloured(many(count), colour);
    ["  series".into(), count, text.into()]
}

fn limit(store: &Value, key: &str) -> Option<(f64, f64)> {
    let mut limits = store["limits"].as_array()?.iter();
    let limit = limits.find(|limit| limit["key"] == key)?;
    Some((limit["limit"].as_f64()?, limit["percent"].as_f64()?))
}

/// ` of 2 GiB (12 %)` where that limit is set.
fn of_limit(store: &Value, key: &str, shown: impl Fn(f64) -> String) -> String {
    limit(store, key).map_or_else(String::new, |(limit, percent)| {
        format!(" of at most {} ({})", shown(limit), part(percent))
    })
}

fn part(percent: f64) -> String {
    match percent {
        p if p > 0.0 && p < 1.0 => "under 1 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

fn damage(store: &Value, table: &mut Table) {
    let total = store["set_aside_total"].as_u64().unwrap_or(0) as usize;
    let parts = store["set_aside"].as_array();
    let parts = parts.map(Vec::as_slice).unwrap_or_default();
    for (place, part) in parts.iter().take(DAMAGE_SHOWN).enumerate() {
        let text = |key: &str| part[key].as_str().unwrap_or("");
        let mut what = format!(
            "{} at byte {}: {}",
            text("file"),
            part["offset"],
            text("reason")
        );
        let others = total.saturating_sub(DAMAGE_SHOWN);
        if place + 1 == DAMAGE_SHOWN && others > 0 {
            what += &format!(" (and {others} more)");
        }
        let bytes = term::with_unit(part["bytes"].as_f64().unwrap_or(0.0), "By");
        let bytes = Cell::coloured(bytes, Some(Colour::Unsure));
        table.row(["  set aside".into(), bytes, what.into()]);
    }
}

/// Large counts as people say them: `3.4 million`.
fn many(count: f64) -> String {
    match count {
        c if c.is_infinite() => "no limit".to_owned(),
        c if c >= 1e9 => format!("{} billion", term::number(c / 1e9)),
        c if c >= 1e6 => format!("{} million", term::number(c / 1e6)),
        c => term::number(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Format;
    use serde_json::json;

    fn shown(store: &Value) -> String {
        let mut table = Table::new(&["", "", ""]);
        rows(store, &mut table);
        table.render(Format::Table)
    }

    fn full() -> Value {
        json!({"series": 390, "samples_in_memory": 1200, "samples_in_blocks": 3_400_000,
            "blocks": 24, "disk_bytes": 10_485_760, "block_bytes": 2_097_152,
            "log_bytes": 8_388_608, "bytes_per_sample": 0.617, "memory_bytes": 131_072,
            "oldest": "2026-11-20T00:00:00.5Z", "newest": "2026-11-21T02:00:00.75Z",
            "snapshots": 2, "snapshot_bytes": 2048,
            "limits": [{"key": "storage.series_max", "limit": 400, "percent": 97.5},
                {"key": "storage.retention_size", "limit": 1 << 30, "percent": 0.2}],
            "largest_metric": {"metric": "requests", "series": 300},
            "limit_hit_at": "2026-11-21T01:59:00.123Z",
            "set_aside": [{"file": "wal/1", "offset": 7, "bytes": 9, "reason": "torn"}],
            "set_aside_total": 1})
    }

    #[test]
    fn the_store_is_one_readable_block() {
        let expected = "  samples    3.4 million  3.4 million in 24 blocks, 1200 in memory (128 KiB with the index)
  disk       10 MiB       blocks 2 MiB of at most 1 GiB (under 1 %), 0.617 bytes a sample; log 8 MiB
  history    1d2h         2026-11-20T00:00:00Z to 2026-11-21T02:00:00Z
  series     390          active; at most 400 (98 %); new ones were refused, last at \
            2026-11-21T01:59:00Z; 300 of requests
  snapshots  2            2 KiB of current values
  set aside  9 B          wal/1 at byte 7: torn
";
        assert_eq!(shown(&full()), expected);
    }

    #[test]
    fn an_empty_store_shows_no_more_than_there_is() {
        let empty = json!({"series": 0, "blocks": 0,
            "limits": [{"key": "storage.series_max", "limit": 2_000_000, "percent": 0.0}]});
        let text = shown(&empty);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("at most 2 million (0 %)"), "{text}");
        assert!(
            !text.contains("history") && !text.contains("a sample"),
            "{text}"
        );
        assert_eq!(shown(&Value::Null), "");
    }
}
