//! Remote write: what a Prometheus forwards is kept, and what cannot be is refused by rule.

use serde_json::json;

use crate::support::prometheus::{Prometheus, there_is};
use crate::support::{Answer, Home, QUIET, Server, eventually, now};

pub(crate) const WRITE: &str = "/api/v1/write";

/// Appends a protobuf field that is a message, a string or a list.
pub(crate) fn put(field: u8, bytes: &[u8], into: &mut Vec<u8>) {
    into.push(field << 3 | 2);
    varint(bytes.len() as u64, into);
    into.extend_from_slice(bytes);
}

pub(crate) fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// A series with its labels as they are given, and one sample.
pub(crate) fn series(labels: &[(&str, &str)], millis: i64, value: f64) -> Vec<u8> {
    let mut series = Vec::new();
    for (name, value) in labels {
        let mut label = Vec::new();
        put(1, name.as_bytes(), &mut label);
        put(2, value.as_bytes(), &mut label);
        put(1, &label, &mut series);
    }
    let mut sample = vec![0x09];
    sample.extend_from_slice(&value.to_le_bytes());
    sample.push(0x10);
    varint(millis as u64, &mut sample);
    put(2, &sample, &mut series);
    let mut out = Vec::new();
    put(1, &series, &mut out);
    out
}

/// A snappy block of literals, which every reader of snappy takes.
pub(crate) fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(bytes.len() as u64, &mut out);
    for chunk in bytes.chunks(1 << 16) {
        out.push(61 << 2);
        out.extend_from_slice(&((chunk.len() - 1) as u16).to_le_bytes());
        out.extend_from_slice(chunk);
    }
    out
}

pub(crate) fn send(server: &Server, body: &[u8]) -> Answer {
    server.send(WRITE, "application/x-protobuf", "snappy", body)
}

pub(crate) fn write(server: &Server, series: &[Vec<u8>]) -> Answer {
    send(server, &snappy(&series.concat()))
}

/// Asserts an error in Prometheus' shape.
#[track_caller]
pub(crate) fn assert_error(answer: &Answer, status: u16, kind: &str, text: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.content_type, "application/json", "{answer:?}");
    let body = answer.json();
    assert_eq!(body["status"], "error");
    assert_eq!(body["errorType"], kind, "{body}");
    let error = body["error"].as_str().unwrap();
    assert!(error.contains(text), "no `{text}` in: {error}");
    assert!(!answer.body.contains('\n'), "senders log the first line");
}

/// Labels and time of a bad sample, the reason that is counted, and what is said of it.
type Bad<'a> = (&'a [(&'a str, &'a str)], i64, &'a str, &'a str);

pub(crate) fn millis() -> i64 {
    (now() * 1000.0) as i64
}

#[test]
fn k9_remote_write_keeps_what_is_good_and_names_what_is_not() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let at = millis();
    let good = series(&[("__name__", "good"), ("job", "a")], at, 1.5);
    let answer = write(&server, &[good]);
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(server.values(&[("name", "good")]), [1.5]);

    // One bad series costs itself alone, wherever it stands.
    let more = series(&[("__name__", "good"), ("job", "a")], at + 1, 2.5);
    let cases: [Bad<'_>; 5] = [
        (&[("job", "nameless")], at, "no_name", "job=\"nameless\""),
        (
            &[("__name__", "twice"), ("a", "1"), ("a", "2")],
            at,
            "invalid_labels",
            "`a` is given twice",
        ),
        (
            &[("__name__", "good"), ("job", "a")],
            at - 86_400_000,
            "too_old",
            "good{job=\"a\"}",
        ),
        (&[("__name__", "late")], at + 86_400_000, "too_new", "late"),
        (&[("__name__", "never")], i64::MAX, "out_of_range", "never"),
    ];
    for (labels, time, reason, text) in cases {
        let bad = series(labels, time, 9.0);
        let answer = write(&server, &[bad, more.clone()]);
        assert_error(&answer, 400, "bad_data", &format!("(1 {reason})"));
        assert_error(&answer, 400, "bad_data", text);
        assert_error(&answer, 400, "bad_data", "the other 1 were kept");
    }
    assert_eq!(server.values(&[("name", "good")]), [1.5, 2.5]);

    // Names out of order, an empty value: put in order, and the same series as before.
    let unsorted = series(
        &[("job", "a"), ("gone", ""), ("__name__", "good")],
        at + 2,
        3.5,
    );
    assert_eq!(write(&server, &[unsorted]).status, 204);
    assert_eq!(server.values(&[("name", "good")]), [1.5, 2.5, 3.5]);

    // The program tells what became of samples and requests, and stores nothing of it here, where
    // the host is not watched.
    let text = server.get("/metrics").body;
    let told = |label: &str, count: &str| {
        let found = text.lines().any(|line| {
            line.starts_with("tacho_receiver_items_total{")
                && line.contains(label)
                && line.ends_with(&format!(" {count}"))
        });
        assert!(found, "no `{label}` of {count} in {text}");
    };
    told("outcome=\"accepted\"", "7");
    for (_, _, reason, _) in cases {
        told(&format!("reason=\"{reason}\""), "1");
    }
    let stored = [("name", "tacho_receiver_items_total")];
    assert!(server.series(&stored).is_empty());
    assert!(text.contains("code=\"204\""), "{text}");
}

