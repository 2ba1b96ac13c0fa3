//! Prometheus' rule files: read, checked, and every mistake told with its place.
//!
//! A file is taken whole or not at all. What Prometheus takes is taken, alerting rules among it;
//! what it refuses is refused, in its words where it has them. Unknown keys are refused.
//! Not for where files lie: that is [`super::load`]'s.
//! Source: Prometheus, "Defining recording rules", "Alerting rules", and `model/rulefmt`.

mod error;
mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_saphyr::Spanned;
use tacho_model::time::parse_duration;
use tacho_model::{METRIC_NAME, label};
use tacho_promql::{Features, Query, parse};

pub use self::error::{Problem, RuleFileError};
use self::place::Place;
use super::group::{Group, Origin, Pace, Rule, RuleKind};

/// Most groups of a file.
pub const GROUPS_MAX: usize = 1000;
/// Most rules of a group.
pub const RULES_MAX: usize = 1000;
/// Between them lies how often a group is evaluated.
pub const INTERVALS: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_hours(24 * 7);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    groups: Option<Vec<Spanned<RawGroup>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    #[serde(default)]
    name: Word,
    #[serde(default)]
    interval: Word,
    #[serde(default)]
    query_offset: Word,
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    labels: Option<BTreeMap<String, Word>>,
    #[serde(default)]
    rules: Option<Vec<Spanned<RawRule>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    #[serde(default)]
    record: Word,
    #[serde(default)]
    alert: Word,
    #[serde(default)]
    expr: Option<Spanned<Word>>,
    #[serde(default, rename = "for")]
    hold: Word,
    #[serde(default)]
    keep_firing_for: Word,
    #[serde(default)]
    labels: Option<BTreeMap<String, Word>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, Word>>,
}

/// A text that may be written without quotes even where it is a number or a truth value.
#[derive(Default)]
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(WordVisitor)
    }
}

struct WordVisitor;

