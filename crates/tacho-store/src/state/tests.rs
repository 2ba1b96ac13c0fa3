//! What is stored comes back, with its history, within its limits.

mod migrations;

use super::*;
use tacho_model::TimeRange;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn window(start: i64, end: i64) -> TimeRange {
    TimeRange::new(at(start), at(end))
}

fn event(rule: &str, started: i64, ended: Option<i64>) -> AlertEvent {
    AlertEvent {
        id: 0,
        rule: rule.into(),
        series: "node_load1".into(),
        state: "firing".into(),
        severity: "warning".into(),
        value: Some(97.5),
        threshold: None,
        started_at: at(started),
        ended_at: ended.map(at),
        message: "load is high".into(),
        body: "{}".into(),
    }
}

#[test]
fn a1_baselines_are_kept_with_history() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let state = State::open(&path).unwrap();
    assert_eq!(
        state
            .put_baseline("default", at(5), window(0, 5), "{1}")
            .unwrap(),
        1
    );
    assert_eq!(
        state
            .put_baseline("default", at(9), window(4, 9), "{2}")
            .unwrap(),
        2
    );
    assert_eq!(
        state
            .put_baseline("night", at(9), window(4, 9), "{}")
            .unwrap(),
        1
    );
    drop(state);
    let state = State::open(&path).unwrap();
    let newest = state.baseline("default", None).unwrap().unwrap();
    assert_eq!((newest.version, newest.body.as_str()), (2, "{2}"));
    assert_eq!((newest.window, newest.created_at), (window(4, 9), at(9)));
    let first = state.baseline("default", Some(1)).unwrap().unwrap();
    assert_eq!((first.body.as_str(), first.valid), ("{1}", true));
    assert_eq!(state.baseline("default", Some(3)).unwrap(), None);
    let versions = |name| {
        let history = state.baseline_history(name).unwrap();
        history.iter().map(|b| b.version).collect::<Vec<_>>()
    };
    assert_eq!(versions("default"), [2, 1]);
    let names: Vec<_> = state
        .baselines()
        .unwrap()
        .into_iter()
        .map(|b| b.name)
        .collect();
    assert_eq!(names, ["default", "night"]);
}

#[test]
fn a1_an_invalid_baseline_says_why_and_a_deleted_one_is_gone() {
    let state = State::in_memory().unwrap();
    state.put_baseline("b", at(1), window(0, 1), "{}").unwrap();
    state.put_baseline("b", at(2), window(0, 1), "{}").unwrap();
    state.invalidate_baseline("b", "new kernel").unwrap();
    let newest = state.baseline("b", None).unwrap().unwrap();
    assert_eq!(
        (newest.valid, newest.invalid_reason.as_deref()),
        (false, Some("new kernel"))
    );
    assert!(state.baseline("b", Some(1)).unwrap().unwrap().valid);
    state.delete_baseline("b").unwrap();
    assert_eq!(state.baseline("b", None).unwrap(), None);
    for missing in [
        state.delete_baseline("b"),
        state.invalidate_baseline("b", ""),
    ] {
        assert!(matches!(missing, Err(StoreError::NotFound { .. })));
    }
}

