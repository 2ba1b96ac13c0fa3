//! What came in, on the lines of `tacho status`: one a protocol, signal and source.

use serde_json::Value;

use crate::table::{Cell, Table};
use crate::term::{self, Colour};

/// Sources that are shown; the others are counted.
const SHOWN: usize = 12;

/// Adds a line for each source: those of which something was refused first, then the busiest; and
/// for what could not be made of spans.
pub(super) fn rows(body: &Value, table: &mut Table) {
    source_rows(body, table);
    let spans = &body["spans"];
    for (dialect, count) in spans["unknown_dialects"].as_object().into_iter().flatten() {
        let about =
            format!("in the dialect of {dialect}, which is not understood: kept, not counted");
        table.row([
            "spans".into(),
            noted(&format!("{count} spans")),
            about.into(),
        ]);
    }
    for service in spans["beyond_limit"].as_array().into_iter().flatten() {
        let name = service.as_str().unwrap_or("");
        let about =
            "has more names of operations than are told apart; the rest is counted together";
        table.row(["spans".into(), noted(name), about.into()]);
    }
}

fn noted(text: &str) -> Cell {
    Cell::coloured(text, Some(Colour::Unsure))
}

fn source_rows(body: &Value, table: &mut Table) {
    let all = body["sources"].as_array().map_or(&[][..], Vec::as_slice);
    // This host's own collection has a line already.
    let mut all: Vec<&Value> = all.iter().filter(|one| one["protocol"] != "host").collect();
    all.sort_by(|a, b| {
        let refusing = |one| refused(one) > 0;
        let order = refusing(b).cmp(&refusing(a));
        order.then_with(|| rate(b).total_cmp(&rate(a)))
    });
    for source in all.iter().take(SHOWN) {
        table.row(row(source));
    }
    let (_, rest) = all.split_at(all.len().min(SHOWN));
    if rest.is_empty() {
        return;
    }
    let hidden = rest.iter().filter(|one| refused(one) > 0).count();
    let about = match hidden {
        0 => "more at /api/performance/sources".to_owned(),
        some => format!("more at /api/performance/sources, {some} with something refused"),
    };
    table.row([
        "".into(),
        count(rest.len() as u64, "sources").into(),
        about.into(),
    ]);
}

fn row(source: &Value) -> [Cell; 3] {
    let refused = refusals(source);
    let colour = (!refused.is_empty()).then_some(Colour::Unsure);
    let text = |key: &str| source[key].as_str().unwrap_or("").to_owned();
    let number = |key: &str| source[key].as_u64().unwrap_or(0);
    let kept = count(number("accepted"), source["signal"].as_str().unwrap_or(""));
    let mut about = vec![
        text("source"),
        format!("{}/s", term::with_unit(rate(source), "")),
    ];
    // What is wrong is not to be cut off by a narrow terminal.
    about.extend((!refused.is_empty()).then_some(refused));
    for word in ["filtered", "delayed"] {
        if number(word) > 0 {
            about.push(format!("{} {word}", number(word)));
        }
    }
    [
        text("protocol").into(),
        Cell::coloured(&kept, colour),
        about.join(", ").into(),
    ]
}

/// `3 refused (2 too_old, 1 no_name)`, the most first; empty when none was.
fn refusals(source: &Value) -> String {
    let Some(reasons) = source["refused"].as_object().filter(|map| !map.is_empty()) else {
        return String::new();
    };
    let mut reasons: Vec<(&String, u64)> = reasons
        .iter()
        .map(|(reason, items)| (reason, items.as_u64().unwrap_or(0)))
        .collect();
    reasons.sort_by_key(|(_, items)| std::cmp::Reverse(*items));
    let each = reasons
        .iter()
        .map(|(reason, items)| format!("{items} {reason}"));
    let each = each.collect::<Vec<_>>().join(", ");
    format!("{} refused ({each})", refused(source))
}

fn refused(source: &Value) -> u64 {
    let reasons = source["refused"].as_object();
    let items = reasons.into_iter().flat_map(|map| map.values());
    items.filter_map(Value::as_u64).sum()
}

fn rate(source: &Value) -> f64 {
    source["rate"].as_f64().unwrap_or(0.0)
}

/// `1 span`, `2 spans`, of a word in the plural.
fn count(items: u64, what: &str) -> String {
    let one = what.strip_suffix('s').unwrap_or(what);
    format!("{items} {}", if items == 1 { one } else { what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Format;
    use serde_json::json;

    fn shown(sources: &[Value]) -> Vec<String> {
        let mut table = Table::new(&["", "", ""]);
        rows(&json!({ "sources": sources }), &mut table);
        let text = table.render(Format::Table);
        text.lines().map(str::to_owned).collect()
    }

    fn source(name: &str, rate: f64, accepted: u64, refused: &Value) -> Value {
        json!({"protocol": "otlp", "signal": "spans", "source": name, "accepted": accepted,
            "filtered": 0, "delayed": 2, "rate": rate, "refused": refused})
    }

    #[test]
    fn what_refuses_comes_first_however_little_it_sends() {
        let mut all: Vec<Value> = (0..20)
            .map(|n| source(&format!("busy{n}"), 100.0 + f64::from(n), 7, &json!({})))
            .collect();
        all.push(source(
            "bad",
            0.1,
            1,
            &json!({"bad_value": 1, "malformed": 3}),
        ));
        all.push(json!({"protocol": "host", "signal": "samples", "source": "h", "rate": 1e6}));
        let lines = shown(&all);
        let expected = "4 refused (3 malformed, 1 bad_value), 2 delayed";
        assert!(lines[0].starts_with("otlp  1 span "), "{lines:#?}");
        assert!(lines[0].ends_with(expected), "{lines:#?}");
        assert!(lines[1].contains("busy19"), "{lines:#?}");
        assert_eq!(lines.len(), SHOWN + 1);
        assert!(lines[SHOWN].ends_with("9 sources  more at /api/performance/sources"));
    }

    #[test]
    fn what_cannot_be_made_of_spans_is_told() {
        let mut table = Table::new(&["", "", ""]);
        let spans = json!({"unknown_dialects": {"Genkit": 3}, "beyond_limit": ["shop"]});
        rows(&json!({ "sources": [], "spans": spans }), &mut table);
        let text = table.render(Format::Table);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].contains("3 spans") && lines[0].contains("Genkit"),
            "{text}"
        );
        assert!(lines[1].contains("shop"), "{text}");
    }

    #[test]
    fn refusals_that_are_not_shown_are_counted() {
        let all: Vec<Value> = (0..=SHOWN)
            .map(|n| source(&n.to_string(), 0.0, 0, &json!({"too_old": 1})))
            .collect();
        let lines = shown(&all);
        let expected = "1 source  more at /api/performance/sources, 1 with something refused";
        assert!(lines[SHOWN].ends_with(expected), "{lines:#?}");
    }
}
