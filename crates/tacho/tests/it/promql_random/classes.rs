//! Differences between Prometheus 2.42 and 3 that are known: each with what it is, and recognised by
//! the smallest part that differs and by how it differs, never by a function's name alone.

use super::answer::{Answer, Labels};
use super::compare::{Difference, TOLERANCE, near};
use super::grammar::Query;

/// The smallest part of a query that differs, with the answers to what it is made of.
pub(crate) struct Smallest<'a> {
    pub(crate) query: &'a Query,
    pub(crate) difference: &'a Difference,
    pub(crate) ours: &'a Answer,
    pub(crate) theirs: &'a Answer,
    /// Our answers to its parts, and theirs, which do not differ from one another.
    pub(crate) parts: &'a [(Answer, Answer)],
}

/// A known difference.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) is: fn(&Smallest<'_>) -> bool,
}

/// All of them.
pub(crate) const CLASSES: [Class; 8] = [
    Class {
        name: "within a bucket of a native histogram quantiles are exponential, not linear",
        is: is_within_a_bucket,
    },
    Class {
        name: "the standard deviation of one infinite or undefined value is undefined, not 0",
        is: is_deviation_of_one,
    },
    Class {
        name: "of equal elements topk and bottomk keep others",
        is: is_tie,
    },
    Class {
        name: "atan2 drops the metric name",
        is: is_name_after_atan2,
    },
    Class {
        name: "what cancels out is zero but for the rounding of its parts",
        is: is_rounding,
    },
    Class {
        name: "last digits of the parts, which the operator magnifies",
        is: is_magnified,
    },
    Class {
        name: "a number stands for a duration of as many seconds, and a duration for a number",
        is: is_number_for_duration,
    },
    Class {
        name: "of two mistakes another is told",
        is: is_failure_twice,
    },
];

/// A few of the last of 53 binary digits.
const LAST_DIGITS: f64 = 1e-14;

/// Of nearly the same they make something else: steps, remainders, differences, high powers, angles
/// of many turns.
const MAGNIFIERS: [&str; 12] = [
    "%",
    "^",
    "ceil",
    "cos",
    "exp",
    "floor",
    "round",
    "sin",
    "tan",
    "==",
    "changes",
    "count_values",
];

/// The class of a difference, where it is a known one.
pub(crate) fn class(smallest: &Smallest<'_>) -> Option<&'static str> {
    let found = CLASSES.iter().find(|class| (class.is)(smallest));
    found.map(|class| class.name)
}

/// Both lie where our histogram has the same rank: in one bucket, or on its edge and at the edge of
/// the next that is not empty.
fn is_within_a_bucket(smallest: &Smallest<'_>) -> bool {
    let (Difference::Values(values), [(histograms, _)]) = (smallest.difference, smallest.parts)
    else {
        return false;
    };
    smallest.query.op == "histogram_quantile"
        && values.iter().all(|one| {
            let histogram = histograms.histogram(&one.labels, one.time);
            histogram.is_some_and(|histogram| {
                let (a, b) = (ranks(histogram, one.ours), ranks(histogram, one.theirs));
                a.0.max(b.0) <= a.1.min(b.1) + TOLERANCE * histogram[0]
            })
        })
}

/// How many observations are surely below a value, and how many may be.
fn ranks(histogram: &[f64], value: f64) -> (f64, f64) {
    let mut ranks = (0.0, 0.0);
    for bucket in histogram[2..].chunks_exact(4) {
        let [_, low, high, count] = bucket else {
            continue;
        };
        ranks.0 += if *high <= value || near(*high, value) {
            *count
        } else {
            0.0
        };
        ranks.1 += if *low <= value || near(*low, value) {
            *count
        } else {
            0.0
        };
    }
    ranks
}

fn is_deviation_of_one(smallest: &Smallest<'_>) -> bool {
    let Difference::Values(values) = smallest.difference else {
        return false;
    };
    ["stddev", "stdvar"].contains(&smallest.query.op)
        && values
            .iter()
            .all(|one| one.ours.is_nan() && one.theirs == 0.0)
}

/// At every step the same values, of other series.
fn is_tie(smallest: &Smallest<'_>) -> bool {
    ["topk", "bottomk"].contains(&smallest.query.op) && smallest.ours.has_values_of(smallest.theirs)
}

/// Without names the same, or no longer told apart.
fn is_name_after_atan2(smallest: &Smallest<'_>) -> bool {
    let nameless = |labels: &Labels| {
        let mut labels = labels.clone();
        labels.remove("__name__");
        labels
    };
    smallest.query.op == "atan2"
        && match smallest.difference {
            Difference::Labels { ours, theirs } => ours
                .iter()
                .eq(&theirs.iter().map(nameless).collect::<Vec<_>>()),
            Difference::Failure { ours, theirs } => {
                ours.ends_with("the same labelset") && theirs == "none"
            }
            _ => false,
        }
}

/// What is left where numbers cancel out has no digits that are right: it is compared with the
/// numbers that it was made of, whose last digit is a part in 2^53.
fn is_rounding(smallest: &Smallest<'_>) -> bool {
    let Difference::Values(values) = smallest.difference else {
        return false;
    };
    let parts = smallest.parts.iter().flat_map(|(ours, _)| ours.numbers());
    let scale = parts.fold(0.0_f64, |scale, number| scale.max(number.abs()));
    values.iter().all(|one| {
        let apart = (one.ours - one.theirs).abs();
        let digit = scale * LAST_DIGITS;
        match smallest.query.op {
            "+" | "-" | "avg" | "avg_over_time" | "delta" | "deriv" | "idelta" | "stddev"
            | "stddev_over_time" => apart <= digit,
            "stdvar" | "stdvar_over_time" => {
                apart <= digit * one.ours.abs().max(one.theirs.abs()).sqrt().max(digit)
            }
            _ => false,
        }
    })
}

/// The parts are the same within the tolerance, and not to the last digit.
fn is_magnified(smallest: &Smallest<'_>) -> bool {
    let is_different = smallest
        .parts
        .iter()
        .any(|(ours, theirs)| !ours.is_identical(theirs));
    is_different && MAGNIFIERS.contains(&smallest.query.op)
}

/// Broken text that 3 understands: `[10]` and `5 - 30s`.
fn is_number_for_duration(smallest: &Smallest<'_>) -> bool {
    let Answer::Failed { message, .. } = smallest.theirs else {
        return false;
    };
    let told = [
        "missing unit character in duration",
        "unexpected duration",
        ", expected duration",
        // As `offset 0` is taken, `offset 0m` is.
        "duration must be greater than 0",
    ];
    smallest.query.op == "broken" && told.into_iter().any(|text| message.contains(text))
}

/// A part fails on both sides, and one of the two looks at something else first.
fn is_failure_twice(smallest: &Smallest<'_>) -> bool {
    let Difference::Failure { ours, theirs } = smallest.difference else {
        return false;
    };
    let mut parts = smallest.parts.iter();
    ours != "none"
        && theirs != "none"
        && parts.any(|(part, _)| {
            part.failure()
                .is_some_and(|part| [ours, theirs].contains(&&part))
        })
}
