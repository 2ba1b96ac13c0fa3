//! The dashboard's summary: tiles with their course and what is normal, alerts, findings, and one
//! sentence that says how things are.
//!
//! Looked at every second by every open page, so what changes slowly is remembered: averages,
//! long courses and the comparison with the baseline each have their own pace. Nothing is
//! computed while nobody looks.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tacho_analysis::Severity;
use tacho_analysis::verdict::{Answer, Verdict};
use tacho_model::{Querier, TimeRange, Timestamp};

use crate::alerting::Alert;
use crate::baselines::{self, DEFAULT, StoredBaseline};
use crate::query::QueryCtx;
use crate::series::{self, SeriesError, SeriesQuery, step_at_least};

mod sentence;
mod tiles;

pub use sentence::{Level, State};
pub use tiles::{TILES, TileSpec};

/// Most points of a tile's course.
const TREND_POINTS: u32 = 90;
/// How often the comparison with the baseline is made anew.
const COMPARE_EVERY: Duration = Duration::from_secs(30);
/// What of the past is compared with the baseline.
const COMPARE_WINDOW: Duration = Duration::from_mins(5);
/// How often the averages over an hour and a day are made anew.
const AVERAGES: [(Duration, Duration); 2] = [
    (Duration::from_hours(1), Duration::from_secs(15)),
    (Duration::from_hours(24), Duration::from_mins(5)),
];
/// Courses of at most this many different windows are remembered.
const WINDOWS_MAX: usize = 16;

/// Everything the page's first look needs.
#[derive(Debug, Clone)]
pub struct Summary {
    /// When.
    pub time: Timestamp,
    /// One sentence and a second line.
    pub state: State,
    /// One figure each.
    pub tiles: Vec<Tile>,
    /// What fires.
    pub alerts: Vec<Alert>,
    /// Verdicts that are not stable.
    pub findings: Vec<Verdict>,
}

/// One figure: now, on average, normally, and its course.
#[derive(Debug, Clone)]
pub struct Tile {
    /// What it shows.
    pub spec: &'static TileSpec,
    /// Now; `None` while unknown.
    pub value: Option<f64>,
    /// Over the last hour and the last day.
    pub averages: [Option<f64>; 2],
    /// What is normal.
    pub baseline: Option<Normal>,
    /// How the last minutes compare with it.
    pub verdict: Option<Verdict>,
    /// The course over the window that was asked for.
    pub trend: Vec<(Timestamp, f64)>,
}

/// What a baseline says of one figure, in the tile's unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Normal {
    /// The baseline's name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// The 5th percentile.
    pub low: f64,
    /// The 95th percentile.
    pub high: f64,
    /// The median.
    pub median: f64,
}

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub struct SummaryCache(Mutex<Remembered>);

/// One tile's course over a window.
type Course = Vec<(Timestamp, f64)>;

#[derive(Debug, Default)]
struct Remembered {
    averages: [Timed<Vec<Option<f64>>>; 2],
    trends: HashMap<Duration, Timed<Vec<Course>>>,
    comparison: Timed<Option<Compared>>,
}

/// A value and when it was made.
#[derive(Debug, Default)]
struct Timed<T> {
    at: Option<Timestamp>,
    value: T,
}

impl<T> Timed<T> {
    fn refresh(&mut self, now: Timestamp, every: Duration, make: impl FnOnce() -> T) -> &T {
        // A clock that stepped back makes everything due.
        let fresh = self.at.is_some_and(|at| at <= now && now.since(at) < every);
        if !fresh {
            self.value = make();
            self.at = Some(now);
        }
        &self.value
    }
}

/// A baseline and how the last minutes compare with it.
#[derive(Debug, Clone)]
struct Compared {
    baseline: StoredBaseline,
    verdicts: Vec<Verdict>,
}

impl SummaryCache {
    /// Forgets the comparison, because a baseline was made or taken away.
    pub fn baselines_changed(&self) {
        self.0.lock().comparison.at = None;
    }

