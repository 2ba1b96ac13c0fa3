use crate::config::{Config, Overrides};

use super::explain;

fn explained(yaml: &str) -> Vec<String> {
    let config = Config::parse(yaml).unwrap();
    let settings = config.settings(&Overrides::default()).unwrap();
    let lines = explain(&settings.collect.targets);
    lines
        .into_iter()
        .map(|(key, text)| format!("{key}: {text}"))
        .collect()
}

#[track_caller]
fn refused(yaml: &str, reason: &str) {
    let error = format!("{:#}", Config::parse(yaml).unwrap_err());
    assert!(error.contains(reason), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn databases_are_configured() {
    let yaml = "collect:\n  postgresql:\n    - {url: 'postgresql://me:s3cret@db/app', name: main}\n    \
        - {url: 'postgresql://me@db2', interval: 1m, timeout: 2s, password_env: PW}\n  \
        redis: [{url: 'cache:6379', labels: {team: a}}]\n";
    assert_eq!(
        explained(yaml),
        [
            "collect.postgresql: postgresql://me@db:5432/app every 15s within 10s",
            "collect.postgresql: postgresql://me@db2:5432/me every 1m within 2s",
            "collect.redis: redis://cache:6379 every 15s within 10s",
        ]
    );
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_place() {
    let one = |fields: &str| format!("collect:\n  redis:\n    - {{url: 'a:1', {fields}}}\n");
    refused(
        &one("interval: 1s, timeout: 2s"),
        "at most the interval, 1s",
    );
    refused(&one("interval: 1ms"), "between 100ms and 24h");
    refused(&one("labels: {job: x}"), "labels: `job` cannot be set here");
    refused(&one("name: ''"), "a name cannot be empty");
    refused(&one("password: x"), "unknown field `password`");
    refused(
        &one("password_file: a, password_env: b"),
        "give one password",
    );
    let two = "collect: {redis: [{url: 'a:1'}, {url: 'redis://a:1'}]}";
    refused(two, "two targets of job `redis` called `a:1`");
    let url = "collect:\n  postgresql:\n    - url: 'mysql://me:s3cret@db'\n";
    refused(
        url,
        "collect.postgresql (line 3, column 7): url: write it like postgresql://",
    );
}

#[test]
fn whom_to_trust_is_not_said_in_vain() {
    use tacho_server::collect::targets::postgresql::SslMode;

    let one = |mode: &str| {
        format!("collect: {{postgresql: [{{url: 'postgres://me@db{mode}', tls: {{ca: /a.pem}}}}]}}")
    };
    for mode in ["", "?sslmode=require", "?sslmode=verify-ca"] {
        let config = Config::parse(&one(mode)).unwrap();
        let settings = config.settings(&Overrides::default()).unwrap();
        let target = format!("{:?}", settings.collect.targets);
        let expected = format!("ssl: {:?}", SslMode::VerifyFull);
        assert!(target.contains(&expected), "{mode}: {target}");
    }
    refused(&one("?sslmode=prefer"), "use sslmode=verify-full");
}

#[test]
fn secrets_in_urls_are_not_repeated() {
    for url in [
        "http://u:s3cret@a",
        "ftp://u:s3cret@a",
        "http://u:s3cret@a:x",
        "u:s3cret@a",
    ] {
        for target in [
            "probes: [{http: ",
            "probes: [{websocket: ",
            "custom: [{name: x, url: ",
        ] {
            refused(&format!("collect: {{{target}'{url}'}}]}}"), "collect.");
        }
        let old = format!("collectors: {{network: {{enabled: true, endpoints: ['{url}']}}}}");
        refused(&old, "collectors.network.endpoints");
    }
}

#[test]
fn probes_processes_and_commands_are_configured() {
    let yaml = r#"
collect:
  probes:
    - {http: 'https://a/b?key=s3cret', expect_status: [2xx, 404], expect_body: 'ok|fine', redirects: 0}
    - {tcp: 'db:5432', send: "x\n", expect: y}
    - {dns: example.com, type: mx, server: 10.0.0.2}
    - {websocket: 'wss://a/ws', name: ws, interval: 5s}
  processes: [{name: web, process: nginx}, {name: work, pattern: '-m worker'}]
  systemd: [{unit: nginx}]
  containers: true
  custom:
    - {name: queue, command: [/bin/q, --token, s3cret], format: json, interval: 1m}
    - {name: piped, shell: 'a | b'}
    - {name: page, url: 'http://a/metrics?x=y'}
"#;
    assert_eq!(
        explained(yaml),
        [
            "collect.probes: https://a/b every 15s within 10s",
            "collect.probes: tcp://db:5432 every 15s within 10s",
            "collect.probes: dns://10.0.0.2:53/example.com?type=MX every 15s within 10s",
            "collect.probes: wss://a/ws every 5s within 5s",
            "collect.processes: processes called nginx every 15s within 10s",
            "collect.processes: processes like -m worker every 15s within 10s",
            "collect.systemd: unit nginx.service every 15s within 10s",
            "collect.containers: containers of this host every 15s within 10s",
            "collect.custom: command /bin/q every 1m within 10s",
            "collect.custom: command /bin/sh every 15s within 10s",
            "collect.custom: http://a/metrics every 15s within 10s",
        ]
    );
    let probe = |fields: &str| format!("collect: {{probes: [{{{fields}}}]}}");
    refused(
        &probe("name: x"),
        "say what to probe: http, tcp, dns or websocket",
    );
    refused(
        &probe("tcp: 'a:1', http: 'http://a'"),
        "a probe is of one kind",
    );
    refused(&probe("tcp: a"), "write it like host:5432");
    refused(&probe("http: a"), "is no URL");
    refused(
        &probe("http: 'http://a', expect_body: '('"),
        "is no regular expression",
    );
    refused(
        &probe("http: 'http://a', expect_status: [2]"),
        "is no status",
    );
    refused(
        &probe("http: 'http://a', send: x"),
        "`send` is not for a probe of http",
    );
    refused(&probe("dns: 'a..b', server: 10.0.0.1"), "`a..b` is no name");
    refused(
        "collect: {custom: [{name: x}]}",
        "give one of command, shell and url",
    );
    refused(
        "collect: {processes: [{name: x}]}",
        "give one of process and pattern",
    );
    refused("collect: {systemd: [{unit: --x}]}", "is no unit");
}

#[test]
fn endpoints_of_an_older_key_are_probed() {
    let yaml = "collectors: {network: {enabled: true, endpoints: ['http://a/', 'b:5432']}}";
    assert_eq!(
        explained(yaml),
        [
            "collect.probes: http://a/ every 15s within 10s",
            "collect.probes: tcp://b:5432 every 15s within 10s",
        ]
    );
    let off = "collectors: {network: {enabled: false, endpoints: ['http://a/']}}";
    assert_eq!(explained(off), [""; 0]);
    let bad = "collectors: {network: {enabled: true, endpoints: [nonsense]}}";
    refused(
        bad,
        "collectors.network.endpoints: `nonsense`: write it like host:5432",
    );
}
