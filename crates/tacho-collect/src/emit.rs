//! Series on their way into a batch.
//!
//! A collector says `push(family, labels, value)` in about the same order on every tick. The
//! [`SeriesBook`] remembers what stood at each position, so that a series is encoded when it is
//! first seen and afterwards only compared and copied.
//!
//! Invariants:
//! 1. a family is described before, or in the same batch as, its first sample;
//! 2. a series of the last run that is missing from this one gets the staleness marker, unless
//!    the clock went backwards;
//! 3. a label set that the model refuses is left out, never half written.
//!
//! Not for pushing one series twice in a run: both samples would be written.

use std::collections::HashSet;

use tacho_model::append::STALE_NAN_BITS;
use tacho_model::{Batch, Histogram, Kind, Labels, METRIC_NAME, Metadata, Timestamp, Unit};

/// What is known of a metric name at compile time. Always a `static`: identity is its address.
#[derive(Debug)]
pub struct Family {
    /// The metric's name.
    pub name: &'static str,
    /// What it measures.
    pub kind: Kind,
    /// In which unit.
    pub unit: Unit,
    /// One sentence for people.
    pub help: &'static str,
}

impl Family {
    /// A total that only grows.
    pub const fn counter(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self::new(name, Kind::Counter, unit, help)
    }

    /// A value that goes up and down.
    pub const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self::new(name, Kind::Gauge, unit, help)
    }

    /// A family of any kind.
    pub const fn new(name: &'static str, kind: Kind, unit: Unit, help: &'static str) -> Self {
        Self {
            name,
            kind,
            unit,
            help,
        }
    }

    fn metadata(&self) -> Metadata {
        Metadata {
            kind: self.kind,
            unit: self.unit.clone(),
            help: self.help.to_owned(),
        }
    }
}

/// The series of one collector: what they are called and which of them the last run had.
#[derive(Debug)]
pub struct SeriesBook {
    constant: Vec<(String, String)>,
    slots: Vec<Slot>,
    displaced: Vec<Labels>,
    described: HashSet<&'static str>,
    last: Option<Timestamp>,
}

#[derive(Debug)]
struct Slot {
    family: &'static Family,
    values: Box<[Box<str>]>,
    labels: Labels,
}

impl Slot {
    fn is(&self, family: &'static Family, pairs: &[(&str, &str)]) -> bool {
        std::ptr::eq(self.family, family)
            && self.values.len() == pairs.len()
            && self.values.iter().zip(pairs).all(|(a, (_, b))| **a == **b)
    }
}

impl SeriesBook {
    /// A book whose series all carry `constant` labels, unless a sample sets them itself.
    pub fn new(constant: Vec<(String, String)>) -> Self {
        Self {
            constant,
            slots: Vec::new(),
            displaced: Vec::new(),
            described: HashSet::new(),
            last: None,
        }
    }

    /// Describes every known family again.
    pub fn describe_all(&self, batch: &mut Batch) {
        let mut said = HashSet::new();
        for slot in &self.slots {
            if said.insert(slot.family.name) {
                batch.describe(slot.family.name, slot.family.metadata());
            }
        }
    }

    /// Starts a run at `now`; [`Emitter::finish`] ends it.
    pub fn run<'a>(&'a mut self, batch: &'a mut Batch, now: Timestamp) -> Emitter<'a> {
        Emitter {
            batch,
            book: self,
            now,
            cursor: 0,
        }
    }

    fn encode(&self, family: &Family, pairs: &[(&str, &str)]) -> Option<Labels> {
        let constant = self
            .constant
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| pairs.iter().all(|(own, _)| own != name));
        let own = pairs.iter().copied().chain([(METRIC_NAME, family.name)]);
        Labels::new(constant.chain(own)).ok()
    }
}

/// One collector's run: where it pushes its samples.
#[derive(Debug)]
pub struct Emitter<'a> {
    batch: &'a mut Batch,
    book: &'a mut SeriesBook,
    now: Timestamp,
    cursor: usize,
}

