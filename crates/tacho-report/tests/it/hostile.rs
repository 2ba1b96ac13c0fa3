//! Whatever comes from outside: it is text, and nothing panics.

use proptest::prelude::*;
use tacho_analysis::Severity;
use tacho_model::{Labels, TimeRange, Timestamp};
use tacho_report::{
    Chart, ChartSeries, Report, Statistic, summary_sentence, to_html, to_json, to_markdown,
};

use crate::facts::{alert, compared, slower, unsure};
use crate::sample;

const ATTACK: &str =
    "<script>alert(1)</script>\" onload='x' `</style>|\n# h\u{202e}@all http://e.x";

/// A report in which every text is hostile.
fn attacked(text: &str) -> Report {
    let mut slower = slower();
    text.clone_into(&mut slower.target);
    text.clone_into(&mut slower.metric);
    text.clone_into(&mut slower.method);
    slower.labels = Labels::new([("a", text)]).unwrap();
    let mut unsure = unsure();
    unsure.reason = Some(text.to_owned());
    let mut report = compared(vec![slower, unsure]);
    text.clone_into(&mut report.host.name);
    report.host.kernel = Some(text.to_owned());
    text.clone_into(&mut report.version);
    report.alerts = vec![
        alert(text, Severity::Critical, text, true),
        alert(text, Severity::Info, text, false),
    ];
    for alert in &mut report.alerts {
        text.clone_into(&mut alert.unit);
    }
    report.statistics = vec![statistic(text, 3.0)];
    report.charts = vec![
        chart(text, false, &[(sample::at(60), 1.0), (sample::at(0), 2.0)]),
        chart(text, true, &[(sample::at(60), 1.0), (sample::at(0), 2.0)]),
        chart(text, true, &[]),
    ];
    let comparison = report.comparison.as_mut().unwrap();
    text.clone_into(&mut comparison.baseline);
    report
}

fn statistic(text: &str, value: f64) -> Statistic {
    Statistic {
        title: text.to_owned(),
        metric: text.to_owned(),
        labels: Labels::new([("a", text)]).unwrap(),
        unit: text.to_owned(),
        n: 2,
        mean: value,
        stddev: value,
        min: value,
        median: value,
        p90: value,
        p95: value,
        p99: value,
        p999: value,
        max: value,
        last: Some(value),
    }
}

fn chart(text: &str, stacked: bool, points: &[(Timestamp, f64)]) -> Chart {
    let series = |name: &str| ChartSeries {
        name: name.to_owned(),
        points: points.to_vec(),
    };
    Chart {
        title: text.to_owned(),
        unit: text.to_owned(),
        series: vec![series(text), series("")],
        band: Some((1.0, 2.0)),
        stacked,
        marks: vec![(sample::at(30), text.to_owned())],
    }
}

#[test]
fn text_from_outside_never_becomes_markup() {
    let html = to_html(&attacked(ATTACK));
    let calm = to_html(&attacked("harmless"));
    let tags = |page: &str| page.matches('<').count();
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39;"));
    assert!(!html.contains("<script") && !html.contains('\u{202e}'));
    assert_eq!(html.matches("</style>").count(), 1);
    assert_eq!(tags(&html), tags(&calm), "the same tags, whatever the text");
    assert_eq!(
        html.matches('"').count(),
        calm.matches('"').count(),
        "and the same attributes"
    );
}

#[test]
fn text_from_outside_never_becomes_markdown() {
    let markdown = to_markdown(&attacked(ATTACK));
    let calm = to_markdown(&attacked("harmless"));
    assert!(!markdown.contains('<') && !markdown.contains("\n# h") && !markdown.contains("@all"));
    assert!(!markdown.contains("http://"));
    let bars = |text: &str| text.matches('|').count();
    assert_eq!(bars(&markdown), bars(&calm), "the same cells");
    assert_eq!(markdown.lines().count(), calm.lines().count());
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    assert_eq!(to_html(&sample::busy()), to_html(&sample::busy()));
}

