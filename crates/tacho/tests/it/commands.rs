//! The other commands: queries online and offline, status, help, completions, manners.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Home, QUIET, Ran, Server, now};

fn fill(server: &Server) -> f64 {
    let t = ((now() - 60.0) / 10.0).floor() * 10.0;
    let point = |zone: &str, i: u32| {
        json!({"name": "size", "unit": "By", "value": 1024 * (1 + i), "timestamp": t + f64::from(i),
            "tags": {"zone": zone}})
    };
    let points: Vec<Value> = (0..20)
        .flat_map(|i| [point("a", i), point("b", i)])
        .collect();
    server.keep(&json!(points));
    t
}

#[test]
fn f1_query_answers_in_four_formats() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    fill(&server);
    let query = |args: &[&str]| {
        server
            .tacho(&home, &[&["query"], args].concat())
            .exits(0)
            .out
    };

    let table = query(&["size"]);
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 3, "{table}");
    assert!(
        rows[1].starts_with("size{zone=\"a\"}") && rows[1].trim_end().ends_with("20 KiB"),
        "{table}"
    );
    let csv = query(&[
        "size{zone=\"b\"}",
        "--agg",
        "max",
        "--by",
        "zone",
        "--format",
        "csv",
    ]);
    assert_eq!(csv.lines().next(), Some("series,value"), "{csv}");
    assert!(csv.contains("20 KiB"), "{csv}");
    let markdown = query(&[
        "size", "--step", "10s", "--agg", "sum", "--by", "zone", "--format", "markdown",
    ]);
    assert!(
        markdown.starts_with("| series") && markdown.contains("| time"),
        "{markdown}"
    );
    let raw: Value = serde_json::from_str(&query(&["size", "--raw", "--format", "json"])).unwrap();
    assert_eq!(
        raw["series"][0]["points"].as_array().map(Vec::len),
        Some(20)
    );
    assert_eq!(raw["schema"], 1);
    let steps: Value = serde_json::from_str(&query(&[
        "size", "--step", "10s", "--agg", "count", "--by", "", "--format", "json",
    ]))
    .unwrap();
    let counts: f64 = steps["series"][0]["points"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p[1].as_f64())
        .sum();
    assert_eq!(counts, 40.0);
}

#[test]
fn f1_queries_that_cannot_be_answered_say_why() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    fill(&server);
    let query = |args: &[&str]| server.tacho(&home, &[&["query"], args].concat()).exits(2);
    query(&["sizes"]).complains(&["no series match `sizes`", "/metrics"]);
    query(&["size{"]).complains(&["size{"]);
    query(&["size", "--agg", "mean"]).complains(&["`mean` is no function", "avg"]);
    query(&["size", "--window", "soon"]).complains(&["window"]);
    query(&["size", "--step", "1ms", "--window", "1h"]).complains(&["widen"]);
    query(&["size", "--raw", "--step", "1s"]).complains(&["--raw"]);
    drop(server);
    let gone = home
        .tacho(&["query", "size", "--server", "http://127.0.0.1:1"])
        .exits(2);
    gone.complains(&[
        "no server answers at http://127.0.0.1:1",
        "tacho start",
        "--data-dir",
    ]);
    let odd = home
        .tacho(&["query", "size", "--server", "ftp://x"])
        .exits(2);
    odd.complains(&["is no server address"]);
    let none = home
        .tacho(&["query", "size", "--data-dir", "nothing"])
        .exits(2);
    none.complains(&["cannot read the data folder nothing", "holds no data"]);
    home.tacho(&["quary"])
        .exits(2)
        .complains(&["quary", "query"]);
    home.tacho(&["query", "m", "--windw", "5m"])
        .exits(2)
        .complains(&["--windw", "--window"]);
}

#[test]
fn f1_a_folder_answers_as_its_server_did() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let t = fill(&server);
    let (from, to) = ((t - 5.0).to_string(), (t + 30.0).to_string());
    let questions: [&[&str]; 3] = [
        &[
            "query", "size", "--from", &from, "--to", &to, "--format", "json", "--raw",
        ],
        &[
            "query", "size", "--from", &from, "--to", &to, "--step", "5s", "--agg", "p95",
            "--format", "json",
        ],
        &[
            "query", "size", "--from", &from, "--to", &to, "--agg", "sum", "--by", "zone",
        ],
    ];
    let online = questions.map(|args| server.tacho(&home, args).exits(0).out);
    assert!(server.stop().success());
    let folder = ["--data-dir", "data"];
    let offline = questions.map(|args| home.tacho(&[args, &folder[..]].concat()).exits(0).out);
    assert_eq!(offline, online);
    let status = home.tacho(&["status", "--data-dir", "data"]).exits(0);
    assert!(status.out.contains("healthy"), "{}", status.out);
    let create = home
        .tacho(&["baseline", "--data-dir", "data", "--window", "5m"])
        .exits(2);
    create.complains(&["kept by the server"]);
}

