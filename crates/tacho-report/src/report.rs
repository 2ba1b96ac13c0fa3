//! What a report holds: facts about one host over one span of time, already computed.
//!
//! Invariant: nothing here is derived again by a format, so HTML, Markdown and JSON cannot
//! disagree. Not for deciding anything: verdicts and alerts come from `tacho-analysis`.

use tacho_analysis::Severity;
use tacho_analysis::verdict::Verdict;
use tacho_model::{Labels, TimeRange, Timestamp};

/// Everything a report says.
#[derive(Clone, Debug)]
pub struct Report {
    /// The machine.
    pub host: HostFacts,
    /// Of Tachograph.
    pub version: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it covers.
    pub range: TimeRange,
    /// What was measured, most important first: the first few become tiles.
    pub statistics: Vec<Statistic>,
    /// What fired in the range.
    pub alerts: Vec<AlertFact>,
    /// Against a baseline, where there is one.
    pub comparison: Option<Comparison>,
    /// Courses over time, in the order in which they are shown.
    pub charts: Vec<Chart>,
}

impl Report {
    /// The statistic that a verdict is about.
    pub(crate) fn statistic_of(&self, verdict: &Verdict) -> Option<&Statistic> {
        let mut same = self
            .statistics
            .iter()
            .filter(|s| s.metric == verdict.metric);
        let exact = same.clone().find(|s| s.labels == verdict.labels);
        exact.or_else(|| same.next().filter(|_| same.next().is_none()))
    }

    /// The verdict on a statistic.
    pub(crate) fn verdict_on(&self, statistic: &Statistic) -> Option<&Verdict> {
        let verdicts = self
            .comparison
            .iter()
            .flat_map(|comparison| &comparison.verdicts);
        let mut about = verdicts.filter(|verdict| {
            self.statistic_of(verdict)
                .is_some_and(|found| std::ptr::eq(found, statistic))
        });
        about.next()
    }
}

/// The machine; what is not known is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Its name.
    pub name: String,
    /// Logical processors.
    pub cores: Option<usize>,
    /// Release of the kernel.
    pub kernel: Option<String>,
    /// Physical memory.
    pub memory_bytes: Option<u64>,
}

/// One figure described over the range; values in [`Self::unit`], NaN where not known.
#[derive(Clone, Debug)]
pub struct Statistic {
    /// For people: `CPU`.
    pub title: String,
    /// The metric's name.
    pub metric: String,
    /// Labels of the series.
    pub labels: Labels,
    /// UCUM code.
    pub unit: String,
    /// Number of values.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub stddev: f64,
    /// Smallest.
    pub min: f64,
    /// 50th percentile.
    pub median: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// Largest.
    pub max: f64,
    /// The newest, unless it is stale.
    pub last: Option<f64>,
}

/// One alert that fired in the range.
#[derive(Clone, Debug)]
pub struct AlertFact {
    /// The rule's name.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// For people.
    pub message: String,
    /// When it began to fire.
    pub started_at: Timestamp,
    /// `None` while it fires.
    pub ended_at: Option<Timestamp>,
    /// The newest value, or the last before it ended.
    pub value: Option<f64>,
    /// What the value was held against.
    pub threshold: f64,
    /// UCUM code of both.
    pub unit: String,
}

/// The verdicts against one baseline.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The baseline's name.
    pub baseline: String,
    /// Which of the baselines of that name.
    pub version: u32,
    /// When the baseline was measured.
    pub range: TimeRange,
    /// One for each metric.
    pub verdicts: Vec<Verdict>,
}

/// Some series over time on one pair of axes.
#[derive(Clone, Debug)]
pub struct Chart {
    /// For people: `Memory`.
    pub title: String,
    /// UCUM code of the values.
    pub unit: String,
    /// In the order of their colours.
    pub series: Vec<ChartSeries>,
    /// What is normal, from the baseline: low and high.
    pub band: Option<(f64, f64)>,
    /// Whether the series add up to something.
    pub stacked: bool,
    /// Things that happened, by name.
    pub marks: Vec<(Timestamp, String)>,
}

/// One line of a chart.
#[derive(Clone, Debug)]
pub struct ChartSeries {
    /// For the legend.
    pub name: String,
    /// In order of time; values that are not finite are gaps.
    pub points: Vec<(Timestamp, f64)>,
}
