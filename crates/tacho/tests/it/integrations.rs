//! The dashboards, rules and configurations of `integrations/`, in the programs they are for: every
//! query has an answer from a Tachograph, and from a Prometheus that scrapes it as shipped.
//!
//! Grafana itself is not run: its dashboards are held against its published schema, and their
//! queries are asked as it would ask them.

mod fed;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use tacho_integrations::{scrape, table};

use self::fed::Fed;
use crate::support::prometheus::{Prometheus, there_is};
use crate::support::{Home, PATIENCE, eventually, now, python};

/// What Grafana puts in place of variables: the shortest window that it asks for at the data
/// source's 15 s, that of panels with a step of a minute, and everything that can be chosen.
const WINDOW: &str = "1m";
const RARE: &str = "4m";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integrations")
}

fn shipped(path: &str) -> String {
    std::fs::read_to_string(folder().join(path)).unwrap()
}

fn dashboards() -> Vec<(PathBuf, Value)> {
    let files = std::fs::read_dir(folder().join("grafana")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path, serde_json::from_str(&text).unwrap())
    };
    files.into_iter().map(read).collect()
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// A question that a page or a rule asks.
struct Question {
    whose: String,
    expression: String,
    is_instant: bool,
}

/// Every query of every panel, as Grafana asks it.
fn of_panels() -> Vec<Question> {
    let mut all = Vec::new();
    for (_, dashboard) in dashboards() {
        for panel in items(&dashboard, "panels") {
            for target in items(panel, "targets") {
                let window = if target["interval"] == "1m" {
                    RARE
                } else {
                    WINDOW
                };
                let mut expression = target["expr"].as_str().unwrap().to_owned();
                for (variable, value) in [
                    ("$__rate_interval", window),
                    ("$instance", ".+"),
                    ("$service", ".+"),
                    ("$agent", ".+"),
                ] {
                    expression = expression.replace(variable, value);
                }
                assert!(!expression.contains('$'), "{expression}");
                let (page, title) = (&dashboard["uid"], &panel["title"]);
                all.push(Question {
                    whose: format!("{page} {title} {}", target["legendFormat"]),
                    expression,
                    is_instant: target["instant"] == true,
                });
            }
        }
    }
    all
}

/// What every alert looks at; its condition is left out, because all is well.
fn of_alerts() -> Vec<Question> {
    let groups = table::alerts().into_iter();
    let alerts = groups.flat_map(|group| group.alerts);
    let question = |alert: tacho_integrations::alert::Alert| Question {
        whose: alert.name.to_owned(),
        expression: alert.value,
        is_instant: true,
    };
    alerts.map(question).collect()
}

/// Asks as Grafana does: posted, at an instant or over the last minutes.
fn answer(url: &str, question: &Question) -> Value {
    let (end, start) = (now().to_string(), (now() - 180.0).to_string());
    let query = ("query", question.expression.as_str());
    let (path, form) = if question.is_instant {
        ("query", vec![query, ("time", end.as_str())])
    } else {
        let range = [("start", start.as_str()), ("end", &end), ("step", "15")];
        ("query_range", [&[query][..], &range].concat())
    };
    let posted = ureq::post(format!("{url}/api/v1/{path}"))
        .config()
        .http_status_as_error(false)
        .build()
        .send_form(form)
        .unwrap();
    let text = posted.into_body().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}: {text}", question.whose))
}

/// Whether there is a number in an answer, which must be no error and say no warning.
fn has_data(url: &str, question: &Question) -> bool {
    let body = answer(url, question);
    assert_eq!(body["status"], "success", "{}: {body}", question.whose);
    assert_eq!(body["warnings"], Value::Null, "{}: {body}", question.whose);
    let is_number = |point: &Value| {
        let value = point[1].as_str().and_then(|text| text.parse::<f64>().ok());
        value.is_some_and(f64::is_finite)
    };
    let has_one = |series: &Value| {
        is_number(&series["value"]) || items(series, "values").iter().any(is_number)
    };
    items(&body["data"], "result").iter().any(has_one)
}

