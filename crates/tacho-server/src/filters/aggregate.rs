//! One series that stands for many, as their samples pass.
//!
//! Invariants:
//! 1. a counter of a group grows by what its members grow by, resets of theirs handled, so that its
//!    rate is the sum of their rates; a member's first sample counts nothing, as in `rate`;
//! 2. the sample of an interval is written again whenever a member changes it, at the interval's
//!    end, and the last one wins: nothing waits in memory for a moment that a crash may prevent;
//! 3. the time of a group never goes back: what comes late counts in the interval that is open.
//!
//! After a restart a group goes on from the value that is stored, where one is not older than
//! [`RESUMED`]; what its members grew by between their last sample before and their first one
//! after it is not known. Time is an argument. Not for deciding which samples are aggregated.
//! Source: OpenTelemetry metrics data model, "Spatial reaggregation" and "Resets and gaps".

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tacho_model::append::is_stale;
use tacho_model::histogram::Temporality;
use tacho_model::{
    Batch, Columns, Histogram, Kind, Labels, Refusal, Shape, TimeRange, Timestamp, Value,
};

use super::generations::Hashed;
use super::rule::{Aggregation, Function};

/// Most of what groups remember, in members that are numbers (about 64 bytes each). At it, members
/// that were not seen for [`FORGOTTEN`] go; when that is not enough, samples of new ones are
/// refused.
const WEIGHT_MAX: usize = 1 << 20;
/// Buckets of a histogram that weigh as much as a number.
const BUCKETS_OF_WEIGHT: usize = 4;
/// Most groups.
const GROUPS_MAX: usize = 100_000;
/// What is older does not continue a counter.
const RESUMED: Duration = Duration::from_hours(1);
/// Members that were not seen for so long go when there is no room.
const FORGOTTEN: Duration = Duration::from_mins(10);
/// No room is looked for again sooner.
const SWEEP: Duration = Duration::from_secs(10);

/// What is asked of the store.
pub trait Stored {
    /// What a metric is known to measure.
    fn kind(&self, name: &str) -> Option<Kind>;
    /// The samples of one series.
    fn samples(&self, labels: &Labels, within: TimeRange) -> Columns;
}

/// The times that the store takes.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// How far ahead of the clock.
    pub ahead: Duration,
    /// How far behind.
    pub behind: Duration,
}

/// What applying filters depends on, beside what they are applied to.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The clock.
    pub now: Timestamp,
    /// The times that the store takes.
    pub window: Window,
    /// What is stored.
    pub stored: &'a dyn Stored,
}

/// All groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    groups: HashMap<u128, Group, BuildHasherDefault<Hashed>>,
    weight: usize,
    swept: Option<Timestamp>,
    /// Groups that changed since they were last written.
    touched: Vec<u128>,
}

/// All groups, for one batch: nobody else changes or writes them until this is dropped.
pub(crate) struct OpenGroups<'a>(MutexGuard<'a, State>);

/// To which group a series belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Membership<'a> {
    /// A hash of the group's filter and labels.
    pub(crate) group: u128,
    /// Its labels.
    pub(crate) labels: &'a Labels,
    /// How its values become one.
    pub(crate) aggregation: &'a Aggregation,
    /// A hash of the member's own labels.
    pub(crate) member: u64,
}

#[derive(Debug)]
struct Group {
    labels: Labels,
    function: Function,
    /// The end of the interval that is open.
    end: Timestamp,
    is_touched: bool,
    members: HashMap<u64, Member, BuildHasherDefault<Hashed>>,
    total: Total,
}

/// What a group has counted.
#[derive(Debug)]
enum Total {
    Number(f64),
    /// Since the counter was reset.
    Cumulative(Histogram),
    /// Within the interval.
    Delta(Histogram),
}

#[derive(Debug)]
struct Member {
    time: Timestamp,
    /// The interval in which it was last seen.
    end: Timestamp,
    value: Held,
}

#[derive(Debug)]
enum Held {
    Number(f64),
    Histogram(Box<Histogram>),
}

impl Groups {
    /// Takes hold of all groups.
    pub(crate) fn open(&self) -> OpenGroups<'_> {
        OpenGroups(self.state.lock())
    }
}