#[test]
fn k9_remote_write_refuses_what_it_cannot_read() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let good = snappy(&series(&[("__name__", "kept")], millis(), 1.0));
    let protobuf = "application/x-protobuf";
    let version_three = "application/x-protobuf;proto=io.prometheus.write.v3.Request";
    for (content_type, encoding, text) in [
        ("application/json", "snappy", "application/x-protobuf"),
        (version_three, "snappy", "io.prometheus.write.v3.Request"),
        (protobuf, "gzip", "send snappy"),
        (protobuf, "", "send snappy"),
    ] {
        let answer = server.send(WRITE, content_type, encoding, &good);
        assert_error(&answer, 415, "bad_data", text);
    }
    // Not snappy, not protobuf, cut off inside.
    let cut = &series(&[("__name__", "cut")], 1, 1.0)[..20];
    for (body, text) in [
        (b"\xff\xff\xff\xff\xff\xff".to_vec(), "no snappy block"),
        (b"plain text".to_vec(), "no snappy block"),
        (snappy(b"\x0b\x0c"), "corrupt at byte 0"),
        (snappy(cut), "breaks off at byte 0"),
        (good[..good.len() - 1].to_vec(), "no snappy block"),
    ] {
        assert_error(&send(&server, &body), 400, "bad_data", text);
    }
    // A block that would be too large decompressed is refused by its header alone.
    let mut bomb = Vec::new();
    varint(65 << 20, &mut bomb);
    bomb.extend_from_slice(&[0; 100]);
    assert_error(&send(&server, &bomb), 413, "bad_data", "smaller requests");
    let head = format!(
        "POST {WRITE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\
        Content-Type: {protobuf}\r\nContent-Encoding: snappy\r\n\r\n",
        64 << 20
    );
    let answer = server.raw(head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("\"errorType\":\"bad_data\""), "{answer}");
    // Broken off in the middle.
    let cut = [head.replace("67108864", "100").as_bytes(), b"half"].concat();
    let answer = server.cut(&cut);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    let page = head.replace("\r\n\r\n", "\r\nOrigin: http://evil.example\r\n\r\n");
    let answer = server.raw(page.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("\"status\":\"error\""), "{answer}");
    assert_error(&server.get(WRITE), 405, "bad_data", "GET");
    assert_error(&server.get("/api/v1/no"), 404, "not_found", "/api/v1/no");
    // An empty request is one; and the server is none the worse for the others.
    assert_eq!(send(&server, &snappy(b"")).status, 204);
    assert_eq!(send(&server, &good).status, 204);
    assert_eq!(server.values(&[("name", "kept")]), [1.0]);
}

#[test]
fn k9_remote_write_keeps_many_requests_at_once_over_a_kill() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let at = millis();
    // Several connections, more requests than there are places.
    std::thread::scope(|scope| {
        for sender in 0..12 {
            let server = &server;
            scope.spawn(move || {
                for round in 0..5 {
                    let instance = sender.to_string();
                    let labels = [("__name__", "many"), ("instance", instance.as_str())];
                    let value = f64::from(round);
                    let one = series(&labels, at + i64::from(round), value);
                    assert_eq!(write(server, &[one]).status, 204);
                }
            });
        }
    });
    server.kill();
    let server = home.start(&[]);
    let found = server.series(&[("name", "many")]);
    assert_eq!(found.len(), 12);
    for one in found {
        assert_eq!(one["points"].as_array().unwrap().len(), 5, "{one}");
    }
}

/// Samples of one metric that are held in all.
fn held(server: &Server, name: &str) -> usize {
    let found = server.series(&[("name", name), ("window", "1h")]);
    let points = found
        .iter()
        .map(|one| one["points"].as_array().unwrap().len());
    points.sum()
}

