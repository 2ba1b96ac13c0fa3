//! The body of a verdict, key by key, as other programs read it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tacho_report::verdict::sentence;
use tacho_report::{to_json, verdict_json};

use crate::{facts, sample};

/// Every key of the contract that a verdict always has.
const ALWAYS: [&str; 21] = [
    "id",
    "target",
    "metric",
    "title",
    "labels",
    "kind",
    "answer",
    "severity",
    "change_percent",
    "change",
    "unit",
    "interval",
    "level",
    "quantiles",
    "method",
    "p_value",
    "effect",
    "n",
    "effective_n",
    "margin_percent",
    "windows",
];

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_regression_has_every_key_and_no_other() {
    let body = verdict_json(&facts::slower());
    let expected: BTreeSet<&str> = ALWAYS.into_iter().chain(["evidence"]).collect();
    assert_eq!(keys(&body), expected);
    assert_eq!(body["answer"], "regressed");
    assert_eq!(body["severity"], "info");
    assert_eq!(body["kind"], "latency");
    assert_eq!(body["labels"], json!({"http_route": "/checkout"}));
    assert_eq!(body["change_percent"], 18.0);
    assert_eq!(body["interval"], json!([12.0, 24.0]));
    assert_eq!(body["n"], json!([240, 240]));
    assert_eq!(body["effective_n"], json!([88.0, 91.5]));
    assert_eq!(
        body["effect"],
        json!({"name": "cliffs_delta", "value": 0.41, "class": "medium"})
    );
    assert_eq!(keys(&body["quantiles"]), ["p50", "p95", "p99"].into());
    assert_eq!(body["quantiles"]["p99"]["interval"], json!([9.0, 31.0]));
    assert_eq!(body["quantiles"]["p99"]["change_percent"], 20.0);
    assert_eq!(body["windows"][1]["from"], "2026-11-21T13:02:00Z");
    assert_eq!(body["windows"][1]["to"], "2026-11-21T14:02:00Z");
    assert_eq!(body["evidence"]["statistic"], "p95");
    assert_eq!(
        body["evidence"]["before"]["percentiles"][1],
        json!([0.5, 0.14])
    );
}

#[test]
fn an_inconclusive_one_says_where_it_leans_and_how_long_to_measure() {
    let body = verdict_json(&facts::unsure());
    let more = ["evidence", "leaning", "needs_more", "reason"];
    let expected: BTreeSet<&str> = ALWAYS.into_iter().chain(more).collect();
    assert_eq!(keys(&body), expected);
    assert_eq!(body["leaning"], "regressed");
    assert_eq!(body["needs_more"], "12m");
    assert_eq!(body["severity"], Value::Null);
    assert_eq!(body["quantiles"], json!({}));
}

#[test]
fn numbers_that_are_not_finite_are_null() {
    let body = verdict_json(&facts::without_percent());
    for key in ["change_percent", "interval", "p_value", "margin_percent"] {
        assert_eq!(body[key], Value::Null, "{key}");
    }
    assert_eq!(body["effective_n"], json!([null, 12.0]));
    assert_eq!(body["evidence"]["change_interval"], json!([null, null]));
}

#[test]
fn the_report_gives_the_same_verdicts() {
    let report = facts::compared(vec![facts::slower(), facts::unsure()]);
    let body = to_json(&report);
    assert_eq!(body["schema"], 1);
    assert_eq!(body["comparison"]["baseline"], "default");
    assert_eq!(
        body["comparison"]["verdicts"],
        json!([
            verdict_json(&facts::slower()),
            verdict_json(&facts::unsure())
        ])
    );
    let busy = to_json(&sample::busy());
    let expected = [
        "schema",
        "created_at",
        "version",
        "host",
        "from",
        "to",
        "summary",
        "statistics",
        "alerts",
        "comparison",
        "charts",
    ];
    assert_eq!(keys(&busy), expected.into());
    assert_eq!(busy["host"]["cores"], 16);
    assert_eq!(busy["statistics"][0]["metric"], "cpu_usage_percent");
    assert_eq!(busy["alerts"][0]["state"], "resolved");
    assert_eq!(
        busy["charts"][0]["series"][0]["points"][0][0],
        1_795_266_120.0
    );
}

#[test]
fn a_verdict_in_a_line() {
    let check = |verdict, expected: &str| {
        let line = sentence(&verdict).replace('\u{a0}', " ");
        assert_eq!(line, expected);
    };
    check(
        facts::slower(),
        "http_server_request_duration_seconds p95 of checkout: regressed (info), \
         +18 % (12 to 24)",
    );
    check(
        facts::unsure(),
        "node_load1 of checkout: inconclusive, leaning regressed, +7 % (−2 to 16); \
         the window is worth 8.0 independent values; 12 are needed; measure 12 min longer",
    );
    check(
        facts::without_percent(),
        "node_load1 of checkout: inconclusive, leaning regressed, +0.40; \
         the window is worth 8.0 independent values; 12 are needed; measure 12 min longer",
    );
}
