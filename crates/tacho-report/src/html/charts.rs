//! Courses over time. Lines and areas are drawn in a box that is stretched to the page; words are
//! set beside it as text, so that they stay readable on a phone and on paper.

use super::tiles::{band_of, extent};
use super::{CHARTS_MAX, escape};
use crate::chart::{self, Axes, Point, Segment, WIDTH};
use crate::number;
use crate::report::{Chart, Report};

/// Series with a colour of their own; the rest are drawn in one.
const COLOURS: usize = 7;
/// Most series of one chart; the rest is left out and counted.
const SERIES_MAX: usize = 24;
/// Most marks of one chart.
const MARKS_MAX: usize = 24;
/// Marks nearer than this share of the width to the last named one are drawn without a name.
const MARK_ROOM: f64 = 0.16;

pub(super) fn section(report: &Report) -> String {
    let shown = report.charts.iter().take(CHARTS_MAX).enumerate();
    let charts: String = shown.map(|(i, chart)| figure(report, chart, i)).collect();
    if charts.is_empty() {
        return String::new();
    }
    format!("<section class=\"charts\" aria-label=\"Charts\">\n{charts}</section>\n")
}

/// A series ready to be drawn.
struct Line<'a> {
    name: &'a str,
    class: String,
    segments: Vec<Segment>,
}

fn figure(report: &Report, chart: &Chart, index: usize) -> String {
    let lines = lines(report, chart);
    let remark = match (chart.band.is_some(), chart.stacked) {
        (true, _) => "normal range shaded",
        (false, true) => "stacked",
        (false, false) => "",
    };
    let heading = format!("<h2>{}<small>{remark}</small></h2>", escape(&chart.title));
    if lines.iter().all(|line| line.segments.is_empty()) {
        return format!(
            "<figure class=\"card chart\">{heading}<p class=\"blank\">No samples in this time.</p>\
             </figure>\n"
        );
    }
    let stack = if chart.stacked {
        let parts: Vec<Vec<Segment>> = lines.iter().map(|line| line.segments.clone()).collect();
        chart::stack(&parts, report.range)
    } else {
        Vec::new()
    };
    let axes = axes(report, chart, &lines, &stack);
    let ticks = chart::value_ticks(&axes);
    let labels: Vec<String> = ticks
        .iter()
        .map(|tick| chart::tick_label(*tick, axes.step, &chart.unit))
        .collect();
    let widest = labels
        .iter()
        .map(|label| label.chars().count())
        .max()
        .unwrap_or(1);
    let drawn = if chart.stacked {
        areas(&lines, &stack, &axes)
    } else {
        curves(&lines, &axes)
    };
    format!(
        "<figure class=\"card chart\">{heading}\n<div class=\"plot\" style=\"--y:{widest}ch\">\
         <div class=\"box\"><svg viewBox=\"0 0 800 300\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-labelledby=\"t{index} d{index}\"><title id=\"t{index}\">{}</title>\
         <desc id=\"d{index}\">{}</desc>{}{}\n{drawn}{}</svg>\n{}{}{}</div></div>\n{}</figure>\n",
        escape(&chart.title),
        described(chart, &lines),
        grid(&ticks, &axes),
        chart
            .band
            .map(|band| band_of(band, &axes))
            .unwrap_or_default(),
        mark_lines(report, chart, &axes),
        value_labels(&ticks, &labels, &axes),
        time_labels(&axes),
        mark_names(report, chart, &axes),
        legend(chart, &lines),
    )
}

fn lines<'a>(report: &Report, chart: &'a Chart) -> Vec<Line<'a>> {
    let series = chart.series.iter().take(SERIES_MAX).enumerate();
    let line = |(i, series): (usize, &'a crate::report::ChartSeries)| Line {
        name: &series.name,
        class: format!("s{}", if i < COLOURS { i + 1 } else { 0 }),
        segments: chart::segments(&series.points, report.range),
    };
    series.map(line).collect()
}

fn axes(report: &Report, chart: &Chart, lines: &[Line], stack: &[Vec<Segment>]) -> Axes {
    let (mut low, mut high) = if chart.stacked {
        extent(stack.iter().flatten().flatten().map(|(_, value)| *value))
    } else {
        extent(points(lines).map(|(_, value)| value))
    };
    // The band belongs into the picture, unless it would leave nothing else of it.
    if let Some((normal_low, normal_high)) = chart.band.filter(|b| b.1 <= 4.0 * high.max(0.0)) {
        (low, high) = (low.min(normal_low), high.max(normal_high));
    }
    Axes::new(report.range, low, high, &chart.unit)
}

fn points<'a>(lines: &'a [Line]) -> impl Iterator<Item = Point> + 'a {
    lines
        .iter()
        .flat_map(|line| &line.segments)
        .flatten()
        .copied()
}

fn curves(lines: &[Line], axes: &Axes) -> String {
    // The first series is the one that matters: it is drawn last, on top.
    let paths = lines.iter().rev().map(|line| {
        let chart::Trace {
            line: path,
            envelope,
        } = chart::trace(&line.segments, axes);
        let class = &line.class;
        format!(
            "<path class=\"haze {class}\" d=\"{envelope}\"/><path class=\"line {class}\" \
             d=\"{path}\"/>\n"
        )
    });
    paths.collect()
}

fn areas(lines: &[Line], stack: &[Vec<Segment>], axes: &Axes) -> String {
    let mut out = String::new();
    for (k, line) in lines.iter().enumerate() {
        let curve = |run: &Vec<Segment>, at: usize| run.get(at).cloned().unwrap_or_default();
        let fill: String = stack
            .iter()
            .map(|run| chart::area(&curve(run, k + 1), &curve(run, k), axes))
            .collect();
        let tops: Vec<Segment> = stack.iter().map(|run| curve(run, k + 1)).collect();
        let top = chart::line(&tops, axes);
        out += &format!("<path class=\"fill {0}\" d=\"{fill}\"/>", line.class);
        out += &format!("<path class=\"line thin {}\" d=\"{top}\"/>\n", line.class);
    }
    out
}

