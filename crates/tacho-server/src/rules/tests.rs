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
