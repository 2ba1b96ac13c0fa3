//! Vector matching: which elements of two vectors an operator takes together.
//!
//! Invariant: at each step, an element of the "one" side meets any number of elements of the
//! "many" side, and an element of the "many" side at most one; each result has labels of its own.
//! Where the data breaks that, the query fails with the labels that broke it. Source: Prometheus
//! documentation, "Operators", vector matching.

use std::collections::HashMap;
use std::ops::Range;

use tacho_model::{Labels, METRIC_NAME};

use super::arithmetic::Cells;
use super::keeps_name;
use crate::error::Error;
use crate::eval::column::{Cell, Column};
use crate::eval::notes::Notes;
use crate::eval::{Evaluator, Steps, without_name};
use crate::options::NameRemoval;
use crate::syntax::ast::{Binary, Cardinality, MatchLabels};

/// Columns of both sides that share the labels that are matched.
#[derive(Default)]
struct Match {
    many: Vec<usize>,
    one: Vec<usize>,
}

/// The labels that two elements have to share.
pub(super) fn signature(labels: &Labels, matched: &MatchLabels) -> Labels {
    match matched {
        MatchLabels::On(names) => labels.only(names),
        MatchLabels::Ignoring(names) => {
            let is_kept = |name: &str| name != METRIC_NAME && !names.iter().any(|n| n == name);
            let kept = labels.iter().filter(|(name, _)| is_kept(name));
            // A part of a valid set is valid.
            Labels::new(kept).unwrap_or_default()
        }
    }
}

/// One evaluation of an operator between two vectors. The "many" side is the left one unless
/// there is `group_right`.
struct Matcher<'a> {
    binary: &'a Binary,
    at: &'a Range<usize>,
    removal: NameRemoval,
    many: Vec<Column>,
    one: Vec<Column>,
    steps: usize,
    /// Results by their labels.
    places: HashMap<(Labels, Labels), usize>,
    results: Vec<Column>,
    notes: Notes,
}

pub(super) fn matched(
    evaluator: &Evaluator<'_>,
    binary: &Binary,
    at: &Range<usize>,
    left: Vec<Column>,
    right: Vec<Column>,
    steps: Steps,
) -> Result<Vec<Column>, Error> {
    let is_swapped = matches!(binary.matching.cardinality, Cardinality::OneToMany(_));
    let (many, one) = if is_swapped {
        (right, left)
    } else {
        (left, right)
    };
    let mut matches: HashMap<Labels, Match> = HashMap::new();
    let mut signatures = Vec::new();
    for (index, column) in one.iter().enumerate() {
        let signature = signature(&column.labels, &binary.matching.labels);
        matches.entry(signature).or_default().one.push(index);
    }
    for (index, column) in many.iter().enumerate() {
        let signature = signature(&column.labels, &binary.matching.labels);
        let found = matches.entry(signature.clone()).or_default();
        if found.many.is_empty() {
            signatures.push(signature);
        }
        found.many.push(index);
    }
    let fill = binary.matching.fill_left.is_some() || binary.matching.fill_right.is_some();
    if fill {
        let lonely = matches.iter().filter(|(_, found)| found.many.is_empty());
        let mut lonely: Vec<Labels> = lonely.map(|(signature, _)| signature.clone()).collect();
        lonely.sort();
        signatures.append(&mut lonely);
    }
    let removal = evaluator.options.name_removal;
    let (places, results, notes) = (HashMap::new(), Vec::new(), Notes::default());
    let steps = steps.count();
    let mut matcher = Matcher {
        binary,
        at,
        removal,
        many,
        one,
        steps,
        places,
        results,
        notes,
    };
    for signature in signatures {
        if let Some(found) = matches.remove(&signature) {
            matcher.pairs(&signature, &found)?;
        }
    }
    for found in matches.values() {
        matcher.unique(&found.one)?;
    }
    evaluator.note(matcher.notes);
    let results = matcher
        .results
        .into_iter()
        .filter(|column| !column.is_empty());
    crate::eval::column::distinct(results.collect())
}

