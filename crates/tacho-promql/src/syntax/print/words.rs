//! What stands between the parts of a tree: modifiers, groupings, operators with what they match,
//! names and texts in quotes.

use std::fmt::{self, Write};
use std::time::Duration;

use crate::syntax::ast::{
    Aggregate, Anchor, Binary, Cardinality, Comparison, Edges, Grouping, MatchLabels, Subquery,
    When,
};
use crate::syntax::literal::UNITS;

pub(super) fn put_subquery(subquery: &Subquery, out: &mut dyn Write) -> fmt::Result {
    write!(out, "[{}:", duration(subquery.range))?;
    if let Some(step) = subquery.step {
        out.write_str(&duration(step))?;
    }
    out.write_str("]")?;
    put_anchor(&subquery.when, out)?;
    put_offset(&subquery.when, out)
}

pub(super) fn put_aggregation(aggregate: &Aggregate, out: &mut dyn Write) -> fmt::Result {
    out.write_str(aggregate.op.name())?;
    match &aggregate.grouping {
        Grouping::By(names) if names.is_empty() => Ok(()),
        Grouping::By(names) => write!(out, " by ({}) ", labels(names)),
        Grouping::Without(names) => write!(out, " without ({}) ", labels(names)),
    }
}

/// An operator with what stands behind it.
pub(super) fn put_operator(binary: &Binary, out: &mut dyn Write) -> fmt::Result {
    out.write_str(binary.op.name())?;
    if binary.comparison == Comparison::Number {
        out.write_str(" bool")?;
    }
    let matching = &binary.matching;
    let (cardinality, included) = match &matching.cardinality {
        Cardinality::OneToOne => ("", &[][..]),
        Cardinality::ManyToOne(names) => (" group_left", &names[..]),
        Cardinality::OneToMany(names) => (" group_right", &names[..]),
    };
    match &matching.labels {
        MatchLabels::On(names) => write!(out, " on ({})", labels(names))?,
        MatchLabels::Ignoring(names) if names.is_empty() && cardinality.is_empty() => {}
        MatchLabels::Ignoring(names) => write!(out, " ignoring ({})", labels(names))?,
    }
    if !cardinality.is_empty() {
        write!(out, "{cardinality} ({})", labels(included))?;
    }
    match (matching.fill_left, matching.fill_right) {
        (Some(left), Some(right)) if left.to_bits() == right.to_bits() => {
            write!(out, " fill ({left})")
        }
        (left, right) => {
            left.map_or(Ok(()), |value| write!(out, " fill_left ({value})"))?;
            right.map_or(Ok(()), |value| write!(out, " fill_right ({value})"))
        }
    }
}

pub(super) fn put_edges(edges: Edges, out: &mut dyn Write) -> fmt::Result {
    out.write_str(match edges {
        Edges::Samples => "",
        Edges::Anchored => " anchored",
        Edges::Smoothed => " smoothed",
    })
}

pub(super) fn put_anchor(when: &When, out: &mut dyn Write) -> fmt::Result {
    match when.anchor {
        None => Ok(()),
        Some(Anchor::At(nanos)) => write!(out, " @ {:.3}", (nanos / 1_000_000) as f64 / 1000.0),
        Some(Anchor::Start) => out.write_str(" @ start()"),
        Some(Anchor::End) => out.write_str(" @ end()"),
    }
}

pub(super) fn put_offset(when: &When, out: &mut dyn Write) -> fmt::Result {
    let Some(nanos) = when.offset.filter(|nanos| *nanos != 0) else {
        return Ok(());
    };
    let sign = if nanos < 0 { "-" } else { "" };
    let length = Duration::from_nanos(nanos.unsigned_abs());
    write!(out, " offset {sign}{}", duration(length))
}

/// A duration in its largest units: years and weeks only where they leave nothing.
pub(super) fn duration(length: Duration) -> String {
    let mut left = length.as_millis() as u64;
    if left == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (unit, millis) in UNITS {
        let must_be_whole = matches!(unit, "y" | "w");
        if left < millis || must_be_whole && !left.is_multiple_of(millis) {
            continue;
        }
        let _ = write!(out, "{}{unit}", left / millis);
        left %= millis;
    }
    out
}

fn labels(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| label(name)).collect();
    names.join(", ")
}

/// A label's name, in quotes where it needs them.
pub(super) fn label(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return name.to_owned();
    }
    quoted(name)
}

/// A text in quotes, escaped as in Go.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        let short = match c {
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\u{b}' => 'v',
            '"' | '\\' => c,
            _ => {
                let code = c as u32;
                // What has no shape of its own is escaped there and here.
                let is_shown = c == '\'' || c.escape_debug().len() == 1;
                let _ = match code {
                    _ if is_shown => write!(out, "{c}"),
                    0..0x80 => write!(out, "\\x{code:02x}"),
                    0x80..0x10000 => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
                continue;
            }
        };
        out.push('\\');
        out.push(short);
    }
    out.push('"');
    out
}
