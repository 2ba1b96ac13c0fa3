//! The smaller calls of the Prometheus API, and `promtool`, which makes many of them.

use std::process::Command;

use serde_json::{Value, json};

use crate::promql::{QUERIES, asked, filled};
use crate::remote_write::assert_error;
use crate::support::prometheus::{Prometheus, there_is};
use crate::support::{Home, QUIET, Server, assert_keys, eventually, now};

/// Expressions whose form is their own matter, beside those that are asked elsewhere.
fn forms() -> Vec<String> {
    let long =
        "a_metric_with_a_rather_long_name_seconds_bucket{cluster=\"eu-west-1\",job=~\"api.*\"}";
    let mut all: Vec<String> = QUERIES.iter().map(|one| (*one).to_owned()).collect();
    all.extend(
        [
            "  foo{b='x' , a!=\"y\",}  # a comment",
            "{__name__=\"foo\"}",
            "{__name__=~\"foo.*\", x=\"\"}",
            "sum(x)by(a,b)",
            "sum by()(x)",
            "sum without()(x)",
            "count_values(\"v\",x)",
            "a*on()group_left b",
            "a*on(x,y)group_right(z)b",
            "a==bool ignoring(x)b",
            "x offset 14d",
            "x offset -90s",
            "x @ 1.5 offset 1m",
            "x[1h] @ end()",
            "rate(x[1h] offset 1w)",
            "max_over_time((x)[1y2d3h:1h30m] @ start() offset 5m)",
            "-x^-2 + +y",
            "1e3 + 0x1F + .5 - Inf * NaN",
            "1e-3 + 123456",
            "label_replace(x,'a',\"\\n\\\"ü\\x01\\\\\",`b\\n`,'')",
            "((a + b) * (c))",
            "time() - vector(1)",
            "a atan2 b and c unless on (x) d",
        ]
        .map(str::to_owned),
    );
    for inside in [
        format!("histogram_quantile(0.9, sum by (le) (rate({long}[5m]))) / on (job) {long}"),
        format!("topk(3, label_replace({long} offset 5m, \"dst\", \"$1\", \"job\", \"(.*)\") > 0)"),
        format!("-({long} + {long})"),
        format!("-sum(rate({long}[5m]) + {long} * 2)"),
        format!("max_over_time(sum(rate({long}[5m]) + {long})[1h:1m] offset 1d)"),
        format!("({long} + {long} > bool ignoring (x) {long}) and (({long}))"),
        format!("clamp({long}{{}}, 1, 2)").replace("{}", ""),
        format!("sum without (instance) ({long}, 1)").replace(", 1", ""),
        format!("count_values(\"a_very_long_label\", sum by (cluster, job) (rate({long}[5m])))"),
    ] {
        all.push(inside);
    }
    all
}

#[test]
fn k9_queries_are_formatted_as_prometheus_formats_them() {
    if !there_is("prometheus") {
        return;
    }
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let peer = Prometheus::scraping(&server, &home, "");
    eventually("Prometheus is up", || peer.query("1"));
    let path = "/api/v1/format_query";
    let mut others = Vec::new();
    for query in forms() {
        let parameters = [("query", query.as_str())];
        let ours = server.query(path, &parameters);
        let theirs = asked(peer.url(), path, &parameters);
        if ours["data"] != theirs["data"] {
            let texts = [&ours, &theirs].map(|one| one["data"].as_str().unwrap().to_owned());
            others.push(texts.join("\n-- and Prometheus --\n"));
        }
    }
    assert_eq!(others.len(), 0, "{}", others.join("\n=====\n"));
    let bad = server.get(&format!("{path}?query=rate(x"));
    assert_error(&bad, 400, "bad_data", "1:7: parse error");
}

