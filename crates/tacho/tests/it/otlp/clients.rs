//! The OpenTelemetry SDKs of Python and JavaScript, and logfire, as their users run them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::named;
use crate::support::{Home, QUIET, Server, eventually};

/// Where the clients are installed; says so where they are not.
fn installed() -> Option<PathBuf> {
    let dir = std::env::var_os("TACHO_CLIENTS").map(PathBuf::from);
    if dir.is_none() {
        println!("skipped: TACHO_CLIENTS is not set; script/clients DIR installs real clients");
    }
    dir
}

/// A program among the clients: Python, or JavaScript.
fn program(dir: &std::path::Path, name: &str) -> Command {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name);
    let interpreter = match name.rsplit('.').next() {
        Some("mjs") => PathBuf::from("node"),
        _ => dir.join("py/bin/python"),
    };
    let mut command = Command::new(interpreter);
    command.arg(source);
    command
}

/// Runs a program to its end; the first word that it prints.
#[track_caller]
fn run(mut command: Command) -> String {
    let output = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    out.split_whitespace().next().unwrap().to_owned()
}

fn start(grpc: bool) -> (Home, Server, String) {
    let home = Home::with(QUIET);
    let mut command = home.command(&["start", "--port", "0", "--data-dir", "data"]);
    if grpc {
        command.env("TACHO_INGEST_OTLP_GRPC", "127.0.0.1:0");
    } else {
        command.env("TACHO_INGEST_OTLP_HTTP", "127.0.0.1:0");
    }
    let server = Server::spawn(command);
    let log = server.log();
    let (_, rest) = log.split_once("OpenTelemetry over ").unwrap();
    let address = rest.split_whitespace().nth(2).unwrap().to_owned();
    (home, server, address)
}

fn trace(server: &Server, id: &str) -> Vec<Value> {
    let trace = server.get(&format!("/api/performance/traces/{id}")).ok();
    trace["spans"].as_array().unwrap().clone()
}

/// Sends by the Python SDK and checks what is there.
fn python(protocol: &str, compression: &str) {
    let Some(dir) = installed() else { return };
    let (_home, server, address) = start(protocol == "grpc");
    let mut command = program(&dir, "otlp_traces.py");
    command
        .arg(protocol)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"))
        .env("OTEL_EXPORTER_OTLP_INSECURE", "true");
    // The exporter over gRPC knows no word for none.
    if compression != "none" {
        command.env("OTEL_EXPORTER_OTLP_COMPRESSION", compression);
    }
    let id = run(command);
    let spans = trace(&server, &id);
    assert_eq!(spans.len(), 3, "{spans:#?}");
    let (root, child) = (named(&spans, "GET /cart"), named(&spans, "SELECT"));
    let publish = named(&spans, "publish");
    assert_eq!(
        (&root["kind"], &root["parent_id"]),
        (&json!("server"), &Value::Null)
    );
    assert_eq!(root["attributes"]["http.route"], "/cart");
    assert_eq!(root["attributes"]["list"], r#"["a","b"]"#);
    assert_eq!(
        (&root["service"], &root["scope"]),
        (&json!("shop"), &json!("otlp_traces.py"))
    );
    assert_eq!(root["resource"]["zone"], "b");
    assert_eq!(child["parent_id"], root["span_id"]);
    assert_eq!(
        (&child["status"], &child["kind"]),
        (&json!("error"), &json!("client"))
    );
    assert_eq!(child["status_message"], "no such table");
    assert_eq!(child["attributes"]["rows"], 7);
    let event = &child["events"][0];
    assert_eq!(event["name"], "exception");
    assert_eq!(event["attributes"]["exception.type"], "ValueError");
    assert_eq!(publish["links"][0]["span_id"], root["span_id"]);
    assert_eq!(publish["links"][0]["attributes"]["why"], "retry");
    assert!(child["duration"].as_f64().unwrap() < root["duration"].as_f64().unwrap());

    let logs = server.series(&[("match[]", "log_record_count_total"), ("agg", "last")]);
    let count = |severity: &str| {
        let series = logs
            .iter()
            .find(|series| series["labels"]["severity"] == severity);
        let points = series.unwrap()["points"].as_array().unwrap();
        points.last().unwrap()[1].as_f64().unwrap()
    };
    assert_eq!((count("info"), count("error")), (5.0, 1.0));
    assert_eq!(logs[0]["labels"]["job"], "tests/shop");
    let events = server.query("/api/performance/events", &[("service", "shop")]);
    assert_eq!(events["events"].as_array().unwrap().len(), 1);
    assert_eq!(events["events"][0]["body"], "the table is gone");
}

#[test]
fn w6_python_over_http() {
    python("http", "none");
}

#[test]
fn w6_python_over_http_with_gzip() {
    python("http", "gzip");
}

#[test]
fn w6_python_over_grpc() {
    python("grpc", "none");
}

#[test]
fn w6_python_over_grpc_with_gzip() {
    python("grpc", "gzip");
}

#[test]
fn w6_javascript_as_json() {
    let Some(dir) = installed() else { return };
    let (_home, server, address) = start(false);
    let mut command = program(&dir, "otlp_traces.mjs");
    command
        .arg(format!("http://{address}/v1/traces"))
        .env("TACHO_CLIENTS", &dir);
    let id = run(command);
    let spans = trace(&server, &id);
    let load = named(&spans, "load");
    assert_eq!(
        (&load["service"], &load["attributes"]["count"]),
        (&json!("page"), &json!(5))
    );
    assert_eq!(load["attributes"]["share"], 0.25);
    assert_eq!(load["events"][0]["attributes"]["after"], 3);
}

/// A client that waits for a line before it ends.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn w6_logfire_with_token_and_pending_spans() {
    let Some(dir) = installed() else { return };
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let mut command = program(&dir, "logfire_pending.py");
    command
        .env("LOGFIRE_TOKEN", "x")
        .env("LOGFIRE_BASE_URL", server.url());
    command.current_dir(home.path("."));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = Waiting(command.spawn().unwrap());
    let mut line = String::new();
    let out = client.0.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    let id = line.trim();
    let spans = eventually("the spans", || {
        let answer = server.get(&format!("/api/performance/traces/{id}"));
        let body = (answer.status == 200).then(|| answer.json())?;
        let spans = body["spans"].as_array()?.clone();
        spans
            .iter()
            .any(|span| span["name"] == "inner" && span["pending"] == false)
            .then_some(spans)
    });
    let long = named(&spans, "long work");
    assert_eq!(
        (&long["pending"], &long["duration"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(named(&spans, "inner")["parent_id"], long["span_id"]);
    client.0.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(client.0.wait().unwrap().success());
    let spans = trace(&server, id);
    assert_eq!(spans.len(), 2, "{spans:#?}");
    let long = named(&spans, "long work");
    assert_eq!(
        (&long["pending"], &long["attributes"]["step"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(super::spans(&server, &[("service", "agent")]).len(), 2);
}
