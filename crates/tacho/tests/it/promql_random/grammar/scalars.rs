//! Scalars, levels of quantiles, dates and times of samples.

use super::leaves::GAUGES;
use super::{Grammar, Kind, Query};

impl Grammar {
    /// The level of a quantile.
    pub(super) fn level(&mut self) -> &'static str {
        self.random.pick(&[
            "0",
            "0.1",
            "0.5",
            "0.75",
            "0.9",
            "0.99",
            "1",
            "-0.5",
            "1.5",
            "NaN",
            "scalar(load{job=\"api\",instance=\"a:80\"}) / 2e3",
        ])
    }

    pub(super) fn number(&mut self) -> &'static str {
        self.random.pick(&[
            "0", "1", "2", "0.5", "-2.5", "3", "7", "10", "100", "1e3", "0x1f", "12.75", "-1",
            "Inf", "NaN", "-Inf", "+4",
        ])
    }

    /// A scalar.
    pub(super) fn scalar(&mut self, depth: u32) -> Query {
        if depth <= 1 || self.random.percent(50) {
            let text = match self.random.below(8) {
                0 => "time()",
                1 => "pi()",
                _ => self.number(),
            };
            return Query::leaf(Kind::Scalar, "number", text);
        }
        if self.random.percent(35) {
            let inner = self.floats(depth - 1);
            let text = match self.random.below(3) {
                0 => format!("scalar({})", inner.text),
                _ => format!("scalar(max({}))", inner.text),
            };
            let mut query = inner.then("scalar", text).labelled(&[]);
            query.kind = Kind::Scalar;
            return query;
        }
        if self.random.percent(10) {
            let text = self.random.pick(&[
                "-2 ^ 2",
                "2 ^ 3 ^ 2 % 100",
                "1 + 2 * 3 - 10 / 4 % 3",
                "-pi() * 2 > bool 3 - 1 == bool 0",
                "0x1F + 1e-3 * .5 - 017",
                "-(-3) atan2 2 ^ -1",
                "1 - 2 - 3 / 2 / 2",
            ]);
            return Query::leaf(Kind::Scalar, "number", text);
        }
        let (left, right) = (self.scalar(depth - 1), self.scalar(depth - 1));
        let op = self
            .random
            .pick(&["+", "-", "*", "/", "%", "^", "atan2", ">", "==", "!=", "<="]);
        let is_comparison = [">", "==", "!=", "<="].contains(&op);
        let bool = if is_comparison { " bool" } else { "" };
        let text = match self.random.below(3) {
            0 => format!("{} {op}{bool} {}", left.text, right.text),
            _ => format!("({}) {op}{bool} ({})", left.text, right.text),
        };
        left.then(op, text).with(right)
    }

    /// Dates, times of samples, and numbers as vectors.
    pub(super) fn of_time(&mut self, depth: u32) -> Query {
        let dates = [
            "day_of_month",
            "day_of_week",
            "day_of_year",
            "days_in_month",
            "hour",
            "minute",
            "month",
            "year",
        ];
        match self.random.below(5) {
            0 => Query::leaf(
                Kind::Floats,
                "date",
                format!("{}()", self.random.pick(&dates)),
            ),
            1 => {
                let op = self.random.pick(&dates);
                let inner = self.selector_of(GAUGES[7]);
                let text = format!("{op}({})", inner.text);
                inner.then(op, text)
            }
            2 | 3 => self.without_at(true, |grammar| {
                let inner = if grammar.random.percent(50) {
                    grammar.selector()
                } else {
                    grammar.floats(depth - 1)
                };
                let text = format!("timestamp({})", inner.text);
                inner.then("timestamp", text)
            }),
            _ => {
                let inner = self.scalar(depth - 1);
                let text = format!("vector({})", inner.text);
                let mut query = inner.then("vector", text);
                query.kind = Kind::Floats;
                query
            }
        }
    }
}
