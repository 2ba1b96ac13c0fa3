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
    refused(&one("password: s3cret"), "unknown field `password`");
    refused(
        &one("password_file: a, password_env: b"),
        "give one password",
    );
    let two = "collect: {redis: [{url: 'a:1'}, {url: 'redis://a:1'}]}";
    refused(two, "two targets of job `redis` and instance `a:1`");
    let url = "collect:\n  postgresql:\n    - url: 'mysql://me:s3cret@db'\n";
    refused(
        url,
        "collect.postgresql (line 3, column 7): url: write it like postgresql://",
    );
}