impl Matcher<'_> {
    /// Combines all that share a signature.
    fn pairs(&mut self, signature: &Labels, found: &Match) -> Result<(), Error> {
        self.unique(&found.one)?;
        let many_is_left = !self.is_swapped();
        let matching = &self.binary.matching;
        let (fill_many, fill_one) = match many_is_left {
            true => (matching.fill_left, matching.fill_right),
            false => (matching.fill_right, matching.fill_left),
        };
        for many in &found.many {
            for one in &found.one {
                for step in 0..self.steps {
                    if self.many[*many].has(step) && self.one[*one].has(step) {
                        self.pair(signature, step, Some(*many), Some(*one), 0.0)?;
                    }
                }
            }
        }
        let has = |columns: &[Column], all: &[usize], step| {
            all.iter().any(|index| columns[*index].has(step))
        };
        if let Some(value) = fill_one {
            for step in 0..self.steps {
                for many in &found.many {
                    if self.many[*many].has(step) && !has(&self.one, &found.one, step) {
                        self.pair(signature, step, Some(*many), None, value)?;
                    }
                }
            }
        }
        if let Some(value) = fill_many {
            for step in 0..self.steps {
                for one in &found.one {
                    if self.one[*one].has(step) && !has(&self.many, &found.many, step) {
                        self.pair(signature, step, None, Some(*one), value)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn is_swapped(&self) -> bool {
        matches!(self.binary.matching.cardinality, Cardinality::OneToMany(_))
    }

    /// That no two of the "one" side are there at the same step.
    fn unique(&self, one: &[usize]) -> Result<(), Error> {
        for step in 0..self.steps {
            let mut there = one.iter().filter(|index| self.one[**index].has(step));
            let (Some(first), Some(second)) = (there.next(), there.next()) else {
                continue;
            };
            let [first, second] = [first, second].map(|index| &self.one[*index].labels);
            let side = if self.is_swapped() { "left" } else { "right" };
            let names = signature(first, &self.binary.matching.labels);
            let message = format!(
                "found duplicate series for the match group {} on the {side} hand-side of the \
                 operation: [{}, {}];many-to-many matching not allowed: matching labels must be \
                 unique on one side",
                shown(&names),
                shown(first),
                shown(second)
            );
            return Err(Error::Execution(message));
        }
        Ok(())
    }

    /// Combines two elements at a step; where one is missing, `fill` stands in for it.
    fn pair(
        &mut self,
        signature: &Labels,
        step: usize,
        many: Option<usize>,
        one: Option<usize>,
        fill: f64,
    ) -> Result<(), Error> {
        let cell = |columns: &'_ [Column], index: Option<usize>| match index {
            Some(index) => columns[index].cell(step).to_point(),
            None => Some(crate::Point::Float(fill)),
        };
        let (Some(many_point), Some(one_point)) = (cell(&self.many, many), cell(&self.one, one))
        else {
            return Ok(());
        };
        let (many_cell, one_cell) = (of_point(&many_point), of_point(&one_point));
        let sides = match self.is_swapped() {
            true => [one_cell, many_cell],
            false => [many_cell, one_cell],
        };
        let (op, comparison) = (self.binary.op, self.binary.comparison);
        let cells = Cells {
            op,
            comparison,
            at: self.at,
            kept: sides[0],
        };
        let Some(point) = cells.combined(sides, &mut self.notes) else {
            return Ok(());
        };
        let many_labels = many.map_or(signature, |index| &self.many[index].labels);
        let one_labels = one.map_or(signature, |index| &self.one[index].labels);
        let loses_name = match self.removal {
            NameRemoval::Delayed => {
                !keeps_name(self.binary) || many.is_some_and(|m| self.many[m].loses_name)
            }
            NameRemoval::Immediate => false,
        };
        let key = (many_labels.clone(), one_labels.clone());
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None => {
                let labels = self.labels(many_labels, one_labels)?;
                let place = self.place(labels, loses_name);
                self.places.insert(key, place);
                place
            }
        };
        if self.results[place].has(step) {
            let message = match self.binary.matching.cardinality {
                Cardinality::OneToOne => {
                    "multiple matches for labels: many-to-one matching must be explicit \
                     (group_left/group_right)"
                }
                _ => "multiple matches for labels: grouping labels must ensure unique matches",
            };
            return Err(Error::Execution(message.to_owned()));
        }
        self.results[place].put(step, point);
        Ok(())
    }

    /// The column of these labels.
    fn place(&mut self, labels: Labels, loses_name: bool) -> usize {
        let found = self
            .results
            .iter()
            .position(|column| column.labels == labels);
        found.unwrap_or_else(|| {
            let mut column = Column::new(labels, self.steps);
            column.loses_name = loses_name;
            self.results.push(column);
            self.results.len() - 1
        })
    }

    /// The labels of a result.
    fn labels(&self, many: &Labels, one: &Labels) -> Result<Labels, Error> {
        let drops = !keeps_name(self.binary)
            && (self.removal == NameRemoval::Immediate || self.is_one_to_one());
        let mut labels = if drops {
            without_name(many)
        } else {
            many.clone()
        };
        let taken = match &self.binary.matching.cardinality {
            Cardinality::OneToOne => {
                return Ok(match &self.binary.matching.labels {
                    MatchLabels::On(names) => labels.only(names),
                    MatchLabels::Ignoring(names) => {
                        let kept = labels
                            .iter()
                            .filter(|(name, _)| !names.iter().any(|n| n == name));
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

    fn is_one_to_one(&self) -> bool {
        self.binary.matching.cardinality == Cardinality::OneToOne
    }
}

fn of_point(point: &crate::Point) -> Cell<'_> {
    match point {
        crate::Point::Float(value) => Cell::Float(*value),
        crate::Point::Histogram(histogram) => Cell::Histogram(histogram),
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
