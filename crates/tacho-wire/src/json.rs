//! Metric points as JSON: one object or a list of
//! `{name, value, type?, timestamp?, unit?, description?, service?, source?, tags?}`.
//!
//! A body that is no JSON is refused whole; a point that breaks a rule is refused alone, by its
//! index, and the others are kept. Unknown fields are refused rather than ignored, because a
//! mistyped `tag` would lose what the sender meant to say.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tacho_model::label::LABEL_BYTES_MAX;
use tacho_model::{Kind, Labels, METRIC_NAME, Timestamp, Unit};

/// Most points one body may hold.
pub const POINTS_MAX: usize = 100_000;

/// One metric point, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its series: name, tags, and the labels `service` and `source`.
    pub labels: Labels,
    /// What it measures, if the sender says so.
    pub kind: Option<Kind>,
    /// In which unit, if the sender says so.
    pub unit: Option<Unit>,
    /// What it is, if the sender says so.
    pub help: Option<String>,
    /// When, if the sender says so.
    pub timestamp: Option<Timestamp>,
    /// The value, always finite. A counter's is its running total.
    pub value: f64,
}

/// A body, point by point: each is checked or refused with the reason.
pub type Points = Vec<Result<Point, String>>;

/// Why a body was refused whole.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, cut short, or not an object or list.
    #[error("the body is no metric point and no list of them: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Bytes that are no text.
    #[error("the body is not UTF-8 (byte {0})")]
    NotUtf8(usize),
    /// More than [`POINTS_MAX`].
    #[error("more than the {POINTS_MAX} points allowed in one body; send smaller batches")]
    TooMany,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with name and value")]
struct RawPoint {
    name: String,
    value: f64,
    #[serde(rename = "type")]
    kind: Option<String>,
    timestamp: Option<RawTime>,
    unit: Option<String>,
    description: Option<String>,
    service: Option<String>,
    source: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, Tag>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "the timestamp is neither unix seconds nor an RFC 3339 text"
)]
enum RawTime {
    Seconds(f64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a tag is no text, number or truth value")]
enum Tag {
    Text(String),
    Bool(bool),
    Number(serde_json::Number),
}

impl Tag {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Bool(bool) => bool.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Parses a body.
///
/// ```
/// let points = tacho_wire::json::parse_points(br#"{"name": "queue_depth", "value": 3}"#).unwrap();
/// assert_eq!(points[0].as_ref().unwrap().value, 3.0);
/// ```
pub fn parse_points(body: &[u8]) -> Result<Points, JsonError> {
    let text = std::str::from_utf8(body).map_err(|e| JsonError::NotUtf8(e.valid_up_to()))?;
    if !text.trim_start().starts_with('[') {
        // Through RawValue first, so that a syntax error refuses the body, not the point.
        let raw: &RawValue = serde_json::from_str(text)?;
        return Ok(vec![parse_point(raw.get())]);
    }
    let Bounded(raws) = serde_json::from_str(text)?;
    if raws.len() > POINTS_MAX {
        return Err(JsonError::TooMany);
    }
    Ok(raws.into_iter().map(|raw| parse_point(raw.get())).collect())
}

/// The elements of a list, at most one more than [`POINTS_MAX`]: a long list of nothing must not
/// take many times its own memory before it is refused.
struct Bounded<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Bounded<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BoundedVisitor)
    }
}

struct BoundedVisitor;

impl<'de> Visitor<'de> for BoundedVisitor {
    type Value = Bounded<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of metric points")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut raws = Vec::new();
        while raws.len() <= POINTS_MAX {
            match list.next_element()? {
                Some(raw) => raws.push(raw),
                None => return Ok(Bounded(raws)),
            }
        }
        // The rest is skipped: what is wrong is said by the number.
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Bounded(raws))
    }
}

fn parse_point(text: &str) -> Result<Point, String> {
    let raw: RawPoint = serde_json::from_str(text).map_err(|e| plain(&e))?;
    if !raw.value.is_finite() {
        return Err("the value is not finite".to_owned());
    }
    if raw.name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    let parse_kind = |text: &str| {
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        Kind::parse(text).ok_or_else(|| format!("`{}` is no type; use one of {kinds}", short(text)))
    };
    let kind = raw.kind.as_deref().map(parse_kind).transpose()?;
    if kind == Some(Kind::Counter) && raw.value < 0.0 {
        return Err("a counter's value is its running total and cannot be negative".to_owned());
    }
    let timestamp = raw.timestamp.map(parse_time).transpose()?;
    let tags = raw
        .tags
        .into_iter()
        .map(|(name, tag)| (name, tag.into_text()));
    let named = [
        (METRIC_NAME, Some(raw.name)),
        ("service", raw.service),
        ("source", raw.source),
    ];
    let named = named
        .into_iter()
        .filter_map(|(n, v)| Some((n.to_owned(), v?)));
    let labels = Labels::new(named.chain(tags)).map_err(|e| e.to_string())?;
    Ok(Point {
        labels,
        kind,
        unit: raw.unit.as_deref().map(Unit::new),
        help: raw
            .description
            .map(|text| text.chars().take(LABEL_BYTES_MAX / 4).collect()),
        timestamp,
        value: raw.value,
    })
}

