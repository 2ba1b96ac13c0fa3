//! Random queries from a grammar of what Prometheus 2.42 and 3 both have: selectors, ranges,
//! functions, aggregations, operators, matching, set operators, sub-queries, `offset` and `@`.
//!
//! Types and labels are followed, so that nearly all queries have an answer and most of them find
//! something; one in thirty matches at random, and so mostly fails, and one in forty is broken text.
//! Not for what one of the two lacks: experimental functions, and arithmetic of native histograms
//! that 2.42 computes as if they were numbers.

mod histograms;
mod leaves;
mod operators;
mod scalars;
mod vectors;

use super::random::Random;

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Scalar,
    Floats,
    Histograms,
}

/// Names of labels, sorted.
pub(crate) type Labels = Vec<&'static str>;

/// A query, and the parts of it that are queries themselves.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) text: String,
    /// The function, aggregation or operator; else what it is.
    pub(crate) op: &'static str,
    pub(crate) parts: Vec<Query>,
    pub(crate) kind: Kind,
    /// What its elements are told apart by.
    pub(crate) labels: Labels,
    /// Whether those labels do tell them apart.
    pub(crate) is_unique: bool,
    /// Of a sub-query: the milliseconds between the times of its first part.
    pub(crate) step: Option<u32>,
}

impl Query {
    pub(crate) fn leaf(kind: Kind, op: &'static str, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            op,
            parts: Vec::new(),
            kind,
            labels: Vec::new(),
            is_unique: true,
            step: None,
        }
    }

    /// A function, or something like it, of this one, whose labels stay.
    fn then(self, op: &'static str, text: String) -> Self {
        Self {
            text,
            op,
            kind: self.kind,
            labels: self.labels.clone(),
            is_unique: self.is_unique,
            parts: vec![self],
            step: None,
        }
    }

    fn with(mut self, part: Query) -> Self {
        self.parts.push(part);
        self
    }

    fn labelled(mut self, labels: &[&'static str]) -> Self {
        self.labels = labels.to_vec();
        self.labels.sort_unstable();
        self.labels.dedup();
        self
    }

    /// Whether it, or a part of it, is one of these.
    pub(crate) fn has(&self, ops: &[&str]) -> bool {
        ops.contains(&self.op) || self.parts.iter().any(|part| part.has(ops))
    }

    /// Whether an instant answer has an order.
    pub(crate) fn is_ordered(&self) -> bool {
        match self.op {
            "sort" | "sort_desc" => true,
            // Groups come in any order.
            "topk" | "bottomk" => !self.text.contains("by (") && !self.text.contains("without ("),
            _ => false,
        }
    }
}

/// Makes queries.
pub(crate) struct Grammar {
    random: Random,
    /// Whether `@` may stand here: below `timestamp` and `predict_linear` 2.42 forgets the steps.
    is_at_allowed: bool,
    /// Whether this is inside a sub-query.
    is_nested: bool,
}

impl Grammar {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            is_at_allowed: true,
            is_nested: false,
        }
    }

    /// The next query.
    pub(crate) fn query(&mut self) -> Query {
        let depth = self.random.within(1, 5) as u32;
        let query = match self.random.below(100) {
            0..4 => self.scalar(depth),
            4..9 => self.histograms(depth),
            9..12 => self.sorted(depth),
            12..16 => self.topped(depth),
            16..18 => self.whole(),
            _ => self.floats(depth),
        };
        // What is known to differ is recognised by its parts, which broken text has not.
        let is_known = query.has(&[
            "histogram_quantile",
            "stddev",
            "stdvar",
            "topk",
            "bottomk",
            "atan2",
        ]);
        if !is_known && self.random.percent(3) {
            return self.broken(&query);
        }
        if self.random.percent(5) {
            return self.restyled(query);
        }
        query
    }

    /// A vector of numbers, at most so deep.
    fn floats(&mut self, depth: u32) -> Query {
        if depth <= 1 {
            return match self.random.below(10) {
                0..4 => self.selector(),
                4..9 => self.window(),
                _ => self.classic(),
            };
        }
        match self.random.below(100) {
            0..5 => self.selector(),
            5..20 => self.window(),
            20..31 => self.math(depth),
            31..50 => self.aggregate(depth),
            50..59 => self.with_scalar(depth),
            59..71 => self.matched(depth),
            71..77 => self.set(depth),
            77..82 => self.relabelled(depth),
            82..86 => self.of_histograms(depth),
            86..89 => self.classic(),
            89..94 => self.subquery(depth),
            94..97 => self.of_time(depth),
            _ => self.wrapped(depth),
        }
    }

    /// `-x`, `(x)`, `sort(x)`, `absent(x)`.
    fn wrapped(&mut self, depth: u32) -> Query {
        let inner = self.floats(depth - 1);
        let text = &inner.text;
        match self.random.below(5) {
            0 => {
                let text = format!("-({text})");
                inner.then("-x", text)
            }
            1 => {
                let text = format!("absent({text})");
                inner.then("absent", text).labelled(&[])
            }
            2 => {
                let text = format!("sort_desc({text})");
                inner.then("sort_desc", text)
            }
            _ => {
                let text = format!("({text})");
                inner.then("()", text)
            }
        }
    }

    fn sorted(&mut self, depth: u32) -> Query {
        let inner = self.floats(depth);
        let op = self.random.pick(&["sort", "sort_desc"]);
        let text = format!("{op}({})", inner.text);
        inner.then(op, text)
    }

    /// The same in other letters, on other lines, with a comment.
    fn restyled(&mut self, mut query: Query) -> Query {
        let word = self.random.pick(&[
            "sum",
            "avg",
            "by",
            "on",
            "and",
            "or",
            "offset",
            "bool",
            "without",
            "group_left",
        ]);
        query.text = match self.random.below(3) {
            0 => query
                .text
                .replace(&format!(" {word} "), &format!(" {} ", word.to_uppercase())),
            1 => format!(
                "# why\n{}\t# and so on",
                query.text.replace(") ", ")\r\n  ")
            ),
            _ => query.text.replace(" (", "(").replace(", ", " ,"),
        };
        query
    }

    /// Text with one character less, one twice, or two changed over.
    fn broken(&mut self, query: &Query) -> Query {
        let mut text: Vec<char> = query.text.chars().collect();
        let at = self.random.below(text.len() as u64) as usize;
        match self.random.below(3) {
            0 => drop(text.remove(at)),
            1 => text.insert(at, text[at]),
            _ => text.swap(at, at / 2),
        }
        let text: String = text.into_iter().collect();
        Query::leaf(query.kind, "broken", text)
    }
}
