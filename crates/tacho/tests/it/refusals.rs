//! What `tacho start` and `tacho check config` refuse, and how they say what to do about it.

use std::net::TcpListener;

use serde_json::json;

use crate::support::{Home, QUIET};

const START: [&str; 5] = ["start", "--port", "0", "--data-dir", "data"];

#[test]
fn f1_a_port_that_is_taken_is_said_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::new();
    let start = ["start", "--listen", &address, "--data-dir", "data"];
    let ran = home.tacho(&start).exits(2);
    let ran = ran.complains(&[
        "error:",
        &address,
        "another program has this port",
        "--port",
    ]);
    assert_eq!(ran.err.matches("os error").count(), 1, "{}", ran.err);
    assert!(
        !home.path("data").exists(),
        "nothing is begun before it can be"
    );
}

#[test]
fn f1_an_address_that_others_reach_needs_a_word() {
    let home = Home::new();
    let ran = home
        .tacho(&["start", "--listen", "0.0.0.0:0", "--data-dir", "data"])
        .exits(2);
    ran.complains(&[
        "can be reached from other machines",
        "tacho token create",
        "--insecure",
    ]);
    assert!(!home.path("data").exists());
}

#[test]
fn k2_a_folder_that_cannot_be_written_is_refused() {
    let home = Home::new();
    // A file in the folder's place is in the way of every user, root as well.
    let file = home.write("file", "");
    let inside = file.join("data");
    let path = inside.to_str().unwrap();
    let ran = home
        .tacho(&["start", "--port", "0", "--data-dir", path])
        .exits(2);
    ran.complains(&[path, "is not writable", "--data-dir"]);

    let closed = home.path("closed");
    std::fs::create_dir(&closed).unwrap();
    let mut permissions = std::fs::metadata(&closed).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&closed, permissions).unwrap();
    if std::fs::write(closed.join("probe"), "").is_ok() {
        println!("skipped: this user writes where it is forbidden (root)");
        return;
    }
    let ran = home
        .tacho(&["start", "--port", "0", "--data-dir", "closed"])
        .exits(2);
    ran.complains(&["closed", "is not writable", "--data-dir"]);
}

/// The version of the folder's format.
const VERSION: u32 = 2;

/// `FORMAT` as docs/format.md describes it.
fn format_line(version: u32) -> String {
    let text = format!("tachograph {version}");
    let crc = crc32c::crc32c(text.as_bytes());
    format!("{text} {crc:08x}\n")
}

#[test]
fn k2_data_of_a_newer_version_is_refused_and_left_alone() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    server.keep(&json!({"name": "kept", "value": 1}));
    assert!(server.stop().success());
    let path = home.path("data/FORMAT");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        format_line(VERSION)
    );
    std::fs::write(&path, format_line(VERSION + 1)).unwrap();
    let says = ["FORMAT", "version 3", "up to 2", "newer Tachograph"];
    home.tacho(&START).exits(2).complains(&says);
    let offline = ["query", "kept", "--data-dir", "data"];
    home.tacho(&offline).exits(2).complains(&says);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        format_line(VERSION + 1)
    );
    std::fs::write(&path, format_line(VERSION)).unwrap();
    let server = home.start(&[]);
    assert_eq!(server.values(&[("name", "kept")]), [1.0]);
}

#[test]
fn k2_a_second_start_on_one_folder_names_the_first() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let pid = format!("process {}", server.pid());
    let ran = home.tacho(&START).exits(2);
    ran.complains(&["data", "is in use by", &pid, "--data-dir"]);
    // Commands that would read the folder are told the same.
    let ran = home.tacho(&["query", "up", "--data-dir", "data"]).exits(2);
    ran.complains(&["is in use by", &pid]);
    server.keep(&json!({"name": "kept", "value": 1}));
    assert_eq!(server.values(&[("name", "kept")]), [1.0]);
}

#[test]
fn f1_wrong_configurations_are_refused_with_the_place() {
    let check = |text: &str, says: &[&str]| {
        let home = Home::with(text);
        home.tacho(&["check", "config"]).exits(2).complains(says);
        // What `check config` refuses, `start` refuses in the same words.
        home.tacho(&START).exits(2).complains(says);
        assert!(!home.path("data").exists());
    };
    check(
        "collect:\n  intervall: 1s\n",
        &["tacho.yaml", "intervall", "line 2", "column 3"],
    );
    check(
        "server: {}\nsevrer: {}\n",
        &["sevrer", "line 2", "column 1"],
    );
    check("collect:\n  host: perhaps\n", &["line 2", "column 9"]);
    check(
        "collect:\n  interval: [1]\n",
        &["a duration such as 15s", "line 2"],
    );
    check("collect: {interval: 1ms}\n", &["collect.interval", "100ms"]);
    check(
        "storage: {retention: 5s}\n",
        &["storage.retention", "at least 1h"],
    );
    check(
        "storage: {fsync: sometimes}\n",
        &[
            "`sometimes` is neither always, never nor a duration",
            "line 1",
        ],
    );
    check(
        "server: {listen: everywhere}\n",
        &["`everywhere` is no address"],
    );
    check("server: [\n", &["tacho.yaml", "line"]);
    check("notify: {}\n", &["not built yet", "line 1"]);
    check("enable_load_testing: true\n", &["not built yet", "line 1"]);
    let rule = "rules: {alerts: [{name: r, metric: m, condition: 'avg > 80 %', threshold: 70}]}\n";
    check(rule, &["70", "80"]);
    let rule = "rules: {alerts: [{name: r, metric: m, condition: 'mean > 80'}]}\n";
    check(rule, &["alert rule `r`", "mean"]);
}

