//! What a server must shrug off: nothing crashes, nothing is lost, each answer says what to do.

use serde_json::{Value, json};

use crate::support::{Home, QUIET, Server, now};

const METRICS: &str = "/api/performance/metrics";

/// After whatever a test did: the server is healthy, takes points and has what it acknowledged.
fn assert_unharmed(server: &Server, acknowledged: &[f64]) {
    let health = server.get("/api/performance/health").ok();
    assert_eq!(health["status"], "healthy", "{health:#}");
    let mut expected = acknowledged.to_vec();
    if !expected.is_empty() {
        assert_eq!(server.values(&[("name", "kept")]), expected);
    }
    server.keep(&json!({"name": "kept", "value": 99}));
    expected.push(99.0);
    assert_eq!(server.values(&[("name", "kept")]), expected);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn k6_bad_points_are_refused_and_nothing_is_lost() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let t = now();
    let mut kept = Vec::new();
    let mut keep = |server: &Server| {
        let value = kept.len() as f64;
        server.keep(&json!({"name": "kept", "value": value, "timestamp": t - 50.0 + value}));
        kept.push(value);
    };
    keep(&server);
    let far = t + 86_400.0;
    let huge = format!(
        "{{\"name\":\"a\",\"value\":1,\"tags\":{{\"t\":\"{}\"}}}}",
        "x".repeat(10 << 20)
    );
    for (body, reason) in [
        ("{\"name\":\"a\",\"value\":\"NaN\"}", "invalid type"),
        ("{\"name\":\"a\",\"value\":1e999}", "out of range"),
        ("{\"name\":\"a\",\"value\":-1e999}", "out of range"),
        (
            "{\"name\":\"a\",\"value\":1,\"timestamp\":-5}",
            "before 1970",
        ),
        (
            &format!("{{\"name\":\"a\",\"value\":1,\"timestamp\":{far}}}"),
            "future",
        ),
        (
            "{\"name\":\"a\",\"value\":1,\"timestamp\":\"soon\"}",
            "is no time",
        ),
        (
            "{\"name\":\"a\",\"value\":1,\"tag\":{}}",
            "unknown field `tag`",
        ),
        (
            "{\"name\":\"a\",\"value\":1,\"type\":\"timer\"}",
            "is no type",
        ),
        ("{\"name\":\"a\"}", "missing field `value`"),
        ("{\"value\":1}", "missing field `name`"),
        (&huge, "4096"),
    ] {
        let answer = server.post_bytes(METRICS, body.as_bytes());
        assert_eq!(answer.status, 400, "{}", answer.body);
        let answer = answer.json();
        assert_eq!(answer["accepted"], 0);
        let said = answer["rejected"][0]["reason"].as_str().unwrap();
        assert!(said.contains(reason), "no `{reason}` in: {said}");
        assert!(said.len() < 500, "an answer as long as the question");
        keep(&server);
    }
    // What is no JSON at all is a problem of the whole body.
    for (body, reason) in [
        (&b"{\"name\":\"a\",\"value\":NaN}"[..], "no metric point"),
        (b"[{\"name\":\"a\",\"value\":1},{\"na", "no metric point"),
        (b"", "no metric point"),
        (b"[1, 2", "no metric point"),
        (b"{\"name\":\"\xff\xfe\",\"value\":1}", "not UTF-8"),
    ] {
        server.post_bytes(METRICS, body).is_problem(400, reason);
        keep(&server);
    }
    assert!(server.series(&[("name", "a")]).is_empty());
    assert_unharmed(&server, &kept);
}

