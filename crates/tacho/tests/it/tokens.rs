//! Tokens, as operators and clients meet them.

mod commands;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;

use crate::support::{Home, PATIENCE, QUIET, Server, eventually, now};

const TOKENS: &str = "/api/performance/tokens";

/// Makes a token through the API; its secret.
fn make(server: &Server, name: &str, scopes: &[&str]) -> String {
    let answer = server.post(TOKENS, &json!({"name": name, "scopes": scopes}));
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["secret"].as_str().unwrap().to_owned()
}

/// A server with an admin token, which its requests have.
fn guarded(home: &Home) -> (Server, String) {
    let mut server = home.start(&[]);
    let admin = make(&server, "admin", &["admin"]);
    server.authorize(&format!("Bearer {admin}"));
    (server, admin)
}

/// Every request of the API's description, and the routes beside it: method, path, scope.
fn routes(server: &Server) -> Vec<(String, String, &'static str)> {
    let description = server.get("/api/openapi.json").ok();
    let mut routes: Vec<(String, String, &str)> = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let path = path.replace("{name}", "x").replace("{id}", "x");
            let asks = path.contains("/stats/") || path.ends_with("/compare");
            let rules = path.ends_with("/tokens") || path.contains("/tokens/");
            let scope = match method.as_str() {
                _ if rules || path.ends_with("/cleanup") => "admin",
                "GET" => "read",
                _ if asks => "read",
                _ => "write",
            };
            routes.push((method, path, scope));
        }
    }
    assert!(routes.len() > 20, "{routes:?}");
    let others = [
        (
            "read",
            "GET /, GET /index.html, GET /favicon.svg, GET /no/such, GET /metrics",
        ),
        ("read", "GET /ws, GET /api/openapi.json, HEAD /metrics"),
        ("read", "GET /api/v1/rules, GET /api/v1/alerts"),
        (
            "write",
            "POST /api/v1/write, POST /write, POST /api/v2/write",
        ),
        (
            "write",
            "GET /v1/info, POST /v1/metrics, POST /v1/traces, POST /v1/logs",
        ),
        ("write", "PUT /metrics/job/x"),
        ("any", "GET /ping, GET /health, GET /query, POST /query"),
        (
            "admin",
            "POST /-/flush, POST /-/snapshot, POST /no/such, PATCH /metrics",
        ),
        ("admin", "OPTIONS /, BREW /"),
    ];
    for (scope, requests) in others {
        for request in requests.split(", ") {
            let (method, path) = request.split_once(' ').unwrap();
            routes.push((method.to_owned(), path.to_owned(), scope));
        }
    }
    routes
}

#[test]
fn w6_no_route_is_reached_without_its_scope() {
    let home = Home::with(QUIET);
    let (mut server, _) = guarded(&home);
    let routes = routes(&server);
    let secret = |scope: &str| make(&server, scope, &[scope]);
    let tokens = [("read", secret("read")), ("write", secret("write"))];
    server.authorize("");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for (method, path, scope) in &routes {
        server.authorize("");
        let answer = server.request(method, path);
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
        server.authorize("Bearer tacho_0123456789012345678901234567890123456789012");
        let answer = server.request(method, path);
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
        for (held, secret) in &tokens {
            server.authorize(&format!("Bearer {secret}"));
            let answer = server.request(method, path);
            if held == scope || *scope == "any" {
                let refused = [401, 403].contains(&answer.status);
                assert!(!refused, "{method} {path}: {}", answer.body);
                continue;
            }
            assert_eq!(answer.status, 403, "{method} {path}: {}", answer.body);
            if method != "HEAD" {
                let says = format!("needs a token with the scope {scope}; `{held}` has {held}");
                assert!(answer.body.contains(&says), "{}", answer.body);
            }
        }
    }
}

