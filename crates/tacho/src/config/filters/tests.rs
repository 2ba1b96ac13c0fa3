use crate::config::{Config, Overrides};

use super::explain;

fn explained(text: &str) -> Vec<String> {
    let settings = Config::parse(text).unwrap();
    let settings = settings.settings(&Overrides::default()).unwrap();
    explain(&settings.filters)
}

fn refused(text: &str) -> String {
    format!("{:#}", Config::parse(text).unwrap_err())
}

#[test]
fn r1_filters_are_read_and_said_in_words() {
    let text = r#"
filters:
  - match: '{__name__=~"go_.*"}'
    action: drop
  - {match: [up, '{job="api"}'], protocol: scrape, source: api, action: keep}
  - {match: http_requests_total, action: rename, to: requests_total}
  - match: '{job="api"}'
    action: relabel
    relabel_configs:
      - {source_labels: [pod], regex: 80, target_label: port, replacement: 1}
      - {regex: tmp_.*, action: labeldrop}
  - {match: http_bucket, action: aggregate, without: [pod, instance], interval: 15s}
  - {match: up, action: aggregate, by: job, function: avg}
  - {match: '{source="iot"}', action: throttle, interval: 10}
  - {signal: spans, service: api, action: sample, ratio: 0.1}
  - {signal: spans, match: '{name="GET /health"}', action: drop}
  - {signal: spans, action: tail_sample, keep: {errors: true, slower_than: 500ms, ratio: 0.05}}
  - {signal: logs, severity_below: warn, action: drop}
"#;
    let expected = [
        r#"drop samples of {__name__=~"go_.*"}"#,
        r#"keep only samples of {__name__="up"} or {job="api"} by scrape from api"#,
        r#"rename {__name__="http_requests_total"} to requests_total"#,
        r#"relabel {job="api"}: replace, labeldrop"#,
        r#"aggregate {__name__="http_bucket"} without pod, instance, one sample each 15s (counters and histograms by total, gauges by sum)"#,
        r#"aggregate {__name__="up"} by job, one sample each 1m (avg)"#,
        r#"keep the last sample of each 10s of {source="iot"}"#,
        r#"keep 10 % of the traces, spans of {service="api"}"#,
        r#"drop spans of {name="GET /health"}"#,
        "keep traces with spans of all of which one failed or took longer than 500ms, and of the \
         others 5 %, decided 10s after a trace's first span",
        "drop log records of all that are less severe than warn",
    ];
    assert_eq!(explained(text), expected);
    assert!(explained("filters: []").is_empty());
}

#[test]
fn r1_filters_that_make_no_sense_are_refused_with_their_line() {
    let check = |filter: &str, expected: &str| {
        let error = refused(&format!("filters:\n  - {{{filter}}}\n"));
        assert!(error.contains(expected), "{filter}: {error}");
        assert!(error.contains("line 2"), "{filter}: {error}");
    };
    check("action: drop", "which series are meant");
    check("match: up", "action");
    check("match: up, action: explode", "is no action on samples");
    check("match: up, action: drop, matches: x", "matches");
    check("match: 'up{', action: drop", "is no selector");
    check("match: 'rate(up[5m])', action: drop", "is an expression");
    check("match: up, action: drop, to: x", "takes no `to`");
    check("match: up, action: rename", "needs `to`");
    check("match: up, action: relabel", "needs `relabel_configs`");
    check(
        "match: up, action: relabel, relabel_configs: [{regex: '('}]",
        "needs `target_label`",
    );
    check(
        "match: up, action: relabel, relabel_configs: [{action: jump}]",
        "is no relabel action",
    );
    check("match: up, action: throttle", "needs `interval`");
    check(
        "match: up, action: throttle, interval: 1h",
        "between 1s and 5m",
    );
    check("match: up, action: aggregate", "either `by` or `without`");
    check(
        "match: up, action: aggregate, by: a, function: median",
        "is no function",
    );
    check(
        "match: up, action: sample, ratio: 0.1",
        "is no action on samples",
    );
    check("match: up, protocol: fax, action: drop", "is no protocol");
    check("signal: metrics, action: drop", "is no signal");
    check("signal: spans, action: sample", "needs `ratio`");
    check("signal: spans, action: sample, ratio: 2", "from 0 to 1");
    check("signal: spans, action: tail_sample", "needs `keep`");
    check(
        "signal: spans, action: tail_sample, keep: {}",
        "keeps nothing",
    );
    check(
        "signal: spans, action: tail_sample, keep: {errors: true}, wait: 1h",
        "between 100ms and 5m",
    );
    check(
        "signal: logs, severity_below: bad, action: drop",
        "severity",
    );
    check(
        "signal: spans, severity_below: warn, action: drop",
        "takes no",
    );
    check(
        "match: up, service: api, action: drop",
        "for spans and logs",
    );
}
