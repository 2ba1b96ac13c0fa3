//! Influx line protocol: from real clients of both versions, and under bad input.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{Home, QUIET, Server, eventually, python};

const TEXT: &str = "text/plain";

fn client(server: &Server, version: &str) -> Option<String> {
    let (host, port) = server.address().rsplit_once(':').unwrap();
    python::run("influx_send.py", &[version, host, port])
}

fn value(server: &Server, selector: &str) -> f64 {
    server.values(&[("match[]", selector)])[0]
}

#[test]
fn w6_the_influx_client_of_version_one_is_understood() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let Some(said) = client(&server, "v1") else {
        return;
    };
    assert!(said.contains("ping 1.8.10"), "{said}");
    assert!(
        said.contains("refused 400") && said.contains("line 2"),
        "{said}"
    );
    assert!(
        said.contains("query 400") && said.contains("PromQL"),
        "{said}"
    );
    let of = r#"{db="tele",host="web 1",zone="a=b,c"}"#;
    assert_eq!(value(&server, &format!("cpu_user{of}")), 12.5);
    assert_eq!(value(&server, &format!("cpu_procs{of}")), 7.0);
    assert_eq!(value(&server, &format!("cpu_up{of}")), 1.0);
    assert_eq!(value(&server, r#"load{db="tele"}"#), 0.75);
    assert_eq!(value(&server, r#"ok{db="tele"}"#), 1.0);
    let sources = server.query("/api/performance/sources", &[]);
    let influx = sources["sources"].as_array().unwrap();
    let influx = influx
        .iter()
        .find(|one| one["protocol"] == "influx")
        .unwrap();
    assert_eq!(influx["refused"]["string_field"], 1, "{influx}");
    assert_eq!(influx["refused"]["no_fields"], 1, "{influx}");
    assert_eq!(influx["accepted"], 5, "{influx}");
}

#[test]
fn w6_the_influx_client_of_version_two_is_understood() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let Some(said) = client(&server, "v2") else {
        return;
    };
    assert!(said.contains("health pass"), "{said}");
    assert!(said.contains("ping True 1.8.10"), "{said}");
    assert!(said.contains("refused 400"), "{said}");
    assert!(
        said.contains(r#""line":2"#) && said.contains(r#""code":"invalid""#),
        "{said}"
    );
    assert_eq!(
        value(&server, r#"mem_used{bucket="",db="metrics",host="web"}"#),
        4096.0
    );
    assert_eq!(value(&server, "mem_free"), 0.25);
    assert_eq!(value(&server, "fine_n"), 1.0);
    eventually("a thousand series", || {
        let all = server.series(&[("match[]", "batch"), ("limit", "2000")]);
        (all.len() == 1000).then_some(())
    });
    assert_eq!(value(&server, r#"batch{n="999"}"#), 999.0);
}

#[test]
fn bad_bodies_are_answered_in_the_senders_own_shape() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let check = |path: &str, encoding: &str, body: &[u8], status: u16, text: &str| {
        let answer = server.send(path, TEXT, encoding, body);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(text), "no `{text}` in {}", answer.body);
    };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![b'\n'; 64 << 20]).unwrap();
    let bomb = gzip.finish().unwrap();
    check("/write", "", b"", 204, "");
    check(
        "/write",
        "",
        b"cpu",
        400,
        r#"{"error":"partial write: 1 of 1 lines"#,
    );
    check("/write", "", b"cpu", 400, "no fields; nothing was kept");
    check("/write", "", b"b n=1\ncpu", 400, "the others were kept");
    check("/api/v2/write", "", b"a n=1\ncpu", 400, r#""line":2"#);
    check(
        "/write?precision=year",
        "",
        b"a n=1",
        400,
        "precision `year`",
    );
    check("/write", "gzip", &bomb, 413, "decompressed");
    check("/api/v2/write", "gzip", &bomb, 413, "request too large");
    check("/write", "gzip", &bomb[..100], 400, "gzip");
    check("/write", "br", b"a n=1", 415, "gzip");
    check("/write", "", b"old n=1 1", 400, "1 too_old");
    // Seconds where nanoseconds are meant, the commonest mistake.
    let seconds = format!("old n=1 {}", crate::support::now() as i64);
    let body = seconds.as_bytes();
    let advice = "as 1970-01-01T00:00:01.";
    check("/write", "", body, 400, advice);
    check("/write", "", body, 400, "check the precision, which is ns");
    check(
        "/write?precision=h",
        "",
        b"far n=1 9223372036854775807",
        400,
        "check the precision",
    );
    check("/write", "", b"x,__name__=y n=1", 400, "reserved");
    let many: String = (0..200).map(|n| format!(",t{n}=v")).collect();
    check(
        "/write",
        "",
        format!("x{many} n=1").as_bytes(),
        400,
        "128 allowed",
    );
    // What came with them was kept.
    assert_eq!(value(&server, "a_n"), 1.0);
    let ping = server.raw(b"HEAD /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(
        ping.starts_with("HTTP/1.1 204") && ping.contains("x-influxdb-version"),
        "{ping}"
    );
    let made = server.send(
        "/query",
        "application/x-www-form-urlencoded",
        "",
        b"q=create+database+%22x%22",
    );
    assert_eq!(made.body, r#"{"results":[{"statement_id":0}]}"#);
    assert_eq!(server.get("/query").status, 400);
    assert_eq!(server.get("/health").ok()["status"], "pass");
}
