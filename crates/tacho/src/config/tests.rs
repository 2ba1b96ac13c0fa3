use super::*;

pub(crate) fn settings(text: &str) -> Settings {
    Config::parse(text)
        .unwrap()
        .settings(&Overrides::default())
        .unwrap()
}

pub(crate) fn refused(text: &str) -> String {
    format!("{:#}", Config::parse(text).unwrap_err())
}

#[test]
fn an_empty_file_is_the_defaults() {
    for text in ["", "# nothing\n", "{}"] {
        let settings = settings(text);
        assert_eq!(settings.server.listen.to_string(), "127.0.0.1:8090");
        assert_eq!(settings.collect.interval, Duration::from_secs(1));
    }
}

#[test]
fn the_time_of_a_query_has_a_limit() {
    let timeout = |text: &str| settings(text).server.query_timeout;
    assert_eq!(timeout(""), Duration::from_secs(30));
    assert_eq!(
        timeout("server: {query_timeout: 5m}"),
        Duration::from_mins(5)
    );
}

#[test]
fn w2_the_old_interval_is_one_line() {
    assert_eq!(
        settings("collect: {interval: 30s}").collect.interval,
        Duration::from_secs(30)
    );
    assert_eq!(
        settings("collect:\n  interval: 30").collect.interval,
        Duration::from_secs(30)
    );
}

#[test]
fn unknown_keys_are_refused_with_line_and_column() {
    let error = refused("server:\n  listen: 127.0.0.1:9000\n  lissten: x\n");
    assert!(error.contains("lissten"), "{error}");
    assert!(error.contains("line 3") || error.contains("3:3"), "{error}");
    let error = refused("colect: {}");
    assert!(
        error.contains("colect") && error.contains("collect"),
        "{error}"
    );
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let check = |text: &str, expected: &str| {
        let error = refused(text);
        assert!(error.contains(expected), "{text}: {error}");
    };
    check("collect: {interval: 5 parsecs}", "is no duration");
    check("collect: {interval: 0}", "between 100ms and 1h");
    check("collect: {interval: -5}", "negative");
    check("server: {listen: everywhere}", "is no address");
    check("storage: {retention: 5s}", "at least 1h");
    check("storage: {fsync: sometimes}", "neither always");
    check("server: {query_timeout: 0}", "between 1ms and 1h");
    check("server: {query_timeout: 2h}", "line 1, column 25");
    check("server: {query_timeout: -1s}", "negative");
    check("notify: {}", "not built yet");
    check("enable_load_testing: true", "not built yet");
    check("thresholds: {agent_error_rate: 10}", "not built yet");
    check(
        "retention: {max_age_days: 7}\nstorage: {retention: 7d}",
        "keep one",
    );
    check(
        "rules: {alerts: [{name: a, metric: m, condition: 'avg ! 3'}]}",
        "alert rule `a` (line 1, column 18): cannot understand `avg ! 3` at character 5: ",
    );
    check("[1, 2", "line");
}

#[test]
fn f1_keys_of_older_configurations_are_accepted() {
    let text = "alert_rules:\n  - {name: hot, metric: temperature, condition: 'avg > 90', \
        severity: critical}\nthresholds: {cpu_usage_percent: 70, response_time_p95_ms: 500}\n\
        collectors: {system: {enabled: true, interval: 30}}\nretention: {max_age_days: 7}\n\
        enable_load_testing: false\nenable_automated_reports: false\n";
    let config = Config::parse(text).unwrap();
    let settings = config.settings(&Overrides::default()).unwrap();
    assert_eq!(settings.collect.interval, Duration::from_secs(30));
    assert_eq!(
        settings.storage.options.retention,
        Duration::from_hours(7 * 24)
    );
    let threshold = |name: &str| {
        let rule = settings.rules.rules.iter().find(|rule| rule.name == name);
        rule.unwrap().condition.threshold
    };
    assert_eq!(
        (
            threshold("high_cpu"),
            threshold("slow_p95"),
            threshold("hot")
        ),
        (70.0, 500.0, 90.0)
    );
    let keys: Vec<_> = config.mapped.iter().map(|(key, _)| *key).collect();
    assert!(
        keys.contains(&"retention.max_age_days") && keys.contains(&"alert_rules"),
        "{keys:?}"
    );
}

#[test]
fn flags_win_over_the_file() {
    let config = Config::parse("server: {listen: '127.0.0.1:9000'}").unwrap();
    let overrides = Overrides {
        port: Some(9100),
        ..Overrides::default()
    };
    assert_eq!(
        config.settings(&overrides).unwrap().server.listen.port(),
        9100
    );
}

#[test]
fn that_the_network_is_trusted_is_said_by_the_file_or_a_flag() {
    let open = Config::parse("server: {listen: '0.0.0.0:8090'}").unwrap();
    let said = |config: &Config, insecure| {
        let overrides = Overrides {
            insecure,
            ..Overrides::default()
        };
        config.settings(&overrides).unwrap().server.insecure
    };
    // Whether that is needed depends on tokens, which the start knows of.
    assert!(!said(&open, false));
    assert!(said(&open, true));
    let file = Config::parse("server: {listen: '0.0.0.0:8090', insecure: true}").unwrap();
    assert!(said(&file, false));
}

#[test]
fn a_rule_of_the_users_replaces_a_default_of_its_name() {
    let text =
        "rules: {alerts: [{name: high_cpu, metric: cpu_usage_percent, condition: 'max > 50'}]}";
    let rules = settings(text).rules.rules;
    let named: Vec<_> = rules
        .iter()
        .filter(|rule| rule.name == "high_cpu")
        .collect();
    assert_eq!(named.len(), 1);
    assert_eq!(named[0].condition.threshold, 50.0);
}

#[test]
fn listen_takes_what_people_write() {
    for (text, expected) in [
        ("127.0.0.1:9000", "127.0.0.1:9000"),
        ("localhost:9000", "127.0.0.1:9000"),
        ("[::1]:9000", "[::1]:9000"),
        ("127.0.0.1", "127.0.0.1:8090"),
        (":9000", "127.0.0.1:9000"),
        ("9000", "127.0.0.1:9000"),
    ] {
        assert_eq!(parse_listen(text).unwrap().to_string(), expected);
    }
}
