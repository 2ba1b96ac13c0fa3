//! When totals grow, and by what.

use super::*;

const TOKENS: &str = "traces_span_metrics_gen_ai_usage_tokens_total";
const FAILED_CALLS: &str = "traces_service_graph_request_failed_total";

/// Seconds before `now` and values of the samples of the one series.
fn samples(app: &App, metric: &str, now: Timestamp) -> Vec<(u64, f64)> {
    let series = read(app, metric, &[]);
    assert_eq!(series.len(), 1, "{metric}");
    let columns = &series[0].1;
    let times = columns.timestamps.iter();
    let ago = times.map(|time| now.since(*time).as_secs());
    ago.zip(columns.values.iter().copied()).collect()
}

fn this_second() -> Timestamp {
    Timestamp::now().align_down(Duration::from_secs(1))
}

fn ended(id: u64, now: Timestamp, seconds_ago: u64) -> Sent {
    Sent {
        failed: true,
        start: now - Duration::from_secs(seconds_ago) - Duration::from_millis(10),
        ..sent(u128::from(id), id)
    }
}

#[test]
fn w1_totals_of_a_history_grow_when_it_happened() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let now = this_second();
    // The third came before the second, the last one a day before all others.
    for (id, ago) in [(1, 1200), (2, 800), (3, 900), (4, 400), (5, 80_000)] {
        send(&app, &[ended(id, now, ago), ended(id + 10, now, ago)]);
    }
    for metric in [CALLS, FAILED_CALLS] {
        let found = samples(&app, metric, now);
        let (last, history) = found.split_last().unwrap();
        assert_eq!(history, [(1200, 2.0), (800, 6.0), (400, 8.0)], "{metric}");
        assert!(last.0 <= 2 && last.1 == 10.0, "{metric} {last:?}");
    }
}

#[test]
fn w1_what_comes_late_for_a_live_total_counts_when_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let now = this_second();
    send(&app, &[ended(1, now, 5)]);
    send(&app, &[ended(2, now, 40)]);
    let found = samples(&app, CALLS, now);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], (5, 1.0));
    assert!(found[1].0 <= 2 && found[1].1 == 2.0, "{found:?}");
}

#[test]
fn w3_a_call_that_is_made_of_calls_uses_what_those_use() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let model = |id, parent, tokens| {
        let told = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-4o"),
            ("gen_ai.usage.input_tokens", tokens),
        ];
        sent(1, id).below(parent).kind(SpanKind::Client).with(&told)
    };
    let around = |id, tokens| Sent {
        millis: 100,
        ..model(id, 0, tokens)
    };
    let silent = |id, parent| {
        let told = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-4o"),
        ];
        sent(1, id).below(parent).kind(SpanKind::Client).with(&told)
    };
    // In one request and in two; and a library that leaves it to its framework to tell.
    send(&app, &[model(2, 1, "100"), around(1, "100")]);
    send(&app, &[model(4, 3, "20")]);
    send(&app, &[around(3, "20")]);
    send(&app, &[silent(6, 5), around(5, "7")]);
    assert_eq!(total(&app, TOKENS, &[]), 127.0);
    let name = [("gen_ai_operation_name", "chat")];
    assert_eq!(total(&app, CALLS, &name), 6.0);
    // Of one request, those around first, which end together, or are too old to say when they did.
    let old = Timestamp::now() - Duration::from_hours(2);
    for (trace, start) in [(8, Timestamp::now()), (9, old)] {
        let outer = Sent {
            trace,
            start,
            ..around(1, "500")
        };
        let inner = Sent {
            trace,
            start: start + Duration::from_millis(90),
            ..model(2, 1, "500")
        };
        send(&app, &[outer, inner]);
    }
    assert_eq!(total(&app, TOKENS, &[]), 1127.0);
}
