//! Vector matching: which elements of two vectors an operator takes together.
//!
//! Invariant: at each step, an element of the "one" side meets any number of elements of the
//! "many" side, and an element of the "many" side at most one; each result has labels of its own.
//! Where the data breaks that, the query fails with the labels that broke it. Source: Prometheus
//! documentation, "Operators", vector matching.

use std::collections::HashMap;
use std::ops::Range;

use tacho_model::Labels;

use super::arithmetic::Cells;
use super::keeps_name;
use crate::error::Error;
use crate::eval::column::{Cell, Column};
use crate::eval::notes::Notes;
use crate::eval::{Evaluator, Steps, without_metric};
use crate::options::{MetricLabels, NameRemoval};
use crate::syntax::ast::{Binary, Cardinality, MatchLabels};

/// Columns of both sides that share the labels that are matched.
#[derive(Default)]
struct Match {
    many: Vec<usize>,
    one: Vec<usize>,
}

/// The labels that two elements have to share.
pub(super) fn signature(labels: &Labels, matched: &MatchLabels, metric: MetricLabels) -> Labels {
    match matched {
        MatchLabels::On(names) => labels.only(names),
        MatchLabels::Ignoring(names) => {
            let of_metric = metric.names();
            let is_kept =
                |name: &str| !of_metric.contains(&name) && !names.iter().any(|n| n == name);
            let kept = labels.iter().filter(|(name, _)| is_kept(name));
            // A part of a valid set is valid.
            Labels::new(kept).unwrap_or_default()
        }
    }
}

/// Two elements, or one and a number that stands in for the other.
#[derive(Clone, Copy)]
struct Pair {
    many: Option<usize>,
    one: Option<usize>,
    fill: f64,
}

/// One evaluation of an operator between two vectors. The "many" side is the left one unless
/// there is `group_right`.
struct Matcher<'a> {
    evaluator: &'a Evaluator<'a>,
    binary: &'a Binary,
    at: &'a Range<usize>,
    removal: NameRemoval,
    metric: MetricLabels,
    many: Vec<Column>,
    one: Vec<Column>,
    steps: usize,
    results: Vec<Column>,
    /// Where in the results series with these labels are.
    places: HashMap<Labels, usize>,
    notes: Notes,
}

pub(super) fn matched(
    evaluator: &Evaluator<'_>,
    binary: &Binary,
    at: &Range<usize>,
    (left, right): (Vec<Column>, Vec<Column>),
    steps: Steps,
) -> Result<Vec<Column>, Error> {
    let metric = evaluator.options.metric_labels;
    let is_swapped = matches!(binary.matching.cardinality, Cardinality::OneToMany(_));
    let (many, one) = if is_swapped {
        (right, left)
    } else {
        (left, right)
    };
    let mut matches: HashMap<Labels, Match> = HashMap::new();
    let mut order = Vec::new();
    for (index, column) in many.iter().enumerate() {
        let signature = signature(&column.labels, &binary.matching.labels, metric);
        let found = matches.entry(signature.clone()).or_default();
        if found.many.is_empty() {
            order.push(signature);
        }
        found.many.push(index);
    }
    for (index, column) in one.iter().enumerate() {
        let signature = signature(&column.labels, &binary.matching.labels, metric);
        let found = matches.entry(signature.clone()).or_default();
        if found.many.is_empty() && found.one.is_empty() {
            order.push(signature);
        }
        found.one.push(index);
    }
    let mut matcher = Matcher {
        evaluator,
        binary,
        at,
        removal: evaluator.options.name_removal,
        metric,
        many,
        one,
        steps: steps.count(),
        results: Vec::new(),
        places: HashMap::new(),
        notes: Notes::default(),
    };
    // Where one whole side is empty nothing is matched, so nothing is ambiguous either.
    let any = |columns: &[Column], step| columns.iter().any(|column| column.has(step));
    let is_filled = binary
        .matching
        .fill_left
        .or(binary.matching.fill_right)
        .is_some();
    let both = |step| is_filled || (any(&matcher.many, step) && any(&matcher.one, step));
    let asked: Vec<bool> = (0..matcher.steps).map(both).collect();
    // Before anything is matched, so that of two mistakes the same one is told as by Prometheus.
    for signature in &order {
        evaluator.charge(0)?;
        let found = matches.get(signature).map_or(&[][..], |found| &found.one);
        matcher.unique(found, &asked)?;
    }
    for signature in order {
        if let Some(found) = matches.remove(&signature) {
            evaluator.charge(0)?;
            matcher.group(&signature, &found)?;
        }
    }
    evaluator.note(matcher.notes);
    let results = matcher
        .results
        .into_iter()
        .filter(|column| !column.is_empty());
    Ok(results.collect())
}

