//! Metric points on their way into the store.
//!
//! Numbers are appended as they are. Single observations (kinds timing and histogram) are folded
//! into one native histogram a series and second, stamped with the second's end. A histogram is
//! written again each time its second gains an observation, and the last one wins, so that every
//! observation that was acknowledged survives a crash; after a restart a second that is still
//! open is read back from the store before it grows.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::append::Culprit;
use tacho_model::{
    AppendError, Appender, Batch, Columns, Histogram, Kind, Labels, Metadata, Querier, QueryError,
    Shape, TimeRange, Timestamp, Unit,
};
use tacho_store::FOLD_AFTER;
use tacho_wire::json::Point;

/// Observations of this much time share a histogram.
const FOLD: Duration = Duration::from_secs(1);
/// Histograms of this many series and seconds are kept in memory; others are read back.
const OPEN_MAX: usize = 20_000;
/// How long after its end a second is kept in memory: the store may fold it with others later, and
/// it must be read back then.
pub(crate) const OPEN_FOR: Duration = Duration::from_secs(10);
const _: () = assert!(OPEN_FOR.as_secs() < FOLD_AFTER.as_secs());

/// Folds observations and appends points.
#[derive(Debug, Default)]
pub struct Ingest {
    open: Mutex<HashMap<(Labels, Timestamp), Histogram>>,
}

/// Observations by series and second, with the points that they came from.
struct Folded {
    histograms: HashMap<(Labels, Timestamp), (Histogram, Vec<usize>)>,
    now: Timestamp,
}

/// What became of a list of points: how many were kept, and why the others were not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct IngestOutcome {
    /// Points kept.
    pub accepted: usize,
    /// Refused points by their index in the list.
    pub rejected: Vec<(usize, String)>,
    /// When a limit on series was met: the metric that has the most of them.
    pub culprit: Option<Culprit>,
}

/// Why none of the points was kept.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The store refused the batch.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A second that is still open could not be read back.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl Ingest {
    /// Appends points; those that carry an error are passed on as refused. `now` is for points
    /// without a time; open seconds are read back from `store`.
    pub fn append(
        &self,
        store: &dyn Querier,
        door: &dyn Appender,
        points: Vec<Result<Point, String>>,
        now: Timestamp,
    ) -> Result<IngestOutcome, IngestError> {
        let mut outcome = IngestOutcome::default();
        let mut batch = Batch::new();
        let mut described = Described {
            querier: store,
            names: HashMap::new(),
        };
        // Which points stand behind each row: a folded histogram may hold many.
        let mut rows: Vec<Vec<usize>> = Vec::new();
        let mut folded: HashMap<(Labels, Timestamp), (Histogram, Vec<usize>)> = HashMap::new();
        for (index, point) in points.into_iter().enumerate() {
            let point = match point {
                Ok(point) => point,
                Err(reason) => {
                    outcome.rejected.push((index, reason));
                    continue;
                }
            };
            let kind = match described.resolve(&point) {
                Ok(kind) => kind,
                Err(reason) => {
                    outcome.rejected.push((index, reason));
                    continue;
                }
            };
            let time = point.timestamp.unwrap_or(now);
            if kind.shape() == Shape::Histogram {
                let (histogram, indices) =
                    folded.entry((point.labels, end_of_fold(time))).or_default();
                histogram.observe(point.value);
                indices.push(index);
            } else {
                let series = batch.series_encoded(point.labels.as_ref());
                batch.push(series, time, point.value);
                rows.push(vec![index]);
            }
        }
        for (name, metadata) in described.changed() {
            batch.describe(name, metadata);
        }
        let folded = Folded {
            histograms: folded,
            now,
        };
        self.commit(store, door, batch, rows, folded, &mut outcome)?;
        outcome.rejected.sort();
        Ok(outcome)
    }

    fn commit(
        &self,
        store: &dyn Querier,
        door: &dyn Appender,
        mut batch: Batch,
        mut rows: Vec<Vec<usize>>,
        folded: Folded,
        outcome: &mut IngestOutcome,
    ) -> Result<(), IngestError> {
        let Folded { histograms, now } = folded;
        // Held until the batch is in the log, so that two requests cannot both extend what they
        // read and lose each other's observations.
        let mut open = (!histograms.is_empty()).then(|| self.open.lock());
        let mut grown = Vec::with_capacity(histograms.len());
        for ((labels, end), (fresh, indices)) in histograms {
            let key = (labels, end);
            let is_open = now.since(end) < OPEN_FOR;
            let known = open.as_ref().filter(|_| is_open);
            let known = known.and_then(|open| open.get(&key).cloned());
            let mut histogram = match known {
                Some(histogram) => histogram,
                None => stored(store, &key.0, end)?.unwrap_or_default(),
            };
            histogram.merge(&fresh);
            let series = batch.series_encoded(key.0.as_ref());
            batch.push_histogram(series, end, histogram.clone());
            rows.push(indices);
            grown.push((key, histogram));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let appended = door.append(&batch)?;
        outcome.culprit.clone_from(&appended.culprit);
        if let Some(open) = open.as_mut() {
            if open.len() + grown.len() > OPEN_MAX {
                open.clear();
            }
            // What the store refused was never observed.
            let folded_from = rows.len() - grown.len();
            let refused: HashSet<usize> = appended.rejected.iter().map(|r| r.row).collect();
            let kept = |at: usize| !refused.contains(&(folded_from + at));
            open.extend(
                grown
                    .into_iter()
                    .enumerate()
                    .filter(|(at, _)| kept(*at))
                    .map(|(_, g)| g),
            );
        }
        for rejected in appended.rejected {
            let reason = rejected.reason.to_string();
            let indices = rows
                .get_mut(rejected.row)
                .map(std::mem::take)
                .unwrap_or_default();
            outcome
                .rejected
                .extend(indices.into_iter().map(|index| (index, reason.clone())));
        }
        outcome.accepted = rows.iter().map(Vec::len).sum();
        Ok(())
    }
}