    /// The summary at `now`, with courses over `window`.
    pub fn summary(&self, app: &QueryCtx<'_>, window: Duration, now: Timestamp) -> Summary {
        let mut remembered = self.0.lock();
        let querier: &dyn Querier = &app.querier();
        let averages = remembered.averages(querier, now);
        let trends = remembered.trends(querier, window, app.settings.collect.interval, now);
        let compare = || compared(app, now);
        let comparison = remembered
            .comparison
            .refresh(now, COMPARE_EVERY, compare)
            .clone();
        if app.check().is_err() {
            // What was cut short must not be shown to whoever asks next.
            *remembered = Remembered::default();
        }
        drop(remembered);
        let interval = app.settings.collect.interval;
        let tiles = TILES.iter().enumerate().map(|(index, spec)| Tile {
            spec,
            value: spec.current(querier, interval, now),
            averages: averages
                .each_ref()
                .map(|values| values.get(index).copied().flatten()),
            baseline: comparison.as_ref().and_then(|c| spec.normal(&c.baseline)),
            verdict: comparison
                .as_ref()
                .and_then(|c| spec.verdict(&c.verdicts))
                .cloned(),
            trend: trends.get(index).cloned().unwrap_or_default(),
        });
        let tiles: Vec<Tile> = tiles.collect();
        let findings = comparison.map(|c| c.verdicts).unwrap_or_default();
        let findings: Vec<Verdict> = findings.into_iter().filter(is_finding).collect();
        let alerts = app.alerting.active();
        let state = sentence::state(app, &tiles, &alerts, &findings, now);
        Summary {
            time: now,
            state,
            tiles,
            alerts,
            findings,
        }
    }
}

/// What is worth showing: a change, for better or worse. What is inconclusive is said on its tile.
fn is_finding(verdict: &Verdict) -> bool {
    matches!(verdict.answer, Answer::Regressed | Answer::Improved)
}

impl Remembered {
    fn averages(&mut self, querier: &dyn Querier, now: Timestamp) -> [Vec<Option<f64>>; 2] {
        let mut out = [Vec::new(), Vec::new()];
        for (index, (window, every)) in AVERAGES.into_iter().enumerate() {
            let all = || {
                TILES
                    .iter()
                    .map(|tile| tile.average(querier, window, now))
                    .collect()
            };
            out[index].clone_from(self.averages[index].refresh(now, every, all));
        }
        out
    }

    fn trends(
        &mut self,
        querier: &dyn Querier,
        window: Duration,
        interval: Duration,
        now: Timestamp,
    ) -> Vec<Course> {
        let step = step_at_least(interval, window / TREND_POINTS);
        if self.trends.len() >= WINDOWS_MAX && !self.trends.contains_key(&window) {
            self.trends.clear();
        }
        let timed = self.trends.entry(window).or_default();
        let end = now.align_down(step);
        let all = || {
            TILES
                .iter()
                .map(|tile| tile.trend(querier, window, step, end))
                .collect()
        };
        // Made anew when a step was completed, not when some time has passed.
        if timed.at != Some(end) {
            timed.value = all();
            timed.at = Some(end);
        }
        timed.value.clone()
    }
}

fn compared(app: &QueryCtx<'_>, now: Timestamp) -> Option<Compared> {
    let baseline = baselines::latest(app, DEFAULT).ok()??;
    let range = TimeRange::last(COMPARE_WINDOW, now);
    let verdicts = baselines::compare(app, &baseline.baseline, range, now).ok()?;
    Some(Compared { baseline, verdicts })
}

/// Points of one figure: all series of a query, added up step by step.
fn added_up(
    querier: &dyn Querier,
    query: &SeriesQuery,
) -> Result<Vec<(Timestamp, f64)>, SeriesError> {
    let page = series::read(querier, query)?;
    let mut sums: std::collections::BTreeMap<Timestamp, f64> = std::collections::BTreeMap::new();
    for (t, value) in page.series.into_iter().flat_map(|series| series.points) {
        *sums.entry(t).or_default() += value;
    }
    Ok(sums.into_iter().collect())
}

/// Whether an alert of this severity makes the page's level.
fn level_of(severity: Severity) -> Level {
    match severity {
        Severity::Info => Level::Info,
        Severity::Warning => Level::Warning,
        Severity::Critical => Level::Critical,
    }
}