fn grid(ticks: &[f64], axes: &Axes) -> String {
    let path: String = ticks
        .iter()
        .map(|tick| format!("M0 {}h{WIDTH}", axes.y(*tick)))
        .collect();
    format!("<path class=\"grid\" d=\"{path}\"/>")
}

fn value_labels(ticks: &[f64], labels: &[String], axes: &Axes) -> String {
    let label = |(tick, label): (&f64, &String)| {
        let height = 100.0 * axes.height(*tick);
        format!(
            "<span class=\"y\" style=\"bottom:{height:.1}%\">{}</span>",
            escape(label)
        )
    };
    ticks.iter().zip(labels).map(label).collect::<String>() + "\n"
}

fn time_labels(axes: &Axes) -> String {
    let ticks = chart::time_ticks(axes);
    let label = |(i, tick): (usize, &chart::TimeTick)| {
        let optional = if i % 2 == 1 { " odd" } else { "" };
        let left = 100.0 * tick.share;
        let words = escape(&tick.label);
        format!("<span class=\"x{optional}\" style=\"left:{left:.2}%\">{words}</span>")
    };
    ticks.iter().enumerate().map(label).collect::<String>() + "\n"
}

fn marks<'a>(
    report: &'a Report,
    chart: &'a Chart,
) -> impl Iterator<Item = &'a (tacho_model::Timestamp, String)> {
    let inside = chart
        .marks
        .iter()
        .filter(|(time, _)| report.range.contains(*time));
    inside.take(MARKS_MAX)
}

fn mark_lines(report: &Report, chart: &Chart, axes: &Axes) -> String {
    let line = |(time, name): &(tacho_model::Timestamp, String)| {
        let x = axes.x(*time);
        format!(
            "<path class=\"mark\" d=\"M{x} 0v300\"><title>{}</title></path>",
            escape(name)
        )
    };
    marks(report, chart).map(line).collect()
}

fn mark_names(report: &Report, chart: &Chart, axes: &Axes) -> String {
    let mut sorted: Vec<_> = marks(report, chart).collect();
    sorted.sort_by_key(|(time, _)| *time);
    let mut out = String::new();
    let mut last = f64::NEG_INFINITY;
    for (time, name) in sorted {
        let share = axes.share(*time);
        if share - last < MARK_ROOM {
            continue;
        }
        last = share;
        let side = if share > 0.75 { " before" } else { "" };
        let at = 100.0 * if share > 0.75 { 1.0 - share } else { share };
        let edge = if share > 0.75 { "right" } else { "left" };
        let name = escape(name);
        out += &format!("<span class=\"mark{side}\" style=\"{edge}:{at:.2}%\">{name}</span>");
    }
    out
}

/// What one line does, in numbers.
struct Summary {
    min: f64,
    mean: f64,
    max: f64,
    last: f64,
}

fn summary(line: &Line) -> Summary {
    let values = || line.segments.iter().flatten().map(|(_, value)| *value);
    let n = values().count();
    let (min, max) = extent(values());
    Summary {
        min,
        mean: if n > 0 {
            values().map(|value| value / n as f64).sum()
        } else {
            f64::NAN
        },
        max,
        last: values().next_back().unwrap_or(f64::NAN),
    }
}

fn legend(chart: &Chart, lines: &[Line]) -> String {
    let row = |line: &Line| {
        let Summary {
            min,
            mean,
            max,
            last,
        } = summary(line);
        let cells: String = [min, mean, max, last]
            .iter()
            .map(|value| format!("<td>{}</td>", super::value(*value, &chart.unit)))
            .collect();
        let name = if line.name.is_empty() {
            &chart.title
        } else {
            line.name
        };
        format!(
            "<tr><th scope=\"row\" class=\"{}\">{}</th>{cells}</tr>\n",
            line.class,
            escape(name)
        )
    };
    let rows: String = lines.iter().map(row).collect();
    let more = match chart.series.len() {
        n if n > SERIES_MAX => {
            let more = number::count(n - SERIES_MAX);
            format!("<p class=\"soft\">and {more} more series; the JSON report has them all</p>")
        }
        _ => String::new(),
    };
    format!(
        "<table class=\"legend\"><thead><tr><th scope=\"col\"><span class=\"sr\">Series</span></th>\
         <th scope=\"col\">min</th><th scope=\"col\">mean</th><th scope=\"col\">max</th>\
         <th scope=\"col\">last</th></tr></thead><tbody>{rows}</tbody></table>{more}"
    )
}

/// For those who do not see the chart; the table below it has the numbers.
fn described(chart: &Chart, lines: &[Line]) -> String {
    let names: Vec<&str> = lines.iter().map(|line| line.name).collect();
    let shape = if chart.stacked {
        "Stacked areas"
    } else {
        "Lines"
    };
    let gaps = lines
        .iter()
        .map(|line| line.segments.len().saturating_sub(1))
        .max()
        .unwrap_or(0);
    let gaps = if gaps > 0 {
        " Time without samples is left empty."
    } else {
        ""
    };
    let marks: Vec<&str> = chart
        .marks
        .iter()
        .take(MARKS_MAX)
        .map(|(_, n)| n.as_str())
        .collect();
    let marks = match marks.as_slice() {
        [] => String::new(),
        marks => format!(" Marked: {}.", escape(&marks.join(", "))),
    };
    format!(
        "{shape} over time: {}.{gaps}{marks}",
        escape(&names.join(", "))
    )
}
