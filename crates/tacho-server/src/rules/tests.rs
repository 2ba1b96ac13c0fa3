use tacho_store::StoreOptions;

use super::*;

fn settings() -> RuleSettings {
    RuleSettings {
        rules: Vec::new(),
        interval: Duration::from_secs(5),
        groups: builtin().unwrap(),
        evaluation_interval: INTERVAL,
        catch_up: CATCH_UP,
    }
}

fn names(rules: &Rules) -> Vec<String> {
    let status = rules.status();
    status.iter().map(|s| s.group.identity()).collect()
}

#[test]
fn the_built_in_rules_are_valid_and_promise_their_names() {
    let groups = builtin().unwrap();
    let mut recorded: Vec<(String, String)> = Vec::new();
    for group in &groups {
        assert!(group.doubled().is_empty());
        assert_eq!(group.interval, Duration::from_secs(15));
        for rule in &group.rules {
            let [(name, source)] = &rule.labels[..] else {
                panic!("{}: {:?}", rule.name(), rule.labels);
            };
            assert_eq!(name, "source");
            recorded.push((source.clone(), rule.name().to_owned()));
        }
    }
    let of = |source: &str, names: &str| {
        for name in names.split(' ') {
            let wanted = (source.to_owned(), name.to_owned());
            assert!(recorded.contains(&wanted), "{wanted:?}");
        }
    };
    of("system", "cpu_usage_percent memory_usage_percent");
    of("system", "memory_available_mb memory_allocated_mb");
    of("system", "disk_read_mb_per_sec disk_write_mb_per_sec");
    of("database", "query_latency_ms connection_pool_size");
    of("database", "transaction_rate query_count error_count");
    of("websocket", "connections_per_second messages_per_second");
    of(
        "websocket",
        "current_latency_ms error_rate active_connections",
    );
    of("agent", "inference_time_ms active_agents agent_throughput");
    assert_eq!(recorded.len(), 19);
}

#[test]
fn groups_are_put_kept_replaced_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Store::open(dir.path(), StoreOptions::default()).unwrap();
    let now = Timestamp::from_secs(1);
    let mine = "{name: mine, rules: [{record: a, expr: up}]}";
    {
        let store = open();
        let rules = Rules::new(&settings(), &store);
        let builtin = names(&rules).len();
        assert_eq!(builtin, 4);
        let put = |name: &str, text: &str| rules.put(&store, name, text, now);
        assert!(!put("mine", mine).unwrap().1, "it is new");
        assert!(put("mine", mine).unwrap().1, "it is replaced");
        let named = put("other", mine).unwrap_err();
        assert!(matches!(named, RulesError::Named { .. }), "{named}");
        let taken = put("tacho_agent", "{name: tacho_agent}").unwrap_err();
        assert!(matches!(taken, RulesError::Taken { .. }), "{taken}");
        let bad = put("mine", "{name: mine, rules: [{record: a, expr: 'up +'}]}").unwrap_err();
        assert!(matches!(bad, RulesError::Content(_)), "{bad}");
        assert_eq!(names(&rules).len(), builtin + 1, "nothing bad is kept");
    }
    let store = open();
    let rules = Rules::new(&settings(), &store);
    assert_eq!(names(&rules).last().unwrap(), "api;mine");
    rules.delete(&store, "mine").unwrap();
    let again = rules.delete(&store, "mine").unwrap_err();
    assert!(matches!(again, RulesError::Unknown { .. }), "{again}");
    assert!(Rules::new(&settings(), &store).status().len() == 4);
}

#[test]
fn how_far_groups_came_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    let key = "builtin;tacho_agent".to_owned();
    let slot = Timestamp::from_secs(1_000);
    store
        .state()
        .put_rule_slots(&[(key.clone(), slot)])
        .unwrap();
    let rules = Rules::new(&settings(), &store);
    rules.keep_slots(&store);
    // What was not evaluated since stays as it was kept.
    assert_eq!(store.state().rule_slots().unwrap(), [(key, slot)]);
}

/// A server's state with groups that record, the first of which was last evaluated long ago.
fn app_behind(dir: &std::path::Path, behind: Duration) -> Arc<crate::app::App> {
    let reading = Reading {
        origin: Origin::File("rules.yml".to_owned()),
        interval: Duration::from_millis(100),
    };
    let text = "groups: [{name: behind, rules: [{record: b, expr: time()}]},
                         {name: live, rules: [{record: l, expr: time()}]}]";
    let store = Store::open(dir, StoreOptions::default()).unwrap();
    let slot = Timestamp::now() - behind;
    let slots = [("rules.yml;behind".to_owned(), slot)];
    store.state().put_rule_slots(&slots).unwrap();
    let mut settings = crate::settings::Settings::default();
    settings.rules.groups = reading.file(text).unwrap();
    Arc::new(crate::app::App::new(
        settings,
        Arc::new(store),
        Timestamp::now(),
    ))
}

/// Runs all groups until `is_done`, and tells them to stop; how long they took to end.
fn run_until(app: &Arc<crate::app::App>, is_done: impl Fn() -> bool) -> Duration {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let (closing, closed) = tokio::sync::watch::channel(false);
    let running = runtime.spawn(run(Arc::clone(app), closed));
    let began = std::time::Instant::now();
    while !is_done() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "it takes too long"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    let told = std::time::Instant::now();
    closing.send_replace(true);
    runtime.block_on(running).unwrap();
    told.elapsed()
}

#[test]
fn a_group_that_makes_good_what_it_missed_keeps_no_other_waiting_nor_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let app = app_behind(dir.path(), Duration::from_mins(50));
    let [behind, live] = [0, 1].map(|at| {
        let app = Arc::clone(&app);
        move || app.rules.status()[at].clone()
    });
    let ended = run_until(&app, || {
        behind().evaluations >= 50 && live().evaluations >= 8
    });
    assert!(ended < Duration::from_secs(5), "{ended:?}");
    let (behind, live) = (behind(), live());
    let now = Timestamp::now();
    let late = now.since(live.last_slot.unwrap());
    assert!(late < ended + Duration::from_secs(2), "{late:?}");
    assert!(
        now.since(behind.last_slot.unwrap()) > Duration::from_mins(10),
        "30 000 slots are not made good so soon: {behind:?}"
    );
    assert_eq!((behind.missed, live.missed), (0, 0));
    // How far each came is kept.
    let kept = app.store.state().rule_slots().unwrap();
    let expected = [behind, live].map(|s| (s.group.identity(), s.last_slot.unwrap()));
    assert_eq!(kept, expected);
}

#[test]
fn what_lies_further_back_than_is_made_good_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let app = app_behind(dir.path(), CATCH_UP + Duration::from_mins(1));
    let behind = || app.rules.status()[0].clone();
    run_until(&app, || behind().evaluations > 0);
    let missed = behind().missed;
    assert!((595..=605).contains(&missed), "{missed}");
}