#[test]
fn w4_alert_events_are_kept_updated_and_pruned() {
    let state = State::in_memory().unwrap();
    let past = state
        .push_alert_event(&event("past", 10, Some(20)))
        .unwrap();
    let open = state.push_alert_event(&event("open", 15, None)).unwrap();
    assert_ne!(past, open);
    let rules = |range| {
        let events = state.alert_events(range, 10).unwrap();
        events.into_iter().map(|e| e.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(window(0, 30)), ["open", "past"]);
    assert_eq!(rules(window(21, 30)), ["open"]);
    assert_eq!(rules(window(0, 14)), ["past"]);
    assert_eq!(state.alert_events(window(0, 30), 1).unwrap().len(), 1);
    let mut still = state.open_alert_events().unwrap();
    assert_eq!(still.len(), 1);
    assert_eq!(still[0].value, Some(97.5));
    still[0].ended_at = Some(at(40));
    still[0].state = "resolved".into();
    state.update_alert_event(&still[0]).unwrap();
    assert!(state.open_alert_events().unwrap().is_empty());
    assert_eq!(state.prune_alert_events(at(40)).unwrap(), 1);
    assert_eq!(rules(TimeRange::ALL), ["open"]);
    let missing = AlertEvent {
        id: 999,
        ..event("x", 0, None)
    };
    assert!(matches!(
        state.update_alert_event(&missing),
        Err(StoreError::NotFound { .. })
    ));
}

#[test]
fn annotations_and_reports_come_back() {
    let state = State::in_memory().unwrap();
    let id = state
        .push_annotation(at(5), "deployment", "v2", "{}")
        .unwrap();
    state.push_annotation(at(9), "version", "v3", "{}").unwrap();
    let found = state.annotations(window(0, 6), 10).unwrap();
    assert_eq!((found.len(), found[0].title.as_str()), (1, "v2"));
    assert!(state.delete_annotation(id).unwrap());
    assert!(!state.delete_annotation(id).unwrap());
    let html = state.put_report(at(3), "html", "<p>é</p>").unwrap();
    state.put_report(at(4), "json", "{}").unwrap();
    assert_eq!(state.report(html).unwrap().unwrap().body, "<p>é</p>");
    let list = state.reports(10).unwrap();
    assert_eq!((list.len(), list[1].body_bytes), (2, 9));
    assert_eq!(state.prune_reports(1).unwrap(), 1);
    assert_eq!(state.report(html).unwrap(), None);
}

fn benchmark(name: &str, services: &[&str]) -> Benchmark {
    Benchmark {
        name: name.into(),
        created_at: at(7),
        window: window(1, 6),
        services: services.iter().map(|s| (*s).to_owned()).collect(),
        body: r#"{"mean": 1.5}"#.into(),
    }
}

fn compared(name: &str, time: i64, answer: &str) -> BenchmarkComparison {
    BenchmarkComparison {
        id: 0,
        benchmark: name.into(),
        compared_at: at(time),
        window: window(time - 1, time),
        answer: answer.into(),
        body: "[]".into(),
    }
}

#[test]
fn k5_benchmarks_are_kept_by_name_and_service_with_what_was_compared() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let state = State::open(&path).unwrap();
    let spring = benchmark("spring", &["cart", "shop"]);
    state.create_benchmark(&spring).unwrap();
    state.create_benchmark(&benchmark("all", &[])).unwrap();
    let twice = state.create_benchmark(&benchmark("spring", &[]));
    assert!(matches!(twice, Err(StoreError::Exists { .. })), "{twice:?}");
    for (time, answer) in [(10, "stable"), (20, "degraded")] {
        state
            .push_benchmark_comparison(&compared("spring", time, answer))
            .unwrap();
    }
    let missing = state.push_benchmark_comparison(&compared("none", 1, "stable"));
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
    drop(state);
    let state = State::open(&path).unwrap();
    assert_eq!(state.benchmark("spring").unwrap(), Some(spring.clone()));
    let names = |service| {
        let found = state.benchmarks(service).unwrap();
        found.into_iter().map(|b| b.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None), ["all", "spring"]);
    assert_eq!(names(Some("cart")), ["spring"]);
    let answers = || {
        let found = state.benchmark_comparisons("spring", 10).unwrap();
        found.into_iter().map(|c| c.answer).collect::<Vec<_>>()
    };
    assert_eq!(answers(), ["degraded", "stable"]);
    assert_eq!(state.prune(at(15)).unwrap(), 1);
    assert_eq!(answers(), ["degraded"]);
    state.delete_benchmark("spring").unwrap();
    assert_eq!(answers(), [""; 0]);
    assert_eq!(names(Some("cart")), [""; 0]);
    state.create_benchmark(&spring).unwrap();
}

