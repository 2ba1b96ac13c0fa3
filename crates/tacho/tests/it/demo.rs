//! `tacho demo` as its users start it: one command, and everything is there; and nothing afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Home, Server, eventually};

/// A demo of which the temporary folders are below `tmp`.
fn demo(home: &Home, args: &[&str]) -> Command {
    let tmp = home.path("tmp");
    std::fs::create_dir_all(&tmp).unwrap();
    let mut command = home.command(&["demo", "--no-open"]);
    command.args(args).env("TMPDIR", tmp);
    command
}

fn folders(home: &Home) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home.path("tmp")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The rows of an answer of `/api/performance`, over the last ten minutes.
fn rows(server: &Server, what: &str) -> Vec<Value> {
    let path = format!("/api/performance/{what}");
    let list = server.query(&path, &[("window", "10m")]);
    list[what].as_array().unwrap().clone()
}

/// Waits for the row of a name.
fn named(server: &Server, what: &str, key: &str, name: &str) -> Value {
    eventually(name, || {
        rows(server, what)
            .into_iter()
            .find(|row| row[key] == name && row["stats"]["count"].as_f64() > Some(0.0))
    })
}

fn wait_for_log(server: &Server, text: &str) {
    eventually(text, || server.log().contains(text).then_some(()));
}

#[test]
fn k9_a_demo_shows_everything_there_is() {
    let home = Home::new();
    let args = [
        "--port=0",
        "--history=3m",
        "--incident-after=1s",
        "--incident-for=2s",
        "--rate=20",
    ];
    let server = Server::spawn(demo(&home, &args));
    assert_eq!(folders(&home).len(), 1);
    for service in ["gateway", "orders", "inventory"] {
        let row = named(&server, "services", "name", service);
        assert!(row["stats"]["p99"].as_f64() > Some(0.0), "{row}");
    }
    for agent in ["support", "planner"] {
        named(&server, "agents", "name", agent);
    }
    for tool in ["search_orders", "refund"] {
        named(&server, "tools", "name", tool);
    }
    for model in ["gpt-4o", "claude-sonnet-4-5", "o4-mini"] {
        let is_of = |row: &Value| {
            let is_named = row["name"]
                .as_str()
                .is_some_and(|name| name.starts_with(model));
            is_named && row["cost"].as_f64() > Some(0.0)
        };
        let found = eventually(model, || rows(&server, "models").into_iter().find(is_of));
        assert!(found["tokens"]["input"].as_f64() > Some(0.0), "{found}");
        assert!(found["tokens"]["cache_read"].is_number(), "{found}");
        assert!(
            found["time_to_first_chunk"]["p50"].as_f64() > Some(0.1),
            "{found}"
        );
    }
    for system in ["postgresql", "redis"] {
        named(&server, "databases", "system", system);
    }
    let room = eventually("the chat", || {
        let found = rows(&server, "websockets").into_iter();
        let mut found = found.filter(|row| row["route"] == "/chat/{room}");
        found.find(|row| row["received"].as_f64() > Some(0.0))
    });
    assert_eq!(room["service"], "gateway");
    for (client, called) in [
        ("user", "gateway"),
        ("gateway", "orders"),
        ("gateway", "inventory"),
        ("orders", "inventory"),
        ("agents", "gateway"),
    ] {
        eventually(&format!("{client} to {called}"), || {
            let map = server.query("/api/performance/map", &[("window", "10m")]);
            let edges = map["edges"].as_array().unwrap().iter();
            let mut of = edges.filter(|edge| edge["client"] == client);
            of.any(|edge| edge["server"] == called).then_some(())
        });
    }
    for said in [
        "open: visitors come",
        "orders 1.4.0 is out",
        "rolled back to orders 1.3.9",
    ] {
        wait_for_log(&server, said);
    }
    let findings = |release: &str| {
        let attribute = format!("service.version={release}");
        let asked = [
            ("service", "orders"),
            ("operation", "GET /orders"),
            ("attr", attribute.as_str()),
        ];
        let tree = server.query("/api/performance/calls", &asked);
        assert!(tree["traces"].as_u64() > Some(0), "{release}: {tree}");
        tree["findings"].as_array().unwrap().clone()
    };
    let [found] = findings("1.4.0").try_into().unwrap();
    assert_eq!(found["kind"], "n_plus_one", "{found}");
    assert_eq!(findings("1.3.9"), Vec::<Value>::new());
    assert!(server.stop().success());
    assert_eq!(folders(&home), Vec::<PathBuf>::new());
}

#[test]
fn k9_a_demo_ends_by_itself_and_says_what_it_did() {
    let home = Home::new();
    let args = ["--duration=2s", "--history=10s", "--incident-for=0"];
    let output = demo(&home, &args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("dashboard at http://127.0.0.1:"), "{said}");
    assert!(said.contains("spans sent"), "{said}");
    assert!(!said.contains("lost"), "{said}");
    assert!(said.contains("removed "), "{said}");
    assert!(!said.contains("1.4.0"), "{said}");
    assert_eq!(folders(&home), Vec::<PathBuf>::new());
}

#[test]
fn k9_a_demo_keeps_its_data_where_asked_to() {
    let home = Home::new();
    let quick = ["--duration=1s", "--history=5s"];
    let kept = demo(&home, &[&quick[..], &["--keep"]].concat()).output();
    let said = String::from_utf8(kept.unwrap().stderr).unwrap();
    let [folder] = folders(&home).try_into().unwrap();
    let hint = format!("tacho start --data-dir {}", folder.display());
    assert!(said.contains(&hint), "{said}");

    let named = demo(&home, &[&quick[..], &["--data-dir", "mine"]].concat()).output();
    assert!(named.unwrap().status.success());
    let is_there = |path: &Path| std::fs::read_dir(path).unwrap().next().is_some();
    assert!(is_there(&home.path("mine")));
    assert_eq!(folders(&home), [folder]);
}

#[test]
fn k9_a_demo_refuses_what_makes_no_sense() {
    let home = Home::new();
    for (args, reason) in [
        (["demo", "--rate=0"], "--rate 0 is not between 0.1 and 100"),
        (["demo", "--rate=NaN"], "--rate NaN is not between"),
        (["demo", "--history=2h"], "--history is at most 50m"),
        (["demo", "--incident-for=10m"], "less than 10m"),
    ] {
        home.tacho(&args).exits(2).complains(&[reason]);
    }
}
