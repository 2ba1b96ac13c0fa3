//! The verdicts against a baseline: words, colours, and each interval drawn against its margin.

use tacho_analysis::verdict::{Answer, Verdict};

use super::{ROWS_MAX, card, escape, left_out, metric_name, value};
use crate::number;
use crate::order;
use crate::report::{Comparison, Report};
use crate::summary::title;
use crate::verdict::{absolute_words, before_after, change_words, hint};

/// Of the plot of one interval.
const PLOT_WIDTH: f64 = 160.0;
/// The plots reach no further than this change; larger ones are cut there and marked.
const REACH_MAX: f64 = 120.0;

pub(super) fn section(report: &Report) -> String {
    let Some(comparison) = &report.comparison else {
        return card(
            "empty",
            "Not compared",
            "",
            "<p>There is no baseline to compare with. <code>tacho baseline</code> measures what is normal \
             here; the next report then says what changed.</p>\n",
        );
    };
    let verdicts = order::verdicts(report);
    if verdicts.is_empty() {
        let text = "<p>No metric of the baseline was measured in this time.</p>\n";
        return card("empty", "Against the baseline", &remark(comparison), text);
    }
    let reach = reach(&verdicts);
    let shown = verdicts.iter().take(ROWS_MAX);
    let rows: String = shown.map(|verdict| row(report, verdict, reach)).collect();
    let end = number::count(reach.round() as usize);
    let head = format!(
        "<thead><tr><th scope=\"col\">Metric</th><th scope=\"col\" class=\"words\">Verdict</th>\
         <th scope=\"col\">Change</th><th scope=\"col\" class=\"plot-cell\"><span class=\"ends\">\
         <span>−{end}</span><span>margin shaded</span><span>+{end}&nbsp;%</span></span></th>\
         <th scope=\"col\">Before</th><th scope=\"col\">After</th>\
         <th scope=\"col\" class=\"opt\">Effect</th>\
         <th scope=\"col\" class=\"opt\">Effective n</th></tr></thead>"
    );
    let content = format!(
        "<p class=\"tally\">{}</p>\n<table class=\"verdicts\">{head}\n<tbody>\n{rows}</tbody></table>\n{}",
        tally(&verdicts),
        left_out(verdicts.len())
    );
    card("", "Against the baseline", &remark(comparison), &content)
}

fn remark(comparison: &Comparison) -> String {
    format!(
        "{}, version {}, measured {}",
        escape(&comparison.baseline),
        comparison.version,
        escape(&number::span(comparison.range))
    )
}

fn tally(verdicts: &[&Verdict]) -> String {
    let answers = [
        Answer::Regressed,
        Answer::Inconclusive,
        Answer::Improved,
        Answer::Stable,
    ];
    let counts = answers.into_iter().filter_map(|answer| {
        let n = verdicts
            .iter()
            .filter(|verdict| verdict.answer == answer)
            .count();
        (n > 0).then(|| format!("{} {}", number::count(n), answer.as_str()))
    });
    counts.collect::<Vec<_>>().join(" · ")
}

/// The word for an answer, in its colour.
pub(super) fn tag(verdict: &Verdict) -> String {
    let words = match (verdict.answer, verdict.leaning) {
        (Answer::Inconclusive, Some(leaning)) => format!("leaning {}", leaning.as_str()),
        (answer, _) => answer.as_str().to_owned(),
    };
    let tone = tone(verdict.answer);
    format!(
        "<span class=\"tag {tone}\" title=\"{}\">{words}</span>",
        escape(&change_words(verdict))
    )
}

fn tone(answer: Answer) -> &'static str {
    match answer {
        Answer::Regressed => "worse",
        Answer::Improved => "better",
        Answer::Stable => "stable",
        Answer::Inconclusive => "unsure",
    }
}

fn row(report: &Report, verdict: &Verdict, reach: f64) -> String {
    let (before, after) = before_after(verdict);
    let unit = verdict.unit.as_str();
    let severity = verdict
        .severity
        .map(|s| format!(" <span class=\"soft\">{s}</span>"));
    let [n_before, n_after] = verdict.effective_n;
    let effect = verdict
        .effect
        .map_or(number::DASH, |effect| effect.class.as_str());
    format!(
        "<tr><td class=\"wrap name\">{}</td><td class=\"words\">{}{}</td>\
         <td class=\"change\" title=\"{}\">{}</td><td class=\"plot-cell\">{}</td>\
         <td class=\"was\">{}</td><td class=\"is\">{}</td>\
         <td class=\"opt soft\">{effect}</td><td class=\"opt\">{}, {}</td></tr>\n",
        name(report, verdict),
        tag(verdict),
        severity.unwrap_or_default(),
        escape(&verdict.method),
        change(verdict),
        forest(verdict, reach),
        value(before, unit),
        value(after, unit),
        worth(n_before),
        worth(n_after),
    )
}

