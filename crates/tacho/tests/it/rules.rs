//! Recording rules as users have them: from files, put at run time; over a restart.

mod builtin;
mod prometheus;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Home, QUIET, Server, assert_keys, eventually, now};

/// A server with a rule file; rules look at it every 200 ms unless they say otherwise.
fn with_rules(home: &Home, rules: &str) -> Server {
    home.write("rules.yml", rules);
    let settings = "files: ['rules*.yml'], evaluation_interval: 200ms, builtin: false";
    home.write("tacho.yaml", &format!("{QUIET}rules: {{{settings}}}\n"));
    home.start(&[])
}

fn put(server: &Server, group: &str, text: &str) -> Answer {
    let url = format!("{}/api/performance/rules/{group}", server.url());
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .new_agent();
    Answer::from(agent.put(url).send(text).unwrap())
}

/// The values of an instant query, by what is left of their labels.
fn ask(server: &Server, query: &str) -> Vec<(Value, f64)> {
    let body = server.query("/api/v1/query", &[("query", query)]);
    let result = body["data"]["result"].as_array().unwrap().clone();
    let value = |one: &Value| one["value"][1].as_str().unwrap().parse().unwrap();
    let result = result.iter();
    result
        .map(|one| (one["metric"].clone(), value(one)))
        .collect()
}

/// The points of the only series of a range selector.
fn points(server: &Server, query: &str) -> Vec<(f64, f64)> {
    let body = server.query("/api/v1/query", &[("query", query)]);
    let result = body["data"]["result"].as_array().unwrap();
    let Some(series) = result.first() else {
        return Vec::new();
    };
    let points = series["values"].as_array().unwrap().iter();
    points
        .map(|p| {
            (
                p[0].as_f64().unwrap(),
                p[1].as_str().unwrap().parse().unwrap(),
            )
        })
        .collect()
}

#[test]
fn k9_rules_of_a_file_are_recorded_in_their_order_and_end() {
    let home = Home::new();
    let server = with_rules(
        &home,
        "groups:\n- name: g\n  rules:\n  - {record: 'mine:sum', expr: sum(mine)}\n  \
         - {record: 'mine:double', expr: '2 * mine:sum', labels: {by: rules}}\n  \
         - {record: bad, expr: 'mine * on () mine'}\n",
    );
    let mine = |x: &str, value: f64| json!({"name": "mine", "value": value, "tags": {"x": x}});
    server.keep(&json!([mine("a", 1.0), mine("b", 2.0)]));
    let doubled = eventually("a recorded value", || {
        let found = ask(&server, "mine:double");
        (found.first()?.1 == 6.0).then_some(found)
    });
    let labels = json!({"__name__": "mine:double", "by": "rules"});
    assert_eq!(doubled[0].0, labels);
    // One that has no result says so, once.
    let log = eventually("the log", || {
        let log = server.log();
        log.contains("the rule cannot be evaluated").then_some(log)
    });
    assert!(log.contains("many-to-many"), "{log}");
    let rule = eventually("an error", || {
        let body = server.query("/api/v1/rules", &[("rule_name[]", "bad")]);
        let rule = body["data"]["groups"][0]["rules"][0].clone();
        (rule["health"] == "err").then_some(rule)
    });
    assert!(rule["lastError"].as_str().unwrap().contains("many-to-many"));
    let said = server.log().matches("the rule cannot be evaluated").count();
    assert_eq!(said, 1);
    let listed = server.tacho(&home, &["rules", "list"]).exits(1);
    assert!(listed.out.contains("mine:double"), "{}", listed.out);
}

