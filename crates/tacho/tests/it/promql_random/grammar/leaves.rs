//! Selectors, functions of ranges, sub-queries.

use super::{Grammar, Kind, Query};
use crate::promql_random::data::{CODES, FIRST, INSTANCES, JOBS, SPAN};

/// A metric and its labels.
type Metric = (&'static str, &'static [&'static str]);

pub(super) const GAUGES: [Metric; 8] = [
    ("alive", &["instance", "job"]),
    ("build_info", &["instance", "job", "version"]),
    ("flappy", &["instance", "job"]),
    ("limit_bytes", &["job"]),
    ("load", &["instance", "job"]),
    ("memory_bytes", &["instance", "job"]),
    ("special", &["instance", "job"]),
    ("started_seconds", &["instance", "job"]),
];
const COUNTERS: [Metric; 5] = [
    ("errors_total", &["instance", "job"]),
    ("requests_total", &["code", "instance", "job"]),
    ("took_seconds_bucket", &["job", "le"]),
    ("took_seconds_count", &["job"]),
    ("took_seconds_sum", &["job"]),
];
pub(super) const RANGES: [&str; 9] = [
    "25s", "45s", "1m", "1m30s", "2m", "3m", "5m", "10m", "100000ms",
];
const OFFSETS: [&str; 7] = ["30s", "1m", "1m30s", "2m", "5m", "-1m", "-30s"];

/// Functions of a range of a counter.
const RATES: [&str; 4] = ["increase", "irate", "rate", "resets"];
/// Functions of any range.
const WINDOWS: [&str; 16] = [
    "absent_over_time",
    "avg_over_time",
    "changes",
    "count_over_time",
    "delta",
    "deriv",
    "idelta",
    "last_over_time",
    "max_over_time",
    "min_over_time",
    "predict_linear",
    "present_over_time",
    "quantile_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
];

/// With `@` in the range and something else that varies, 2.42 has values at few steps only.
const AT_EACH_STEP: [&str; 2] = ["predict_linear", "quantile_over_time"];

impl Grammar {
    /// A selector, nearly always of something that is there.
    pub(super) fn selector(&mut self) -> Query {
        if self.random.percent(2) {
            return self.selector_of_many();
        }
        let metric = match self.random.below(10) {
            0..3 => self.random.pick(&COUNTERS),
            _ => self.random.pick(&GAUGES),
        };
        self.selector_of(metric)
    }

    pub(super) fn selector_of(&mut self, metric: Metric) -> Query {
        let (text, labels) = (self.series(metric), metric.1);
        let text = format!("{text}{}", self.when());
        Query::leaf(Kind::Floats, "selector", text).labelled(labels)
    }

    /// The name of a metric may be matched, and then names may be many.
    fn selector_of_many(&mut self) -> Query {
        let matcher = self.random.pick(&[
            "{__name__=~\"(load|alive|flappy)\",job=\"api\"}",
            "{__name__=\"load\"}",
            "{__name__!~\".*_.*|sizes\",instance=\"a:80\"}",
            "{job=\"api\",le=~\"0.*\"}",
            "nothing_at_all",
            "load{job=\"\"}",
        ]);
        let text = format!("{matcher}{}", self.when());
        let mut query = Query::leaf(Kind::Floats, "selector", text);
        query.is_unique = false;
        query
    }

    /// A metric and matchers.
    pub(super) fn series(&mut self, (name, labels): Metric) -> String {
        if self.random.percent(55) {
            return name.to_owned();
        }
        let label = self.random.pick(labels);
        let values: &[&str] = match label {
            "job" => &JOBS,
            "instance" => &INSTANCES,
            "code" => &CODES,
            "le" => &["0.1", "0.5", "2.5"],
            _ => &["1.0", "1.1"],
        };
        let value = self.random.pick(values);
        let first = &value[..1];
        let matchers = match self.random.below(9) {
            0..2 => format!("{label}=\"{value}\""),
            2 => format!("{label}!='{value}'"),
            3 => format!("{label}=~\"{first}.*\""),
            4 => format!("{label}!~`{first}.*`"),
            5 => format!("{label}=~\".+|x\", {label}!=\"{value}\""),
            6 => format!("{label}!=\"\",job=~\"api|web\""),
            7 if labels.contains(&"instance") => {
                let pattern =
                    self.random
                        .pick(&[r"\w:\d+", "[[a-b&&]:80", "a:{80}|[^a]:80", r"\Qc:\E.+"]);
                format!("instance=~`{pattern}`")
            }
            _ => format!("job!~\"x(y|z)?\",{label}=~\"{value}|[a-c2].*\","),
        };
        format!("{name}{{{matchers}}}")
    }

    /// `offset` and `@`, or nothing.
    pub(super) fn when(&mut self) -> String {
        let mut text = String::new();
        if self.is_at_allowed && self.random.percent(7) {
            text += &match self.random.below(3) {
                0 => " @ start()".to_owned(),
                1 => " @ end()".to_owned(),
                _ => format!(" @ {}.5", FIRST + self.random.within(400, SPAN)),
            };
        }
        if self.random.percent(12) {
            text += &format!(" offset {}", self.random.pick(&OFFSETS));
        }
        text
    }

    /// What may only be a whole query: samples of a range, and text.
    pub(super) fn whole(&mut self) -> Query {
        if self.random.percent(20) {
            let text = self
                .random
                .pick(&["\"a\\tb\\u00e9\"", "'it\\'s'", "`raw\\n`"]);
            return Query::leaf(Kind::Scalar, "text", text);
        }
        let metric = self.random.pick(&GAUGES);
        let (series, range, when) = (self.series(metric), self.random.pick(&RANGES), self.when());
        let step = self.random.pick(&["", ":15s", ":", ":7s"]);
        Query::leaf(
            Kind::Floats,
            "range",
            format!("{series}[{range}{step}]{when}"),
        )
    }

    /// A function of a range of a selector.
    pub(super) fn window(&mut self) -> Query {
        let is_rate = self.random.percent(35);
        let op = if is_rate {
            self.random.pick(&RATES)
        } else {
            self.random.pick(&WINDOWS)
        };
        let metric = match self.random.below(10) {
            0..8 if is_rate => self.random.pick(&COUNTERS),
            0..3 => self.random.pick(&COUNTERS),
            // Of what falls Prometheus 2 and 3 extrapolate otherwise.
            _ if ["increase", "rate"].contains(&op) => ("requests_total", COUNTERS[1].1),
            _ => self.random.pick(&GAUGES),
        };
        let (series, range) = (self.series(metric), self.random.pick(&RANGES));
        let when = self.without_at(AT_EACH_STEP.contains(&op), Self::when);
        let inner = Query::leaf(Kind::Floats, "selector", format!("{series}{when}"));
        let inner = inner.labelled(metric.1);
        let of = format!("{series}[{range}]{when}");
        self.windowed(op, inner, &of)
    }

    /// A function of a range of an expression.
    pub(super) fn subquery(&mut self, depth: u32) -> Query {
        let op = if self.random.percent(15) {
            self.random.pick(&RATES)
        } else {
            self.random.pick(&WINDOWS)
        };
        let is_at_forbidden = AT_EACH_STEP.contains(&op);
        // Inside of another its range begins at a whole second, where none of its steps may lie:
        // these two have none there as long as there is data.
        let was_nested = std::mem::replace(&mut self.is_nested, true);
        let steps: &[(&str, u32)] = if was_nested {
            &[("10s22ms", 10_022), ("10002ms", 10_002)]
        } else {
            &[
                ("7s", 7_000),
                ("15s", 15_000),
                ("30s", 30_000),
                ("1m", 60_000),
                ("", 60_000),
            ]
        };
        let inner = self.without_at(is_at_forbidden, |grammar| {
            if RATES.contains(&op) {
                grammar.selector_of(("requests_total", COUNTERS[1].1))
            } else {
                grammar.floats(depth.saturating_sub(2))
            }
        });
        self.is_nested = was_nested;
        let range = self.random.pick(&["1m30s", "2m", "3m", "5m"]);
        let (step, millis) = self.random.pick(steps);
        let when = self.without_at(is_at_forbidden, Self::when);
        let of = format!("({})[{range}:{step}]{when}", inner.text);
        let mut query = self.windowed(op, inner, &of);
        query.step = Some(millis);
        query
    }

    /// This function of a range, with the other arguments that it takes.
    fn windowed(&mut self, op: &'static str, inner: Query, of: &str) -> Query {
        let text = match op {
            "predict_linear" => {
                let ahead = self.random.pick(&["60", "-300", "3600", "0"]);
                format!("predict_linear({of}, {ahead})")
            }
            "quantile_over_time" => {
                let level = self.level();
                format!("quantile_over_time({level}, {of})")
            }
            _ => format!("{op}({of})"),
        };
        let query = inner.then(op, text);
        if op == "absent_over_time" {
            return query.labelled(&[]);
        }
        query
    }

    pub(super) fn without_at<T>(
        &mut self,
        is_forbidden: bool,
        make: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.is_at_allowed;
        self.is_at_allowed &= !is_forbidden;
        let made = make(self);
        self.is_at_allowed = before;
        made
    }
}
