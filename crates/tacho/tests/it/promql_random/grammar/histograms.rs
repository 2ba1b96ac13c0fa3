//! Histograms, native and classic, with what 2.42 computes of them.

use super::leaves::RANGES;
use super::{Grammar, Kind, Query};

impl Grammar {
    /// A vector of native histograms.
    pub(super) fn histograms(&mut self, depth: u32) -> Query {
        let base = self.sizes();
        if depth <= 1 {
            return base;
        }
        match self.random.below(4) {
            0 | 1 => {
                let names = self.random.some(&base.labels);
                let text = format!("sum by ({}) ({})", names.join(", "), base.text);
                base.then("sum", text).labelled(&names)
            }
            2 => {
                let other = self.sizes();
                let op = self.random.pick(&["and", "or", "unless", "+"]);
                let text = format!("({}) {op} ({})", base.text, other.text);
                base.then(op, text).with(other)
            }
            _ => {
                let text = format!("({})", base.text);
                base.then("()", text)
            }
        }
    }

    /// Native histograms as they are stored, and what they grew by.
    fn sizes(&mut self) -> Query {
        let labels = ["instance", "job"];
        let (series, when) = (self.series(("sizes", &["instance", "job"])), self.when());
        let leaf =
            Query::leaf(Kind::Histograms, "selector", format!("{series}{when}")).labelled(&labels);
        if self.random.percent(30) {
            return leaf;
        }
        let (op, range) = (
            self.random.pick(&["increase", "rate"]),
            self.random.pick(&RANGES),
        );
        let text = format!("{op}({series}[{range}]{when})");
        leaf.then(op, text)
    }

    /// Numbers of native histograms.
    pub(super) fn of_histograms(&mut self, depth: u32) -> Query {
        let inner = self.histograms(depth - 1);
        let text = &inner.text;
        if self.random.percent(15) {
            return self.of_stored();
        }
        let (op, text) = match self.random.below(9) {
            0..2 => ("histogram_count", format!("histogram_count({text})")),
            2..4 => ("histogram_sum", format!("histogram_sum({text})")),
            4 => (
                "histogram_fraction",
                format!("histogram_fraction(-1, 2, {text})"),
            ),
            5 => {
                let level = self.level();
                (
                    "histogram_quantile",
                    format!("histogram_quantile({level}, {text})"),
                )
            }
            6 => ("count", format!("count by (job) ({text})")),
            7 => ("group", format!("group by (job) ({text})")),
            _ => ("histogram_count", format!("histogram_count({text}) / 2")),
        };
        let labels = match op {
            "count" | "group" => vec!["job"],
            _ => inner.labels.clone(),
        };
        let mut query = inner.then(op, text);
        query.kind = Kind::Floats;
        let labels: Vec<&'static str> = labels
            .into_iter()
            .filter(|name| query.parts[0].labels.contains(name))
            .collect();
        query.labelled(&labels)
    }

    /// Functions of histograms that do not look into them.
    fn of_stored(&mut self) -> Query {
        let series = self.series(("sizes", &["instance", "job"]));
        let range = self.random.pick(&RANGES);
        let op = self.random.pick(&[
            "count_over_time",
            "present_over_time",
            "absent_over_time",
            "absent",
        ]);
        let text = match op {
            "absent" => format!("absent({series})"),
            _ => format!("{op}({series}[{range}])"),
        };
        let labels: &[&'static str] = if op.starts_with("absent") {
            &[]
        } else {
            &["instance", "job"]
        };
        Query::leaf(Kind::Floats, op, text).labelled(labels)
    }

    /// A quantile of a classic histogram.
    pub(super) fn classic(&mut self) -> Query {
        let (range, when) = (self.random.pick(&RANGES), self.when());
        let (text, labels): (String, &[&'static str]) = match self.random.below(4) {
            0 => (format!("took_seconds_bucket{when}"), &["job"]),
            1 => (
                format!("rate(took_seconds_bucket[{range}]{when})"),
                &["job"],
            ),
            2 => (
                format!("sum by (le) (rate(took_seconds_bucket[{range}]{when}))"),
                &[],
            ),
            _ => (
                format!(
                    "sum without (instance) (increase(took_seconds_bucket{{job!=\"db\"}}[{range}]{when}))"
                ),
                &["job"],
            ),
        };
        let inner = Query::leaf(Kind::Floats, "buckets", text);
        let level = self.level();
        let text = format!("histogram_quantile({level}, {})", inner.text);
        inner.then("histogram_quantile", text).labelled(labels)
    }
}
