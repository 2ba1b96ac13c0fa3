//! Operators between vectors and scalars, and between vectors with their matching.

use super::vectors::list;
use super::{Grammar, Kind, Labels, Query};

const ARITHMETIC: [&str; 7] = ["+", "-", "*", "/", "%", "^", "atan2"];
const COMPARISONS: [&str; 6] = ["==", "!=", ">", "<", ">=", "<="];

impl Grammar {
    /// A vector and a scalar.
    pub(super) fn with_scalar(&mut self, depth: u32) -> Query {
        let (vector, scalar) = (self.floats(depth - 1), self.scalar(depth - 1));
        let (op, bool) = self.operator();
        let (v, s) = (&vector.text, &scalar.text);
        let text = match self.random.below(4) {
            0 => format!("({s}) {op}{bool} ({v})"),
            1 => format!("{v} {op}{bool} {s}"),
            _ => format!("({v}) {op}{bool} ({s})"),
        };
        vector.then(op, text).with(scalar)
    }

    /// An operator and its `bool`.
    fn operator(&mut self) -> (&'static str, &'static str) {
        if self.random.percent(60) {
            return (self.random.pick(&ARITHMETIC), "");
        }
        let bool = if self.random.percent(50) { " bool" } else { "" };
        (self.random.pick(&COMPARISONS), bool)
    }

    /// Two vectors, matched by the labels that they have.
    pub(super) fn matched(&mut self, depth: u32) -> Query {
        let (mut left, mut right) = (self.unique(depth - 1), self.unique(depth - 1));
        let (op, bool) = self.operator();
        if self.random.percent(6) {
            return informed(left, op, bool);
        }
        let common: Labels = left
            .labels
            .iter()
            .copied()
            .filter(|name| right.labels.contains(name))
            .collect();
        if common.len() < left.labels.len() && common.len() < right.labels.len() {
            let text = format!("max by {} ({})", list(&common), left.text);
            left = left.then("max", text).labelled(&common);
        }
        if self.random.percent(6) {
            return self.mismatched(left, right, op, bool);
        }
        let words = match (
            left.labels.len() - common.len(),
            right.labels.len() - common.len(),
        ) {
            (0, 0) => match self.random.below(4) {
                0 => format!("on {}", list(&common)),
                1 => "ignoring (version_of)".to_owned(),
                _ => String::new(),
            },
            (_, 0) => self.many(&left.labels, &common, "group_left"),
            _ => self.many(&right.labels, &common, "group_right"),
        };
        let labels = [left.labels.as_slice(), &right.labels].concat();
        if self.random.percent(10) {
            std::mem::swap(&mut left, &mut right);
            let words = words
                .replace("group_left", "GROUP")
                .replace("group_right", "group_left");
            return joined(
                left,
                right,
                op,
                bool,
                &words.replace("GROUP", "group_right"),
            )
            .labelled(&labels);
        }
        joined(left, right, op, bool, &words).labelled(&labels)
    }

    /// Something whose elements are told apart by its labels.
    fn unique(&mut self, depth: u32) -> Query {
        let query = self.floats(depth);
        if query.is_unique {
            return query;
        }
        let text = format!("sum by (job) ({})", query.text);
        let mut query = query.then("sum", text).labelled(&["job"]);
        query.is_unique = true;
        query
    }

    /// Many elements of one side belong to one of the other. The empty list keeps the parenthesis that
    /// follows from being read as one.
    fn many(&mut self, many: &[&str], common: &[&str], word: &str) -> String {
        let other: Vec<&str> = many
            .iter()
            .copied()
            .filter(|name| !common.contains(name))
            .collect();
        if self.random.percent(50) {
            format!("on {} {word} ()", list(common))
        } else {
            format!("ignoring {} {word} ()", list(&other))
        }
    }

    /// Any matching at all.
    fn mismatched(&mut self, left: Query, right: Query, op: &'static str, bool: &str) -> Query {
        let word = self.random.pick(&["on", "ignoring"]);
        let names = self.random.some(&["code", "instance", "job"]);
        let side =
            self.random
                .pick(&["", " group_left ()", " group_right ()", " group_left (job)"]);
        let words = format!("{word} {}{side}", list(&names));
        let mut query = joined(left, right, op, bool, &words);
        query.is_unique = false;
        query
    }

    /// `and`, `or`, `unless`.
    pub(super) fn set(&mut self, depth: u32) -> Query {
        let (left, right) = (self.floats(depth - 1), self.floats(depth - 1));
        let op = self.random.pick(&["and", "or", "unless"]);
        let common: Labels = left
            .labels
            .iter()
            .copied()
            .filter(|name| right.labels.contains(name))
            .collect();
        let is_same = left.labels == right.labels;
        let words = match self.random.below(4) {
            0 | 1 if is_same => String::new(),
            2 => {
                let both = [left.labels.as_slice(), &right.labels].concat();
                let other: Vec<&str> = both
                    .into_iter()
                    .filter(|name| !common.contains(name))
                    .collect();
                format!("ignoring {}", list(&other))
            }
            _ => format!("on {}", list(&common)),
        };
        let (labels, is_unique) = match op {
            "or" => (common, is_same && left.is_unique && right.is_unique),
            _ => (left.labels.clone(), left.is_unique),
        };
        let mut query = joined(left, right, op, "", &words).labelled(&labels);
        query.is_unique = is_unique;
        query
    }
}

fn joined(left: Query, right: Query, op: &'static str, bool: &str, words: &str) -> Query {
    let text = format!("({}) {op}{bool} {words} ({})", left.text, right.text);
    left.then(op, text.replace("  ", " ")).with(right)
}

/// A label taken from the other side.
fn informed(left: Query, op: &'static str, bool: &str) -> Query {
    let right = Query::leaf(Kind::Floats, "selector", "build_info")
        .labelled(&["instance", "job", "version"]);
    let left = if left.labels.contains(&"instance") && left.labels.contains(&"job") {
        left
    } else {
        Query::leaf(Kind::Floats, "selector", "flappy").labelled(&["instance", "job"])
    };
    let labels = [left.labels.as_slice(), &["version"]].concat();
    joined(
        left,
        right,
        op,
        bool,
        "on (job, instance) group_left (version)",
    )
    .labelled(&labels)
}
