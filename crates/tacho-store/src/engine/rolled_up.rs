//! Reading roll-ups: one aggregate of the matching series, day after day.
//!
//! A selection holds its blocks open, and nothing is decoded before it is read. A window that
//! shares a time with a deletion that its roll-up does not include yet is left out, whatever its
//! other samples were: better no answer than a wrong one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tacho_model::{Columns, Labels, Matcher, QueryError, Selection, TimeRange, Timestamp};

use super::Engine;
use crate::block::{Block, SeriesRows};
use crate::matching::Filter;
use crate::rollup::layout::{self, Day};
use crate::rollup::{Aggregate, Resolution};
use crate::samples::Gather;
use crate::select::failed;
use crate::tombstones::covers;

/// One series on one day.
struct Source {
    day: Day,
    block: Arc<Block>,
    rows: SeriesRows,
    /// The times of windows that are left out.
    hidden: Vec<TimeRange>,
}

/// Selected series.
struct RolledUp {
    labels: Vec<Labels>,
    /// The days of all series, those of each in order.
    sources: Vec<Source>,
    /// For each series where its sources end.
    ends: Vec<usize>,
    resolution: Resolution,
    aggregate: Aggregate,
    range: TimeRange,
    samples_max: u64,
    samples: AtomicU64,
}

impl Engine {
    /// See [`crate::Store::select_rolled_up`].
    pub(crate) fn select_rolled_up(
        &self,
        resolution: Resolution,
        aggregate: Aggregate,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Box<dyn Selection + '_>, QueryError> {
        let limit = self.options.query_series_max;
        let too_much = QueryError::TooMuch {
            what: "series",
            limit,
        };
        let mut found = self.rolled_up(resolution, aggregate, matchers, range)?;
        // Stable, so that the days of a series stay in order.
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let mut selected = RolledUp {
            labels: Vec::new(),
            sources: Vec::new(),
            ends: Vec::new(),
            resolution,
            aggregate,
            range,
            samples_max: self.options.query_samples_max,
            samples: AtomicU64::new(0),
        };
        for (labels, source) in found {
            if selected.labels.last() != Some(&labels) {
                selected.labels.push(labels);
                selected.ends.push(0);
            }
            selected.sources.push(source);
            if let Some(end) = selected.ends.last_mut() {
                *end = selected.sources.len();
            }
        }
        if selected.labels.len() as u64 > limit {
            return Err(too_much);
        }
        Ok(Box::new(selected))
    }

    /// Adds the series that have windows with samples inside `range`.
    pub(super) fn find_rolled_up(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        found: &mut BTreeSet<Labels>,
    ) -> Result<(), QueryError> {
        for resolution in Resolution::ALL {
            let windows = layout::whole_windows(range, resolution);
            let series = self.rolled_up(resolution, Aggregate::Count, matchers, windows)?;
            found.extend(series.into_iter().map(|(labels, _)| labels));
        }
        Ok(())
    }

    /// Series by series and day by day what matches and may have windows inside `range`.
    fn rolled_up(
        &self,
        resolution: Resolution,
        aggregate: Aggregate,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<(Labels, Source)>, QueryError> {
        let limit = self.options.query_series_max;
        let (days, tombstones) = {
            let memory = self.memory.read();
            let days = memory.rollups[resolution as usize].clone();
            (days, memory.tombstones.clone())
        };
        let filter = Filter::new(matchers);
        let mut found = Vec::new();
        for rolled in days.iter().filter(|each| each.day.range().overlaps(range)) {
            let pending = rolled.pending(&tombstones);
            // The others may be said to be the same as the first or the last.
            let places = match aggregate {
                Aggregate::Count => rolled.day.places(aggregate, range),
                _ => layout::places(aggregate),
            };
            let before = found.len();
            let walk = rolled.block.matching(&filter, places, |series| {
                let hidden = pending.hidden(series.labels).into_iter();
                let hidden = hidden.map(|times| layout::whole_windows(times, resolution));
                let hidden: Vec<TimeRange> = hidden.collect();
                if !covers(&hidden, rolled.day.range()) {
                    let source = Source {
                        day: rolled.day,
                        block: rolled.block.clone(),
                        rows: series.rows,
                        hidden,
                    };
                    found.push((series.labels.to_owned(), source));
                }
                (found.len() - before) as u64 <= limit
            });
            walk.map_err(failed)?;
            if (found.len() - before) as u64 > limit {
                return Err(QueryError::TooMuch {
                    what: "series",
                    limit,
                });
            }
        }
        Ok(found)
    }
}

/// The numbers of one aggregate on one day.
enum Numbers {
    Rows(Vec<(Timestamp, f64)>),
    /// What the layout says instead of rows.
    Same,
}

impl RolledUp {
    /// Reads the rows of an aggregate of one series and day.
    fn rows(
        &self,
        source: &Source,
        aggregate: Aggregate,
        into: &mut Columns,
    ) -> Result<(), QueryError> {
        let places = layout::places(aggregate);
        let mut gather = Gather::new(into, places);
        let mut outcome = Ok(());
        let pages = source.block.pages(&source.rows, places, |part| {
            let mut read = || source.block.read(&part, &mut gather).map_err(failed);
            outcome = self.count(part.count()).and_then(|()| read());
            outcome.is_ok()
        });
        pages.map_err(failed).and(outcome)?;
        gather.finish();
        Ok(())
    }

