//! Reading series for people: selectors, a range, a step, one function, a grouping.
//!
//! One query form serves the REST call, the live subscriptions and the command line, so all three
//! always show the same numbers. Synchronous: callers run it where blocking is allowed.

use std::collections::BTreeMap;
use std::time::Duration;

use tacho_analysis::aggregate::{Function, Grouping, Series, Windows};
use tacho_model::{
    Columns, Kind, Labels, Matcher, Querier, QueryError, Shape, TimeRange, Timestamp, Unit,
};
use tacho_promql::{SelectorError, parse_selector};

use crate::reading::{SeriesAt, map_in_order};

/// Most points a series may have in an answer, as in Prometheus.
pub const POINTS_MAX: u64 = 11_000;
/// Most points an answer may have in all.
pub const ANSWER_POINTS_MAX: usize = 2_000_000;
/// Series a page, unless asked otherwise.
pub const PAGE_DEFAULT: usize = 1_000;
/// Most series a page.
pub const PAGE_MAX: usize = 10_000;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct SeriesQuery {
    /// Selectors; a series that matches any of them is meant.
    pub selectors: Vec<Vec<Matcher>>,
    /// From when to when.
    pub range: TimeRange,
    /// One point a step; the stored samples when absent.
    pub step: Option<Duration>,
    /// How a step becomes one point; by the metric's kind when absent.
    pub function: Option<Function>,
    /// Labels to keep; all when absent.
    pub by: Option<Vec<String>>,
    /// How many series to leave out at the start.
    pub offset: usize,
    /// Most series to answer.
    pub limit: usize,
}

impl SeriesQuery {
    /// A query for everything about `selectors` inside `range`.
    pub fn new(selectors: Vec<Vec<Matcher>>, range: TimeRange) -> Self {
        Self {
            selectors,
            range,
            step: None,
            function: None,
            by: None,
            offset: 0,
            limit: PAGE_DEFAULT,
        }
    }
}

/// One series of an answer.
#[derive(Debug, Clone)]
pub struct SeriesPoints {
    /// Its labels, the metric's name among them.
    pub labels: Labels,
    /// What it measures.
    pub kind: Kind,
    /// In which unit.
    pub unit: Unit,
    /// Its points in order of time.
    pub points: Vec<(Timestamp, f64)>,
}

/// A page of series.
#[derive(Debug, Clone, Default)]
pub struct SeriesPage {
    /// The series, sorted by labels.
    pub series: Vec<SeriesPoints>,
    /// Where the next page begins, if there is one.
    pub next: Option<usize>,
}

/// Why a series query could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// No selector, name, service or source.
    #[error("say which series: match[]=SELECTOR, name, service or source")]
    NothingSelected,
    /// A selector that cannot be read.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// The range ends before it starts.
    #[error("the range ends before it starts")]
    EmptyRange,
    /// A step of zero.
    #[error("a step of zero has no points; give one such as 15s")]
    NoStep,
    /// A step that gives too many points.
    #[error("a step of {step:?} gives {points} points a series, more than {POINTS_MAX}; widen it")]
    Step {
        /// The step asked for.
        step: Duration,
        /// How many points it would give.
        points: u64,
    },
    /// The answer would be too large.
    #[error("the answer has more than {ANSWER_POINTS_MAX} points; narrow it or give a wider step")]
    TooManyPoints,
    /// The store could not answer.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Parses selectors and the three shorthands into one list of alternatives.
pub fn selectors(
    matches: &[String],
    shorthands: &[(&str, Option<&str>)],
) -> Result<Vec<Vec<Matcher>>, SeriesError> {
    let short: Vec<Matcher> = shorthands
        .iter()
        .filter_map(|(name, value)| value.map(|value| Matcher::equal(name, value)))
        .collect();
    if matches.is_empty() {
        return if short.is_empty() {
            Err(SeriesError::NothingSelected)
        } else {
            Ok(vec![short])
        };
    }
    let parse = |text: &String| {
        let mut matchers = parse_selector(text)?;
        matchers.extend(short.iter().cloned());
        Ok(matchers)
    };
    matches.iter().map(parse).collect()
}

