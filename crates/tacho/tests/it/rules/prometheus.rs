//! Rules as those see them who know Prometheus: its API's shapes, and the same records.

use serde_json::{Value, json};

use super::with_rules;
use crate::support::exporter::Exporter;
use crate::support::prometheus::{Prometheus, there_is};
use crate::support::{Home, QUIET, assert_keys, eventually};

#[test]
fn k9_rules_and_alerts_have_the_shape_of_prometheus() {
    let home = Home::new();
    let server = with_rules(
        &home,
        "groups:\n- {name: a, rules: [{record: x, expr: '1', labels: {team: q}}]}\n\
         - {name: b, limit: 5, rules: [{alert: Up, expr: up == 1, for: 5m, labels: {team: r}, \
         annotations: {summary: s}}]}\n",
    );
    let rules = |parameters: &[(&str, &str)]| {
        let body = server.query("/api/v1/rules", parameters);
        assert_eq!(body["status"], "success");
        body["data"].clone()
    };
    let names = |data: &Value| -> Vec<String> {
        let groups = data["groups"].as_array().unwrap().iter();
        groups
            .map(|g| g["name"].as_str().unwrap().to_owned())
            .collect()
    };
    eventually("an evaluation", || {
        let data = rules(&[("rule_name[]", "x")]);
        (data["groups"][0]["rules"][0]["health"] == "ok").then_some(())
    });
    let all = rules(&[]);
    assert_eq!(names(&all), ["a", "b", "tachograph"]);
    for group in all["groups"].as_array().unwrap() {
        assert_keys(
            group,
            "name file rules interval limit evaluationTime lastEvaluation",
        );
        for rule in group["rules"].as_array().unwrap() {
            assert_keys(rule, "name query health type evaluationTime lastEvaluation");
            if rule["type"] == "alerting" {
                assert_keys(
                    rule,
                    "state duration keepFiringFor labels annotations alerts",
                );
            }
        }
    }
    let alert = &all["groups"][1]["rules"][0];
    assert_eq!(
        (&alert["health"], &alert["state"]),
        (&json!("unknown"), &json!("inactive"))
    );
    assert_eq!(
        (&alert["duration"], &alert["labels"]),
        (&json!(300), &json!({"team": "r"}))
    );
    assert_eq!(names(&rules(&[("type", "record")])), ["a"]);
    assert_eq!(names(&rules(&[("type", "alert")])), ["b", "tachograph"]);
    assert_eq!(names(&rules(&[("rule_group[]", "b")])), ["b"]);
    assert_eq!(names(&rules(&[("match[]", "{team=~\"q|z\"}")])), ["a"]);
    let file = all["groups"][0]["file"].as_str().unwrap();
    assert_eq!(names(&rules(&[("file[]", file)])), ["a", "b"]);
    // In pages.
    let first = rules(&[("group_limit", "2")]);
    assert_eq!(names(&first), ["a", "b"]);
    let token = first["groupNextToken"].as_str().unwrap();
    let second = rules(&[("group_limit", "2"), ("group_next_token", token)]);
    assert_eq!(names(&second), ["tachograph"]);
    assert!(second.get("groupNextToken").is_none());
    for (query, says) in [
        ("type=x", "not supported value"),
        ("group_limit=0", "greater than 0"),
        ("group_next_token=x", "group_limit needs to be present"),
        (
            "group_limit=1&group_next_token=x",
            "were rule groups changed?",
        ),
        ("exclude_alerts=x", "exclude_alerts"),
        ("match[]=%7B", "match[]"),
    ] {
        let answer = server.get(&format!("/api/v1/rules?{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        let body = answer.json();
        assert_eq!(body["errorType"], "bad_data");
        assert!(body["error"].as_str().unwrap().contains(says), "{body}");
    }
    assert_eq!(
        server.get("/api/v1/alerts").ok(),
        json!({"status": "success", "data": {"alerts": []}})
    );
}

#[test]
fn k9_a_firing_alert_is_told_as_prometheus_tells_it() {
    let config = "rules: {interval: 200ms, defaults: false, alerts: [{name: hot, metric: heat, \
                  condition: 'avg > 80', window: 10s}]}\n";
    let home = Home::with(&format!("{QUIET}{config}"));
    let server = home.start(&[]);
    eventually("the alert", || {
        server.keep(&json!({"name": "heat", "value": 90, "tags": {"room": "1"}}));
        let body = server.get("/api/v1/alerts").ok();
        let alert = body["data"]["alerts"].get(0)?.clone();
        assert_keys(&alert, "labels annotations state activeAt value");
        let labels = &alert["labels"];
        assert_eq!(
            (&labels["alertname"], &labels["room"]),
            (&json!("hot"), &json!("1"))
        );
        assert_eq!(
            (&alert["state"], &alert["value"]),
            (&json!("firing"), &json!("9e+01"))
        );
        Some(())
    });
    let rule = |more: &[(&str, &str)]| {
        let parameters = [&[("rule_name[]", "hot")], more].concat();
        let body = server.query("/api/v1/rules", &parameters);
        body["data"]["groups"][0]["rules"][0].clone()
    };
    let hot = rule(&[]);
    assert_eq!(
        (&hot["state"], &hot["query"]),
        (&json!("firing"), &json!("avg_over_time(heat[10s]) > 80"))
    );
    assert_eq!(hot["alerts"].as_array().unwrap().len(), 1);
    let without = rule(&[("exclude_alerts", "true")]);
    assert_eq!(without["alerts"], json!([]));
}

/// The same rules over the same target, by this server and by a real Prometheus.
#[test]
fn k9_a_real_prometheus_records_the_same() {
    if !there_is("prometheus") {
        return;
    }
    let exporter = Exporter::new(
        "# TYPE load gauge\nload{disk=\"a\"} 3\nload{disk=\"b\"} 5\nload{disk=\"c\"} -2\n\
         # TYPE took histogram\ntook_bucket{le=\"1\"} 4\ntook_bucket{le=\"2\"} 9\n\
         took_bucket{le=\"+Inf\"} 10\ntook_sum 14\ntook_count 10\n",
    );
    let rules = "groups:
- name: first
  interval: 1s
  rules:
  - {record: 'load:sum', expr: 'sum without (disk) (load{job=\"j\"})'}
  - {record: 'load:share', expr: 'load{job=\"j\"} / on (instance) group_left load:sum{job=\"j\"}', labels: {of: all}}
  - {record: 'load:top', expr: 'topk(2, load{job=\"j\"})'}
  - {record: 'took:p50', expr: 'histogram_quantile(0.5, took_bucket{job=\"j\"})'}
  - {record: 'fixed', expr: 'vector(42)', labels: {job: mine}}
- name: second
  interval: 1s
  rules:
  - {record: 'load:positive', expr: 'count by (job) (load{job=\"j\"} > 0)'}
  - {record: 'load:renamed', expr: 'label_replace(load{job=\"j\"}, \"dev\", \"$1\", \"disk\", \"(.*)\")'}
";
    let home = Home::new();
    home.write("rules.yml", rules);
    let target = &exporter.address;
    home.write(
        "tacho.yaml",
        &format!(
            "{QUIET}rules: {{files: [rules.yml], builtin: false}}\nglobal: {{scrape_interval: 1s}}\n\
             scrape_configs:\n  - {{job_name: j, static_configs: [{{targets: ['{target}']}}]}}\n"
        ),
    );
    let server = home.start(&[]);
    let more = format!(
        "  - job_name: j\n    static_configs: [{{targets: ['{target}']}}]\nrule_files: [rules.yml]\n"
    );
    let prometheus = Prometheus::scraping(&server, &home, &more);
    let selector = "{__name__=~\"load:.*|took:.*|fixed\"}";
    let theirs = || -> Option<Vec<(String, f64)>> {
        let request = ureq::get(format!("{}/api/v1/query", prometheus.url()));
        let request = request.query("query", format!("sort({selector})"));
        let body: Value = request.call().ok()?.body_mut().read_json().ok()?;
        // What it scraped of this server is not its own record.
        Some(sorted(&body, |metric| metric["job"] != "tacho"))
    };
    let ours = || {
        let body = server.query("/api/v1/query", &[("query", selector)]);
        sorted(&body, |_| true)
    };
    let (ours, theirs) = eventually("the same records", || {
        let (ours, theirs) = (ours(), theirs()?);
        (theirs.len() == 12 && ours.len() == 12).then_some((ours, theirs))
    });
    for ((labels, value), (their_labels, their_value)) in ours.iter().zip(&theirs) {
        assert_eq!(labels, their_labels);
        assert!(
            (value - their_value).abs() < 1e-9,
            "{labels}: {value}, {their_value}"
        );
    }
    // One of the disks goes: what was made of it ends in both.
    exporter.expose("# TYPE load gauge\nload{disk=\"a\"} 3\n");
    let gone = |left: Vec<(String, f64)>| left.iter().filter(|(l, _)| l.contains("share")).count();
    eventually("the end of series", || {
        let body = server.query("/api/v1/query", &[("query", selector)]);
        (gone(sorted(&body, |_| true)) == 1).then_some(())
    });
}

fn sorted(body: &Value, is_meant: impl Fn(&Value) -> bool) -> Vec<(String, f64)> {
    let result = body["data"]["result"].as_array().unwrap().iter();
    let meant = result.filter(|one| is_meant(&one["metric"]));
    let mut all: Vec<(String, f64)> = meant
        .map(|one| {
            let value = one["value"][1].as_str().unwrap().parse().unwrap();
            (one["metric"].to_string(), value)
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}