#[test]
fn f1_what_a_configuration_names_is_checked_with_it() {
    let home = Home::new();
    let check = |text: &str, code: i32, says: &[&str]| {
        home.write("tacho.yaml", text);
        let ran = home.tacho(&["check", "config"]).exits(code);
        let told = format!("{}{}", ran.out, ran.err);
        for text in says {
            assert!(told.contains(text), "no `{text}` in: {told}");
        }
    };
    // What a start refuses.
    check(
        "server: {tls: {cert: none.pem, key: none.key}}\n",
        2,
        &["cannot read none.pem (server.tls)"],
    );
    check(
        "forward: [{url: 'http://127.0.0.1:8090'}]\n",
        2,
        &["would send to this server itself"],
    );
    check(
        "forward: [{url: 'https://a', tls: {ca: none.pem}}]\n",
        2,
        &["forward `a-443`", "cannot use none.pem"],
    );
    // What it goes on without.
    check(
        "forward: [{url: 'http://a', token_file: none.token}]\n",
        0,
        &[
            "can be used, but:",
            "forward `a-80`: cannot read the secret in none.token",
        ],
    );
    let job = "job_name: j, static_configs: [{targets: ['a:1']}]";
    check(
        &format!("scrape_configs: [{{{job}, tls_config: {{ca_file: none.pem}}}}]\n"),
        0,
        &["can be used, but:", "job `j`: cannot use none.pem"],
    );
    check(
        &format!("scrape_configs: [{{{job}, bearer_token_file: none.token}}]\n"),
        0,
        &["job `j`: cannot read the secret in none.token"],
    );
    check(&format!("scrape_configs: [{{{job}}}]\n"), 0, &["is fine"]);
}

#[test]
fn f1_every_section_is_explained() {
    let home = Home::with(
        "ingest:\n  statsd: {unix: statsd.sock}\n  otlp: {grpc: false}\n\
         forward: [{url: 'https://central:8090', token: hush-hush, match: [up]}]\n\
         scrape_configs: [{job_name: node, static_configs: [{targets: ['a:1', 'b:1']}]}]\n",
    );
    let out = home.tacho(&["check", "config", "--explain"]).exits(0).out;
    for line in [
        "ingest.otlp.http: false\n",
        "ingest.otlp.grpc: false\n",
        "ingest.event_severity: warn\n",
        "ingest.statsd.udp: off\n",
        "ingest.statsd.unix: statsd.sock\n",
        "scrape node: http /metrics every 1m, within 10s; 2 targets named here\n",
        "forward central-8090: https://central:8090/, with the token <secret>, what `match` names, \
         up to 1GiB waiting\n",
    ] {
        assert!(out.contains(line), "no `{line}` in:\n{out}");
    }
    assert!(!out.contains("hush"), "{out}");
}

#[test]
fn f1_older_keys_are_accepted_and_explained() {
    let home = Home::new();
    home.write(
        "old.json",
        r#"{"alert_rules": [{"name": "deep", "metric": "queue_depth", "condition": "avg > 10"}],
            "enable_load_testing": false,
            "thresholds": {"cpu_usage_percent": 70, "response_time_p95_ms": 500},
            "collectors": {"system": {"enabled": true, "interval": 30}},
            "retention": {"max_age_days": 7}}"#,
    );
    home.tacho(&["check", "config", "old.json"]).exits(0);
    let ran = home
        .tacho(&["check", "config", "old.json", "--explain"])
        .exits(0);
    for line in [
        "alert_rules means rules.alerts",
        "thresholds.cpu_usage_percent means",
        "collectors.system.interval means collect.interval",
        "retention.max_age_days means storage.retention: 7d",
        "collect.interval: 30s",
        "storage.retention: 7d",
        "rule deep: avg > 10 of queue_depth over 5m",
    ] {
        assert!(ran.out.contains(line), "no `{line}` in:\n{}", ran.out);
    }
    let cpu = ran
        .out
        .lines()
        .find(|line| line.starts_with("rule high_cpu:"))
        .unwrap();
    assert!(cpu.contains("70"), "{cpu}");
    let server = home.start(&["--config", "old.json"]);
    assert!(server.log().contains("every 30s"), "{}", server.log());
    let rules = server.get("/api/performance/alerts").ok()["rules"].clone();
    let names: Vec<&str> = rules
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|r| r["name"].as_str())
        .collect();
    assert!(
        names.contains(&"deep") && names.contains(&"high_cpu"),
        "{names:?}"
    );
}

#[test]
fn f1_flags_stand_over_environment_over_file() {
    let home = Home::with("collect: {interval: 30s}\n");
    let greeting = |env: Option<&str>, args: &[&str]| {
        let mut all = START.to_vec();
        all.extend(args);
        let mut command = home.command(&all);
        command.envs(env.map(|value| ("TACHO_COLLECT_INTERVAL", value)));
        crate::support::Server::spawn(command).log()
    };
    assert!(greeting(None, &[]).contains("every 30s"));
    assert!(greeting(Some("10s"), &[]).contains("every 10s"));
    assert!(greeting(Some("10s"), &["--interval", "5s"]).contains("every 5s"));
}