#[test]
fn a6_an_experiment_only_moves_forward_and_remembers_when() {
    use ExperimentState::{Draft, Running, Stopped};
    let state = State::in_memory().unwrap();
    state.create_experiment("cache", at(1), "{1}").unwrap();
    let twice = state.create_experiment("cache", at(1), "{}");
    assert!(matches!(twice, Err(StoreError::Exists { .. })));
    state.redefine_experiment("cache", at(2), "{2}").unwrap();
    state
        .move_experiment("cache", at(3), Running, "go")
        .unwrap();
    let refused = [
        state.redefine_experiment("cache", at(4), "{3}"),
        state.move_experiment("cache", at(4), Draft, ""),
        state.move_experiment("cache", at(4), Running, ""),
    ];
    for refused in refused {
        assert!(matches!(
            refused,
            Err(StoreError::Transition {
                from: "running",
                ..
            })
        ));
    }
    assert_eq!(state.experiments(Some(Running)).unwrap().len(), 1);
    state
        .move_experiment("cache", at(5), Stopped, "b is faster")
        .unwrap();
    let held = state.experiment("cache").unwrap().unwrap();
    assert_eq!((held.state, held.definition.as_str()), (Stopped, "{2}"));
    assert_eq!((held.created_at, held.changed_at), (at(1), at(5)));
    let steps = state.experiment_transitions("cache").unwrap();
    let steps: Vec<_> = steps
        .iter()
        .map(|s| (s.time, s.state, s.reason.as_str()))
        .collect();
    let expected = [
        (at(1), Draft, "created"),
        (at(3), Running, "go"),
        (at(5), Stopped, "b is faster"),
    ];
    assert_eq!(steps, expected);
    state.create_experiment("draft", at(1), "{}").unwrap();
    assert_eq!(state.prune(at(6)).unwrap(), 1, "drafts stay");
    assert!(state.experiment_transitions("cache").unwrap().is_empty());
    state.delete_experiment("draft").unwrap();
    let missing = state.delete_experiment("draft");
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
}

#[test]
fn f3_a_rule_set_at_run_time_remembers_who_changed_what() {
    use AlertRuleChange::{Created, Deleted, Disabled, Enabled, Redefined};
    let state = State::in_memory().unwrap();
    let put = |definition, enabled, author, time| {
        state
            .put_alert_rule("slow", definition, enabled, author, at(time))
            .unwrap()
    };
    assert_eq!(put("p95 > 1s", true, "ann", 1), 1);
    assert_eq!(put("p95 > 1s", true, "bob", 2), 1, "nothing changed");
    assert_eq!(put("p95 > 2s", true, "bob", 3), 2);
    assert_eq!(
        state.enable_alert_rule("slow", false, "cy", at(4)).unwrap(),
        3
    );
    assert_eq!(
        state.enable_alert_rule("slow", false, "cy", at(4)).unwrap(),
        3
    );
    let held = state.alert_rule("slow").unwrap().unwrap();
    assert_eq!(
        (held.enabled, held.definition.as_str()),
        (false, "p95 > 2s")
    );
    assert_eq!((held.author.as_str(), held.changed_at), ("cy", at(4)));
    assert_eq!(put("p95 > 2s", true, "cy", 5), 4);
    state.delete_alert_rule("slow", "dee", at(6)).unwrap();
    assert_eq!(state.alert_rule("slow").unwrap(), None);
    assert!(state.alert_rules().unwrap().is_empty());
    let gone = state.enable_alert_rule("slow", true, "x", at(7));
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
    let changes = || {
        let history = state.alert_rule_history("slow", 99).unwrap();
        history
            .into_iter()
            .map(|r| (r.change, r.rule.author))
            .collect::<Vec<_>>()
    };
    let all = [
        (Deleted, "dee"),
        (Enabled, "cy"),
        (Disabled, "cy"),
        (Redefined, "bob"),
        (Created, "ann"),
    ];
    assert_eq!(changes(), all.map(|(change, who)| (change, who.to_owned())));
    // The newest revision that deleted it must not go before one that would revive it.
    assert_eq!(state.prune(at(4)).unwrap(), 2);
    assert_eq!(state.alert_rule("slow").unwrap(), None);
    assert_eq!(put("p95 > 3s", true, "eve", 8), 6);
    assert_eq!(state.prune(at(99)).unwrap(), 3);
    assert_eq!(changes(), [(Created, "eve".to_owned())]);
    state.delete_alert_rule("slow", "eve", at(5)).unwrap();
    assert_eq!(state.prune(at(6)).unwrap(), 0, "the clock was set back");
    assert_eq!(state.alert_rule("slow").unwrap(), None);
    assert_eq!(state.prune(at(99)).unwrap(), 2);
}