impl OpenGroups<'_> {
    /// Adds a sample of a member. A group whose interval ends by it is written first. Samples of a
    /// batch come in order of time.
    pub(crate) fn add(
        &mut self,
        to: Membership<'_>,
        (time, value): (Timestamp, Value<'_>),
        moment: Moment<'_>,
        out: &mut Batch,
    ) -> Result<(), Refusal> {
        if time > moment.now + moment.window.ahead {
            return Err(Refusal::TooNew);
        }
        if time < moment.now - moment.window.behind {
            return Err(Refusal::TooOld);
        }
        let state = &mut *self.0;
        // Series of numbers and of histograms never make one group.
        let (key, weight) = match value {
            Value::Float(_) => (to.group, 1),
            Value::Histogram(histogram) => {
                let sort = 1 + histogram.temporality() as u128;
                let buckets = histogram.buckets().count();
                (to.group ^ sort, 1 + buckets / BUCKETS_OF_WEIGHT)
            }
        };
        if matches!(value, Value::Float(value) if is_stale(value)) {
            state.end_member(to, time);
            return Ok(());
        }
        let more = weight - state.weight_of(key, to.member).min(weight);
        if !state.has_room(more, moment.now) {
            return Err(Refusal::SeriesLimit);
        }
        let before = state.weight_of(key, to.member);
        let end = end_of(time, to.aggregation.interval);
        let is_known = state.groups.contains_key(&key);
        if !is_known && state.groups.len() >= GROUPS_MAX {
            return Err(Refusal::SeriesLimit);
        }
        let make = || Group::new(to, value, end, moment.stored);
        let group = state.groups.entry(key).or_insert_with(make);
        if end > group.end {
            if group.is_touched {
                group.write(out);
            }
            group.roll(end, to.aggregation, moment.stored);
        }
        group.add(to.member, time, value);
        let after = group.members.get(&to.member).map_or(0, Member::weight);
        if !std::mem::replace(&mut group.is_touched, true) {
            state.touched.push(key);
        }
        state.weight = state.weight + after - before;
        Ok(())
    }

    /// Writes all groups that changed.
    pub(crate) fn write(&mut self, out: &mut Batch) {
        let state = &mut *self.0;
        for key in state.touched.drain(..) {
            if let Some(group) = state.groups.get_mut(&key) {
                group.is_touched = false;
                group.write(out);
            }
        }
    }

    /// How many members there are.
    #[cfg(test)]
    fn weight(&self) -> usize {
        self.0.weight
    }
}

impl State {
    /// A series ended: its last value counts no more. What a counter grew by stays, and if the
    /// series comes back it goes on from where it was.
    fn end_member(&mut self, of: Membership<'_>, time: Timestamp) {
        let Some(group) = self.groups.get_mut(&of.group) else {
            return;
        };
        let is_newest = |member: &Member| member.time <= time;
        let is_gauge = group.function != Function::Total;
        if is_gauge && group.members.get(&of.member).is_some_and(is_newest) {
            group.members.remove(&of.member);
            self.weight -= 1;
            if !std::mem::replace(&mut group.is_touched, true) {
                self.touched.push(of.group);
            }
        }
    }

    fn weight_of(&self, group: u128, member: u64) -> usize {
        let group = self.groups.get(&group);
        let member = group.and_then(|group| group.members.get(&member));
        member.map_or(0, Member::weight)
    }

    /// Whether so much more may be remembered, after forgetting what was not seen for long.
    fn has_room(&mut self, more: usize, now: Timestamp) -> bool {
        if more == 0 || (self.weight + more <= WEIGHT_MAX && self.groups.len() < GROUPS_MAX) {
            return true;
        }
        if self.swept.is_none_or(|swept| now.since(swept) >= SWEEP) {
            self.swept = Some(now);
            self.sweep(now - FORGOTTEN);
        }
        self.weight + more <= WEIGHT_MAX
    }

    fn sweep(&mut self, oldest: Timestamp) {
        let mut weight = 0;
        for group in self.groups.values_mut() {
            group.members.retain(|_, member| member.end >= oldest);
            weight += group.members.values().map(Member::weight).sum::<usize>();
        }
        self.groups
            .retain(|_, group| group.is_touched || !group.members.is_empty());
        self.weight = weight;
    }
}

/// The end of the interval that a time belongs to; a boundary ends its interval.
pub(crate) fn end_of(time: Timestamp, interval: Duration) -> Timestamp {
    (time - Duration::from_nanos(1)).align_down(interval) + interval
}

/// What a metric is by its name, where nothing else is known: the endings that OpenMetrics gives
/// to counters.
fn is_counter_by_name(name: &str) -> bool {
    let endings = ["_total", "_count", "_sum", "_bucket"];
    endings.iter().any(|ending| name.ends_with(ending))
}

fn function_of(aggregation: &Aggregation, labels: &Labels, stored: &dyn Stored) -> Function {
    aggregation.function.unwrap_or_else(|| {
        let name = labels.name();
        // The parts of a histogram are counters, whatever is said of the whole.
        let is_counter = match stored.kind(name).map(Kind::shape) {
            Some(Shape::Counter) => true,
            Some(Shape::Gauge) => false,
            Some(Shape::Histogram) | None => is_counter_by_name(name),
        };
        if is_counter {
            Function::Total
        } else {
            Function::Sum
        }
    })
}

