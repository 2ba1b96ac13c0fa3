//! F9: reports in three formats, the worst first.

use tacho_analysis::Severity;
use tacho_report::{Report, summary_sentence, to_html, to_json, to_markdown};

use crate::facts::{alert, compared, slower, stable, unsure};
use crate::sample;

fn spoken(report: &Report) -> String {
    summary_sentence(report).replace(['\u{a0}', '\u{202f}'], " ")
}

#[test]
fn f9_report_summary_says_the_worst_first() {
    let message = "CPU is 96.2 % (limit 90 %); most of it is uvicorn (pid 4711, 99 % of a core)";
    let firing = alert("cpu_high", Severity::Critical, message, true);
    let warning = alert("memory_high", Severity::Warning, "memory is 91 %", true);
    let over = alert("cpu_high", Severity::Warning, "CPU is 12 % again", false);
    let check = |alerts: Vec<_>, report: Report, expected: &str| {
        assert_eq!(spoken(&Report { alerts, ..report }), expected);
    };
    // What fires comes before what got worse, the critical before the warning.
    check(
        vec![over.clone(), warning, firing],
        compared(vec![slower(), unsure()]),
        "Critical alert on web-1: CPU is 96.2 % (limit 90 %); most of it is uvicorn (pid 4711, \
         99 % of a core); 1 more alert; 1 metric regressed.",
    );
    // What got worse comes before what is over.
    check(
        vec![over.clone()],
        compared(vec![unsure(), slower(), slower()]),
        "http_server_request_duration_seconds p95 on web-1 regressed, +18 % (12 to 24); \
         310 ms → 366 ms against baseline default, severity info; 1 more metric regressed; \
         1 alert fired and ended.",
    );
    check(
        vec![over],
        sample::empty(),
        "One alert fired on web-1 and ended; last cpu_high, warning, at 13:52:00 UTC for 5 min.",
    );
    check(
        vec![],
        compared(vec![stable(), unsure()]),
        "Nothing regressed on web-1 for certain, but node_load1 leans that way, +7 % (−2 to 16); \
         1 stable, 1 inconclusive of 2 metrics against baseline default; no alert in 1 h.",
    );
    check(
        vec![],
        compared(vec![unsure()]),
        "Nothing is known yet of web-1; 1 inconclusive of 1 metric against baseline default; \
         no alert in 1 h.",
    );
    check(
        vec![],
        sample::empty(),
        "Nothing was measured on web-1 in this time.",
    );
}

#[test]
fn f9_report_says_when_all_is_well() {
    let mut report = sample::calm();
    let verdicts = &mut report.comparison.as_mut().unwrap().verdicts;
    verdicts.retain(|verdict| verdict.answer.as_str() == "stable");
    let stable = verdicts.len();
    assert!(stable > 1, "the sample has metrics that stay");
    assert_eq!(
        spoken(&report),
        format!(
            "All is well on web-1; {stable} stable of {stable} metrics against baseline default; \
             no alert in 1 h."
        )
    );
    report.comparison = None;
    assert_eq!(
        spoken(&report),
        "No alert on web-1 in 1 h; no baseline to compare with yet."
    );
}

#[test]
fn f9_report_in_three_formats() {
    let report = sample::busy();
    let sentence = summary_sentence(&report);
    let [headline, detail] = [sentence.split("; ").next(), sentence.split("; ").nth(1)];
    let (html, markdown, json) = (to_html(&report), to_markdown(&report), to_json(&report));
    assert_eq!(json["summary"], sentence.as_str());
    assert!(html.contains(headline.unwrap()), "{sentence}");
    assert!(
        html.contains(detail.unwrap().trim_end_matches('.')),
        "{sentence}"
    );
    let plain = markdown.replace('\\', "");
    assert!(plain.contains(&format!("**{sentence}**")), "{plain}");
    for verdict in &report.comparison.as_ref().unwrap().verdicts {
        assert!(plain.contains(&verdict.metric) && html.contains(verdict.answer.as_str()));
    }
    for statistic in &report.statistics {
        assert!(plain.contains(&statistic.title) && html.contains(&statistic.title));
    }
    assert_eq!(html.matches("<figure").count(), report.charts.len());
    assert!(html.len() < 300_000, "{} bytes", html.len());
}

#[test]
fn f9_markdown_reads_as_written() {
    let mut report = compared(vec![slower()]);
    report.alerts = vec![alert(
        "cpu_high",
        Severity::Warning,
        "CPU is 12 % | again",
        false,
    )];
    let expected = "\
# Report on web-1

**http\\_server\\_request\\_duration\\_seconds p95 on web-1 regressed, +18 % (12 to 24); 310 ms → \
366 ms against baseline default, severity info; 1 alert fired and ended.**

21 Nov 2026, 13:02 to 14:02 UTC (1 h) · 16 cores · 64.0 GiB · Linux 6.12.8

## Against baseline default (version 3, 20 Nov 2026, 13:02 to 14:02 UTC)

| Metric | Verdict | Change | Before | After | Effect |
| --- | --- | ---: | ---: | ---: | --- |
| `http_server_request_duration_seconds` p95 | \
**regressed** (info) | +18 % (12 to 24) | 310 ms | 366 ms | medium |

## Alerts

| Severity | Rule | Began (UTC) | Lasted | Message |
| --- | --- | ---: | ---: | --- |
| warning | cpu\\_high | 13:52:00 | 5 min | CPU is 12 % &#124; again |

## Statistics

Nothing was measured in this time.

Tachograph 0.1.0, 21 Nov 2026, 14:02 UTC
";
    assert_eq!(to_markdown(&report).replace('\u{a0}', " "), expected);
}

#[test]
fn f9_html_needs_no_network() {
    let html = to_html(&sample::busy());
    let policy = "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
                  style-src 'unsafe-inline'; img-src data:\"";
    assert!(html.contains(policy));
    for reference in [
        "http://", "https://", "src=", "href=", "url(", "@import", "<script", "<link", "<iframe",
        "<img", "<object", "<base",
    ] {
        assert!(
            !html.contains(reference),
            "the page refers to something: {reference}"
        );
    }
}

#[test]
fn f9_gaps_stay_gaps() {
    // The sample has three minutes without samples: every line begins a second time.
    let html = to_html(&sample::busy());
    let lines = html.matches("class=\"line s1\" d=\"M").count();
    assert!(lines >= 5, "{lines} lines");
    for path in html.split("class=\"line s1\" d=\"").skip(1) {
        let path = path.split('"').next().unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
    }
}

#[test]
fn f9_before_and_after_are_the_numbers_of_the_change() {
    // The evidence holds the means of everything, the change that of what was compared.
    let mut verdict = unsure();
    (verdict.change, verdict.change_percent) = (0.4, Some(8.0));
    (verdict.evidence.before.mean, verdict.evidence.after.mean) = (5.1, 5.0);
    let markdown = to_markdown(&compared(vec![verdict]));
    assert!(markdown.contains("| 5.00 | 5.40 |"), "{markdown}");
}
