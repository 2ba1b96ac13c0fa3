//! What users see of the store: clean-up, snapshots of current values, status, configuration.

use serde_json::{Value, json};

use crate::support::{Home, QUIET, Server, assert_keys, eventually, now};

/// Twenty seconds of two series of `size` and one of `depth`, ending ten seconds ago.
fn fill(server: &Server) -> f64 {
    let start = now().floor() - 30.0;
    let point = |name: &str, zone: &str, second: u32| {
        json!({"name": name, "value": second, "timestamp": start + f64::from(second),
            "tags": {"zone": zone}})
    };
    let points: Vec<Value> = (0..20)
        .flat_map(|s| {
            [
                point("size", "a", s),
                point("size", "b", s),
                point("depth", "a", s),
            ]
        })
        .collect();
    server.keep(&json!(points));
    start
}

fn count(server: &Server, selector: &str) -> usize {
    server
        .series(&[("match[]", selector), ("window", "1h")])
        .iter()
        .map(|series| series["points"].as_array().unwrap().len())
        .sum()
}

#[test]
fn k6_cleanup_removes_what_was_asked_for_and_nothing_else() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    fill(&server);
    let clean = |body: Value| server.post("/api/performance/cleanup", &body);
    let would = clean(json!({"match": ["size", "{zone=\"a\"}"], "dry_run": true})).ok();
    assert_keys(
        &would,
        "schema dry_run older_than series at_least metrics metrics_total",
    );
    assert_eq!(
        (&would["series"], &would["dry_run"]),
        (&json!(3), &json!(true))
    );
    assert_eq!(would["metrics"][0], json!({"metric": "size", "series": 2}));
    assert_eq!(would["older_than"], Value::Null);
    assert_eq!(count(&server, "size"), 40, "a dry run removes nothing");

    let done = clean(json!({"match": "size{zone=\"b\"}", "dry_run": false})).ok();
    assert_eq!(
        (&done["series"], &done["metrics_total"]),
        (&json!(1), &json!(1))
    );
    assert_eq!((count(&server, "size"), count(&server, "depth")), (20, 20));
    let again = clean(json!({"match": "size{zone=\"b\"}"})).ok();
    assert_eq!(again["series"], 0, "it is gone");

    // By age: half of the seconds of all that is left.
    let done = clean(json!({"older_than": "20s"})).ok();
    assert_eq!(done["series"], 2);
    let left = count(&server, "size");
    assert!((6..=14).contains(&left), "{left} of 20 samples are left");
    assert_eq!(count(&server, "depth"), left);
    // It stays so on disk, over a restart.
    server.post("/-/flush", &json!({})).ok();
    assert!(server.stop().success());
    let server = home.start(&[]);
    assert_eq!(
        (count(&server, "size"), count(&server, "size{zone=\"b\"}")),
        (left, 0)
    );
    // What is written afterwards is kept.
    fill(&server);
    assert_eq!(count(&server, "size{zone=\"b\"}"), 20);
}

#[test]
fn k6_a_cleanup_that_says_nothing_is_refused() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    fill(&server);
    let refused = |body: Value, text: &str| {
        server
            .post("/api/performance/cleanup", &body)
            .is_problem(400, text);
    };
    refused(json!({}), "say what to remove");
    refused(json!({"dry_run": true}), "say what to remove");
    refused(json!({"match": []}), "selects nothing");
    refused(json!({"match": ["size", "sum(size)"]}), "selector");
    refused(json!({"older_than": "0s"}), "in the past");
    refused(json!({"older_than": 30}), "invalid type");
    refused(json!({"max_age": "30d"}), "unknown field");
    assert_eq!(count(&server, "{zone=~\"a|b\"}"), 60, "nothing was removed");
    let many = vec!["size"; 101];
    refused(json!({ "match": many }), "at most 100 selectors");
}