impl Visitor<'_> for WordVisitor {
    type Value = Word;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Word, E> {
        Ok(Word(text.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Word, E> {
        Ok(Word::default())
    }
}

/// What a reader of rules has to know besides their text.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Where the text stands.
    pub origin: Origin,
    /// How often a group is evaluated that does not say.
    pub interval: Duration,
}

impl Reading {
    /// The groups of a file.
    ///
    /// # Errors
    /// [`RuleFileError`]: the first mistake, with its place.
    pub fn file(&self, text: &str) -> Result<Vec<Group>, RuleFileError> {
        if is_empty(text) {
            return Ok(Vec::new());
        }
        let raw: RawFile = serde_saphyr::from_str(text).map_err(|error| form(&error))?;
        let raw = raw.groups.unwrap_or_default();
        let found = raw.len();
        if found > GROUPS_MAX {
            return Err(RuleFileError::Groups { found });
        }
        let mut names = BTreeSet::new();
        let mut groups = Vec::with_capacity(found);
        for spanned in &raw {
            let group = self.group(text, spanned)?;
            if !names.insert(group.name.clone()) {
                let what = named(&group.name);
                return Err(Place::of(spanned).content(what, Problem::Repeated));
            }
            groups.push(group);
        }
        Ok(groups)
    }

    /// One group alone, in YAML or JSON.
    ///
    /// # Errors
    /// [`RuleFileError`]: the first mistake, with its place.
    pub fn one(&self, text: &str) -> Result<Group, RuleFileError> {
        let raw: Spanned<RawGroup> = serde_saphyr::from_str(text).map_err(|error| form(&error))?;
        self.group(text, &raw)
    }

    fn group(&self, text: &str, spanned: &Spanned<RawGroup>) -> Result<Group, RuleFileError> {
        let raw = &spanned.value;
        let place = Place::of(spanned);
        let what = named(&raw.name.0);
        let fail = |problem| place.content(what.clone(), problem);
        if raw.name.0.is_empty() {
            return Err(fail(Problem::NoGroupName));
        }
        let interval = duration("interval", &raw.interval).map_err(fail)?;
        let pace = interval.map_or(Pace::Configured, |_| Pace::Own);
        let interval = interval.unwrap_or(self.interval);
        if !INTERVALS.contains(&interval) {
            return Err(fail(Problem::Interval));
        }
        let query_offset = duration("query_offset", &raw.query_offset).map_err(fail)?;
        let shared = pairs(raw.labels.as_ref());
        check_labels(&shared).map_err(fail)?;
        let raw_rules = raw.rules.as_deref().unwrap_or_default();
        let found = raw_rules.len();
        if found > RULES_MAX {
            return Err(fail(Problem::Rules { found }));
        }
        let mut rules = Vec::with_capacity(found);
        for (number, rule) in raw_rules.iter().enumerate() {
            let name = [&rule.value.record.0, &rule.value.alert.0];
            let name = name.into_iter().find(|name| !name.is_empty());
            let name = name.map_or(String::new(), |name| format!(" {name:?}"));
            let what = format!("{what}, rule {}{name}", number + 1);
            let made = checked(&rule.value, &shared);
            rules.push(made.map_err(|problem| {
                let place = match (&problem, &rule.value.expr) {
                    (Problem::Expression(error), Some(expr)) => {
                        Place::of(expr).within(text, &expr.value.0, error)
                    }
                    _ => Place::of(rule),
                };
                place.content(what, problem)
            })?);
        }
        Ok(Group {
            name: raw.name.0.clone(),
            origin: self.origin.clone(),
            interval,
            pace,
            query_offset: query_offset.unwrap_or_default(),
            limit: raw.limit.unwrap_or(0) as usize,
            rules,
        })
    }
}

/// Whether there is nothing but comments.
fn is_empty(text: &str) -> bool {
    let is_bare = |line: &str| matches!(line.trim().chars().next(), None | Some('#'));
    text.lines().all(is_bare)
}

/// The reader's message, which carries its own heading and a name for what it was given.
fn form(error: &serde_saphyr::Error) -> RuleFileError {
    let message = error.to_string();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    RuleFileError::Form(message.replace(" --> <input>:", " --> line "))
}

fn named(group: &str) -> String {
    format!("group {group:?}")
}

/// A rule, checked; labels of its own stand before those of its group.
fn checked(raw: &RawRule, shared: &[(String, String)]) -> Result<Rule, Problem> {
    let kind = match (raw.record.0.as_str(), raw.alert.0.as_str()) {
        ("", "") => return Err(Problem::Neither),
        (record, "") => recording(raw, record)?,
        ("", alert) => RuleKind::Alerting {
            alert: alert.to_owned(),
            hold: duration("for", &raw.hold)?.unwrap_or_default(),
            keep_firing_for: duration("keep_firing_for", &raw.keep_firing_for)?.unwrap_or_default(),
            annotations: annotations(raw)?,
        },
        _ => return Err(Problem::Both),
    };
    let own = pairs(raw.labels.as_ref());
    check_labels(&own)?;
    let mut labels: BTreeMap<String, String> = shared.iter().cloned().collect();
    labels.extend(own);
    let expr = raw.expr.as_ref().map_or("", |expr| expr.value.0.as_str());
    if expr.trim().is_empty() {
        return Err(Problem::NoExpression);
    }
    let query: Query = parse(expr, Features::Stable).map_err(Problem::Expression)?;
    let labels = labels.into_iter().collect();
    Ok(Rule {
        kind,
        query,
        labels,
    })
}

fn recording(raw: &RawRule, record: &str) -> Result<RuleKind, Problem> {
    let of_alerts = [
        ("annotations", raw.annotations.is_some()),
        ("for", !raw.hold.0.is_empty()),
        ("keep_firing_for", !raw.keep_firing_for.0.is_empty()),
    ];
    if let Some((key, _)) = of_alerts.into_iter().find(|(_, is_there)| *is_there) {
        return Err(Problem::NotOfRecording(key));
    }
    let record = record.to_owned();
    if record.contains(['{', '}']) {
        return Err(Problem::Braces(record));
    }
    let is_long = record.len() > label::LABEL_BYTES_MAX;
    if is_long || record.chars().any(char::is_control) {
        return Err(Problem::Record(record));
    }
    Ok(RuleKind::Recording { record })
}

fn annotations(raw: &RawRule) -> Result<Vec<(String, String)>, Problem> {
    let annotations = pairs(raw.annotations.as_ref());
    for (name, _) in &annotations {
        if name.is_empty() {
            return Err(Problem::LabelName(name.clone()));
        }
    }
    Ok(annotations)
}

fn pairs(raw: Option<&BTreeMap<String, Word>>) -> Vec<(String, String)> {
    let pairs = raw.into_iter().flatten();
    pairs.map(|(n, v)| (n.clone(), v.0.clone())).collect()
}

fn check_labels(labels: &[(String, String)]) -> Result<(), Problem> {
    for (name, value) in labels {
        if name.is_empty() || name == METRIC_NAME {
            return Err(Problem::LabelName(name.clone()));
        }
        if name.len().max(value.len()) > label::LABEL_BYTES_MAX {
            return Err(Problem::Long(name.clone()));
        }
    }
    Ok(())
}

/// A duration with its unit, as Prometheus writes it; `None` where there is none.
fn duration(key: &'static str, word: &Word) -> Result<Option<Duration>, Problem> {
    let text = word.0.trim();
    if text.is_empty() {
        return Ok(None);
    }
    // A bare number would be read as seconds here and refused by Prometheus.
    let has_unit = text == "0" || text.parse::<f64>().is_err();
    match parse_duration(text) {
        Ok(duration) if has_unit => Ok(Some(duration)),
        _ => Err(Problem::Duration {
            key,
            text: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
