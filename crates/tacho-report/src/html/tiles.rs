//! The few figures that matter, each with its verdict and its course against what is normal.

use tacho_analysis::verdict::{Answer, Verdict};
use tacho_model::TimeRange;

use super::{escape, verdicts};
use crate::chart::{self, Axes, HEIGHT, Point, WIDTH};
use crate::number::{self, Quantity};
use crate::report::{Report, Statistic};

/// Most tiles.
const TILES_MAX: usize = 6;

/// What is normal: low and high.
type Band = (f64, f64);

pub(super) fn section(report: &Report) -> String {
    let shown = report.statistics.iter().filter(|s| s.n > 0).take(TILES_MAX);
    let tiles: String = shown.map(|statistic| tile(report, statistic)).collect();
    if tiles.is_empty() {
        return super::card(
            "empty",
            "Nothing was measured",
            "",
            "<p>No figure has samples in this time. Was Tachograph running? \
             <code>tacho status</code> tells since when it has been.</p>\n",
        );
    }
    format!("<section class=\"tiles\" aria-label=\"Key figures\">\n{tiles}</section>\n")
}

fn tile(report: &Report, s: &Statistic) -> String {
    let verdict = report.verdict_on(s);
    let Quantity { value, unit } = number::quantity(s.mean, &s.unit);
    format!(
        "<div class=\"card tile\"><div class=\"k\"><span>{}</span>{}</div>\
         <div class=\"v\">{}<i>{}</i></div>\
         <div class=\"d\"><span>p95 {}</span> · <span>max {}</span></div>\
         {}</div>\n",
        escape(crate::markdown::statistic_title(s)),
        verdict.map(verdicts::tag).unwrap_or_default(),
        escape(&value),
        escape(format!("{unit} mean").trim()),
        like(s.p95, &s.unit, &unit),
        like(s.max, &s.unit, &unit),
        spark(report, s, verdict),
    )
}

/// A value, with its unit only where that differs from the one beside the tile's large figure.
fn like(value: f64, unit: &str, shown: &str) -> String {
    let Quantity { value, unit } = number::quantity(value, unit);
    let same = unit == shown || value == number::DASH;
    let unit = if same {
        String::new()
    } else {
        format!("{}{unit}", number::SPACE)
    };
    escape(&format!("{value}{unit}"))
}

/// The course, drawn without axes: the figure above says the same in words.
fn spark(report: &Report, s: &Statistic, verdict: Option<&Verdict>) -> String {
    let Some((points, band)) = course(report, s, verdict) else {
        return String::new();
    };
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return String::new();
    };
    let range = TimeRange::new(first.0, last.0);
    let segments = chart::segments(points, range);
    let values = segments.iter().flatten().map(|(_, value)| *value);
    let ends = band.map(|(low, high)| [low, high]).into_iter().flatten();
    let (low, high) = extent(values.chain(ends).filter(|value| value.is_finite()));
    // A flat line is drawn in the middle rather than magnified into noise.
    let room = ((high - low) * 0.08).max(high.abs() * 0.01).max(1e-9);
    let (low, high) = (low - room, high + room);
    if !(low.is_finite() && high.is_finite() && high > low) {
        return String::new();
    }
    let axes = Axes {
        range,
        low,
        high,
        step: high - low,
    };
    let band = band.map(|band| band_of(band, &axes)).unwrap_or_default();
    let class = if verdict.is_some_and(|v| v.answer == Answer::Regressed) {
        " hot"
    } else {
        ""
    };
    let chart::Trace { line, envelope } = chart::trace(&segments, &axes);
    format!(
        "<svg class=\"spark{class}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" \
         aria-hidden=\"true\">{band}<path class=\"haze\" d=\"{envelope}\"/>\
         <path class=\"line\" d=\"{line}\"/></svg>"
    )
}

/// The normal range as a rectangle.
pub(super) fn band_of((low, high): Band, axes: &Axes) -> String {
    if !(low.is_finite() && high.is_finite()) {
        return String::new();
    }
    let (top, bottom) = (axes.y(low.max(high)), axes.y(low.min(high)));
    let height = (bottom - top).max(2);
    format!("<rect class=\"band\" y=\"{top}\" width=\"{WIDTH}\" height=\"{height}\"/>")
}

/// From a chart of the same name with one line, else from the verdict's evidence.
fn course<'a>(
    report: &'a Report,
    s: &Statistic,
    verdict: Option<&'a Verdict>,
) -> Option<(&'a [Point], Option<Band>)> {
    let charts = report
        .charts
        .iter()
        .filter(|c| c.title == s.title && c.unit == s.unit);
    for chart in charts {
        if let [only] = chart.series.as_slice() {
            return Some((&only.points, chart.band.or(verdict.and_then(normal))));
        }
    }
    let verdict = verdict.filter(|v| v.unit.as_str() == s.unit)?;
    Some((&verdict.evidence.after.trend, normal(verdict)))
}

/// The baseline's 5th to 95th percentile.
fn normal(verdict: &Verdict) -> Option<Band> {
    let at = |wanted: f64| {
        let known = &verdict.evidence.before.percentiles;
        known
            .iter()
            .find(|(p, _)| *p == wanted)
            .map(|(_, value)| *value)
    };
    Some((at(0.05)?, at(0.95)?))
}

/// Lowest and highest; not finite when there are none.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}