#[test]
fn k9_what_was_missed_is_made_good_after_a_restart_in_order() {
    let home = Home::new();
    let rules = "groups:\n- name: g\n  interval: 500ms\n  rules:\n  \
        - {record: seen, expr: 'max(mine) + 0 * time()'}\n  - {record: at, expr: time()}\n";
    let server = with_rules(&home, rules);
    server.keep(&json!({"name": "mine", "value": 7, "timestamp": now() - 1.0}));
    eventually("a recorded value", || {
        (points(&server, "at[1m]").len() >= 3).then_some(())
    });
    let before = points(&server, "at[1m]");
    assert!(server.stop().success());
    std::thread::sleep(Duration::from_secs(3));
    let server = home.start(&[]);
    let gap_ends = now();
    let at = eventually("what was missed, and more", || {
        let points = points(&server, "at[2m]");
        (points.last()?.0 > gap_ends + 1.0).then_some(points)
    });
    assert!(at.len() >= before.len() + 6, "{before:?}, then {at:?}");
    // Each slot once, none left out, each with the value of its own time.
    for pair in at.windows(2) {
        let step = pair[1].0 - pair[0].0;
        assert!((step - 0.5).abs() < 1e-6, "{at:?}");
    }
    for (time, value) in &at {
        assert!((time - value).abs() < 1e-6, "{time} has {value}");
    }
    assert_eq!(at[..before.len()], before, "what was there stays");
    let seen = points(&server, "seen[2m]");
    assert!(seen.iter().all(|(_, value)| *value == 7.0), "{seen:?}");
    let missed = ask(&server, "tacho_rule_group_iterations_missed_total");
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn k9_groups_are_put_listed_replaced_and_removed_at_run_time() {
    let home = Home::new();
    let server = with_rules(
        &home,
        "groups: [{name: filed, rules: [{record: f, expr: '1'}]}]",
    );
    server.keep(&json!({"name": "mine", "value": 1}));
    let group = |expr: &str| {
        json!({"name": "put", "interval": "200ms", "rules": [
            {"record": "a", "expr": expr}, {"alert": "A", "expr": "mine > 0", "for": "5m"}]})
        .to_string()
    };
    let made = put(&server, "put", &group("mine"));
    assert_eq!(made.status, 201, "{}", made.body);
    let body = made.json();
    assert_keys(
        &body,
        "schema name file interval query_offset limit rules last_evaluation last_slot \
         evaluation_seconds missed notes",
    );
    assert_eq!(
        (&body["file"], &body["interval"]),
        (&json!("api"), &json!("200ms"))
    );
    let note = body["notes"][0].as_str().unwrap();
    assert!(note.contains("not evaluated yet"), "{note}");
    eventually("the recorded value", || {
        (ask(&server, "a").first()?.1 == 1.0).then_some(())
    });
    put(&server, "put", &group("mine * 2")).ok();
    eventually("the value of the new rule", || {
        (ask(&server, "a").first()?.1 == 2.0).then_some(())
    });
    // What is wrong changes nothing.
    put(&server, "put", &group("mine *")).is_problem(400, "could not parse expression");
    put(&server, "other", &group("mine")).is_problem(400, "is put as \"other\"");
    put(&server, "filed", "name: filed").is_problem(409, "rules.yml");
    put(&server, "put", "name: put\nruls: []").is_problem(400, "unknown field");
    server
        .delete("/api/performance/rules/filed")
        .is_problem(404, "\"filed\"");
    // It outlives a kill.
    server.kill();
    let server = home.start(&[]);
    let names = |server: &Server| -> Vec<String> {
        let body = server.get("/api/performance/rules").ok();
        let groups = body["groups"].as_array().unwrap().iter();
        groups
            .map(|g| g["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&server), ["filed", "put"]);
    eventually("an evaluation after the restart", || {
        let body = server.get("/api/performance/rules").ok();
        body["groups"][1]["last_evaluation"].as_str().map(|_| ())
    });
    assert_eq!(ask(&server, "a")[0].1, 2.0);
    assert_eq!(server.delete("/api/performance/rules/put").status, 204);
    assert_eq!(names(&server), ["filed"]);
    eventually("the end of its series", || {
        ask(&server, "a").is_empty().then_some(())
    });
}

#[test]
fn k9_the_rules_command_applies_lists_and_deletes() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let file = "groups:\n- {name: one, rules: [{record: a, expr: '1'}]}\n\
                - {name: 'two / three', rules: [{record: b, expr: '2', labels: {version: 1.10}}]}\n";
    home.write("mine.yml", file);
    let applied = server
        .tacho(&home, &["rules", "apply", "mine.yml"])
        .exits(0);
    assert!(
        applied.err.contains("put two / three: 1 rules"),
        "{}",
        applied.err
    );
    let listed = server.tacho(&home, &["rules", "list", "--format", "json"]);
    let body = listed.exits(0).json();
    let groups = body["groups"].as_array().unwrap();
    let last = groups.iter().find(|g| g["name"] == "two / three").unwrap();
    assert_eq!(last["rules"][0]["labels"]["version"], "1.10");
    server
        .tacho(&home, &["rules", "delete", "two / three"])
        .exits(0);
    server
        .tacho(&home, &["rules", "delete", "two / three"])
        .exits(2)
        .complains(&["no rule group named"]);
    server
        .tacho(&home, &["rules", "apply", "none.yml"])
        .exits(2)
        .complains(&["none.yml"]);
}

#[test]
fn k9_rule_files_are_checked_as_promtool_does() {
    let home = Home::new();
    home.write(
        "good.yml",
        "groups: [{name: g, rules: [{record: a, expr: up}]}]",
    );
    home.write(
        "bad.yml",
        "groups:\n- name: g\n  rules:\n  - record: a\n    expr: sum(up) +\n",
    );
    let good = home.tacho(&["check", "rules", "good.yml"]).exits(0);
    assert_eq!(good.out, "good.yml: 1 rule found\n");
    home.tacho(&["check", "rules", "good.yml", "bad.yml"])
        .exits(2)
        .complains(&["bad.yml: line 5, column 20: group \"g\", rule 1 \"a\""]);
    home.write("tacho.yaml", "rules: {files: [good.yml, 'bad*.yml']}\n");
    home.tacho(&["check", "config"])
        .exits(2)
        .complains(&["rules.files", "bad.yml: line 5"]);
    home.write("tacho.yaml", "rules: {files: [good.yml], catch_up: 30m}\n");
    let explained = home.tacho(&["check", "config", "--explain"]).exits(0);
    for line in [
        "rules.catch_up: 30m",
        "rule group g: of good.yml, 1 rules every 1m",
        "rule group tacho_system: built in, 6 rules every 15s",
    ] {
        assert!(explained.out.contains(line), "{line}: {}", explained.out);
    }
    home.write("tacho.yaml", "rules: {catch_up: 1000d}\n");
    home.tacho(&["check", "config"])
        .exits(2)
        .complains(&["rules.catch_up must be at most"]);
}