#[test]
fn a_silence_holds_for_its_time_and_stays_in_the_history() {
    let state = State::in_memory().unwrap();
    let draft = |starts, ends| SilenceDraft {
        matchers: r#"{service="shop"}"#.into(),
        starts_at: at(starts),
        ends_at: at(ends),
        author: "ann".into(),
        comment: "moving racks".into(),
    };
    let create = |starts, ends| state.create_silence(&draft(starts, ends), at(1)).unwrap();
    let (long, later, short) = (create(10, 50), create(60, 70), create(10, 20));
    let backwards = state.create_silence(&draft(5, 5), at(1));
    assert!(matches!(backwards, Err(StoreError::Invalid { .. })));
    let ahead = |time| {
        let found = state.silences_from(at(time)).unwrap();
        found.into_iter().map(|s| s.id).collect::<Vec<_>>()
    };
    assert_eq!(ahead(10), [short, long, later]);
    assert_eq!(ahead(20), [long, later]);
    assert!(state.end_silence(long, at(30), "bob").unwrap());
    assert!(
        !state.end_silence(long, at(31), "cy").unwrap(),
        "it is over"
    );
    assert!(
        !state.end_silence(short, at(31), "cy").unwrap(),
        "it is over"
    );
    let held = state.silence(long).unwrap().unwrap();
    assert_eq!(
        (held.end(), held.ended_by.as_deref()),
        (at(30), Some("bob"))
    );
    assert_eq!(held.asked, draft(10, 50));
    for (time, active) in [(9, false), (10, true), (29, true), (30, false)] {
        assert_eq!(held.is_active(at(time)), active, "at {time}");
    }
    assert!(state.end_silence(later, at(40), "bob").unwrap());
    assert_eq!(ahead(35), [0; 0], "ended before it began");
    assert_eq!(state.silences(window(0, 15), 9).unwrap().len(), 2);
    assert_eq!(state.silences(TimeRange::ALL, 2).unwrap().len(), 2);
    assert_eq!(state.prune(at(30)).unwrap(), 1);
    assert_eq!(state.prune(at(41)).unwrap(), 2);
    assert_ne!(create(1, 2), later, "an id means one silence");
    let missing = state.end_silence(999, at(1), "");
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
}

