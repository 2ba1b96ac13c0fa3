//! What a real Prometheus takes from us beside `/metrics`: federation and remote read.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::promql::{asked, assert_alike, data};
use crate::remote_write::{assert_error, millis, put, send, series, snappy, varint, write};
use crate::support::prometheus::{Prometheus, there_is};
use crate::support::{Home, QUIET, Server, eventually, now};

#[test]
fn k9_a_prometheus_federates_what_is_current() {
    if !there_is("prometheus") {
        return;
    }
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let at = millis() - 60_000;
    let own = |name, value| {
        let labels = [
            ("__name__", name),
            ("instance", "there:1"),
            ("job", "own"),
            ("odd", "a\"b\\c\n"),
        ];
        series(&labels, at, value)
    };
    let ended = series(
        &[("__name__", "fed_ended")],
        at,
        f64::from_bits(0x7ff0_0000_0000_0002),
    );
    let old = series(&[("__name__", "fed_old")], at - 400_000, 1.0);
    let all = [own("fed_total", 2.5), own("fed_load", -1e30), ended, old];
    assert_eq!(write(&server, &all).status, 204);
    let timing = json!({"name": "fed_timing", "type": "timing", "value": 2.5});
    server.keep(&timing);

    let answer = server.get("/federate?match[]=%7B__name__%3D~%22fed_.%2B%22%7D&match[]=fed_total");
    assert!(
        answer.content_type.starts_with("text/plain; version=0.0.4"),
        "{answer:?}"
    );
    let expected = format!(
        "# TYPE fed_load untyped\n\
         fed_load{{instance=\"there:1\",job=\"own\",odd=\"a\\\"b\\\\c\\n\"}} \
         -1000000000000000000000000000000 {at}\n\
         # TYPE fed_total untyped\n\
         fed_total{{instance=\"there:1\",job=\"own\",odd=\"a\\\"b\\\\c\\n\"}} 2.5 {at}\n"
    );
    assert_eq!(answer.body, expected);
    assert_eq!(server.get("/federate").body, "");
    server
        .get("/federate?match[]=rate(x)")
        .is_problem(400, "match[]");

    let job = format!(
        "  - job_name: federate\n    honor_labels: true\n    metrics_path: /federate\n    params: \
         {{'match[]': ['{{__name__=~\"fed_.+\"}}']}}\n    static_configs: [{{targets: ['{}']}}]\n",
        server.address()
    );
    let peer = Prometheus::scraping(&server, &home, &job);
    let found = |query: &str| peer.query(query).filter(|found| !found.is_empty());
    let total = r#"fed_total{job="own",instance="there:1",odd="a\"b\\c\n"}"#;
    assert_eq!(eventually("it is federated", || found(total)), [2.5]);
    // The other of the same name comes from `/metrics`.
    assert_eq!(found(r#"fed_load{job="own"}"#).unwrap(), [-1e30]);
    let time = found(r#"timestamp(fed_total{job="own"})"#).unwrap();
    assert_eq!(time, [at as f64 / 1000.0]);
    assert_eq!(found(r#"up{job="federate"}"#).unwrap(), [1.0]);
    let others = r#"{__name__=~"fed_(ended|old|timing)",job!="tacho"}"#;
    assert_eq!(found(others), None);
}

/// What is asked of both; a Prometheus evaluates each of them over samples that it reads from us.
const QUERIES: [&str; 8] = [
    "load",
    "load{job=~\"a.*\",instance!=\"b\",instance!~\"x|y\"}",
    "sum by (job) (rate(requests_total[2m]))",
    "histogram_quantile(0.9, sum by (le) (rate(took_seconds_bucket[2m])))",
    "load offset 2m",
    "max_over_time(rate(requests_total[1m])[5m:31s])",
    "count(nothing)",
    "quantile(0.7, load)",
];

#[test]
fn k9_a_prometheus_evaluates_over_remote_read() {
    if !there_is("prometheus") {
        return;
    }
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let read = format!(
        "remote_read:\n  - url: {}/api/v1/read\n    read_recent: true\n",
        server.url()
    );
    let peer = Prometheus::scraping(&server, &home, &read);
    assert_eq!(send(&server, &snappy(&data())).status, 204);
    eventually("Prometheus is up", || peer.query("1"));
    let end = (now() as i64 / 60 - 2) * 60;
    let (start, end) = (format!("{}.7", end - 900), format!("{end}.7"));
    for query in QUERIES {
        let range = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", "17"),
        ];
        let path = "/api/v1/query_range";
        let ours = server.query(path, &range);
        let found = ours["data"]["result"].as_array().unwrap().len();
        assert_eq!(found > 0, !query.contains("nothing"), "{query}");
        let theirs = asked(peer.url(), path, &range);
        assert_eq!(theirs["warnings"], Value::Null, "{query}");
        assert_alike(&format!("({query})"), &ours, &theirs);
    }
}

/// A request for all of a metric from a time on, to be answered by one of these types.
fn request(name: &str, start: i64, accepted: &[u8]) -> Vec<u8> {
    let mut matcher = Vec::new();
    put(2, b"__name__", &mut matcher);
    put(3, name.as_bytes(), &mut matcher);
    let mut query = Vec::new();
    for (key, time) in [(0x08, start), (0x10, start + 3_600_000)] {
        query.push(key);
        varint(time as u64, &mut query);
    }
    put(3, &matcher, &mut query);
    let mut out = Vec::new();
    put(1, &query, &mut out);
    put(2, accepted, &mut out);
    snappy(&out)
}

/// The type and the bytes of an answer.
fn read(url: &str, body: &[u8]) -> (String, Vec<u8>) {
    let request = ureq::post(format!("{url}/api/v1/read"))
        .header("Content-Encoding", "snappy")
        .header("Content-Type", "application/x-protobuf")
        .header("X-Prometheus-Remote-Read-Version", "0.1.0");
    let mut answer = request.send(body).unwrap();
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    (kind, answer.body_mut().read_to_vec().unwrap())
}

/// A gauge histogram with counts that are not whole.
fn histogram(millis: i64, number: i64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut double = |field: u8, value: f64| {
        out.push(field << 3 | 1);
        out.extend_from_slice(&value.to_le_bytes());
    };
    let counts = [0.5, 1.5 + number as f64, 3.25];
    double(2, 2.5 + counts.iter().sum::<f64>());
    double(3, number as f64 / 3.0);
    double(5, 0.001);
    double(7, 2.5);
    // Schema 2; runs of one and two buckets.
    out.extend([0x20, 4]);
    put(11, &[0x08, 5, 0x10, 1], &mut out);
    put(11, &[0x08, 4, 0x10, 2], &mut out);
    put(13, counts.map(f64::to_le_bytes).as_flattened(), &mut out);
    out.extend([0x70, 3, 0x78]);
    varint(millis as u64, &mut out);
    out
}

/// Numbers of every sort at odd times, and histograms, within one of Prometheus' blocks.
fn odd(start: i64) -> Vec<u8> {
    let values = [
        1.0,
        1.0,
        2.5,
        f64::NAN,
        f64::from_bits(0x7ff0_0000_0000_0002),
        f64::INFINITY,
        -0.0,
        5e-324,
        0.1,
        1e300,
    ];
    let mut at = start;
    let all = (0..100).flat_map(|number: i64| {
        at += 1000 + [0, 1, 8_000, 13, 2, 70_000][number as usize % 6];
        series(
            &[("__name__", "odd"), ("job", "x")],
            at,
            values[(number * 7 % 10) as usize],
        )
    });
    let mut all: Vec<u8> = all.collect();
    for number in 0..40 {
        let mut label = Vec::new();
        put(1, b"__name__", &mut label);
        put(2, b"shape", &mut label);
        let mut one = Vec::new();
        put(1, &label, &mut one);
        put(4, &histogram(start + number * 15_000, number), &mut one);
        put(1, &one, &mut all);
    }
    all
}

#[test]
fn k9_chunks_are_streamed_as_prometheus_streams_them() {
    if !there_is("prometheus") {
        return;
    }
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let peer = Prometheus::receiving(&server, &home, "");
    eventually("Prometheus is up", || peer.query("1"));
    // A block of two hours with room for all of it, of which half an hour has passed.
    let block = (now() as i64 - 1800) / 7200 * 7200;
    let start = (block + 7) * 1000;
    let body = snappy(&odd(start));
    assert_eq!(send(&server, &body).status, 204);
    let sent = ureq::post(format!("{}/api/v1/write", peer.url()))
        .header("Content-Encoding", "snappy")
        .header("Content-Type", "application/x-protobuf")
        .send(&body[..]);
    assert_eq!(sent.unwrap().status(), 204);
    for name in ["odd", "shape"] {
        let request = request(name, start, &[1, 0]);
        let (ours, theirs) = (read(&server.url(), &request), read(peer.url(), &request));
        assert!(ours.0.starts_with("application/x-streamed-protobuf"));
        assert!(ours.1.len() > 400, "{name}: {} bytes", ours.1.len());
        assert_eq!((&ours.0, ours.1.len()), (&theirs.0, theirs.1.len()));
        // Behind the length and the checksum of the only frame.
        let pairs = ours.1.into_iter().zip(theirs.1).skip(6);
        let others: Vec<(u8, u8)> = pairs.filter(|(ours, theirs)| ours != theirs).collect();
        // Version 2.42 forgets that the histograms are gauges.
        let expected: &[(u8, u8)] = if name == "shape" { &[(0xc0, 0)] } else { &[] };
        assert_eq!(others, expected, "{name}");
    }
    let samples = request("odd", start, &[]);
    let (ours, theirs) = (read(&server.url(), &samples), read(peer.url(), &samples));
    assert_eq!(ours.0, theirs.0);
}

/// A client that asks for a stream and does not read it.
fn stalled(server: &Server) -> TcpStream {
    let body = request("wide", millis() - 3_000_000, &[1]);
    let head = format!(
        "POST /api/v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .write_all(&[head.as_bytes(), &body].concat())
        .unwrap();
    // The answer has begun.
    stream.read_exact(&mut [0; 15]).unwrap();
    stream
}

#[test]
fn k9_streams_that_nobody_reads_end_with_their_clients() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    // More than what lies between a server and its client: 16 MB of which nothing repeats.
    let (mut state, at) = (1u64, millis() - 1_000_000);
    for part in 0..20 {
        let names: Vec<String> = (0..100).map(|number| format!("{part}-{number}")).collect();
        let many = names.iter().flat_map(|name| {
            (0..1000)
                .flat_map(|number| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let value = f64::from_bits(state >> 2);
                    series(
                        &[("__name__", "wide"), ("of", name)],
                        at + number * 7,
                        value,
                    )
                })
                .collect::<Vec<u8>>()
        });
        assert_eq!(
            send(&server, &snappy(&many.collect::<Vec<u8>>())).status,
            204
        );
    }
    // As many as queries may run.
    let all: Vec<TcpStream> = (0..4).map(|_| stalled(&server)).collect();
    drop(all);
    let began = Instant::now();
    let answer = server.query("/api/v1/query", &[("query", "count(wide)")]);
    assert_eq!(answer["status"], "success");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn k9_reads_that_make_no_sense_are_refused() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let check = |body: &[u8], text: &str| {
        let answer = server.send("/api/v1/read", "application/x-protobuf", "snappy", body);
        assert_error(&answer, 400, "bad_data", text);
    };
    check(b"", "snappy");
    check(&snappy(&[0x0a, 9]), "breaks off");
    check(&request("odd", 0, &[7]), "response types");
    // Nothing is found, and that is an answer.
    let (kind, bytes) = read(&server.url(), &request("odd", 0, &[1]));
    assert!(kind.ends_with("proto=prometheus.ChunkedReadResponse") && bytes.is_empty());
    let (kind, bytes) = read(&server.url(), &request("odd", 0, &[]));
    assert_eq!(kind, "application/x-protobuf");
    assert_eq!(bytes, [2, 4, 0x0a, 0], "one result without series");
}
