//! What a server answers: series and their points, or a failure, out of the API's JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::near;

/// When a query is evaluated, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    At(i64),
    Over { start: i64, end: i64, step: i64 },
}

/// Labels as they are shown.
pub(crate) type Labels = BTreeMap<String, String>;

/// What a server said.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Failed { kind: String, message: String },
    Found { kind: String, series: Vec<Series> },
}

/// A series, or an element of a vector, which has one point.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) points: Vec<(f64, Point)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Point {
    Number(f64),
    /// Count, sum, then each bucket's boundaries, its ends and its count.
    Histogram(Vec<f64>),
}

/// Failures that are told apart, by words that both use.
const FAILURES: [&str; 12] = [
    "invalid expression type",
    "many-to-many matching not allowed",
    "found duplicate series for the match group",
    "multiple matches for labels",
    "vector cannot contain metrics with the same labelset",
    "invalid destination label name",
    "invalid regular expression",
    "invalid label name",
    "vector contains",
    "at least one non-empty matcher",
    "parse error",
    "duplicate",
];

impl Answer {
    /// An answer of the API.
    pub(crate) fn of(body: &Value) -> Self {
        if body["status"] != "success" {
            let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
            return Self::Failed {
                kind: text("errorType"),
                message: text("error"),
            };
        }
        let kind = body["data"]["resultType"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let result = &body["data"]["result"];
        let series = match kind.as_str() {
            "vector" | "matrix" => list(result).iter().map(series).collect(),
            "string" => {
                let text = result[1].as_str().unwrap_or_default().to_owned();
                vec![Series {
                    labels: Labels::from([("text".to_owned(), text)]),
                    points: Vec::new(),
                }]
            }
            _ => vec![Series {
                labels: Labels::new(),
                points: vec![number(result)],
            }],
        };
        Self::Found { kind, series }
    }

    pub(crate) fn series(&self) -> &[Series] {
        match self {
            Self::Failed { .. } => &[],
            Self::Found { series, .. } => series,
        }
    }

    /// The class of the failure, where it is one.
    pub(crate) fn failure(&self) -> Option<String> {
        let Self::Failed { kind, message } = self else {
            return None;
        };
        let class = FAILURES.iter().find(|class| message.contains(**class));
        Some(format!("{kind}: {}", class.copied().unwrap_or(message)))
    }

    /// The histogram of a series, without its name, at a time.
    pub(crate) fn histogram(&self, labels: &Labels, time: f64) -> Option<&[f64]> {
        let is_of = |series: &&Series| {
            let named = series.labels.iter().filter(|(name, _)| *name != "__name__");
            named.eq(labels)
        };
        let points = &self.series().iter().find(is_of)?.points;
        points.iter().find_map(|(at, point)| match point {
            Point::Histogram(numbers) if *at == time => Some(numbers.as_slice()),
            _ => None,
        })
    }

    /// All finite numbers in it.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = f64> {
        let points = self.series().iter().flat_map(|series| &series.points);
        points.filter_map(|(_, point)| match point {
            Point::Number(value) if value.is_finite() => Some(*value),
            _ => None,
        })
    }

    /// All numbers with their times, sorted, whatever series they are of.
    fn values(&self) -> Vec<(f64, f64)> {
        let points = self.series().iter().flat_map(|series| &series.points);
        let mut values: Vec<(f64, f64)> = points
            .filter_map(|(time, point)| match point {
                // The two zeros are equal.
                Point::Number(value) => Some((*time, value + 0.0)),
                Point::Histogram(_) => None,
            })
            .collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        values
    }

    /// Whether at every time the same numbers are there.
    pub(crate) fn has_values_of(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.values(), other.values());
        ours.len() == theirs.len()
            && ours
                .iter()
                .zip(&theirs)
                .all(|(a, b)| a.0 == b.0 && near(a.1, b.1))
    }

    /// Whether its numbers are those of the other to the last digit.
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        self.values() == other.values()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn float(value: &Value) -> f64 {
    match value.as_str() {
        Some(text) => text.parse().unwrap(),
        None => value.as_f64().unwrap(),
    }
}

fn number(pair: &Value) -> (f64, Point) {
    (float(&pair[0]), Point::Number(float(&pair[1])))
}

fn histogram(pair: &Value) -> (f64, Point) {
    let mut numbers = vec![float(&pair[1]["count"]), float(&pair[1]["sum"])];
    numbers.extend(list(&pair[1]["buckets"]).iter().flat_map(list).map(float));
    (float(&pair[0]), Point::Histogram(numbers))
}

fn series(one: &Value) -> Series {
    let labels = one["metric"].as_object().unwrap().iter();
    let labels = labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let mut points: Vec<(f64, Point)> = list(&one["values"]).iter().map(number).collect();
    points.extend(list(&one["histograms"]).iter().map(histogram));
    points.extend(one.get("value").map(number));
    points.extend(one.get("histogram").map(histogram));
    Series {
        labels: labels.collect(),
        points,
    }
}
