//! Whether two answers to a query are the same.
//!
//! Numbers are the same within 1e-9 of the larger one; times, labels, kinds and, where the query
//! says one, the order are the same exactly. Of failures the class is the same. Warnings are not
//! looked at: 2.42 has few.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

use super::answer::{Answer, Labels, Point, Series, When};
use super::grammar::Query;

/// Relative, and there is no absolute one.
pub(crate) const TOLERANCE: f64 = 1e-9;

/// Of a difference so many values and so much text are told.
const TOLD_MAX: usize = 6;
const TEXT_MAX: usize = 1_500;

/// Two numbers in the same place that are not the same.
#[derive(Debug, Clone)]
pub(crate) struct Apart {
    pub(crate) labels: Labels,
    pub(crate) time: f64,
    pub(crate) ours: f64,
    pub(crate) theirs: f64,
}

/// How two answers differ.
#[derive(Debug, Clone)]
pub(crate) enum Difference {
    /// Only one fails, or they fail otherwise.
    Failure {
        ours: String,
        theirs: String,
    },
    Kind,
    Labels {
        ours: Vec<Labels>,
        theirs: Vec<Labels>,
    },
    Order,
    /// Times of points, or the sort of points.
    Points {
        ours: Series,
        theirs: Series,
    },
    Values(Vec<Apart>),
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Values(values) => {
                write!(f, "{} values; ours and theirs:", values.len())?;
                let mut few = values.iter().take(TOLD_MAX);
                few.try_for_each(|one| write!(f, " {} and {},", one.ours, one.theirs))
            }
            Self::Points { ours, theirs } => {
                write!(f, "points {} and {}", short(ours), short(theirs))
            }
            other => {
                let text = format!("{other:?}");
                f.write_str(&text.chars().take(TEXT_MAX).collect::<String>())
            }
        }
    }
}

fn short(series: &Series) -> String {
    let text = format!("{:?}: {:?}", series.labels, series.points);
    text.chars().take(TEXT_MAX / 2).collect()
}

/// How `ours` differs from `theirs`, if it does.
pub(crate) fn difference(
    query: &Query,
    when: When,
    ours: &Answer,
    theirs: &Answer,
) -> Option<Difference> {
    let told = |answer: &Answer| answer.failure().unwrap_or_else(|| "none".to_owned());
    let (
        Answer::Found {
            kind: a,
            series: ours,
        },
        Answer::Found {
            kind: b,
            series: theirs,
        },
    ) = (ours, theirs)
    else {
        let (ours, theirs) = (told(ours), told(theirs));
        return (ours != theirs).then_some(Difference::Failure { ours, theirs });
    };
    if a != b {
        return Some(Difference::Kind);
    }
    let has_order = matches!(when, When::Over { .. });
    let is_sorted = query.is_ordered() && !has_order;
    let index = |all: &[Series]| -> BTreeMap<Labels, Vec<(f64, Point)>> {
        all.iter()
            .map(|one| (one.labels.clone(), one.points.clone()))
            .collect()
    };
    let (mine, other) = (index(ours), index(theirs));
    let lacking = |a: &BTreeMap<Labels, _>, b: &BTreeMap<Labels, _>| -> Vec<Labels> {
        a.keys()
            .filter(|labels| !b.contains_key(*labels))
            .cloned()
            .collect()
    };
    let (a, b) = (lacking(&mine, &other), lacking(&other, &mine));
    if !a.is_empty() || !b.is_empty() || ours.len() != theirs.len() {
        return Some(Difference::Labels { ours: a, theirs: b });
    }
    let mut values = Vec::new();
    for (labels, points) in &mine {
        let mut apart = Vec::new();
        let is_alike = compare_points(points, &other[labels], &mut apart);
        values.extend(apart.into_iter().map(|(time, ours, theirs)| Apart {
            labels: labels.clone(),
            time,
            ours,
            theirs,
        }));
        if !is_alike {
            return Some(Difference::Points {
                ours: Series {
                    labels: labels.clone(),
                    points: points.clone(),
                },
                theirs: Series {
                    labels: labels.clone(),
                    points: other[labels].clone(),
                },
            });
        }
    }
    if !values.is_empty() {
        return Some(Difference::Values(values));
    }
    // Elements that are equal may come in any order, and NaN is not before or after anything.
    let differs = |(a, b): (&Series, &Series)| {
        if is_sorted {
            !near_points(&a.points[0].1, &b.points[0].1)
        } else {
            has_order && a.labels != b.labels
        }
    };
    ours.iter()
        .zip(theirs)
        .any(differs)
        .then_some(Difference::Order)
}

/// Whether the points are at the same times and of the same sorts; numbers that differ go into
/// `values`.
fn compare_points(
    ours: &[(f64, Point)],
    theirs: &[(f64, Point)],
    values: &mut Vec<(f64, f64, f64)>,
) -> bool {
    if ours.len() != theirs.len() {
        return false;
    }
    for ((time, a), (other, b)) in ours.iter().zip(theirs) {
        if time != other {
            return false;
        }
        match (a, b) {
            (Point::Number(a), Point::Number(b)) if near(*a, *b) => {}
            (Point::Number(a), Point::Number(b)) => values.push((*time, *a, *b)),
            (Point::Histogram(a), Point::Histogram(b)) if a.len() == b.len() => {
                let pairs = a.iter().zip(b).filter(|(a, b)| !near(**a, **b));
                values.extend(pairs.map(|(a, b)| (*time, *a, *b)));
            }
            _ => return false,
        }
    }
    true
}

fn near_points(a: &Point, b: &Point) -> bool {
    match (a, b) {
        (Point::Number(a), Point::Number(b)) => near(*a, *b),
        _ => a == b,
    }
}

/// The same number.
pub(crate) fn near(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}