/// Waits until every question has an answer.
fn all_have_data(whom: &str, url: &str, mut questions: Vec<Question>) {
    let (start, count) = (Instant::now(), questions.len());
    loop {
        questions.retain(|question| !has_data(url, question));
        if questions.is_empty() {
            println!("{whom}: {count} questions have data");
            return;
        }
        let missing = questions
            .iter()
            .map(|q| format!("{}: {}", q.whose, q.expression));
        assert!(
            start.elapsed() < PATIENCE,
            "{whom} has no data for {} of {count}:\n{}",
            questions.len(),
            missing.collect::<Vec<_>>().join("\n")
        );
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}

/// What the reader of a page can choose.
fn choices_have_values(url: &str) {
    for (_, dashboard) in dashboards() {
        for variable in items(&dashboard["templating"], "list") {
            if variable["type"] == "datasource" {
                assert_eq!(variable["query"], "prometheus");
                continue;
            }
            let asked = variable["query"]["query"].as_str().unwrap();
            let inner = asked.strip_prefix("label_values(").unwrap();
            let (series, label) = inner.strip_suffix(')').unwrap().rsplit_once(", ").unwrap();
            let path = format!("{url}/api/v1/label/{label}/values");
            let found = ureq::get(path).query("match[]", series).call().unwrap();
            let found: Value = found.into_body().read_json().unwrap();
            assert!(!items(&found, "data").is_empty(), "{asked}: {found}");
        }
    }
}

/// The shipped configuration, of which only the documented line is changed.
fn scraping(home: &Home, path: &str, address: &str) -> Prometheus {
    let configuration = shipped(path);
    assert_eq!(configuration.matches(scrape::ADDRESS).count(), 1);
    for rules in ["rules.yml", "recording.yml"] {
        home.write(rules, &shipped(&format!("prometheus/{rules}")));
    }
    Prometheus::configured(home, &configuration.replace(scrape::ADDRESS, address), &[])
}

fn scraped(prometheus: &Prometheus, times: f64) {
    // Scrapes are 15 s apart, so there is a wait for each of them.
    let count = "count_over_time(up{job=\"tacho\"}[5m])";
    eventually("a scrape", || {
        let found = prometheus.query(count)?;
        (*found.first()? >= times).then_some(())
    });
}

/// Whether what is asked for reaches a Prometheus by `/federate`: native histograms do not.
fn is_of_numbers(question: &Question) -> bool {
    !question.expression.contains("histogram_quantile")
}

#[test]
fn k7_every_query_has_data_in_tachograph_and_in_a_prometheus_that_scrapes_it() {
    let fed = Fed::start();
    let homes = [Home::new(), Home::new()];
    let address = fed.server.address();
    let beside = there_is("prometheus").then(|| {
        let by = |home, file| scraping(home, &format!("prometheus/{file}"), address);
        [
            by(&homes[0], "prometheus.yml"),
            by(&homes[1], "federate.yml"),
        ]
    });
    let questions = || of_panels().into_iter().chain(of_alerts());
    all_have_data("Tachograph", &fed.server.url(), questions().collect());
    choices_have_values(&fed.server.url());
    let Some([scraping, federating]) = beside else {
        return;
    };
    for times in [1.0, 2.0, 3.0] {
        scraped(&scraping, times);
        scraped(&federating, times);
    }
    all_have_data("Prometheus", scraping.url(), questions().collect());
    let numbers = questions().filter(is_of_numbers).collect();
    all_have_data("Prometheus that federates", federating.url(), numbers);
    for prometheus in [&scraping, &federating] {
        choices_have_values(prometheus.url());
        rules_are_evaluated(prometheus);
        let log = std::fs::read_to_string(&prometheus.log).unwrap();
        let bad = |line: &&str| line.contains("level=warn") || line.contains("level=error");
        let bad: Vec<&str> = log.lines().filter(bad).collect();
        assert!(bad.is_empty(), "{bad:#?}");
    }
}

/// Every rule of the shipped files was evaluated without a mistake.
fn rules_are_evaluated(prometheus: &Prometheus) {
    let path = format!("{}/api/v1/rules", prometheus.url());
    let names = eventually("the evaluation of rules", || {
        let body: Value = ureq::get(&path).call().ok()?.into_body().read_json().ok()?;
        let groups = items(&body["data"], "groups").iter();
        let rules: Vec<&Value> = groups.flat_map(|group| items(group, "rules")).collect();
        for rule in &rules {
            assert_ne!(rule["health"], "err", "{rule}");
        }
        let is_done = |rule: &&Value| rule["health"] == "ok";
        let name = |rule: &Value| rule["name"].as_str().unwrap().to_owned();
        let names: BTreeSet<String> = rules.iter().map(|rule| name(rule)).collect();
        rules.iter().all(is_done).then_some(names)
    });
    for alert in table::alerts().iter().flat_map(|group| &group.alerts) {
        assert!(names.contains(alert.name), "{} in {names:?}", alert.name);
    }
}

/// Runs `promtool` in the folder of the files, which must be content.
fn promtool(arguments: &[&str]) -> String {
    let mut command = Command::new("promtool");
    let ran = command
        .args(arguments)
        .current_dir(folder().join("prometheus"));
    let output = ran.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

#[test]
fn k7_promtool_accepts_rules_and_configurations() {
    if !there_is("promtool") {
        return;
    }
    let rules = table::alerts()
        .iter()
        .map(|group| group.alerts.len())
        .sum::<usize>();
    let said = promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"]);
    assert!(said.contains(&format!("{rules} rules found")), "{said}");
    promtool(&[
        "check",
        "config",
        "--lint=all",
        "--lint-fatal",
        "prometheus.yml",
    ]);
}

#[test]
fn k7_alerts_fire_when_they_should_and_not_before() {
    if !there_is("promtool") {
        return;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/integrations/fires.yml");
    let home = Home::new();
    home.write("rules.yml", &shipped("prometheus/rules.yml"));
    let file = home.write("fires.yml", &std::fs::read_to_string(file).unwrap());
    promtool(&["test", "rules", file.to_str().unwrap()]);
}

#[test]
fn k7_dashboards_fit_the_published_schema() {
    let files = dashboards();
    for (path, dashboard) in &files {
        let text = dashboard.to_string();
        assert!(text.contains("${datasource}"), "{}", path.display());
        let uids = text
            .split("\"uid\":")
            .skip(1)
            .map(|rest| rest.split('"').nth(1));
        for uid in uids.map(Option::unwrap) {
            let is_own = dashboard["uid"] == uid;
            assert!(
                is_own || uid == "${datasource}",
                "{}: {uid}",
                path.display()
            );
        }
        let ids: BTreeSet<i64> = items(dashboard, "panels")
            .iter()
            .map(|panel| panel["id"].as_i64().unwrap())
            .collect();
        assert_eq!(
            ids.len(),
            items(dashboard, "panels").len(),
            "{}",
            path.display()
        );
    }
    let paths: Vec<&str> = files
        .iter()
        .map(|(path, _)| path.to_str().unwrap())
        .collect();
    let Some(said) = python::run("grafana_dashboards.py", &paths) else {
        return;
    };
    assert_eq!(said.matches(" fit\n").count(), paths.len(), "{said}");
}