#[test]
fn f1_status_is_readable_by_people_and_programs() {
    let home = Home::new();
    let server = home.start(&["--interval", "200ms"]);
    let table = server.tacho(&home, &["status"]).exits(0).out;
    for part in [
        "server",
        "healthy",
        "store",
        "collection",
        "CPU",
        "memory",
        "load",
        "own cost",
    ] {
        assert!(table.contains(part), "no {part} in:\n{table}");
    }
    let body = server
        .tacho(&home, &["status", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(body["status"], "healthy");
}

#[test]
fn f1_help_of_every_command_shows_examples() {
    let home = Home::new();
    for command in [
        &[][..],
        &["start"],
        &["status"],
        &["query"],
        &["baseline"],
        &["compare"],
        &["report"],
        &["check", "config"],
        &["check", "data"],
        &["export"],
        &["completions"],
    ] {
        let help = home.tacho(&[command, &["--help"]].concat()).exits(0).out;
        assert!(help.contains("Examples:\n  tacho"), "{command:?}:\n{help}");
        assert!(help.contains("Usage:"), "{command:?}:\n{help}");
        let widest = help.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(110), "{command:?} is {widest:?} wide");
    }
    let version = home.tacho(&["--version"]).exits(0).out;
    assert_eq!(version.trim(), concat!("tacho ", env!("CARGO_PKG_VERSION")));
    home.tacho(&[]).exits(2).complains(&["Usage:", "start"]);
}

#[test]
fn f1_completions_know_every_command() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.tacho(&["completions", shell]).exits(0).out;
        for command in [
            "start", "status", "query", "baseline", "compare", "report", "check", "export",
        ] {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
    home.tacho(&["completions", "cmd"])
        .exits(2)
        .complains(&["bash", "fish", "zsh"]);
}

#[test]
fn f1_output_that_is_no_terminal_has_no_colour() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    fill(&server);
    let plain = |ran: Ran| {
        assert!(
            !ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'),
            "{ran:?}"
        );
    };
    for args in [
        &["status"][..],
        &["query", "size"],
        &["query", "nothing"],
        &["baseline", "list"],
        &["compare", "none"],
        &["--help"],
        &["nonsense"],
    ] {
        plain(server.tacho(&home, args));
    }
    assert!(!server.log().contains('\u{1b}'), "{}", server.log());
    let mut forced = home.command(&["query", "nothing"]);
    forced
        .env("TACHO_SERVER", server.url())
        .env("CLICOLOR_FORCE", "1");
    let forced = Ran::from(forced.output().unwrap());
    assert!(
        forced.err.contains('\u{1b}'),
        "asked for, it is there: {forced:?}"
    );
}

#[test]
fn f1_tables_fit_the_terminal() {
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: script (Debian package bsdutils) is not there to make a terminal");
        return;
    }
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let long = "long_".repeat(20);
    server.keep(&json!({"name": long, "value": 1, "tags": {"zone": "a"}}));
    let program = env!("CARGO_BIN_EXE_tacho");
    let shown = |columns: &str| {
        let line = format!("'{program}' query '{long}'");
        let mut command = Command::new("script");
        command
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::null());
        command.envs([
            ("TACHO_SERVER", server.url().as_str()),
            ("COLUMNS", columns),
        ]);
        let ran = Ran::from(command.env_remove("NO_COLOR").output().unwrap()).exits(0);
        assert!(
            ran.out.contains("\u{1b}["),
            "a terminal has colour: {ran:?}"
        );
        let plain = without_colour(&ran.out);
        plain
            .lines()
            .map(|line| line.trim_end().chars().count())
            .max()
    };
    assert!(shown("40") <= Some(40), "{:?}", shown("40"));
    assert!(shown("200") > Some(100), "{:?}", shown("200"));
}

fn without_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or("").to_owned();
    parts.fold(first, |out, part| {
        out + part.split_once('m').map_or("", |(_, rest)| rest)
    })
}

#[test]
fn f1_a_closed_pipe_is_quiet() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    fill(&server);
    for args in [
        &["query", "size", "--raw"][..],
        &["report"],
        &["completions", "bash"],
        &["status"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.command(args);
        command
            .env("TACHO_SERVER", server.url())
            .stdout(writer)
            .stderr(Stdio::piped());
        let ran = Ran::from(command.spawn().unwrap().wait_with_output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{args:?}");
    }
}