#[test]
fn w6_each_form_is_taken_and_refusals_have_the_shape_of_their_path() {
    let home = Home::with(QUIET);
    let (mut server, admin) = guarded(&home);
    let basic = |text: &str| {
        // Through the same base64 as everything else here: printf and base64 of the system.
        let script = format!("printf %s '{text}' | base64 -w0");
        let out = std::process::Command::new("sh")
            .args(["-c", &script])
            .output();
        String::from_utf8(out.unwrap().stdout).unwrap()
    };
    for form in [
        format!("Bearer {admin}"),
        format!("Token {admin}"),
        admin.clone(),
        format!("Basic {}", basic(&format!("prometheus:{admin}"))),
    ] {
        server.authorize(&form);
        server.get("/api/performance/system").ok();
    }
    let tail = &admin[10..];
    for wrong in [
        "",
        "Bearer",
        "Bearer nothing",
        "Basic !!",
        &format!("Digest {admin}"),
        &format!("Bearer {}", "x".repeat(60_000)),
        &format!("Bearer tacho_{tail}"),
    ] {
        server.authorize(wrong);
        let answer = server.get("/api/performance/system");
        answer.is_problem(401, "token");
        assert!(!answer.body.contains(tail), "{}", answer.body);
        let answer = server.post_bytes("/api/v1/write", b"");
        assert_eq!(answer.status, 401);
        let body = answer.json();
        assert_eq!(body["status"], "error", "{body}");
        assert_eq!(body["errorType"], "unauthorized", "{body}");
    }
    // A long body does not hide the answer.
    let long = vec![b' '; 3 << 20];
    let answer = server.post_bytes("/api/performance/metrics", &long);
    answer.is_problem(401, "not known");
    for (path, key) in [("/write", "error"), ("/api/v2/write", "message")] {
        let answer = server.post_bytes(path, &long);
        assert_eq!(answer.status, 401, "{path}");
        let body = answer.json();
        assert!(body[key].as_str().unwrap().contains("not known"), "{body}");
    }
    let asked = server.raw(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    assert!(
        asked.contains("www-authenticate: Basic realm=\"Tachograph\""),
        "browsers ask their user then: {asked}"
    );
    let grpc = server.raw(
        b"POST /opentelemetry.proto.collector.trace.v1.TraceService/Export HTTP/1.1\r\n\
          host: 127.0.0.1\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\n\
          connection: close\r\n\r\n",
    );
    assert!(
        grpc.contains("200 OK") && grpc.contains("grpc-status: 16"),
        "{grpc}"
    );
}

/// Whether some file below holds these bytes.
fn holds(dir: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn w6_tokens_outlive_a_kill_and_their_secrets_are_nowhere() {
    let home = Home::with(QUIET);
    let mut command = home.command(&["start", "--port", "0", "--data-dir", "data"]);
    command.env("TACHO_LOG", "trace");
    let mut server = Server::spawn(command);
    let admin = make(&server, "admin", &["admin"]);
    server.authorize(&format!("Bearer {admin}"));
    let reader = make(&server, "reader", &["read"]);
    server.authorize(&format!("Bearer {reader}"));
    server.post(TOKENS, &json!({})).is_problem(403, "admin");
    let mut unlike = reader.clone();
    unlike.replace_range(20..24, "AAAA");
    server.authorize(&format!("Bearer {unlike}"));
    server.get("/metrics").is_problem(401, "not known");
    server
        .get(&format!("/{reader}"))
        .is_problem(401, "not known");
    let log = server.log();
    assert!(
        log.contains("token made") && log.contains("refused:"),
        "{log}"
    );
    server.kill();

    // The first characters are kept on purpose; nothing of the rest is.
    assert!(holds(&home.path("data"), &reader.as_bytes()[..10]));
    for secret in [&admin, &reader, &unlike] {
        for part in [&secret[10..26], &secret[30..]] {
            assert!(!holds(&home.path("data"), part.as_bytes()), "in a file");
            assert!(!log.contains(part), "in the log: {log}");
        }
    }
    let mut server = home.start(&[]);
    server.get("/metrics").is_problem(401, "asks for a token");
    server.authorize(&format!("Bearer {reader}"));
    assert_eq!(server.get("/metrics").status, 200);
    server.authorize(&format!("Bearer {admin}"));
    let tokens = server.get(TOKENS).ok();
    let names: Vec<&Value> = tokens["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| &token["name"])
        .collect();
    assert_eq!(names, ["admin", "reader"]);
    assert!(!tokens.to_string().contains(&reader[10..]));
    assert!(tokens["tokens"][1]["last_used_at"].is_string(), "{tokens}");
}

#[test]
fn w6_what_is_revoked_or_over_is_refused_at_once() {
    let home = Home::with(QUIET);
    let (mut server, admin) = guarded(&home);
    let reader = make(&server, "reader", &["read"]);
    let brief = json!({"name": "brief", "scopes": ["read"], "expires": "2s"});
    let brief = server.post(TOKENS, &brief).json()["secret"].clone();
    let brief = format!("Bearer {}", brief.as_str().unwrap());

    // A live connection of each, and one request.
    let mut live = [reader.as_str(), brief.trim_start_matches("Bearer ")].map(|secret| {
        let stream = std::net::TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut request = format!("ws://{}/ws", server.address())
            .into_client_request()
            .unwrap();
        let value = format!("Bearer {secret}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
        tungstenite::client(request, stream).unwrap().0
    });
    let refused = tungstenite::client(
        format!("ws://{}/ws", server.address()),
        std::net::TcpStream::connect(server.address()).unwrap(),
    );
    assert!(
        refused.is_err(),
        "without a token there are no live updates"
    );
    let gone = server.delete(&format!("{TOKENS}/reader")).ok();
    assert_eq!(gone["token"]["state"], "revoked", "{gone}");
    server.authorize(&format!("Bearer {reader}"));
    server.get("/metrics").is_problem(401, "was revoked");
    server.authorize(&brief);
    eventually("its end", || {
        (server.get("/metrics").status == 401).then_some(())
    });
    server.get("/metrics").is_problem(401, "`brief` expired at");
    for socket in &mut live {
        let closed = loop {
            match socket.read() {
                Ok(tungstenite::Message::Close(frame)) => break frame,
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        };
        let reason = closed.unwrap().reason.to_string();
        assert!(reason.contains("not valid any more"), "{reason}");
    }
    server.authorize(&format!("Bearer {admin}"));
    let states: Vec<Value> = server.get(TOKENS).ok()["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["state"].clone())
        .collect();
    assert_eq!(states, ["live", "revoked", "expired"]);
    // `brief` keeps the door shut, so the last admin stays.
    let last = server.delete(&format!("{TOKENS}/admin"));
    last.is_problem(409, "last token with the scope admin");
    server.delete(&format!("{TOKENS}/brief")).ok();
    server.delete(&format!("{TOKENS}/admin")).ok();
    server.authorize("");
    server.get("/api/performance/system").ok();
}

#[test]
fn w6_bad_wishes_are_refused_with_the_reason() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let first = server.post(TOKENS, &json!({"name": "w", "scopes": ["write"]}));
    first.is_problem(409, "the first token needs the scope admin");
    let (server, _) = {
        drop(server);
        guarded(&home)
    };
    for (body, status, says) in [
        (
            json!({"name": "a", "scopes": ["root"]}),
            400,
            "`root` is no scope",
        ),
        (json!({"name": "a", "scopes": []}), 400, "needs a scope"),
        (
            json!({"name": "a", "scopes": ["read"], "expires": "soon"}),
            400,
            "90d",
        ),
        (
            json!({"name": "a", "scopes": ["read"], "expires": "0s"}),
            400,
            "expired before",
        ),
        (
            json!({"name": "a", "scopes": ["read"], "expires": "2001-01-01T00:00:00Z"}),
            400,
            "expired before",
        ),
        (
            json!({"name": "", "scopes": ["read"]}),
            422,
            "name is empty",
        ),
        (
            json!({"name": "a\nb", "scopes": ["read"]}),
            422,
            "control characters",
        ),
        (
            json!({"name": "x".repeat(300), "scopes": ["read"]}),
            422,
            "at most 200",
        ),
        (
            json!({"name": "17", "scopes": ["read"]}),
            422,
            "taken for an id",
        ),
        (
            json!({"name": "admin", "scopes": ["read"]}),
            409,
            "one of that name",
        ),
        (json!({"name": "a"}), 400, "scopes"),
        (
            json!({"name": "a", "scopes": ["read"], "secret": "x"}),
            400,
            "secret",
        ),
        (json!([]), 400, ""),
    ] {
        server.post(TOKENS, &body).is_problem(status, says);
    }
    server
        .delete(&format!("{TOKENS}/nobody"))
        .is_problem(404, "there is no token `nobody`");
    server
        .delete(&format!("{TOKENS}/%F0%9F%92%A9%00"))
        .is_problem(404, "💩");
}

#[test]
fn w6_an_address_that_others_reach_needs_a_token() {
    let home = Home::with(QUIET);
    let wide = ["start", "--listen", "0.0.0.0:0", "--data-dir", "data"];
    let create = |name: &str, more: &[&str]| {
        let mut args = vec!["token", "create", name, "--data-dir", "data", "--scope"];
        args.extend(more);
        let made = home.tacho(&args).exits(0);
        assert!(made.err.contains("shown this once"), "{}", made.err);
        made.out.trim().to_owned()
    };
    home.tacho(&wide)
        .exits(2)
        .complains(&["tacho token create"]);
    // One that is over is none.
    let brief = create("brief", &["admin", "--expires", "500ms"]);
    std::thread::sleep(Duration::from_millis(600));
    home.tacho(&wide)
        .exits(2)
        .complains(&["tacho token create"]);
    let admin = create("admin", &["admin"]);
    let mut server = Server::spawn(home.command(&wide));
    server.get("/metrics").is_problem(401, "asks for a token");
    server.authorize(&format!("Bearer {brief}"));
    server.get("/metrics").is_problem(401, "`brief` expired at");
    server.authorize(&format!("Bearer {admin}"));
    assert_eq!(server.get("/metrics").status, 200);
    let folder = home.path("copy");
    let copied = server.post("/-/snapshot", &json!({"dir": folder}));
    copied.ok();
    server.delete(&format!("{TOKENS}/brief")).ok();
    let last = server.delete(&format!("{TOKENS}/admin"));
    last.is_problem(409, "make another one first, or stop the server");
    let held = home
        .tacho(&["token", "list", "--data-dir", "data"])
        .exits(2);
    held.complains(&["is in use by"]);
    assert!(server.stop().success());
    // Who owns the folder may do what they like; then nothing opens wide.
    home.tacho(&["token", "revoke", "admin", "--data-dir", "data"])
        .exits(0);
    home.tacho(&wide)
        .exits(2)
        .complains(&["tacho token create"]);
    // Unless told to, and then nobody elsewhere makes the first token.
    let mut insecure = wide.to_vec();
    insecure.push("--insecure");
    let server = Server::spawn(home.command(&insecure));
    server.get("/api/performance/system").ok();
    let snapshot = server.post("/-/snapshot", &json!({"dir": home.path("other")}));
    snapshot.is_problem(403, "tacho token create");
    let body = r#"{"name":"a","scopes":["admin"]}"#;
    let forwarded = server.raw(
        format!(
            "POST {TOKENS} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-forwarded-for: 10.1.1.1\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
    assert!(forwarded.contains("403 Forbidden"), "{forwarded}");
}

#[test]
fn w6_a_flood_of_wrong_tokens_is_slowed_and_told_once() {
    let home = Home::with(QUIET);
    let (mut server, admin) = guarded(&home);
    server.authorize("Bearer tacho_0123456789012345678901234567890123456789012");
    let statuses: Vec<u16> = (0..140).map(|_| server.get("/metrics").status).collect();
    assert_eq!(statuses[..100], [401; 100]);
    assert_eq!(statuses[139], 429);
    let told = server.log().matches("refused:").count();
    assert!((1..=3).contains(&told), "{told} records of one address");
    assert!(
        server.log().contains("client=\"127.0.0.1\""),
        "{}",
        server.log()
    );
    // The right one passes from there all the same.
    server.authorize(&format!("Bearer {admin}"));
    assert_eq!(server.get("/metrics").status, 200);
}

#[test]
fn w6_the_ports_for_opentelemetry_ask_as_well() {
    let home = Home::with(QUIET);
    let mut command = home.command(&["start", "--port", "0", "--data-dir", "data"]);
    for port in ["TACHO_INGEST_OTLP_HTTP", "TACHO_INGEST_OTLP_GRPC"] {
        command.env(port, "127.0.0.1:0");
    }
    let server = Server::spawn(command);
    let admin = make(&server, "admin", &["admin"]);
    let log = server.log();
    let (_, said) = log.split_once("OpenTelemetry over HTTP on ").unwrap();
    let (http, rest) = said.split_once(", gRPC on ").unwrap();
    let grpc = rest.split_whitespace().next().unwrap();
    let ask = |address: &str, path: &str, kind: &str, token: &str| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {kind}\r\n{token}\
             content-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let bearer = format!("authorization: Bearer {admin}\r\n");
    let call = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    for (token, status, code) in [
        ("", "401", "grpc-status: 16"),
        (&bearer, "200", "grpc-status: 3"),
    ] {
        let answer = ask(http, "/v1/traces", "application/x-protobuf", token);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        let answer = ask(grpc, call, "application/grpc", token);
        assert!(answer.contains(code), "{answer}");
    }
}