#[test]
fn many_points_make_a_small_page() {
    let points = |k: i64| -> Vec<(Timestamp, f64)> {
        let step = 36_000_000;
        let at = |i: i64| Timestamp::from_nanos(sample::at(3600).as_nanos() + i * step);
        (0..100_000)
            .map(|i| (at(i), ((i * 7919 + k * 31) % 997) as f64))
            .collect()
    };
    let mut report = sample::empty();
    let series = |k| ChartSeries {
        name: format!("series {k}"),
        points: points(k),
    };
    for stacked in [false, true] {
        let mut chart = chart("", stacked, &[]);
        chart.series = (0..6).map(series).collect();
        report.charts.push(chart);
    }
    let html = to_html(&report);
    assert!(html.len() < 150_000, "{} bytes", html.len());
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let mut report = compared(vec![unsure(); 1000]);
    report.alerts = vec![alert("r", Severity::Info, &"long ".repeat(1000), false); 1000];
    report.statistics = vec![statistic("s", 1.0); 1000];
    report.charts = vec![chart("c", false, &[]); 1000];
    let html = to_html(&report);
    assert_eq!(html.matches("and 800 more").count(), 3);
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
    assert_eq!(to_json(&report)["alerts"].as_array().unwrap().len(), 1000);
}

/// Odd numbers more often than chance would have them.
fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -1e3..1e3,
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(0.0),
        Just(5e-324),
    ]
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    let near = sample::at(4000).as_nanos()..sample::at(-400).as_nanos();
    prop_oneof![
        4 => near.prop_map(Timestamp::from_nanos),
        1 => any::<i64>().prop_map(Timestamp::from_nanos),
    ]
}

fn any_points() -> impl Strategy<Value = Vec<(Timestamp, f64)>> {
    prop_oneof![
        prop::collection::vec((any_time(), any_value()), 0..40),
        (any_time(), any_value(), 0usize..5).prop_map(|(t, v, n)| vec![(t, v); n]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_figure_makes_a_report_panic(
        values in prop::collection::vec(any_value(), 8),
        first in any_points(),
        second in any_points(),
        ends in (any_time(), any_time()),
        text in "\\PC{0,12}",
        unit in prop_oneof![Just("By".to_owned()), Just("s".to_owned()), Just("1/s".to_owned()), "\\PC{0,4}"],
        stacked in any::<bool>(),
    ) {
        let mut report = attacked(&text);
        report.range = TimeRange::new(ends.0, ends.1);
        let mut odd = statistic(&text, values[0]);
        (odd.mean, odd.p95, odd.max, odd.unit) = (values[1], values[2], values[3], unit.clone());
        report.statistics.push(odd);
        let mut odd = chart(&text, stacked, &first);
        odd.series[1].points = second;
        odd.band = Some((values[4], values[5]));
        odd.unit = unit;
        report.charts.push(odd);
        report.alerts[0].started_at = ends.0;
        report.alerts[1].ended_at = Some(ends.1);
        report.alerts[1].value = Some(values[6]);
        for verdict in &mut report.comparison.as_mut().unwrap().verdicts {
            verdict.change = values[0];
            verdict.change_percent = Some(values[1]);
            verdict.interval = Some(crate::facts::interval(values[2], values[3]));
            verdict.change_interval = crate::facts::interval(values[4], values[5]);
            verdict.margin_percent = Some(values[6]);
            verdict.effective_n = [values[7], values[0]];
        }
        let html = to_html(&report);
        prop_assert!(!html.contains("NaN") || text.contains("NaN"));
        prop_assert!(!html.contains("inf\"") && !html.contains("inf ") || text.contains("inf"));
        prop_assert!(to_json(&report).is_object());
        prop_assert!(!to_markdown(&report).is_empty());
        prop_assert!(summary_sentence(&report).ends_with('.'));
    }
}