fn worth(n: f64) -> String {
    if n.is_finite() {
        number::count(n.round() as usize)
    } else {
        number::DASH.to_owned()
    }
}

/// The title, the metric's own name where that differs, and what an unsure reader can do.
fn name(report: &Report, verdict: &Verdict) -> String {
    let title = title(report, verdict);
    let own = if title == verdict.metric {
        metric_name(&title)
    } else {
        let name = metric_name(&verdict.metric);
        format!("{} <span class=\"soft\">{name}</span>", escape(&title))
    };
    let target = if verdict.target == report.host.name {
        ""
    } else {
        &verdict.target
    };
    let target = match target {
        "" => String::new(),
        target => format!(" <span class=\"soft\">{}</span>", escape(target)),
    };
    let hint = hint(verdict).map(|hint| format!("<div class=\"soft\">{}</div>", escape(&hint)));
    format!("{own}{target}{}", hint.unwrap_or_default())
}

fn change(verdict: &Verdict) -> String {
    let Some(percent) = verdict.change_percent.filter(|percent| percent.is_finite()) else {
        let words = absolute_words(verdict);
        let (change, interval) = words.split_once(" (").unwrap_or((&words, ""));
        let interval = interval.trim_end_matches(')');
        return format!(
            "{}<div class=\"soft\">{}</div>",
            escape(change),
            escape(interval)
        );
    };
    let interval = verdict.interval.map(|i| (i.low, i.high));
    let interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
    let words = interval.map(|interval| {
        let words = number::percent_interval(percent, interval);
        format!("<div class=\"soft\">{}</div>", escape(&words))
    });
    let change = escape(&number::percent(percent, interval));
    format!("{change}{}", words.unwrap_or_default())
}

/// The percentage at the edge of the plots, the same for all rows.
fn reach(verdicts: &[&Verdict]) -> f64 {
    let end = |verdict: &&Verdict| {
        let ends = verdict
            .interval
            .map_or([0.0, 0.0], |i| [i.low.abs(), i.high.abs()]);
        let margin = verdict.margin_percent.unwrap_or(5.0) * 1.6;
        let widest = ends[0].max(ends[1]).max(if verdict.interval.is_some() {
            margin
        } else {
            0.0
        });
        if widest.is_finite() {
            widest
        } else {
            REACH_MAX
        }
    };
    let mut ends: Vec<f64> = verdicts.iter().map(end).filter(|end| *end > 0.0).collect();
    ends.sort_by(f64::total_cmp);
    // One wild row must not flatten all others.
    let typical = ends.get(ends.len() / 2).copied().unwrap_or(10.0);
    let widest = ends.last().copied().unwrap_or(10.0);
    (widest.min(typical * 2.0).min(REACH_MAX) * 1.1).max(0.1)
}

/// One row of a forest plot.
fn forest(verdict: &Verdict, reach: f64) -> String {
    let Some(interval) = verdict
        .interval
        .filter(|i| !i.low.is_nan() && !i.high.is_nan())
    else {
        return String::new();
    };
    let x = |percent: f64| (percent.clamp(-reach, reach) + reach) / (2.0 * reach) * PLOT_WIDTH;
    let margin = verdict
        .margin_percent
        .filter(|m| m.is_finite())
        .unwrap_or(5.0)
        .abs();
    let (low, high) = (x(interval.low), x(interval.high));
    let point = verdict.change_percent.filter(|change| change.is_finite());
    let point =
        point.map(|change| format!("<circle cx=\"{:.1}\" cy=\"10\" r=\"3.6\"/>", x(change)));
    let over = if interval.high > reach {
        "<path class=\"cut\" d=\"M155 6l4 4-4 4\"/>"
    } else {
        ""
    };
    let under = if interval.low < -reach {
        "<path class=\"cut\" d=\"M5 6l-4 4 4 4\"/>"
    } else {
        ""
    };
    format!(
        "<svg class=\"forest {}\" viewBox=\"0 0 160 20\" role=\"img\" aria-label=\"{}\">\
         <rect x=\"{:.1}\" width=\"{:.1}\" height=\"20\"/><path class=\"zero\" d=\"M80 0V20\"/>\
         <path class=\"bar\" d=\"M{low:.1} 10H{:.1}\"/>{}{over}{under}</svg>",
        tone(verdict.answer),
        escape(&change_words(verdict)),
        x(-margin),
        x(margin) - x(-margin),
        high.max(low + 1.0),
        point.unwrap_or_default(),
    )
}
