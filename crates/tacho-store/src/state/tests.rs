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

#[test]
fn every_older_schema_is_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    for older in 0..=MIGRATIONS.len() {
        let path = dir.path().join(format!("{older}.db"));
        let mut connection = Connection::open(&path).unwrap();
        migrate(&mut connection, older).unwrap();
        if older >= 1 {
            let sql = "INSERT INTO baseline VALUES ('b', 1, 7, 1, NULL, 5, 6, '{}')";
            connection.execute(sql, []).unwrap();
        }
        drop(connection);
        let state = State::open(&path).unwrap();
        assert_eq!(
            version(&state.connection()).unwrap(),
            MIGRATIONS.len() as i64
        );
        assert_eq!(state.baseline("b", None).unwrap().is_some(), older >= 1);
        state.put_baseline("b", at(1), window(0, 1), "{}").unwrap();
    }
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    for opened in [State::open(&path), State::open_read_only(&path)] {
        let newer = matches!(opened, Err(StoreError::NewerFormat { found: 99, .. }));
        assert!(newer, "a schema of version 99");
    }
}