    fn count(&self, samples: u64) -> Result<(), QueryError> {
        let before = self.samples.fetch_add(samples, Ordering::Relaxed);
        let limit = self.samples_max;
        if before.saturating_add(samples) > limit {
            return Err(QueryError::TooMuch {
                what: "samples",
                limit,
            });
        }
        Ok(())
    }

    fn numbers(
        &self,
        source: &Source,
        aggregate: Aggregate,
        scratch: &mut Columns,
    ) -> Result<Numbers, QueryError> {
        self.rows(source, aggregate, scratch)?;
        let mut rows = Vec::with_capacity(scratch.values.len());
        for (place, value) in scratch.timestamps.iter().zip(&scratch.values) {
            match source.day.time(*place) {
                Some(time) => rows.push((time, *value)),
                None => return Ok(Numbers::Same),
            }
        }
        Ok(Numbers::Rows(rows))
    }

    /// The numbers of the selected aggregate, if need be from those that they equal.
    fn answer(
        &self,
        source: &Source,
        scratch: &mut Columns,
    ) -> Result<Vec<(Timestamp, f64)>, QueryError> {
        let mut at_ends = |aggregate| {
            let numbers = self.numbers(source, aggregate, scratch)?;
            let Numbers::Rows(mut rows) = numbers else {
                return Ok(None);
            };
            for (time, _) in &mut rows {
                *time = self.resolution.window_end(*time);
            }
            Ok(Some(rows))
        };
        let rows = match self.aggregate {
            Aggregate::First | Aggregate::Last => {
                return match self.numbers(source, self.aggregate, scratch)? {
                    Numbers::Rows(rows) => Ok(rows),
                    Numbers::Same => Ok(Vec::new()),
                };
            }
            aggregate => at_ends(aggregate)?,
        };
        if let Some(rows) = rows {
            return Ok(rows);
        }
        let first = match self.aggregate {
            Aggregate::Min | Aggregate::Increase => at_ends(Aggregate::First)?,
            _ => None,
        };
        let last = match self.aggregate {
            Aggregate::Max | Aggregate::Increase => at_ends(Aggregate::Last)?,
            _ => None,
        };
        Ok(match (first, last) {
            (Some(firsts), Some(lasts)) => increases(&firsts, &lasts),
            (one, other) => one.or(other).unwrap_or_default(),
        })
    }

    fn is_shown(&self, source: &Source, time: Timestamp) -> bool {
        let inside = self.range.contains(self.resolution.window_end(time));
        inside && !source.hidden.iter().any(|hidden| hidden.contains(time))
    }
}

/// The increases of windows without resets. Damage may have cost the one or the other.
fn increases(firsts: &[(Timestamp, f64)], lasts: &[(Timestamp, f64)]) -> Vec<(Timestamp, f64)> {
    let mut lasts = lasts.iter().peekable();
    let mut all = Vec::with_capacity(firsts.len());
    for (end, first) in firsts {
        while lasts.next_if(|(other, _)| other < end).is_some() {}
        let last = lasts.next_if(|(other, _)| other == end);
        all.extend(last.map(|(_, last)| (*end, layout::increase(*first, *last))));
    }
    all
}

impl Selection for RolledUp {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        &self.labels[index]
    }

    fn read(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
        into.clear();
        let scratch = &mut Columns::new();
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        for source in &self.sources[start..self.ends[index]] {
            if self.aggregate == Aggregate::Histogram {
                self.rows(source, self.aggregate, scratch)?;
                let places = scratch.histogram_timestamps.iter();
                for (place, histogram) in places.zip(scratch.histograms.drain(..)) {
                    let time = source.day.time(*place);
                    if let Some(time) = time.filter(|time| self.is_shown(source, *time)) {
                        into.histogram_timestamps.push(time);
                        into.histograms.push(histogram);
                    }
                }
                continue;
            }
            for (time, value) in self.answer(source, scratch)? {
                if self.is_shown(source, time) {
                    into.timestamps.push(time);
                    into.values.push(value);
                }
            }
        }
        Ok(())
    }
}