#[test]
fn k6_the_cleanup_command_asks_for_what_it_needs_and_tells_what_it_did() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    fill(&server);
    let cleanup = |args: &[&str]| server.tacho(&home, &[&["cleanup"], args].concat());
    cleanup(&[])
        .exits(2)
        .complains(&["--older-than", "--match"]);
    cleanup(&["--match", "size{"])
        .exits(2)
        .complains(&["no selector"]);
    let would = cleanup(&["--match", "size", "--dry-run"]).exits(0);
    would.complains(&[
        "would remove all samples of 2 series",
        "nothing was removed",
    ]);
    assert_eq!(count(&server, "size"), 40);
    let nothing = cleanup(&["--match", "absent", "--yes"]).exits(0);
    nothing.complains(&["nothing matches"]);
    let done = cleanup(&["--match", "size", "--older-than", "1s", "--yes"]).exits(0);
    assert!(
        done.out.starts_with("metric") && done.out.contains("size"),
        "{}",
        done.out
    );
    done.complains(&["removed samples before", "2 series"]);
    assert_eq!((count(&server, "size"), count(&server, "depth")), (0, 20));
    let body = cleanup(&["--match", "depth", "--yes", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(
        (&body["series"], &body["dry_run"]),
        (&json!(1), &json!(false))
    );
    let gone = home.tacho(&["cleanup", "--match", "a", "--server", "http://127.0.0.1:1"]);
    gone.exits(2).complains(&["no server answers"]);
}

#[test]
fn a2_snapshots_are_taken_listed_read_and_deleted() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    fill(&server);
    let path = "/api/performance/snapshots";
    let taken = server.post(path, &json!({"name": "before"}));
    assert_eq!(taken.status, 201, "{}", taken.body);
    let taken = taken.json();
    assert_keys(
        &taken["snapshot"],
        "id name created_at series bytes oldest newest",
    );
    assert_eq!(taken["snapshot"]["series"], 3);
    // Later samples, and even their removal, leave it as it was.
    server.keep(&json!({"name": "depth", "value": 99, "tags": {"zone": "a"}}));
    server
        .post("/api/performance/cleanup", &json!({"match": "size"}))
        .ok();
    let second = server.post(path, &json!({})).json();
    assert_eq!(second["snapshot"]["series"], 1);

    let shown = server.query(&format!("{path}/before"), &[("match[]", "depth")]);
    assert_eq!(shown["series"][0]["points"][0][1], 19.0);
    let all = server.query(&format!("{path}/before"), &[("limit", "2")]);
    assert_eq!(all["series"].as_array().unwrap().len(), 2);
    let next = all["next"].as_str().unwrap();
    let rest = server.query(
        &format!("{path}/before"),
        &[("limit", "2"), ("cursor", next)],
    );
    assert_eq!(rest["series"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next"], Value::Null);
    let latest = server.query(&format!("{path}/latest"), &[]);
    assert_eq!(latest["series"][0]["points"][0][1], 99.0);
    assert_eq!(latest["snapshot"]["id"], second["snapshot"]["id"]);

    server
        .post(path, &json!({"name": "../up"}))
        .is_problem(400, "no name for a snapshot");
    server
        .post(path, &json!({"lookback": "soon"}))
        .is_problem(400, "lookback");
    server
        .get(&format!("{path}/absent"))
        .is_problem(404, "there is no snapshot `absent`");
    server
        .get(&format!("{path}/before?page=2"))
        .is_problem(400, "no parameter `page`");
    // They survive the end of the program, a hard one too.
    server.kill();
    let server = home.start(&[]);
    let held = server.get(path).ok();
    let ids: Vec<&Value> = held["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["id"])
        .collect();
    assert_eq!(ids, [&second["snapshot"]["id"], &taken["snapshot"]["id"]]);
    let gone = server.delete(&format!("{path}/before")).ok();
    assert_eq!(gone["snapshot"]["id"], taken["snapshot"]["id"]);
    server
        .delete(&format!("{path}/before"))
        .is_problem(404, "no snapshot");
    assert_eq!(
        server.get(path).ok()["snapshots"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a2_histograms_of_a_snapshot_answer_percentiles() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let time = now().floor() - 5.0;
    let timing = |value: f64| json!({"name": "took", "value": value, "type": "timing", "unit": "s", "timestamp": time});
    let points: Vec<Value> = (1..=100).map(|n| timing(f64::from(n) / 100.0)).collect();
    server.keep(&json!(points));
    server.post("/api/performance/snapshots", &json!({"name": "it"}));
    let value = |agg: &str| {
        let shown = server.query("/api/performance/snapshots/it", &[("agg", agg)]);
        shown["series"][0]["points"][0][1].as_f64().unwrap()
    };
    assert_eq!(value("count"), 100.0);
    let p95 = value("p95");
    assert!((p95 - 0.95).abs() < 0.02, "{p95}");
}

#[test]
fn a2_the_snapshot_command_has_four_formats_and_reads_without_a_server() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let empty = server.tacho(&home, &["snapshot", "list"]).exits(0);
    empty.complains(&["there are no snapshots"]);
    fill(&server);
    let run = |args: &[&str]| {
        server
            .tacho(&home, &[&["snapshot"], args].concat())
            .exits(0)
    };
    let created = run(&["create", "v1.4"]).out;
    assert!(
        created.starts_with("snapshot") && created.contains("v1.4"),
        "{created}"
    );
    let alone = run(&["--format", "json"]).json();
    assert_eq!(alone["snapshot"]["name"], Value::Null);
    let list = run(&["list", "--format", "csv"]).out;
    assert_eq!(list.lines().next(), Some("snapshot,name,taken,series,size"));
    assert_eq!(list.lines().count(), 3, "{list}");
    let shown = run(&["show", "v1.4", "--match", "size{zone=\"b\"}"]).out;
    assert!(
        shown.contains("size{zone=\"b\"}") && shown.contains("19"),
        "{shown}"
    );
    let csv = run(&["show", "--match", "depth", "--format", "csv"]).out;
    assert!(csv.lines().nth(1).unwrap().contains(",19,"), "{csv}");
    let json = run(&["show", "v1.4", "--format", "json"]).json();
    assert_eq!(json["series"].as_array().unwrap().len(), 3);
    let none = server.tacho(&home, &["snapshot", "show", "v1.4", "--match", "absent"]);
    none.exits(2)
        .complains(&["no series of snapshot v1.4 match absent"]);
    for odd in ["nothing", "a/b", "%2e%2e"] {
        let ran = server.tacho(&home, &["snapshot", "show", odd]).exits(2);
        ran.complains(&["there is no snapshot"]);
    }
    assert!(server.stop().success());
    let offline = [
        "snapshot",
        "show",
        "v1.4",
        "--data-dir",
        "data",
        "--format",
        "json",
    ];
    assert_eq!(
        home.tacho(&offline).exits(0).json()["series"],
        json["series"]
    );
    let server = home.start(&[]);
    server
        .tacho(&home, &["snapshot", "delete", "v1.4"])
        .exits(0)
        .complains(&["deleted 20"]);
    server
        .tacho(&home, &["snapshot", "delete", "v1.4"])
        .exits(2);
}

#[test]
fn a2_snapshots_come_by_themselves_and_go_by_number() {
    let home = Home::with(&format!(
        "{QUIET}storage: {{snapshots: {{interval: 1s, keep: 2}}}}\n"
    ));
    let server = home.start(&[]);
    fill(&server);
    server.post("/api/performance/snapshots", &json!({"name": "mine"}));
    let mine = server.get("/api/performance/snapshots/mine").ok()["snapshot"]["id"].clone();
    let ids = || -> Vec<Value> {
        let body = server.get("/api/performance/snapshots").ok();
        let all = body["snapshots"].as_array().unwrap().iter();
        all.map(|snapshot| snapshot["id"].clone()).collect()
    };
    let first = eventually("two automatic ones", || {
        let all = ids();
        (all.len() >= 3).then_some(all)
    });
    eventually("them to be replaced", || {
        let all = ids();
        let replaced = first.iter().all(|id| *id == mine || !all.contains(id));
        // The one with a name stays; just after one is taken there may be one too many.
        (replaced && all.contains(&mine) && all.len() <= 4).then_some(())
    });
}

#[test]
fn k2_status_shows_what_the_store_holds_and_how_full_it_is() {
    let home = Home::with(&format!(
        "{QUIET}storage: {{series_max: 4, retention_size: 1GiB, retention_samples: 1M, \
         rollups: {{1h: {{retention_samples: 2M}}}}}}\n"
    ));
    let server = home.start(&[]);
    fill(&server);
    server.post("/-/flush", &json!({})).ok();
    fill(&server);
    let brief = server.get("/api/performance/health").ok();
    assert_eq!(brief.get("store"), None, "only when asked for");
    let health = server.get("/api/performance/health?verbose=true").ok();
    let store = &health["store"];
    assert_keys(
        store,
        "series samples_in_memory samples_in_blocks blocks disk_bytes block_bytes log_bytes \
         bytes_per_sample memory_bytes oldest newest snapshots limits largest_metric set_aside \
         set_aside_total limit_hit_at",
    );
    assert_eq!(
        (&store["series"], &store["samples_in_blocks"]),
        (&json!(3), &json!(60))
    );
    let limits = store["limits"].as_array().unwrap();
    let keys: Vec<&str> = limits
        .iter()
        .map(|limit| limit["key"].as_str().unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "storage.series_max",
            "storage.retention_size",
            "storage.retention_samples",
            "storage.rollups.1h.retention_samples"
        ]
    );
    assert_eq!(limits[0]["percent"], 75.0);
    assert_eq!(store["largest_metric"], Value::Null, "no limit is near");

    // Two series more: one fits, one is refused, and whose fault it is is said.
    let new = |zone: &str| json!({"name": "size", "value": 1, "tags": {"zone": zone}});
    let answer = server.post("/api/performance/metrics", &json!([new("c"), new("d")]));
    assert_eq!(answer.status, 207, "{}", answer.body);
    let health = server.get("/api/performance/health?verbose=true").ok();
    let largest = json!({"metric": "size", "series": 3});
    assert_eq!(health["store"]["largest_metric"], largest);
    assert!(health["store"]["limit_hit_at"].is_string());
    let text = server.tacho(&home, &["status"]).exits(0).out;
    for part in [
        "samples",
        "disk",
        "history",
        "series",
        "at most 4 (100 %)",
        "3 of size",
        "new ones were refused",
        "of at most 1 GiB",
        "of at most 1 million",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    assert!(
        text.lines().all(|line| !line.trim().is_empty()),
        "an empty line:\n{text}"
    );
}

#[test]
fn r1_retention_by_count_comes_from_the_older_key() {
    let home = Home::with(&format!(
        "{QUIET}retention: {{max_age_days: 7, max_metrics_count: 50}}\n"
    ));
    let explained = home
        .tacho(&["check", "config", "tacho.yaml", "--explain"])
        .exits(0)
        .out;
    for line in [
        "retention.max_metrics_count means storage.retention_samples: 50",
        "storage.retention: 7d",
        "storage.retention_samples: 50",
    ] {
        assert!(explained.contains(line), "no `{line}` in {explained}");
    }
    let server = home.start(&[]);
    fill(&server);
    assert_eq!(count(&server, "{zone=~\"a|b\"}"), 60);
    server.post("/-/flush", &json!({})).ok();
    // A block of sixty samples is more than fifty; whole blocks go.
    server.keep(&json!({"name": "awake", "value": 1}));
    eventually("the block to go", || {
        (count(&server, "{zone=~\"a|b\"}") == 0).then_some(())
    });
    assert_eq!(count(&server, "awake"), 1);
}

#[test]
fn r1_a_short_retention_starts_without_roll_ups_and_says_so() {
    let home = Home::with(&format!("{QUIET}storage: {{retention: 1d}}\n"));
    let explained = home.tacho(&["check", "config", "--explain"]).exits(0).out;
    let line = "storage.rollups.5m.retention: 180d (none are made: storage.retention is shorter";
    assert!(explained.contains(line), "no `{line}` in {explained}");
    let server = home.start(&[]);
    eventually("the warning", || {
        let log = server.log();
        log.contains("nothing is rolled up").then_some(())
    });
    drop(server);
    // What is asked for and cannot be had is refused.
    let text = "storage: {retention: 1d, rollups: {1h: {retention: 2d}}}\n";
    home.write("tacho.yaml", &format!("{QUIET}{text}"));
    let start = ["start", "--port", "0", "--data-dir", "data"];
    home.tacho(&start)
        .exits(2)
        .complains(&["storage.rollups.1h", "at least 2d", "line 2"]);
}

#[test]
fn f1_variables_of_the_store_stand_over_its_file() {
    let home = Home::with("storage: {retention: 7d, fsync: always}\n");
    let explain = |name: &str, value: &str| {
        let mut command = home.command(&["check", "config", "--explain"]);
        crate::support::Ran::from(command.env(name, value).output().unwrap())
    };
    let ran = explain("TACHO_STORAGE_RETENTION_SIZE", "10GiB").exits(0);
    for line in [
        "storage.retention: 7d",
        "storage.retention_size: 10GiB",
        "storage.fsync: always",
    ] {
        assert!(ran.out.contains(line), "no `{line}` in {}", ran.out);
    }
    let ran = explain("TACHO_STORAGE_OUT_OF_ORDER", "8d").exits(2);
    ran.complains(&["storage.out_of_order", "TACHO_STORAGE_OUT_OF_ORDER"]);
    let ran = explain("TACHO_STORAGE_RETENTOIN", "8d").exits(2);
    ran.complains(&["TACHO_STORAGE_RETENTOIN", "no key storage.retentoin"]);
}