impl Group {
    fn new(of: Membership<'_>, first: Value<'_>, end: Timestamp, stored: &dyn Stored) -> Self {
        let function = function_of(of.aggregation, of.labels, stored);
        let newest = || stored.samples(of.labels, TimeRange::last(RESUMED, end));
        let total = match first {
            Value::Float(_) if function != Function::Total => Total::Number(0.0),
            Value::Float(_) => Total::Number(newest().last().map_or(0.0, |(_, value)| value)),
            Value::Histogram(histogram) => {
                let mut empty = histogram.since(histogram).unwrap_or_default();
                let mut known = newest();
                let at = known.histogram_timestamps.pop();
                let known = known.histograms.pop();
                let known = known.filter(|h| h.temporality() == histogram.temporality());
                match histogram.temporality() {
                    Temporality::Cumulative => {
                        empty = empty.counted(Temporality::Cumulative);
                        Total::Cumulative(known.unwrap_or(empty))
                    }
                    Temporality::Delta => {
                        Total::Delta(known.filter(|_| at == Some(end)).unwrap_or(empty))
                    }
                }
            }
        };
        Self {
            labels: of.labels.clone(),
            function,
            end,
            is_touched: false,
            members: HashMap::default(),
            total,
        }
    }

    /// Opens the next interval.
    fn roll(&mut self, end: Timestamp, aggregation: &Aggregation, stored: &dyn Stored) {
        self.end = end;
        match &mut self.total {
            Total::Delta(total) => *total = total.since(total).unwrap_or_default(),
            Total::Cumulative(_) => {}
            Total::Number(total) => {
                // What kind of metric it is may have become known since.
                let function = function_of(aggregation, &self.labels, stored);
                if function != self.function {
                    (self.function, *total) = (function, 0.0);
                }
            }
        }
    }

    fn add(&mut self, key: u64, time: Timestamp, value: Value<'_>) {
        let end = self.end;
        let Some(member) = self.members.get_mut(&key) else {
            let value = match (value, &mut self.total) {
                (Value::Float(value), _) => Held::Number(value),
                (Value::Histogram(histogram), total) => {
                    if let Total::Delta(total) = total {
                        total.merge(histogram);
                    }
                    Held::Histogram(Box::new(histogram.clone()))
                }
            };
            self.members.insert(key, Member { time, end, value });
            return;
        };
        if time < member.time {
            return;
        }
        let is_same_time = time == member.time;
        match (&mut member.value, value, &mut self.total) {
            (Held::Number(held), Value::Float(value), Total::Number(total)) => {
                let is_counted = self.function == Function::Total;
                if is_counted && !value.is_finite() {
                    return;
                }
                if is_counted && !(is_same_time && value < *held) {
                    *total = grown(*total, increase(*held, value));
                }
                *held = value;
            }
            (Held::Histogram(held), Value::Histogram(value), Total::Cumulative(total)) => {
                match value.since(held) {
                    Some(more) => total.merge(&more),
                    None if !is_same_time => total.merge(value),
                    None => {}
                }
                **held = value.clone();
            }
            (Held::Histogram(held), Value::Histogram(value), Total::Delta(total)) => {
                // The histogram of a time that is still open is sent again as it grows.
                match value.since(held).filter(|_| is_same_time) {
                    Some(more) => total.merge(&more),
                    None => total.merge(value),
                }
                **held = value.clone();
            }
            // A group is of one sort: its key says so.
            _ => {}
        }
        (member.time, member.end) = (time, end);
    }

    /// Adds the sample of the interval that is open.
    fn write(&self, out: &mut Batch) {
        let series = |out: &mut Batch| out.series_encoded(self.labels.as_ref());
        match &self.total {
            Total::Number(total) => {
                let value = match self.function {
                    Function::Total => Some(*total),
                    function => self.combined(function),
                };
                if let Some(value) = value {
                    let series = series(out);
                    out.push(series, self.end, value);
                }
            }
            Total::Cumulative(total) | Total::Delta(total) => {
                let series = series(out);
                if self.function == Function::Count {
                    let open = self.members.values().filter(|m| m.end == self.end);
                    out.push(series, self.end, open.count() as f64);
                } else {
                    out.push_histogram(series, self.end, total.clone());
                }
            }
        }
    }

    /// The values of the interval that is open, as one; `None` when there is none.
    fn combined(&self, function: Function) -> Option<f64> {
        let open = self.members.values().filter(|m| m.end == self.end);
        let values = open.filter_map(|member| match member.value {
            Held::Number(value) => Some(value),
            Held::Histogram(_) => None,
        });
        let (mut count, mut sum) = (0.0, 0.0);
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            count += 1.0;
            sum += value;
            (min, max) = (min.min(value), max.max(value));
        }
        if count == 0.0 {
            return None;
        }
        Some(match function {
            Function::Total | Function::Sum => sum,
            Function::Min => min,
            Function::Max => max,
            Function::Avg => sum / count,
            Function::Count => count,
        })
    }
}

impl Member {
    fn weight(&self) -> usize {
        match &self.value {
            Held::Number(_) => 1,
            Held::Histogram(h) => 1 + h.buckets().count() / BUCKETS_OF_WEIGHT,
        }
    }
}

/// What a counter grew by; after a reset that is what it shows.
fn increase(held: f64, value: f64) -> f64 {
    if !held.is_finite() {
        0.0
    } else if value < held {
        value
    } else {
        value - held
    }
}

/// A total and an increase; one that overflows starts again from zero, which is a reset.
fn grown(total: f64, by: f64) -> f64 {
    let sum = total + by;
    if sum.is_finite() { sum } else { 0.0 }
}

#[cfg(test)]
mod tests;