impl Matcher<'_> {
    fn is_swapped(&self) -> bool {
        matches!(self.binary.matching.cardinality, Cardinality::OneToMany(_))
    }

    /// Combines all that share a signature.
    fn group(&mut self, signature: &Labels, found: &Match) -> Result<(), Error> {
        let matching = &self.binary.matching;
        let (fill_many, fill_one) = if self.is_swapped() {
            (matching.fill_right, matching.fill_left)
        } else {
            (matching.fill_left, matching.fill_right)
        };
        for many in &found.many {
            for one in &found.one {
                let pair = Pair {
                    many: Some(*many),
                    one: Some(*one),
                    fill: 0.0,
                };
                self.evaluator.charge(0)?;
                self.pair(signature, pair, &[])?;
            }
        }
        if let Some(fill) = fill_one {
            let there = self.there(&self.one, &found.one);
            for many in &found.many {
                let pair = Pair {
                    many: Some(*many),
                    one: None,
                    fill,
                };
                self.pair(signature, pair, &there)?;
            }
        }
        if let Some(fill) = fill_many {
            let there = self.there(&self.many, &found.many);
            for one in &found.one {
                let pair = Pair {
                    many: None,
                    one: Some(*one),
                    fill,
                };
                self.pair(signature, pair, &there)?;
            }
        }
        Ok(())
    }

    /// At which steps any of these is there.
    fn there(&self, columns: &[Column], of: &[usize]) -> Vec<bool> {
        let any = |step| of.iter().any(|index| columns[*index].has(step));
        (0..self.steps).map(any).collect()
    }

    /// That no two of the "one" side are there at the same step.
    fn unique(&self, one: &[usize], asked: &[bool]) -> Result<(), Error> {
        if one.len() < 2 {
            return Ok(());
        }
        for step in (0..self.steps).filter(|step| asked[*step]) {
            let mut there = one.iter().filter(|index| self.one[**index].has(step));
            let (Some(first), Some(second)) = (there.next(), there.next()) else {
                continue;
            };
            let [first, second] = [first, second].map(|index| &self.one[*index].labels);
            let side = if self.is_swapped() { "left" } else { "right" };
            let group = signature(first, &self.binary.matching.labels, self.metric);
            let message = format!(
                "found duplicate series for the match group {} on the {side} hand-side of the \
                 operation: [{}, {}];many-to-many matching not allowed: matching labels must be \
                 unique on one side",
                shown(&group),
                shown(second),
                shown(first)
            );
            return Err(Error::Execution(message));
        }
        Ok(())
    }

    /// Combines a pair at each step, but for those of `except`.
    fn pair(&mut self, signature: &Labels, pair: Pair, except: &[bool]) -> Result<(), Error> {
        let is_swapped = self.is_swapped();
        let (op, comparison) = (self.binary.op, self.binary.comparison);
        let mut place = None;
        for step in 0..self.steps {
            if except.get(step).is_some_and(|is_there| *is_there) {
                continue;
            }
            let fill = Cell::Float(pair.fill);
            let many = pair.many.map_or(fill, |index| self.many[index].cell(step));
            let one = pair.one.map_or(fill, |index| self.one[index].cell(step));
            let sides = if is_swapped { [one, many] } else { [many, one] };
            let cells = Cells {
                op,
                comparison,
                at: self.at,
                kept: sides[0],
            };
            let Some(point) = cells.combined(sides, &mut self.notes) else {
                continue;
            };
            let place = match place {
                Some(place) => place,
                None => *place.insert(self.place(signature, pair)?),
            };
            let result = &mut self.results[place];
            if result.has(step) {
                let message = match self.binary.matching.cardinality {
                    Cardinality::OneToOne => {
                        "multiple matches for labels: many-to-one matching must be explicit \
                         (group_left/group_right)"
                    }
                    _ => "multiple matches for labels: grouping labels must ensure unique matches",
                };
                return Err(Error::Execution(message.to_owned()));
            }
            result.put(step, point);
        }
        Ok(())
    }

    /// The result that a pair belongs to.
    fn place(&mut self, signature: &Labels, pair: Pair) -> Result<usize, Error> {
        let many = pair
            .many
            .map_or(signature, |index| &self.many[index].labels);
        let one = pair.one.map_or(signature, |index| &self.one[index].labels);
        let labels = self.labels(many, one)?;
        let next = self.results.len();
        let place = *self.places.entry(labels.clone()).or_insert(next);
        if place == next {
            let mut column = Column::new(labels, self.steps);
            let lost_before = pair.many.is_some_and(|index| self.many[index].loses_name);
            let loses_now = !keeps_name(self.binary);
            column.loses_name = self.removal == NameRemoval::Delayed && (loses_now || lost_before);
            self.evaluator.charge(column.bytes())?;
            self.results.push(column);
        }
        Ok(place)
    }

    /// The labels of a result.
    fn labels(&self, many: &Labels, one: &Labels) -> Result<Labels, Error> {
        let drops = !keeps_name(self.binary) && self.removal == NameRemoval::Immediate;
        let mut labels = if drops {
            without_metric(many, self.metric)
        } else {
            many.clone()
        };
        let taken = match &self.binary.matching.cardinality {
            Cardinality::OneToOne => {
                return Ok(match &self.binary.matching.labels {
                    MatchLabels::On(names) => labels.only(names),
                    MatchLabels::Ignoring(names) => {
                        let is_kept = |name: &str| !names.iter().any(|n| n == name);
                        let kept = labels.iter().filter(|(name, _)| is_kept(name));
                        Labels::new(kept).unwrap_or_default()
                    }
                });
            }
            Cardinality::ManyToOne(taken) | Cardinality::OneToMany(taken) => taken,
        };
        for name in taken {
            let changed = labels.with(name, one.get(name).unwrap_or(""));
            labels = changed.map_err(|error| Error::Execution(error.to_string()))?;
        }
        Ok(labels)
    }
}

/// All labels in braces, the name among them.
fn shown(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}
