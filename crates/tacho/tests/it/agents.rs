//! The same agents, watched in four dialects: the program of `examples/agents` against its fake
//! server, and what both counted against what the server tells.

use std::path::Path;

use serde_json::Value;

use crate::support::python::{interpreter, output};
use crate::support::{Home, QUIET, Server, eventually};

/// How often all questions are asked.
const ROUNDS: &str = "3";

/// What a dialect says of tokens.
#[derive(Clone, Copy, PartialEq)]
enum Tokens {
    /// Input and output.
    Plain,
    /// Those read from a cache and those of reasoning as well.
    Detailed,
}

/// The rows of a list that the server tells.
fn rows(server: &Server, what: &str) -> Vec<Value> {
    let body = server.query(&format!("/api/performance/{what}"), &[("window", "5m")]);
    body[what].as_array().unwrap().clone()
}

#[track_caller]
fn row<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    let found = rows.iter().find(|row| row["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {rows:#?}"))
}

/// The names of what a program counted are those that the server tells, and so are the figures.
#[track_caller]
fn same(told: &[Value], counted: &Value, count: &str) {
    let counted = counted.as_object().unwrap();
    assert_eq!(told.len(), counted.len(), "{told:#?}");
    for (name, counts) in counted {
        let stats = &row(told, name)["stats"];
        assert_eq!(stats["count"], counts[count], "{name}: {stats:#}");
        let failures = counts["failures"].as_u64().unwrap_or(0);
        assert_eq!(stats["errors"], failures, "{name}: {stats:#}");
    }
}

fn check(dialect: &str, tokens: Tokens) {
    let Some(mut command) = interpreter() else {
        return;
    };
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/agents/app.py");
    command.arg(example).arg(dialect);
    command.args(["--rounds", ROUNDS, "--pause", "0", "--delay", "0.005"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", server.url());
    command
        .env("LOGFIRE_IGNORE_NO_CONFIG", "1")
        .current_dir(home.path("."));
    for name in ["LOGFIRE_TOKEN", "OPENAI_BASE_URL", "OPENAI_API_KEY"] {
        command.env_remove(name);
    }
    let out = output(command);
    let counted: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();

    let agents = eventually("all agents", || {
        let agents = rows(&server, "agents");
        (agents.len() == 2).then_some(agents)
    });
    same(&agents, &counted["agents"], "uses");
    same(&rows(&server, "tools"), &counted["tools"], "uses");
    let models = rows(&server, "models");
    for (name, counts) in counted["models"].as_object().unwrap() {
        let model = row(&models, name);
        assert_eq!(model["provider"], "openai", "{model:#}");
        let told = &model["tokens"];
        assert_eq!(told["input"], counts["input"], "{model:#}");
        assert_eq!(told["output"], counts["output"], "{model:#}");
        if tokens == Tokens::Detailed {
            for kind in ["cache_read", "reasoning"] {
                // None in all is as good as not told.
                let count = told[kind].as_u64().unwrap_or(0);
                assert_eq!(count, counts[kind], "{kind}: {model:#}");
            }
        }
        cost(model, counts, tokens);
    }
    // A call that failed may not tell which model was asked.
    let of_all = |key: &str| -> u64 {
        models
            .iter()
            .map(|model| model["stats"][key].as_u64().unwrap())
            .sum()
    };
    let counted_of = |key: &str| -> u64 {
        let models = counted["models"].as_object().unwrap().values();
        models.map(|counts| counts[key].as_u64().unwrap_or(0)).sum()
    };
    assert_eq!(of_all("count"), counted_of("calls"), "{models:#?}");
    assert_eq!(of_all("errors"), counted_of("failures"), "{models:#?}");
    runs(&agents, &counted);
}

/// What a model's tokens cost is the sum by the list of prices.
fn cost(model: &Value, counts: &Value, tokens: Tokens) {
    let [input, cached, output] = match model["name"].as_str().unwrap() {
        "o4-mini" => [1.1, 0.275, 4.4],
        "gpt-4o-mini" => [0.15, 0.075, 0.6],
        other => panic!("{other} was not asked"),
    };
    let count = |key: &str| counts[key].as_f64().unwrap_or(0.0);
    // What nobody says was read from a cache costs as if it was not.
    let read = if tokens == Tokens::Detailed {
        count("cache_read")
    } else {
        0.0
    };
    let expected = (count("input") - read) * input + read * cached + count("output") * output;
    let told = model["cost"].as_f64().unwrap();
    assert!(
        (told - expected / 1e6).abs() < 1e-9,
        "{told} {expected}: {model:#}"
    );
    assert_eq!(model["currency"], "USD");
}

/// What runs of agents used is what was used: nobody else uses tools and models here.
fn runs(agents: &[Value], counted: &Value) {
    let sum = |key: &str| -> u64 {
        agents
            .iter()
            .map(|agent| agent["tokens"][key].as_u64().unwrap())
            .sum()
    };
    let counted_of = |key: &str| -> u64 {
        let models = counted["models"].as_object().unwrap().values();
        models.map(|counts| counts[key].as_u64().unwrap()).sum()
    };
    assert_eq!(sum("input"), counted_of("input"), "{agents:#?}");
    assert_eq!(sum("output"), counted_of("output"), "{agents:#?}");
}

#[test]
fn w3_agents_by_openai_v2() {
    check("openai-v2", Tokens::Plain);
}

#[test]
fn w3_agents_by_openinference() {
    check("openinference", Tokens::Detailed);
}

#[test]
fn w3_agents_by_traceloop() {
    check("traceloop", Tokens::Detailed);
}

#[test]
fn w3_agents_by_logfire() {
    check("logfire", Tokens::Detailed);
}
