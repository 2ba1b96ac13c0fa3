//! What came in, on the lines of `tacho status`: one a protocol and source.

use serde_json::Value;

use crate::table::{Cell, Table};
use crate::term::{self, Colour};

/// Sources that are shown; the others are counted.
const SHOWN: usize = 12;

/// Adds a line for each source, the busiest first.
pub(super) fn rows(body: &Value, table: &mut Table) {
    let all = body["sources"].as_array().map_or(&[][..], Vec::as_slice);
    // This host's own collection has a line already.
    let mut all: Vec<&Value> = all.iter().filter(|one| one["protocol"] != "host").collect();
    let rate = |one: &Value| one["rate"].as_f64().unwrap_or(0.0);
    all.sort_by(|a, b| rate(b).total_cmp(&rate(a)));
    for source in all.iter().take(SHOWN) {
        let refused = refusals(source);
        let colour = (!refused.is_empty()).then_some(Colour::Unsure);
        let text = |key: &str| source[key].as_str().unwrap_or("").to_owned();
        let kept = format!("{} {}", count(&source["accepted"]), text("signal"));
        let mut about = vec![
            text("source"),
            format!("{}/s", term::with_unit(rate(source), "")),
        ];
        for (key, word) in [("filtered", "filtered"), ("delayed", "delayed")] {
            if source[key].as_u64().unwrap_or(0) > 0 {
                about.push(format!("{} {word}", count(&source[key])));
            }
        }
        about.extend((!refused.is_empty()).then_some(refused));
        table.row([
            text("protocol").into(),
            Cell::coloured(&kept, colour),
            about.join(", ").into(),
        ]);
    }
    if let Some(more) = all.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let about = "more at /api/performance/sources";
        table.row(["".into(), format!("{more} sources").into(), about.into()]);
    }
}

/// `3 refused (2 too_old, 1 no_name)`; empty when none was.
fn refusals(source: &Value) -> String {
    let Some(reasons) = source["refused"].as_object().filter(|map| !map.is_empty()) else {
        return String::new();
    };
    let total: u64 = reasons.values().filter_map(Value::as_u64).sum();
    let each = reasons
        .iter()
        .map(|(reason, items)| format!("{} {reason}", count(items)));
    format!("{total} refused ({})", each.collect::<Vec<_>>().join(", "))
}

fn count(value: &Value) -> String {
    value.as_u64().unwrap_or(0).to_string()
}
