//! Statistics on a user's own numbers: the command and the API give the same answers.

use serde_json::{Value, json};

use crate::support::{Home, QUIET, assert_keys};

const BEFORE: [f64; 8] = [12.1, 11.9, 12.4, 12.0, 12.2, 11.8, 12.3, 12.1];
const AFTER: [f64; 8] = [12.9, 13.1, 12.7, 13.0, 13.3, 12.8, 13.2, 12.9];

fn lines(numbers: &[f64]) -> String {
    numbers.iter().map(|v| format!("{v}\n")).collect()
}

#[test]
fn a3_test_and_power_say_the_same_by_command_and_api() {
    let home = Home::with(QUIET);
    home.write("before.csv", &format!("ms\n{}", lines(&BEFORE)));
    home.write("after.txt", &lines(&AFTER));
    let server = home.start(&[]);
    for test in [
        "welch",
        "mann-whitney",
        "permutation",
        "dependent-means",
        "ks",
    ] {
        let ran = home.tacho(&[
            "stats",
            "test",
            "before.csv",
            "after.txt",
            "--test",
            test,
            "--format",
            "json",
        ]);
        let told: Value =
            serde_json::from_str(&ran.exits(if test.starts_with("dep") { 3 } else { 0 }).out)
                .unwrap();
        let body = json!({"a": BEFORE, "b": AFTER, "test": test});
        let served = server.post("/api/performance/stats/test", &body).ok();
        assert_eq!(told, served, "{test}");
        assert_keys(
            &served,
            "schema test alternative alpha statistic p_value significant decidable difference \
             effects samples warnings",
        );
        assert!(served["p_value"].as_f64().unwrap() < 0.01, "{served:#}");
    }
    let plan = home
        .tacho(&["stats", "power", "--effect", "0.2", "--format", "json"])
        .exits(0);
    let told: Value = serde_json::from_str(&plan.out).unwrap();
    let served = server
        .post("/api/performance/stats/power", &json!({"effect": 0.2}))
        .ok();
    assert_eq!(told, served);
    assert_eq!(served["n"]["first"], 394.0);
    assert_keys(
        &served,
        "schema test alternative alpha effect_name effect power n",
    );
}

#[test]
fn a3_the_command_needs_no_server_and_reads_well() {
    let home = Home::new();
    home.write("runs.csv", "before,after\n1,2\n2,3.5\n3,4\n2.5,\n4,5\n");
    let both = [
        "stats",
        "test",
        "runs.csv",
        "runs.csv",
        "--columns",
        "before,after",
    ];
    let ran = home.tacho(&both).exits(2);
    ran.complains(&["runs.csv", "line 5", "--skip-missing"]);
    let ran = home
        .tacho(&[&both[..], &["--skip-missing"]].concat())
        .exits(0);
    for part in [
        "No difference was found",
        "Cohen's d",
        "95 % confidence",
        "note: ",
    ] {
        assert!(ran.out.contains(part), "{part} is not in {}", ran.out);
    }
    let tost = [&both[..], &["--skip-missing", "--test", "tost"]].concat();
    home.tacho(&tost).exits(2).complains(&["margin"]);
    let csv = home
        .tacho(&[&both[..], &["--skip-missing", "--format", "csv"]].concat())
        .exits(0);
    assert_eq!(csv.out.lines().next(), Some("figure,value,interval,note"));
    let power = home
        .tacho(&["stats", "power", "--n", "64", "--power", "0.8"])
        .exits(0);
    assert!(power.out.contains("0.499069"), "{}", power.out);
    home.tacho(&["stats", "power"])
        .exits(2)
        .complains(&["two of effect, n and power"]);
}

#[test]
fn a3_bad_numbers_are_refused_by_the_api() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let refuse = |path: &str, body: Value, why: &str| {
        let answer = server.post(&format!("/api/performance/stats/{path}"), &body);
        let body = &answer.body;
        assert_eq!(answer.status, 400, "{body}");
        assert!(body.contains(why), "{why}: {body}");
    };
    refuse("test", json!({}), "missing field `a`");
    refuse("test", json!({"a": [], "b": []}), "0 observations");
    refuse(
        "test",
        json!({"a": [1, 2], "b": [1, 2], "test": "z"}),
        "choose one of student",
    );
    refuse("test", json!({"a": [1, 2], "b": ["x"]}), "the body");
    refuse("test", json!({"a": [1, 1], "b": [1, 1]}), "all equal");
    refuse(
        "test",
        json!({"a": [1, 2], "b": [1, 3], "alpha": 7}),
        "alpha",
    );
    refuse(
        "test",
        json!({"a": [1, 2], "b": [1, 3], "beta": 7}),
        "unknown field",
    );
    refuse("power", json!({"effect": 0}), "effect of zero");
    refuse("power", json!({"test": "anova", "effect": 0.2}), "groups");
    refuse(
        "power",
        json!({"effect": 0.2, "alternative": "up"}),
        "two-sided",
    );
}