impl Emitter<'_> {
    /// One sample at this run's time.
    pub fn push(&mut self, family: &'static Family, pairs: &[(&str, &str)], value: f64) {
        let known = self.book.slots.get(self.cursor);
        if !known.is_some_and(|slot| slot.is(family, pairs)) && !self.place(family, pairs) {
            return;
        }
        if let Some(slot) = self.book.slots.get(self.cursor) {
            let series = self.batch.series_encoded(slot.labels.as_ref());
            self.batch.push(series, self.now, value);
            self.cursor += 1;
        }
    }

    /// One distribution at this run's time.
    pub fn push_histogram(
        &mut self,
        family: &'static Family,
        pairs: &[(&str, &str)],
        value: Histogram,
    ) {
        let known = self.book.slots.get(self.cursor);
        if !known.is_some_and(|slot| slot.is(family, pairs)) && !self.place(family, pairs) {
            return;
        }
        if let Some(slot) = self.book.slots.get(self.cursor) {
            let series = self.batch.series_encoded(slot.labels.as_ref());
            self.batch.push_histogram(series, self.now, value);
            self.cursor += 1;
        }
    }

    /// Samples pushed so far in this run.
    pub fn pushed(&self) -> usize {
        self.cursor
    }

    /// The time of this run.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Puts a series at the cursor; what stood there may turn out to have ended.
    fn place(&mut self, family: &'static Family, pairs: &[(&str, &str)]) -> bool {
        let Some(labels) = self.book.encode(family, pairs) else {
            return false;
        };
        if self.book.described.insert(family.name) {
            self.batch.describe(family.name, family.metadata());
        }
        let slot = Slot {
            family,
            values: pairs.iter().map(|(_, value)| Box::from(*value)).collect(),
            labels,
        };
        match self.book.slots.get_mut(self.cursor) {
            Some(place) => {
                let old = std::mem::replace(place, slot);
                self.book.displaced.push(old.labels);
            }
            None => self.book.slots.push(slot),
        }
        true
    }

    /// Ends the run: series that were not pushed again are marked stale.
    pub fn finish(self) {
        let rest = self.book.slots.drain(self.cursor..);
        self.book.displaced.extend(rest.map(|slot| slot.labels));
        let forwards = self.book.last.is_none_or(|last| last < self.now);
        self.book.last = Some(self.now);
        if self.book.displaced.is_empty() {
            return;
        }
        let present: HashSet<&Labels> = self.book.slots.iter().map(|slot| &slot.labels).collect();
        for labels in self.book.displaced.drain(..) {
            if forwards && !present.contains(&labels) {
                let series = self.batch.series_encoded(labels.as_ref());
                let stale = f64::from_bits(STALE_NAN_BITS);
                self.batch.push(series, self.now, stale);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_model::Value;
    use tacho_model::append::is_stale;

    static A: Family = Family::gauge("a", Unit::NONE, "first");
    static B: Family = Family::counter("b", Unit::SECONDS, "second");

    fn run(book: &mut SeriesBook, secs: i64, samples: &[(&'static Family, &str)]) -> Vec<String> {
        let mut batch = Batch::new();
        let mut emit = book.run(&mut batch, Timestamp::from_secs(secs));
        for (family, device) in samples {
            emit.push(family, &[("device", device)], 1.0);
        }
        emit.finish();
        let described = batch.metadata().map(|(name, _)| format!("#{name}"));
        let rows = batch.rows().map(|(series, _, value)| {
            let stale = matches!(value, Value::Float(v) if is_stale(v));
            format!(
                "{}{}",
                batch.labels(series).unwrap(),
                if stale { " stale" } else { "" }
            )
        });
        described.chain(rows).collect()
    }

    fn book() -> SeriesBook {
        SeriesBook::new(vec![
            ("job".into(), "node".into()),
            ("device".into(), "never".into()),
        ])
    }

    #[test]
    fn a_series_is_described_once_and_ends_with_a_marker() {
        let mut book = book();
        assert_eq!(
            run(&mut book, 1, &[(&A, "x"), (&A, "y")]),
            [
                "#a",
                r#"a{device="x",job="node"}"#,
                r#"a{device="y",job="node"}"#
            ]
        );
        assert_eq!(
            run(&mut book, 2, &[(&A, "y"), (&B, "y")]),
            [
                "#b",
                r#"a{device="y",job="node"}"#,
                r#"b{device="y",job="node"}"#,
                r#"a{device="x",job="node"} stale"#
            ]
        );
        assert_eq!(
            run(&mut book, 3, &[]),
            [
                r#"a{device="y",job="node"} stale"#,
                r#"b{device="y",job="node"} stale"#
            ]
        );
        assert_eq!(run(&mut book, 4, &[]).len(), 0);
    }

    #[test]
    fn a_clock_that_goes_back_marks_nothing() {
        let mut book = book();
        run(&mut book, 10, &[(&A, "x")]);
        assert_eq!(run(&mut book, 9, &[]).len(), 0);
    }

    #[test]
    fn a_label_that_the_model_refuses_costs_one_sample() {
        let mut book = book();
        let long = "x".repeat(5000);
        let said = run(&mut book, 1, &[(&A, "x"), (&A, &long), (&A, "y")]);
        assert_eq!(said.len(), 3, "{said:?}");
    }
}