#[test]
fn k9_a_real_prometheus_forwards_everything_over_a_restart() {
    if !there_is("prometheus") {
        return;
    }
    let (watched, home) = (Home::new(), Home::with(QUIET));
    let source = watched.start(&["--interval", "200ms"]);
    source.keep(
        &json!({"name": "jobs_total", "type": "counter", "value": 3, "description": "jobs done"}),
    );
    let receiver = home.start(&[]);
    let address = receiver.address().to_owned();
    let forward = format!(
        "remote_write:\n  - url: http://{address}{WRITE}\n    \
         metadata_config: {{send_interval: 1s}}\n    \
         queue_config: {{batch_send_deadline: 500ms, min_backoff: 30ms, max_backoff: 200ms}}\n"
    );
    let prometheus = Prometheus::scraping(&source, &watched, &forward);
    eventually("forwarded samples", || {
        (held(&receiver, "up") >= 3).then_some(())
    });
    // Gone for some scrapes, killed the hard way; then on the same port again.
    receiver.kill();
    let before = prometheus.query("count_over_time(up[1h])").unwrap()[0];
    eventually("scrapes without a receiver", || {
        let scraped = prometheus.query("count_over_time(up[1h])")?;
        (scraped.first()? >= &(before + 3.0)).then_some(())
    });
    let again = ["start", "--listen", &address, "--data-dir", "data"];
    let receiver = Server::spawn(home.command(&again));
    for name in ["up", "node_load1", "scrape_samples_scraped"] {
        let scraped = || prometheus.query(&format!("count_over_time({name}[1h])"));
        eventually(name, || {
            // Counted there before and after, so that a scrape in between does no harm.
            let (before, here, after) = (scraped()?, held(&receiver, name), scraped()?);
            let here = here as f64;
            println!("{name}: {before:?} {here} {after:?}");
            (before.first()? <= &here && &here <= after.first()?).then_some(())
        });
    }
    let jobs = eventually("metadata", || {
        let found = receiver.series(&[("name", "jobs_total")]);
        (found.first()?["kind"] == "counter").then(|| found[0].clone())
    });
    assert_eq!(jobs["labels"]["job"], "tacho", "{jobs}");
    // A counter reads as a rate where it is known to be one; its values are as they were.
    let values = receiver.series(&[("name", "jobs_total")]);
    assert_eq!(values[0]["points"][0][1], 3.0, "{values:?}");
    let memory = receiver.series(&[("name", "node_memory_MemTotal_bytes")]);
    assert_eq!(memory[0]["unit"], "By", "{memory:?}");
    let failed = prometheus.query("prometheus_remote_storage_samples_failed_total");
    println!("failed: {failed:?}");
}

/// A request of version 2: symbols, then series of references with a sample each.
fn version_two(symbols: &[&str], all: &[(&[u8], i64, f64)]) -> Vec<u8> {
    let mut out = Vec::new();
    for symbol in symbols {
        put(4, symbol.as_bytes(), &mut out);
    }
    for (refs, millis, value) in all {
        let mut series = Vec::new();
        put(1, refs, &mut series);
        let mut sample = vec![0x09];
        sample.extend_from_slice(&value.to_le_bytes());
        sample.push(0x10);
        varint(*millis as u64, &mut sample);
        put(2, &sample, &mut series);
        // A counter, its text and unit.
        put(5, b"\x08\x01\x18\x05\x20\x06", &mut series);
        put(5, &series, &mut out);
    }
    out
}

#[test]
fn k9_remote_write_two_is_taken_and_says_what_was_written() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let send = |request: &[u8]| {
        let body = snappy(request);
        let head = format!(
            "POST {WRITE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {}\r\nContent-Encoding: snappy\r\nContent-Type: \
             application/x-protobuf;proto=io.prometheus.write.v2.Request\r\n\
             X-Prometheus-Remote-Write-Version: 2.0.0\r\n\r\n",
            body.len()
        );
        server.raw(&[head.as_bytes(), &body].concat())
    };
    let written = |answer: &str, status: &str, samples: usize| {
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        let kinds = [("samples", samples), ("histograms", 0), ("exemplars", 0)];
        for (kind, count) in kinds {
            let header = format!("x-prometheus-remote-write-{kind}-written: {count}\r\n");
            assert!(answer.contains(&header), "no {header} in {answer}");
        }
    };
    let at = millis();
    let symbols = [
        "",
        "__name__",
        "jobs_total",
        "job",
        "api",
        "jobs done",
        "bytes",
    ];
    let good: (&[u8], i64, f64) = (&[1, 2, 3, 4], at, 3.0);
    written(&send(&version_two(&symbols, &[good])), "204", 1);
    let found = server.series(&[("name", "jobs_total"), ("agg", "last")]);
    assert_eq!(found[0]["labels"]["job"], "api", "{found:?}");
    assert_eq!(
        (&found[0]["kind"], &found[0]["unit"]),
        (&json!("counter"), &json!("By"))
    );
    // One bad series costs itself alone, and the answer is never a success.
    let bad: (&[u8], i64, f64) = (&[1, 9], at, 1.0);
    let answer = send(&version_two(&symbols, &[bad, (&[1, 2, 3, 4], at + 1, 4.0)]));
    written(&answer, "400", 1);
    assert!(answer.contains("1 invalid_symbols"), "{answer}");
    // Names out of order are put in order, and are the same series.
    written(
        &send(&version_two(&symbols, &[(&[3, 4, 1, 2], at + 2, 5.0)])),
        "204",
        1,
    );
    let points = server.series(&[("name", "jobs_total")]);
    assert_eq!(
        (points.len(), points[0]["points"].as_array().unwrap().len()),
        (1, 3)
    );
    // Not this message, though it is called so.
    let answer = send(b"\x22\x02up");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("first symbol"), "{answer}");
    // Version 1 says what was written, too.
    let one = series(&[("__name__", "one")], at, 1.0);
    let body = snappy(&one);
    let head = format!(
        "POST {WRITE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n\r\n",
        body.len()
    );
    written(&server.raw(&[head.as_bytes(), &body].concat()), "204", 1);
}