fn parse_time(raw: RawTime) -> Result<Timestamp, String> {
    let parsed = match raw {
        RawTime::Text(text) => Timestamp::parse(&text).map_err(|e| e.to_string())?,
        RawTime::Seconds(seconds) => Timestamp::from_secs_f64(seconds).ok_or_else(|| {
            format!(
                "the timestamp {seconds} is outside the years 1677 to 2262; it counts seconds, \
                     not milliseconds or less"
            )
        })?,
    };
    if parsed < Timestamp::from_secs(0) {
        return Err("the timestamp lies before 1970; use unix seconds or RFC 3339".to_owned());
    }
    Ok(parsed)
}

/// serde's message without its position, which would count from the start of the point, and
/// without words of Rust.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    text.replace("expected f64", "expected a number")
        .replace("expected a map", "expected an object")
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(body: &str) -> Result<Point, String> {
        parse_points(body.as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn k1_all_fields_and_all_six_kinds_are_read() {
        for kind in Kind::ALL {
            let body = format!(
                r#"{{"name":"m","value":1.5,"type":"{kind}","timestamp":"2026-11-21T14:02:00Z",
                 "unit":"s","description":"d","service":"api","source":"agent",
                 "tags":{{"a":"x","n":3,"b":true}}}}"#
            );
            let point = one(&body).unwrap();
            assert_eq!(point.kind, Some(kind));
            assert_eq!(point.unit, Some(Unit::SECONDS));
            assert_eq!(
                point.labels.to_string(),
                r#"m{a="x",b="true",n="3",service="api",source="agent"}"#
            );
            assert_eq!(point.timestamp, Some(Timestamp::from_secs(1_795_269_720)));
        }
    }

    #[test]
    fn a_bad_point_is_refused_alone() {
        let body = r#"[{"name":"a","value":1},{"name":"","value":1},{"name":"b","value":2}]"#;
        let points = parse_points(body.as_bytes()).unwrap();
        let kept: Vec<bool> = points.iter().map(Result::is_ok).collect();
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn every_rule_names_itself() {
        let check = |body: &str, expected: &str| {
            let error = one(body).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        };
        check(r#"{"name":"a"}"#, "missing field `value`");
        check(r#"{"name":"a","value":1e999}"#, "out of range");
        check(
            r#"{"name":"a","value":"NaN"}"#,
            "string \"NaN\", expected a number",
        );
        check("3", "expected an object with name and value");
        check(
            r#"{"name":"a","value":1,"timestamp":true}"#,
            "neither unix seconds",
        );
        check(
            r#"{"name":"a","value":1,"timestamp":1795330285000}"#,
            "it counts seconds",
        );
        check(r#"{"name":"a","value":1,"tags":{"b":[]}}"#, "a tag is no");
        check(r#"{"name":"a","value":1,"tags":[]}"#, "expected an object");
        check(r#"{"name":"a","value":null}"#, "invalid type: null");
        check(r#"{"name":"a","value":1,"tag":{}}"#, "unknown field `tag`");
        check(
            r#"{"name":"a","value":1,"type":"timer"}"#,
            "`timer` is no type",
        );
        check(r#"{"name":"a","value":1,"timestamp":-5}"#, "before 1970");
        check(
            r#"{"name":"a","value":1,"timestamp":1e300}"#,
            "outside the years",
        );
        check(r#"{"name":"a","value":1,"timestamp":"soon"}"#, "is no time");
        check(
            r#"{"name":"a","value":-1,"type":"counter"}"#,
            "cannot be negative",
        );
        check(
            r#"{"name":"a","value":1,"service":"x","tags":{"service":"y"}}"#,
            "given twice",
        );
        let long = format!(
            r#"{{"name":"a","value":1,"tags":{{"t":"{}"}}}}"#,
            "x".repeat(9000)
        );
        check(&long, "more than the 4096 allowed");
    }

    #[test]
    fn a_list_too_long_is_refused_without_holding_it() {
        let body = format!("[{}1]", "1,".repeat(2 * POINTS_MAX));
        assert!(matches!(
            parse_points(body.as_bytes()),
            Err(JsonError::TooMany)
        ));
    }

    #[test]
    fn half_a_body_is_refused_whole() {
        let body = br#"[{"name":"a","value":1},{"name":"b","value":2}]"#;
        for end in 0..body.len() {
            assert!(parse_points(&body[..end]).is_err(), "{end}");
        }
        assert!(matches!(
            parse_points(b"[\"\xff\"]"),
            Err(JsonError::NotUtf8(2))
        ));
        assert!(parse_points("[".repeat(100_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_points(&body);
        }
    }
}