#[test]
fn k9_a_query_is_told_as_its_parts() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let tree = |query| {
        let answer = server.query("/api/v1/parse_query", &[("query", query)]);
        answer["data"].clone()
    };
    let selector = json!({
        "type": "vectorSelector", "name": "x", "offset": 300_000, "timestamp": null,
        "startOrEnd": "end", "anchored": false, "smoothed": false,
        "matchers": [
            {"name": "a", "value": "b.*", "type": "=~"},
            {"name": "__name__", "value": "x", "type": "="},
        ],
    });
    assert_eq!(tree("x{a=~\"b.*\"} @ end() offset 5m"), selector);
    let matching = json!({
        "card": "many-to-one", "labels": ["job"], "on": true, "include": ["c"],
        "fillValues": {"lhs": null, "rhs": null},
    });
    let joined = tree("a > bool on (job) group_left (c) b");
    assert_eq!(joined["matching"], matching);
    assert_eq!(
        (&joined["op"], &joined["bool"]),
        (&json!(">"), &json!(true))
    );
    assert_eq!(tree("1 + x")["matching"], Value::Null);
    assert_eq!(tree("a or b")["matching"]["card"], "many-to-many");
    let call = tree("round(-x, 5)");
    let function = json!({
        "name": "round", "argTypes": ["vector", "scalar"], "variadic": 1, "returnType": "vector",
    });
    assert_eq!(call["func"], function);
    assert_eq!(call["args"][0]["op"], "-");
    assert_eq!(
        call["args"][1],
        json!({"type": "numberLiteral", "val": "5"})
    );
    let sum = tree("topk without (a) (3, (rate(x[5m])))");
    assert_eq!(
        (&sum["without"], &sum["grouping"]),
        (&json!(true), &json!(["a"]))
    );
    assert_eq!(sum["param"]["val"], "3");
    assert_eq!(sum["expr"]["expr"]["args"][0]["range"], 300_000);
    let subquery = tree("avg_over_time(x[1h:1m] @ 5)");
    let subquery = &subquery["args"][0];
    let expected = json!([3_600_000, 60_000, 5_000]);
    assert_eq!(
        json!([subquery["range"], subquery["step"], subquery["timestamp"]]),
        expected
    );
}

#[test]
fn k9_the_server_tells_how_it_is_as_prometheus_does() {
    let home = Home::with(QUIET);
    let server = filled(&home);
    let data = |path: &str| server.get(&format!("/api/v1/{path}")).ok()["data"].clone();
    let runtime = data("status/runtimeinfo");
    assert_keys(
        &runtime,
        "startTime CWD hostname serverTime reloadConfigSuccess lastConfigTime corruptionCount \
         goroutineCount GOMAXPROCS storageRetention",
    );
    assert_eq!(runtime["storageRetention"], "30d");
    assert!(runtime["goroutineCount"].as_u64().unwrap() > 1);
    let flags = data("status/flags");
    assert_eq!(flags["web.listen-address"], "127.0.0.1:0");
    assert_eq!(flags["query.timeout"], "30s");
    let config = data("status/config");
    let config = config["yaml"].as_str().unwrap();
    assert!(config.contains("  host: false\n"), "{config}");
    let features = data("features");
    let on = |group: &str, name: &str| features[group][name].as_bool();
    assert_eq!(on("promql_functions", "rate"), Some(true));
    assert_eq!(on("promql_functions", "mad_over_time"), Some(false));
    assert_eq!(on("promql_operators", "limitk"), Some(false));
    assert_eq!(on("promql", "at_modifier"), Some(true));
    let tsdb = data("status/tsdb?limit=2");
    assert_eq!(tsdb["headStats"]["numSeries"], 26);
    let most = json!([{"name": "requests_total", "value": 12}, {"name": "took_seconds_bucket", "value": 8}]);
    assert_eq!(tsdb["seriesCountByMetricName"], most);
    assert_eq!(tsdb["seriesCountByLabelValuePair"][0]["value"], 13);
    assert_eq!(tsdb["memoryInBytesByLabelName"][0]["name"], "__name__");
    let answer = server.get("/api/v1/status/tsdb?limit=99999");
    assert_error(&answer, 400, "bad_data", "10000");
    assert_eq!(data("status/walreplay")["state"], "done");
    assert_keys(
        &data("alertmanagers"),
        "activeAlertmanagers droppedAlertmanagers",
    );
    assert_eq!(data("notifications"), json!([]));
    assert_eq!(data("targets/metadata"), json!([]));
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(server.get(path).status, 200);
    }
    let deleted = server.send(
        "/api/v1/admin/tsdb/delete_series",
        "application/x-www-form-urlencoded",
        "identity",
        b"match[]=requests_total%7Bjob%3D%22api%22%7D",
    );
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    let left = server.query("/api/v1/query", &[("query", "count(requests_total)")]);
    assert_eq!(left["data"]["result"][0]["value"][1], "6");
}

