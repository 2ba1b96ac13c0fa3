//! What is made of vectors: functions of each number, aggregations, other labels.

use super::{Grammar, Kind, Labels, Query};

/// Names in parentheses.
pub(super) fn list(names: &[&str]) -> String {
    format!("({})", names.join(", "))
}

impl Grammar {
    /// A function of each number.
    pub(super) fn math(&mut self, depth: u32) -> Query {
        let inner = self.floats(depth - 1);
        let text = &inner.text;
        if self.random.percent(25) {
            let (low, high) = (self.scalar(depth - 1), self.scalar(1));
            let op = self
                .random
                .pick(&["clamp", "clamp_max", "clamp_min", "round"]);
            let text = match op {
                "clamp" => format!("clamp({text}, {}, {})", low.text, high.text),
                "round" => format!(
                    "round({text}, {})",
                    self.random.pick(&["1", "0.5", "10", "-3", "0.125"])
                ),
                _ => format!("{op}({text}, {})", low.text),
            };
            return inner.then(op, text).with(low);
        }
        let op = self.random.pick(&[
            "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg",
            "exp", "floor", "ln", "log10", "log2", "rad", "round", "sgn", "sin", "sinh", "sqrt",
            "tan", "tanh",
        ]);
        let text = format!("{op}({text})");
        inner.then(op, text)
    }

    pub(super) fn aggregate(&mut self, depth: u32) -> Query {
        match self.random.below(20) {
            0 => return self.counted(depth),
            1 => return self.topped_below(),
            _ => {}
        }
        let op = self.random.pick(&[
            "sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile",
        ]);
        let level = match op {
            "quantile" => format!("{}, ", self.level()),
            _ => String::new(),
        };
        // Beside `@` 2.42 takes a level that varies from the first step.
        let inner = self.without_at(level.contains("scalar"), |grammar| {
            grammar.floats(depth - 1)
        });
        let (grouping, labels) = self.grouping(&inner);
        self.aggregated(op, &level, inner, &grouping)
            .labelled(&labels)
    }

    fn aggregated(
        &mut self,
        op: &'static str,
        parameter: &str,
        inner: Query,
        grouping: &str,
    ) -> Query {
        let text = if self.random.percent(70) {
            format!("{op}{grouping} ({parameter}{})", inner.text)
        } else {
            format!("{op}({parameter}{}){grouping}", inner.text)
        };
        let mut query = inner.then(op, text);
        query.is_unique = true;
        query
    }

    /// ` by (…)`, ` without (…)` or nothing, and the labels that are left.
    fn grouping(&mut self, inner: &Query) -> (String, Labels) {
        let some = self.random.some(&inner.labels);
        if self.random.percent(5) {
            let more = [some.as_slice(), &["__name__", "nothing"]].concat();
            return (format!(" by {}", list(&more)), some);
        }
        match self.random.below(10) {
            0..3 => (String::new(), Vec::new()),
            3..8 => (format!(" by {}", list(&some)), some),
            _ => {
                let left = inner
                    .labels
                    .iter()
                    .copied()
                    .filter(|name| !some.contains(name));
                (format!(" without {}", list(&some)), left.collect())
            }
        }
    }

    /// Values as labels, of what has whole numbers.
    fn counted(&mut self, depth: u32) -> Query {
        let inner = self.floats(depth - 1);
        let text = format!("round({})", inner.text);
        let inner = inner.then("round", text);
        let (grouping, mut labels) = self.grouping(&inner);
        let label = self.random.pick(&["v", "v", "job", "tag"]);
        labels.push(label);
        self.aggregated("count_values", &format!("\"{label}\", "), inner, &grouping)
            .labelled(&labels)
    }

    /// `topk` of anything: what comes of equal elements is seen only where it is the whole query.
    pub(super) fn topped(&mut self, depth: u32) -> Query {
        let inner = self.floats(depth);
        self.topped_of(inner)
    }

    /// `topk` inside others, of what has no equal elements.
    fn topped_below(&mut self) -> Query {
        let text = self.random.pick(&[
            "memory_bytes",
            "rate(requests_total{code=\"200\"}[5m])",
            "avg_over_time(load[5m])",
            "started_seconds",
        ]);
        let labels: &[&str] = if text.starts_with('r') {
            &["code", "instance", "job"]
        } else {
            &["instance", "job"]
        };
        let inner = Query::leaf(Kind::Floats, "selector", text).labelled(labels);
        self.topped_of(inner)
    }

    fn topped_of(&mut self, inner: Query) -> Query {
        let op = self.random.pick(&["topk", "bottomk"]);
        let parameter = format!(
            "{}, ",
            self.random.pick(&["1", "2", "3", "5", "0", "2.7", "-1"])
        );
        let (labels, is_unique) = (inner.labels.clone(), inner.is_unique);
        let (grouping, _) = self.grouping(&inner);
        let mut query = self
            .aggregated(op, &parameter, inner, &grouping)
            .labelled(&labels);
        query.is_unique = is_unique;
        query
    }

    /// `label_replace` and `label_join`.
    pub(super) fn relabelled(&mut self, depth: u32) -> Query {
        let inner = self.floats(depth - 1);
        let (op, rest, added) = self.random.pick(&[
            (
                "label_replace",
                "\"tag\", \"$1-x\", \"job\", \"(.*)\"",
                "tag",
            ),
            (
                "label_replace",
                "\"tag\", \"$2:$1\", \"instance\", \"(.*):(.*)\"",
                "tag",
            ),
            (
                "label_replace",
                "\"tag\", \"${port}\", \"instance\", \".*:(?P<port>80)\"",
                "tag",
            ),
            (
                "label_replace",
                "\"instance\", \"$1\", \"instance\", \"(.):.*\"",
                "instance",
            ),
            (
                "label_replace",
                "\"code\", \"\", \"job\", \"(d|w).*\"",
                "code",
            ),
            ("label_replace", "\"job\", \"all\", \"job\", \".*\"", "job"),
            (
                "label_replace",
                "\"__name__\", \"of_$1\", \"job\", \"(.*)\"",
                "job",
            ),
            ("label_replace", "\"tag\", \"$1\", \"job\", \"(.*\"", "tag"),
            ("label_join", "\"tag\", \"-\", \"job\", \"instance\"", "tag"),
            ("label_join", "\"tag\", \"\", \"none\", \"job\"", "tag"),
            ("label_join", "\"job\", \"/\", \"job\", \"job\"", "job"),
        ]);
        let text = format!("{op}({}, {rest})", inner.text);
        let labels = [inner.labels.as_slice(), &[added]].concat();
        let is_unique = inner.is_unique && added != "code" && !rest.contains("all");
        let mut query = inner.then(op, text).labelled(&labels);
        query.is_unique = is_unique;
        query
    }
}