/// Answers a query.
pub fn read(querier: &dyn Querier, query: &SeriesQuery) -> Result<SeriesPage, SeriesError> {
    let steps = check(query)?;
    let windows = match query.step {
        Some(step) => Some(Windows::steps(query.range, step)),
        None if query.by.is_none() && query.function.is_none() => None,
        None => Some(Windows::one(query.range)),
    };
    let range = windows.map_or(query.range, Windows::read_range);
    let select = |matchers: &Vec<Matcher>| querier.select(matchers, range);
    let selections: Vec<_> = query
        .selectors
        .iter()
        .map(select)
        .collect::<Result<_, _>>()?;
    // A series that several selectors match is meant once.
    let mut wanted: BTreeMap<&Labels, SeriesAt<'_>> = BTreeMap::new();
    for series in selections.iter().flat_map(|s| SeriesAt::all(s.as_ref())) {
        wanted.entry(series.labels()).or_insert(series);
    }
    let wanted: Vec<SeriesAt<'_>> = wanted.into_values().collect();
    if query.by.is_some() {
        let windows = windows.unwrap_or(Windows::one(query.range));
        let groups = read_grouped(querier, &wanted, query, windows, steps)?;
        let (page, next) = page(&groups, query);
        return Ok(SeriesPage {
            series: page.to_vec(),
            next,
        });
    }
    // Each series stands alone, so only those of the page are read at all.
    let (page, next) = page(&wanted, query);
    let series = match windows {
        None => read_raw(querier, page, range)?,
        Some(windows) => read_apart(querier, page, query, windows, steps)?,
    };
    Ok(SeriesPage { series, next })
}

/// Number of steps, if the query makes sense.
fn check(query: &SeriesQuery) -> Result<u64, SeriesError> {
    if query.range.start > query.range.end {
        return Err(SeriesError::EmptyRange);
    }
    let Some(step) = query.step else { return Ok(1) };
    let points = query
        .range
        .duration()
        .as_nanos()
        .checked_div(step.as_nanos());
    let points = u64::try_from(points.ok_or(SeriesError::NoStep)?).unwrap_or(u64::MAX);
    if points > POINTS_MAX {
        return Err(SeriesError::Step { step, points });
    }
    Ok(points.max(1))
}

/// The page of `all` that is asked for, and where the next one begins.
fn page<'a, T>(all: &'a [T], query: &SeriesQuery) -> (&'a [T], Option<usize>) {
    let limit = query.limit.min(PAGE_MAX);
    let end = query.offset.saturating_add(limit).min(all.len());
    let page = all.get(query.offset.min(end)..end).unwrap_or_default();
    (page, (end < all.len()).then_some(end))
}

