//! The figures of the overview: one line each in [`TILES`].

use std::sync::OnceLock;
use std::time::Duration;

use tacho_analysis::aggregate::Function;
use tacho_analysis::verdict::Verdict;
use tacho_model::{Matcher, Querier, TimeRange, Timestamp};
use tacho_promql::parse_selector;

use super::{Normal, added_up};
use crate::baselines::StoredBaseline;
use crate::figures::{CPU, DISK_BUSY, MEMORY, NETWORK_IN, NETWORK_OUT, SPACE};
use crate::series::SeriesQuery;

/// A figure is unknown when its newest sample is older than this many intervals.
const FRESH_INTERVALS: u32 = 5;

/// One figure of the overview.
#[derive(Debug)]
pub struct TileSpec {
    /// For programs.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// The metric that a baseline knows.
    pub metric: &'static str,
    /// The selectors whose series are added up.
    selectors: &'static [&'static str],
    function: Function,
    /// From the metric's unit to the tile's.
    scale: f64,
    /// UCUM unit of what is shown.
    pub unit: &'static str,
    /// The selectors' matchers: they are needed every second.
    parsed: OnceLock<Vec<Vec<Matcher>>>,
}

/// All of them, in the order of the page.
#[rustfmt::skip]
pub static TILES: [TileSpec; 6] = [
    tile("cpu",     "CPU",       "cpu_usage_percent",    &[CPU], Function::Avg, 1.0, "%"),
    tile("memory",  "Memory",    "memory_usage_percent", &[MEMORY], Function::Avg, 1.0, "%"),
    tile("load",    "Load",      "node_load1",           &["node_load1"], Function::Avg, 1.0, ""),
    tile("disk",    "Disk busy", "node_disk_io_time_seconds_total", &[DISK_BUSY], Function::Rate, 100.0, "%"),
    tile("network", "Network",   "node_network_receive_bytes_total", &[NETWORK_IN, NETWORK_OUT], Function::Rate, 1.0, "By/s"),
    tile("space",   "Disk used", "disk_usage_percent",   &[SPACE], Function::Avg, 1.0, "%"),
];

const fn tile(
    id: &'static str,
    title: &'static str,
    metric: &'static str,
    selectors: &'static [&'static str],
    function: Function,
    scale: f64,
    unit: &'static str,
) -> TileSpec {
    TileSpec {
        id,
        title,
        metric,
        selectors,
        function,
        scale,
        unit,
        parsed: OnceLock::new(),
    }
}

impl TileSpec {
    /// The newest value, unless it is stale.
    pub(super) fn current(
        &self,
        querier: &dyn Querier,
        interval: Duration,
        now: Timestamp,
    ) -> Option<f64> {
        let points = self.points(querier, interval * FRESH_INTERVALS, Some(interval), now);
        points.last().map(|(_, value)| *value)
    }

    /// The mean over `window`.
    pub(super) fn average(
        &self,
        querier: &dyn Querier,
        window: Duration,
        now: Timestamp,
    ) -> Option<f64> {
        self.points(querier, window, None, now)
            .last()
            .map(|(_, value)| *value)
    }

    /// The course over `window`.
    pub(super) fn trend(
        &self,
        querier: &dyn Querier,
        window: Duration,
        step: Duration,
        end: Timestamp,
    ) -> Vec<(Timestamp, f64)> {
        self.points(querier, window, Some(step), end)
    }

    fn points(
        &self,
        querier: &dyn Querier,
        window: Duration,
        step: Option<Duration>,
        end: Timestamp,
    ) -> Vec<(Timestamp, f64)> {
        // The table above parses: a test says so.
        let parse = || {
            self.selectors
                .iter()
                .filter_map(|text| parse_selector(text).ok())
                .collect()
        };
        let selectors = self.parsed.get_or_init(parse).clone();
        let mut query = SeriesQuery::new(selectors, TimeRange::last(window, end));
        query.step = step;
        query.function = Some(self.function);
        query.by = Some(Vec::new());
        // What cannot be read is absent here; the chart below says why.
        let points = added_up(querier, &query).unwrap_or_default();
        points
            .into_iter()
            .map(|(t, value)| (t, value * self.scale))
            .collect()
    }

    /// What a baseline says of this figure; nothing when it adds up several metrics.
    pub(super) fn normal(&self, stored: &StoredBaseline) -> Option<Normal> {
        if self.selectors.len() > 1 {
            return None;
        }
        let known = stored
            .baseline
            .metrics
            .iter()
            .find(|known| known.spec.metric == self.metric)?;
        let percentile = |p: f64| {
            let found = known.summary.percentiles.iter().find(|(at, _)| *at == p)?;
            Some(found.1 * self.scale)
        };
        Some(Normal {
            name: stored.baseline.name.clone(),
            version: stored.baseline.version,
            low: percentile(0.05)?,
            high: percentile(0.95)?,
            median: percentile(0.5)?,
        })
    }

    /// The verdict on this figure.
    pub(super) fn verdict<'a>(&self, verdicts: &'a [Verdict]) -> Option<&'a Verdict> {
        if self.selectors.len() > 1 {
            return None;
        }
        verdicts
            .iter()
            .find(|verdict| verdict.metric == self.metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selector_of_the_table_parses() {
        for tile in &TILES {
            for selector in tile.selectors {
                assert!(parse_selector(selector).is_ok(), "{selector}");
            }
        }
    }
}