#[test]
fn k6_a_body_that_breaks_off_or_is_too_large_is_refused_whole() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    server.keep(&json!({"name": "kept", "value": 1}));
    let head = |length: usize| {
        format!(
            "POST {METRICS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
            Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    // The connection is cut in the middle of a body that would be fine.
    let whole = "[{\"name\":\"half\",\"value\":1},{\"name\":\"half\",\"value\":2}]";
    let cut = head(whole.len()) + &whole[..26];
    let answer = server.cut(cut.as_bytes());
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    // Half of it, but whole as far as HTTP can tell.
    let answer = server.raw((head(26) + &whole[..26]).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    assert!(server.series(&[("name", "half")]).is_empty());
    let large = vec![b' '; (32 << 20) + 1];
    let answer = server.raw(&[head(large.len()).as_bytes(), &large].concat());
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("smaller batches"), "{answer}");
    assert_unharmed(&server, &[1.0]);
}

#[test]
fn k6_bad_parameters_are_named() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    server.keep(&json!({"name": "kept", "value": 1}));
    for (query, text) in [
        ("", "say which series"),
        ("name=kept&windw=5m", "`windw`"),
        ("name=kept&window=soon", "window"),
        ("name=kept&window=-5m", "window"),
        ("name=kept&window=99999999999999999999", "window"),
        ("name=kept&step=0", "step of zero"),
        ("name=kept&step=1ms&window=1h", "widen"),
        ("name=kept&from=yesterday", "from"),
        ("name=kept&from=20&to=10", "ends before it starts"),
        ("name=kept&from=1&to=2&window=5", "not all three"),
        ("name=kept&agg=mean", "use one of avg"),
        ("name=kept&limit=many", "limit: `many` is no whole number"),
        ("name=kept&cursor=-1", "cursor"),
        ("match[]=kept%7B", "kept{"),
        ("match[]=%7B%7D", "non-empty matcher"),
        ("match[]=rate(kept%5B5m%5D)", "selector"),
        ("match[]=kept%7Ba%3D~%22(%22%7D", "unclosed group"),
    ] {
        server
            .get(&format!("{METRICS}?{query}"))
            .is_problem(400, text);
    }
    for (path, text) in [
        ("dashboard?window=x", "window"),
        ("dashboard?widow=5m", "widow"),
        ("health?verbose=maybe", "true or false"),
        ("report?format=pdf", "html, json or markdown"),
        ("alerts?state=on", "firing or resolved"),
        ("alerts?limit=-1", "limit"),
    ] {
        server
            .get(&format!("/api/performance/{path}"))
            .is_problem(400, text);
    }
    // What matches nothing is an answer, not an error.
    let nothing = server.query(METRICS, &[("name", "nobody")]);
    assert_eq!(nothing["series"], json!([]));
    assert_eq!(nothing["next"], Value::Null);
    assert_unharmed(&server, &[1.0]);
}

#[test]
fn k6_wrong_methods_and_paths_are_problems() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    server
        .get("/api/performance/nothing")
        .is_problem(404, "/api/performance/nothing");
    server
        .get("/api/performance/baselines/none")
        .is_problem(404, "tacho baseline create none");
    server.delete(METRICS).is_problem(405, "DELETE");
    server.delete("/metrics").is_problem(405, "DELETE");
    server.get("/-/flush").is_problem(405, "GET");
    for nowhere in ["/nowhere", "/api/performance/nothing", "/index.html"] {
        server.post(nowhere, &json!({})).is_problem(404, nowhere);
    }
    let baselines = "/api/performance/baselines";
    for name in [String::new(), "a/b".to_owned(), "x".repeat(200)] {
        server
            .post(baselines, &json!({"name": name}))
            .is_problem(400, "1 to 128 bytes");
    }
    server
        .post(baselines, &json!({"nam": "a"}))
        .is_problem(400, "unknown field `nam`");
    server
        .post(baselines, &json!({"name": "a", "window": "1y1"}))
        .is_problem(400, "1y1");
    server
        .post(baselines, &json!({"name": "a"}))
        .is_problem(422, "nothing was measured");
    server
        .post_bytes(baselines, b"{")
        .is_problem(400, "the body");
    assert_unharmed(&server, &[]);
}

#[test]
fn k6_foreign_hosts_and_origins_are_refused() {
    let home = Home::with("server: {allowed_hosts: [tacho.example]}\ncollect: {host: false}\n");
    let server = home.start(&[]);
    let ask = |path: &str, host: &str, more: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        server.raw(format!("{head}{more}\r\n").as_bytes())
    };
    let upgrade = "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for path in [
        "/api/performance/system",
        "/metrics",
        "/",
        "/ws",
        "/healthz",
    ] {
        let more = if path == "/ws" { upgrade } else { "" };
        let rebound = ask(path, "evil.example:8090", more);
        assert!(rebound.starts_with("HTTP/1.1 421"), "{path}: {rebound}");
        assert!(rebound.contains("application/problem+json"), "{rebound}");
        assert!(rebound.contains("server.allowed_hosts"), "{rebound}");
        let foreign = format!("Origin: http://evil.example\r\n{more}");
        let foreign = ask(path, "localhost", &foreign);
        assert!(foreign.starts_with("HTTP/1.1 403"), "{path}: {foreign}");
        assert!(foreign.contains("may not use this server"), "{foreign}");
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:8090", "tacho.example"] {
        let fine = ask("/healthz", host, "");
        assert!(fine.starts_with("HTTP/1.1 200"), "{host}: {fine}");
    }
    let own = ask(
        "/healthz",
        "localhost:8090",
        "Origin: http://localhost:8090\r\n",
    );
    assert!(own.starts_with("HTTP/1.1 200"), "{own}");
    assert_unharmed(&server, &[]);
}