/// The stored samples; a histogram is shown by its mean.
fn read_raw(
    querier: &dyn Querier,
    wanted: &[SeriesAt<'_>],
    range: TimeRange,
) -> Result<Vec<SeriesPoints>, SeriesError> {
    let points = |_: usize, columns: &Columns| {
        let numbers = columns.timestamps.iter().zip(&columns.values);
        let mut points: Vec<_> = numbers
            .map(|(t, value)| (*t, *value))
            .filter(|(_, value)| !tacho_model::append::is_stale(*value))
            .collect();
        let histograms = columns.histogram_timestamps.iter().zip(&columns.histograms);
        points.extend(histograms.filter_map(|(t, h)| Some((*t, h.mean()?))));
        points.sort_by_key(|(t, _)| *t);
        points
    };
    let mut series = Vec::with_capacity(wanted.len());
    let mut total = 0;
    map_in_order(wanted, range, points, |index, points| {
        total += points.len();
        if total > ANSWER_POINTS_MAX {
            return Err(SeriesError::TooManyPoints);
        }
        if !points.is_empty() {
            let labels = wanted[index].labels().clone();
            let (kind, unit) = described(querier, labels.name());
            series.push(SeriesPoints {
                labels,
                kind,
                unit,
                points,
            });
        }
        Ok(())
    })?;
    Ok(series)
}

/// One point a window, each series by itself.
fn read_apart(
    querier: &dyn Querier,
    wanted: &[SeriesAt<'_>],
    query: &SeriesQuery,
    windows: Windows,
    steps: u64,
) -> Result<Vec<SeriesPoints>, SeriesError> {
    let aggregate = |index: usize, columns: &Columns| {
        let labels = wanted[index].labels();
        let (function, grouping) = aggregated(querier, query, windows, labels, columns);
        (function, grouping.finish().pop())
    };
    let mut series = Vec::new();
    let over = windows.read_range();
    map_in_order(wanted, over, aggregate, |index, made| {
        check_points(index + 1, steps)?;
        let (function, group) = made;
        series.extend(group.and_then(|group| shown(querier, function, group)));
        Ok::<(), SeriesError>(())
    })?;
    Ok(series)
}

/// One point a window, series put together.
fn read_grouped(
    querier: &dyn Querier,
    wanted: &[SeriesAt<'_>],
    query: &SeriesQuery,
    windows: Windows,
    steps: u64,
) -> Result<Vec<SeriesPoints>, SeriesError> {
    let aggregate = |index: usize, columns: &Columns| {
        let labels = wanted[index].labels();
        aggregated(querier, query, windows, labels, columns)
    };
    // One selector may match metrics of several kinds, whose default functions differ.
    let mut groupings: Vec<(Function, Grouping)> = Vec::new();
    let over = windows.read_range();
    map_in_order(wanted, over, aggregate, |_, (function, one)| {
        match groupings.iter_mut().find(|(f, _)| *f == function) {
            Some((_, grouping)) => grouping.merge(one),
            None => groupings.push((function, one)),
        }
        let groups = groupings.iter().map(|(_, grouping)| grouping.len()).sum();
        check_points(groups, steps)
    })?;
    let mut series = Vec::new();
    for (function, grouping) in groupings {
        let groups = grouping.finish().into_iter();
        series.extend(groups.filter_map(|group| shown(querier, function, group)));
    }
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(series)
}

/// One series in its windows, and how it becomes points: as asked, else by what it is.
fn aggregated(
    querier: &dyn Querier,
    query: &SeriesQuery,
    windows: Windows,
    labels: &Labels,
    columns: &Columns,
) -> (Function, Grouping) {
    let shape = described(querier, labels.name()).0.shape();
    let asked = query.function;
    let function = asked.unwrap_or_else(|| default_function(shape, columns));
    let mut grouping = Grouping::new(function, windows, query.by.as_deref());
    grouping.add(labels, columns, shape);
    (function, grouping)
}

/// Refuses an answer that would be too large.
fn check_points(series: usize, steps: u64) -> Result<(), SeriesError> {
    if series as u64 * steps > ANSWER_POINTS_MAX as u64 {
        return Err(SeriesError::TooManyPoints);
    }
    Ok(())
}

/// An aggregated series as it is answered; nothing where it has no point.
fn shown(querier: &dyn Querier, function: Function, group: Series) -> Option<SeriesPoints> {
    let (labels, points) = group;
    let (kind, unit) = described(querier, labels.name());
    (!points.is_empty()).then(|| SeriesPoints {
        labels,
        kind,
        unit: unit_after(function, kind, &unit),
        points,
    })
}

/// The smallest whole number of intervals that is at least `least`, and at least one.
pub fn step_at_least(interval: Duration, least: Duration) -> Duration {
    let interval = interval.max(Duration::from_millis(1));
    let times = least.as_nanos().div_ceil(interval.as_nanos()).max(1);
    interval.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX))
}

/// The unit of what a function makes of values in `unit`.
fn unit_after(function: Function, kind: Kind, unit: &Unit) -> Unit {
    match (function, kind.shape(), unit.as_str()) {
        // Of observations, whatever is observed.
        (Function::Rate, Shape::Histogram, _) | (Function::Rate, _, "" | "1") => Unit::of("1/s"),
        (Function::Count, ..) | (Function::Rate, _, "s") => Unit::RATIO,
        (Function::Rate, _, unit) => Unit::new(&format!("{unit}/s")),
        _ => unit.clone(),
    }
}

/// The default for what is stored, where it contradicts the metadata or there is none.
fn default_function(shape: Shape, columns: &Columns) -> Function {
    if columns.histograms.is_empty() {
        Function::default_for(shape)
    } else {
        Function::Avg
    }
}

/// A metric's kind and unit; by its name where nobody described it, as Prometheus' users read it.
pub fn described(querier: &dyn Querier, name: &str) -> (Kind, Unit) {
    match querier.metadata(name) {
        Some(metadata) => (metadata.kind, metadata.unit),
        None if name.ends_with("_total") => (Kind::Counter, Unit::NONE),
        None => (Kind::Gauge, Unit::NONE),
    }
}

#[cfg(test)]
mod tests;
