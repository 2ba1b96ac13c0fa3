//! Reading series for people: selectors, a range, a step, one function, a grouping.
//!
//! One query form serves the REST call, the live subscriptions and the command line, so all three
//! always show the same numbers. Synchronous: callers run it where blocking is allowed.

use std::time::Duration;

use tacho_analysis::aggregate::{Function, Grouping, Windows};
use tacho_model::{
    Columns, Kind, Labels, Matcher, Querier, QueryError, Shape, TimeRange, Timestamp, Unit,
};
use tacho_promql::{SelectorError, parse_selector};

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
    if query.range.start > query.range.end {
        return Err(SeriesError::EmptyRange);
    }
    if let Some(step) = query.step {
        let points = query
            .range
            .duration()
            .as_nanos()
            .checked_div(step.as_nanos());
        let points = u64::try_from(points.ok_or(SeriesError::NoStep)?).unwrap_or(u64::MAX);
        if points > POINTS_MAX {
            return Err(SeriesError::Step { step, points });
        }
    }
    let mut all = Vec::new();
    for matchers in &query.selectors {
        all.extend(match query.step {
            None if query.by.is_none() && query.function.is_none() => {
                read_raw(querier, matchers, query)?
            }
            None => read_windows(querier, matchers, query, Windows::one(query.range))?,
            Some(step) => {
                read_windows(querier, matchers, query, Windows::steps(query.range, step))?
            }
        });
    }
    all.sort_by(|a: &SeriesPoints, b| a.labels.cmp(&b.labels));
    all.dedup_by(|a, b| a.labels == b.labels);
    let total = all.len();
    let end = query
        .offset
        .saturating_add(query.limit.min(PAGE_MAX))
        .min(total);
    let series = all.drain(query.offset.min(end)..end).collect();
    Ok(SeriesPage {
        series,
        next: (end < total).then_some(end),
    })
}

/// The stored samples; a histogram is shown by its mean.
fn read_raw(
    querier: &dyn Querier,
    matchers: &[Matcher],
    query: &SeriesQuery,
) -> Result<Vec<SeriesPoints>, SeriesError> {
    let selection = querier.select(matchers, query.range)?;
    let mut columns = Columns::new();
    let mut series = Vec::with_capacity(selection.len());
    let mut total = 0;
    for index in 0..selection.len() {
        let labels = selection.labels(index);
        selection.read(index, &mut columns)?;
        let numbers = columns
            .timestamps
            .iter()
            .copied()
            .zip(columns.values.iter().copied());
        let mut points: Vec<_> = numbers
            .filter(|(_, value)| !tacho_model::append::is_stale(*value))
            .collect();
        let histograms = columns.histogram_timestamps.iter().zip(&columns.histograms);
        points.extend(histograms.filter_map(|(t, h)| Some((*t, h.mean()?))));
        points.sort_by_key(|(t, _)| *t);
        total += points.len();
        if total > ANSWER_POINTS_MAX {
            return Err(SeriesError::TooManyPoints);
        }
        if !points.is_empty() {
            let (kind, unit) = described(querier, labels);
            series.push(SeriesPoints {
                labels: labels.clone(),
                kind,
                unit,
                points,
            });
        }
    }
    Ok(series)
}

fn read_windows(
    querier: &dyn Querier,
    matchers: &[Matcher],
    query: &SeriesQuery,
    windows: Windows,
) -> Result<Vec<SeriesPoints>, SeriesError> {
    let selection = querier.select(matchers, windows.read_range())?;
    // One selector may match metrics of several kinds, whose default functions differ.
    let mut groupings: Vec<(Function, Grouping)> = Vec::new();
    let mut columns = Columns::new();
    for index in 0..selection.len() {
        let labels = selection.labels(index);
        let shape = described(querier, labels).0.shape();
        selection.read(index, &mut columns)?;
        let function = query
            .function
            .unwrap_or_else(|| default_function(shape, &columns));
        let known = groupings.iter().position(|(f, _)| *f == function);
        let at = known.unwrap_or_else(|| {
            let grouping = Grouping::new(function, windows, query.by.as_deref());
            groupings.push((function, grouping));
            groupings.len() - 1
        });
        groupings[at].1.add(labels, &columns, shape);
    }
    let finished = groupings
        .into_iter()
        .map(|(function, grouping)| (function, grouping.finish()));
    let groups = finished.flat_map(|(f, groups)| groups.into_iter().map(move |group| (f, group)));
    let shown = groups.filter(|(_, (_, points))| !points.is_empty());
    let shown = shown.map(|(function, (labels, points))| {
        let (kind, unit) = described(querier, &labels);
        SeriesPoints {
            labels,
            kind,
            unit: unit_after(function, kind, &unit),
            points,
        }
    });
    Ok(shown.collect())
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
fn described(querier: &dyn Querier, labels: &Labels) -> (Kind, Unit) {
    let name = labels.name();
    match querier.metadata(name) {
        Some(metadata) => (metadata.kind, metadata.unit),
        None if name.ends_with("_total") => (Kind::Counter, Unit::NONE),
        None => (Kind::Gauge, Unit::NONE),
    }
}
