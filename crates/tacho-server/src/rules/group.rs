//! Rule groups as they are evaluated: checked, nothing optional that has a default.
//!
//! Invariants: the names of labels and records are valid, and every expression parses. Not for
//! what was written: that is [`super::file`]'s.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tacho_model::time::format_duration;
use tacho_promql::Query;

/// Rules that are evaluated together, one after the other.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name; of one file, no two have the same.
    pub name: String,
    /// Where it stands.
    pub origin: Origin,
    /// How often it is evaluated.
    pub interval: Duration,
    /// Whether it says so itself.
    pub pace: Pace,
    /// How far before its slot it is evaluated, for data that comes late.
    pub query_offset: Duration,
    /// Most series that one rule may give; 0 for no limit.
    pub limit: usize,
    /// In the order of evaluation.
    pub rules: Vec<Rule>,
}

/// Who says how often a group is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The group.
    Own,
    /// The configuration.
    Configured,
}

/// Where a group stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// In this program.
    Builtin,
    /// In a file, by its path as it was found.
    File(String),
    /// It was put at run time.
    Api,
}

impl Origin {
    /// As `file` in answers.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Builtin => "builtin",
            Self::File(path) => path,
            Self::Api => "api",
        }
    }
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What becomes of its values.
    pub kind: RuleKind,
    /// What it evaluates.
    pub query: Query,
    /// Labels that it adds, those of its group among them, by name.
    pub labels: Vec<(String, String)>,
}

/// What becomes of a rule's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleKind {
    /// They are series of this name.
    Recording {
        /// The name.
        record: String,
    },
    /// Each is an alert.
    Alerting {
        /// Its name.
        alert: String,
        /// How long it holds before it fires (`for`).
        hold: Duration,
        /// How long it goes on firing.
        keep_firing_for: Duration,
        /// What is told with it.
        annotations: Vec<(String, String)>,
    },
}

/// Which group it is, among all.
pub type Key = (Origin, String);

impl Group {
    /// Which one it is.
    pub fn key(&self) -> Key {
        (self.origin.clone(), self.name.clone())
    }

    /// Its name in metrics, as Prometheus writes it, and what its slots are spread by.
    pub fn identity(&self) -> String {
        format!("{};{}", self.origin.as_str(), self.name)
    }

    /// How many of its rules are alerting rules, which are not evaluated here.
    pub fn alerting(&self) -> usize {
        let alerting = |rule: &&Rule| matches!(rule.kind, RuleKind::Alerting { .. });
        self.rules.iter().filter(alerting).count()
    }

    /// Names and labels that more than one of its recording rules gives.
    pub fn doubled(&self) -> Vec<&str> {
        let mut seen = std::collections::HashSet::new();
        let mut doubled = Vec::new();
        for rule in &self.rules {
            if let RuleKind::Recording { record } = &rule.kind
                && !seen.insert((record, &rule.labels))
            {
                doubled.push(record.as_str());
            }
        }
        doubled
    }

    /// As it may be written into a rule file, in JSON.
    pub fn definition(&self) -> Value {
        let mut group = Map::new();
        group.insert("name".to_owned(), json!(self.name));
        if self.pace == Pace::Own {
            put_duration("interval", self.interval, &mut group);
        }
        put_duration("query_offset", self.query_offset, &mut group);
        if self.limit > 0 {
            group.insert("limit".to_owned(), json!(self.limit));
        }
        let rules: Vec<Value> = self.rules.iter().map(Rule::definition).collect();
        group.insert("rules".to_owned(), rules.into());
        group.into()
    }
}

impl Rule {
    /// Its record, or its alert.
    pub fn name(&self) -> &str {
        match &self.kind {
            RuleKind::Recording { record } => record,
            RuleKind::Alerting { alert, .. } => alert,
        }
    }

    fn definition(&self) -> Value {
        let mut rule = Map::new();
        match &self.kind {
            RuleKind::Recording { record } => {
                rule.insert("record".to_owned(), json!(record));
            }
            RuleKind::Alerting {
                alert,
                hold,
                keep_firing_for,
                annotations,
            } => {
                rule.insert("alert".to_owned(), json!(alert));
                put_duration("for", *hold, &mut rule);
                put_duration("keep_firing_for", *keep_firing_for, &mut rule);
                put_pairs("annotations", annotations, &mut rule);
            }
        }
        rule.insert("expr".to_owned(), json!(self.query.text()));
        put_pairs("labels", &self.labels, &mut rule);
        rule.into()
    }
}

fn put_duration(key: &str, duration: Duration, into: &mut Map<String, Value>) {
    if !duration.is_zero() {
        into.insert(key.to_owned(), json!(format_duration(duration)));
    }
}

fn put_pairs(key: &str, pairs: &[(String, String)], into: &mut Map<String, Value>) {
    if !pairs.is_empty() {
        into.insert(key.to_owned(), pairs_body(pairs));
    }
}

/// Pairs as an object.
pub fn pairs_body(pairs: &[(String, String)]) -> Value {
    let pairs = pairs.iter();
    let object: Map<String, Value> = pairs.map(|(n, v)| (n.clone(), json!(v))).collect();
    object.into()
}