#[test]
fn what_is_too_large_or_too_many_is_refused_by_name() {
    let state = State::in_memory().unwrap();
    let long = |bytes| "x".repeat(bytes);
    let refusals = [
        state.put_baseline("", at(0), window(0, 1), "").err(),
        state.put_baseline("a\nb", at(0), window(0, 1), "").err(),
        state
            .put_baseline(&long(201), at(0), window(0, 1), "")
            .err(),
        state
            .put_report(at(0), "html", &long(BODY_BYTES_MAX + 1))
            .err(),
        state
            .create_experiment("e", at(0), &long(DEFINITION_BYTES_MAX + 1))
            .err(),
        state
            .put_alert_rule("r", "", true, &long(TEXT_BYTES_MAX + 1), at(0))
            .err(),
        state.create_benchmark(&benchmark("b", &[""])).err(),
        state.create_benchmark(&benchmark("b", &["s"; 1001])).err(),
    ];
    for (number, refusal) in refusals.into_iter().enumerate() {
        assert!(
            matches!(refusal, Some(StoreError::Invalid { .. })),
            "{number}: {refusal:?}"
        );
    }
    state
        .put_baseline(&long(200), at(0), window(0, 1), "")
        .unwrap();
    let many = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {RECORDS_MAX})
         INSERT INTO experiment SELECT 'e' || i, 'draft', 0, 0, '', NULL FROM n"
    );
    state.writer.lock().execute(&many, []).unwrap();
    let full = state.create_experiment("one more", at(0), "");
    assert!(
        matches!(
            full,
            Err(StoreError::Full {
                what: "experiment",
                ..
            })
        ),
        "{full:?}"
    );
}

#[test]
fn pruning_keeps_what_is_in_force() {
    let state = State::in_memory().unwrap();
    for time in [1, 2] {
        state.put_baseline("b", at(time), window(0, 1), "").unwrap();
        state
            .push_annotation(at(time), "deployment", "", "")
            .unwrap();
        state.put_report(at(time), "json", "").unwrap();
    }
    state.push_alert_event(&event("past", 1, Some(2))).unwrap();
    state.push_alert_event(&event("open", 1, None)).unwrap();
    state.create_benchmark(&benchmark("b", &[])).unwrap();
    state.put_alert_rule("r", "", true, "", at(1)).unwrap();
    assert_eq!(
        state.prune(at(2)).unwrap(),
        3,
        "version 1, an annotation, a report"
    );
    assert_eq!(
        state.prune(at(99)).unwrap(),
        3,
        "an annotation, a report, an event"
    );
    assert_eq!(state.prune(at(99)).unwrap(), 0);
    assert_eq!(state.baseline_history("b").unwrap().len(), 1);
    assert_eq!(state.open_alert_events().unwrap().len(), 1);
    assert!(state.benchmark("b").unwrap().is_some());
    assert!(state.alert_rule("r").unwrap().is_some());
}

#[test]
fn readers_do_not_wait_for_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(&dir.path().join("state.db")).unwrap();
    let versions = || state.baseline_history("b").unwrap().len();
    let written = state.write(|transaction| {
        let sql = "INSERT INTO baseline VALUES ('b', 1, 7, 1, NULL, 5, 6, '{}', NULL)";
        transaction.execute(sql, [])?;
        // On this very thread: if it waited, it would wait for ever.
        assert_eq!(versions(), 0, "what is not committed is not seen");
        Ok(())
    });
    written.unwrap();
    assert_eq!(versions(), 1);
}

#[test]
fn a_write_that_fails_half_way_leaves_nothing() {
    let state = State::in_memory().unwrap();
    let failed = state.write(|transaction| -> Result<(), StoreError> {
        transaction.execute(
            "INSERT INTO alert_rule VALUES ('r', 1, 0, '', 'created', 1, '', NULL)",
            [],
        )?;
        transaction.execute(
            "INSERT INTO alert_rule VALUES ('r', 2, 0, '', 'odd', 1, '', NULL)",
            [],
        )?;
        Ok(())
    });
    assert!(matches!(failed, Err(StoreError::State(_))));
    assert!(state.alert_rules().unwrap().is_empty());
}

#[test]
fn a_read_only_database_refuses_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    for round in ["absent", "there"] {
        let state = State::open_read_only(&path).unwrap();
        let refused = state.put_report(at(0), "json", "");
        assert!(
            matches!(refused, Err(StoreError::ReadOnly { .. })),
            "{round}: {refused:?}"
        );
        assert!(state.reports(1).unwrap().is_empty());
        drop(state);
        drop(State::open(&path).unwrap());
    }
}