/// What is known of the metrics of one batch.
///
/// Whoever describes a metric first is believed: a later sender may add what is missing, but one
/// that calls a counter a gauge, or seconds bytes, is refused, because every reader of the metric
/// would go wrong by it.
struct Described<'a> {
    querier: &'a dyn Querier,
    /// By name: what holds now, and whether this batch changed it.
    names: HashMap<String, (Option<Metadata>, bool)>,
}

impl Described<'_> {
    /// The kind of a point, or why it contradicts what is known.
    fn resolve(&mut self, point: &Point) -> Result<Kind, String> {
        let name = point.labels.name();
        if !self.names.contains_key(name) {
            self.names
                .insert(name.to_owned(), (self.querier.metadata(name), false));
        }
        let silent = point.kind.is_none() && point.unit.is_none() && point.help.is_none();
        let Some((known, changed)) = self.names.get_mut(name) else {
            return Ok(Kind::Gauge);
        };
        let Some(metadata) = known else {
            let kind = point.kind.unwrap_or(Kind::Gauge);
            if !silent {
                let unit = point.unit.clone().unwrap_or(Unit::NONE);
                let help = point.help.clone().unwrap_or_default();
                *known = Some(Metadata { kind, unit, help });
                *changed = true;
            }
            return Ok(kind);
        };
        let kind = point.kind.unwrap_or(metadata.kind);
        if kind.shape() != metadata.kind.shape() {
            return Err(format!(
                "`{name}` is a {} here, not a {kind}; use another name",
                metadata.kind
            ));
        }
        if let Some(unit) = point.unit.as_ref().filter(|unit| **unit != metadata.unit) {
            if metadata.unit != Unit::NONE {
                let (ours, theirs) = (metadata.unit.as_str(), unit.as_str());
                return Err(format!("`{name}` is in `{ours}` here, not in `{theirs}`"));
            }
            metadata.unit = unit.clone();
            *changed = true;
        }
        if let Some(help) = point.help.as_ref().filter(|_| metadata.help.is_empty()) {
            metadata.help.clone_from(help);
            *changed = true;
        }
        Ok(metadata.kind)
    }

    /// What this batch adds.
    fn changed(&self) -> impl Iterator<Item = (&str, Metadata)> {
        let changed = self.names.iter().filter(|(_, (_, changed))| *changed);
        changed.filter_map(|(name, (metadata, _))| Some((name.as_str(), metadata.clone()?)))
    }
}

/// The end of the second that an observation belongs to; a boundary ends its second.
fn end_of_fold(time: Timestamp) -> Timestamp {
    (time - Duration::from_nanos(1)).align_down(FOLD) + FOLD
}

/// The histogram that the store already holds for this series and time.
fn stored(
    store: &dyn Querier,
    labels: &Labels,
    at: Timestamp,
) -> Result<Option<Histogram>, QueryError> {
    let mut columns = Columns::new();
    store.read_series(labels.as_ref(), TimeRange::new(at, at), &mut columns)?;
    Ok(columns.histograms.pop())
}

#[cfg(test)]
mod tests;