/// What bash offers where this is typed, as its own completion asks for it.
fn typed(home: &Home, server: &Server, words: &[&str]) -> Vec<String> {
    let program = home.command(&[]).get_program().to_owned();
    let program = program.to_str().unwrap().to_owned();
    let words: Vec<String> = std::iter::once(program.clone())
        .chain(
            words
                .iter()
                .map(|word| format!("'{}'", word.replace('\'', "'\\''"))),
        )
        .collect();
    let script = format!(
        "source <({program} completions bash)\nCOMP_WORDS=({})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
         _tacho_with_series {program} \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" ")
    );
    let mut bash = Command::new("bash");
    let ran = bash.args(["-c", &script]).env("TACHO_SERVER", server.url());
    let out = ran.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn k9_what_is_queried_is_completed_from_the_server() {
    let home = Home::with(QUIET);
    let server = filled(&home);
    let check = |words: &[&str], expected: &[&str]| {
        assert_eq!(typed(&home, &server, words), expected, "{words:?}");
    };
    check(&["query", "requ"], &["requests_total"]);
    check(&["query", "'sum(rate(requ"], &["sum(rate(requests_total"]);
    check(&["query", "load{"], &["load{instance=\"", "load{job=\""]);
    check(
        &["query", "load{job=\""],
        &["load{job=\"api\"", "load{job=\"web\""],
    );
    check(&["query", "--raw", "loa"], &["load"]);
    check(&["query", "nothing_like_it"], &[""]);
    let mut commands = typed(&home, &server, &["stat"]);
    commands.sort_unstable();
    assert_eq!(commands, ["stats", "status"]);
    let options = typed(&home, &server, &["query", "--for"]);
    assert_eq!(options, ["--format"]);
    // Nobody waits, and nobody is told, where there is no server.
    drop(server);
    let ran = home.tacho(&["completions", "--query", "requ"]).exits(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
}

/// What `promtool` says of a server, for one that succeeds.
fn promtool(server: &Server, arguments: &[&str]) -> String {
    let url = server.url();
    let arguments = arguments.iter().map(|one| match *one {
        "URL" => url.as_str(),
        other => other,
    });
    let ran = Command::new("promtool").args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{text}{errors}");
    text
}

#[test]
fn k9_promtool_asks_us_as_it_asks_prometheus() {
    if !there_is("promtool") {
        return;
    }
    let home = Home::with(QUIET);
    let server = filled(&home);
    let end = now() as i64 - 120;
    let [start, end] = [end - 600, end].map(|time| time.to_string());
    let instant = promtool(
        &server,
        &[
            "query",
            "instant",
            "--time",
            &end,
            "URL",
            "count by (job) (load)",
        ],
    );
    assert!(instant.contains("{job=\"api\"} => 3 @["), "{instant}");
    let range = promtool(
        &server,
        &[
            "query",
            "range",
            "--start",
            &start,
            "--end",
            &end,
            "--step",
            "1m",
            "URL",
            "count(load)",
        ],
    );
    assert_eq!(
        range.lines().filter(|line| line.contains(" @[")).count(),
        11,
        "{range}"
    );
    let series = promtool(
        &server,
        &[
            "query",
            "series",
            "--match",
            "load{job=\"web\"}",
            "--start",
            &start,
            "URL",
        ],
    );
    assert_eq!(series.lines().count(), 3, "{series}");
    let labels = promtool(&server, &["query", "labels", "URL", "job"]);
    assert_eq!(labels, "api\nweb\n");
}

#[test]
fn k9_experimental_functions_are_switched_on_in_the_configuration() {
    let query = [
        "/api/v1/query?query=mad_over_time(load%5B1m%5D)",
        "/api/v1/format_query?query=limitk(1,load)",
        "/api/v1/query?query=rate(load%5B1m%5D%20anchored)",
    ];
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    for path in query {
        let answer = server.get(path);
        assert_error(
            &answer,
            400,
            "bad_data",
            "promql.experimental_functions: true",
        );
    }
    let wrong = server.get("/api/v1/query?query=mad_over_time(load)").json();
    let wrong = wrong["error"].as_str().unwrap();
    assert!(!wrong.contains("experimental_functions"), "{wrong}");
    let home = Home::with(&format!(
        "{QUIET}promql: {{experimental_functions: true}}\n"
    ));
    let server = home.start(&[]);
    for path in query {
        server.get(path).ok();
    }
    let answer = server.tacho(&home, &["query", "limitk(1, load)"]);
    answer.exits(0);
}
