//! `StatsD` by UDP and Unix socket: from real clients, through restarts, and under bad input.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Home, PATIENCE, Server, eventually, python};

/// Listens on any port and a socket in the folder, and writes ten times a second.
const CONFIG: &str = "collect: {host: false, interval: 100ms}\n\
    ingest:\n  statsd:\n    udp: 127.0.0.1:0\n    unix: statsd.sock\n    flush_interval: 100ms\n";

/// The address that the log names.
fn address(server: &Server) -> String {
    eventually("the address in the log", || {
        let log = server.log();
        let (_, rest) = log.split_once("listening for StatsD on udp ")?;
        Some(rest.split_whitespace().next()?.to_owned())
    })
}

fn send(server: &Server, datagram: &[u8]) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(datagram, address(server)).unwrap();
}

/// The newest value of the only series that a selector finds, once `is` holds for it.
fn until(server: &Server, selector: &str, is: impl Fn(f64) -> bool) -> f64 {
    eventually(selector, || {
        let series = server.series(&[("match[]", selector)]);
        let points = series.first()?["points"].as_array()?.clone();
        let last = points.last()?[1].as_f64()?;
        is(last).then_some(last)
    })
}

/// An aggregate of everything in a series, once there is something.
fn aggregate(server: &Server, selector: &str, function: &str) -> f64 {
    eventually(selector, || {
        let series = server.series(&[("match[]", selector), ("agg", function)]);
        series.first()?["points"].as_array()?.last()?[1].as_f64()
    })
}

/// Lines refused so far, by reason.
fn refused(server: &Server) -> Value {
    let body = server.query("/api/performance/sources", &[]);
    let sources = body["sources"].as_array().unwrap();
    let udp = sources.iter().find(|one| {
        one["protocol"] == "statsd" && one["source"].as_str().unwrap().starts_with("udp")
    });
    udp.map_or(Value::Null, |udp| udp["refused"].clone())
}

fn close(value: f64, expected: f64) {
    assert!(
        (value / expected - 1.0).abs() < 0.006,
        "{value} is not {expected}"
    );
}

#[test]
fn w6_the_statsd_client_is_understood() {
    let home = Home::with(CONFIG);
    let server = home.start(&[]);
    if python::run("statsd_send.py", &["statsd", &address(&server)]).is_none() {
        return;
    }
    until(&server, "py_requests", |total| total == 7.0);
    until(&server, "py_temperature", |value| value == 17.0);
    until(&server, "py_below", |value| value == -7.0);
    until(&server, "py_batched", |total| total == 100.0);
    assert_eq!(aggregate(&server, "py_users", "max"), 2.0);
    assert_eq!(aggregate(&server, "py_latency", "count"), 3.0);
    close(aggregate(&server, "py_latency", "p50"), 0.2);
    close(aggregate(&server, "py_batched_time", "p99"), 0.099);
    let timer = server.series(&[("match[]", "py_latency")]);
    assert_eq!(
        (&timer[0]["kind"], &timer[0]["unit"]),
        (&json!("timing"), &json!("s"))
    );
    let counter = server.series(&[("match[]", "py_requests")]);
    assert_eq!(counter[0]["kind"], "counter");
    assert_eq!(refused(&server), json!({}));
}

fn check_datadog(target: impl Fn(&Home, &Server) -> String) {
    let home = Home::with(CONFIG);
    let server = home.start(&[]);
    let target = target(&home, &server);
    if python::run("statsd_send.py", &["datadog", &target]).is_none() {
        return;
    }
    let hits = r#"dd_hits{env="prod",page="home",fast="true"}"#;
    until(&server, hits, |total| total == 5.0);
    until(&server, r#"dd_queue{env="prod"}"#, |value| value == 12.5);
    until(&server, r#"dd_db_up{host="web1",db="main"}"#, |status| {
        status == 2.0
    });
    assert_eq!(aggregate(&server, "dd_people", "max"), 2.0);
    assert_eq!(aggregate(&server, "dd_size", "count"), 4.0);
    close(aggregate(&server, "dd_size", "max"), 4.0);
    close(aggregate(&server, "dd_spread", "avg"), 25.0);
    close(aggregate(&server, "dd_took", "p50"), 0.25);
    let event = eventually("the event", || {
        let body = server.query("/api/performance/events", &[]);
        body["events"].as_array()?.first().cloned()
    });
    assert_eq!(
        (&event["name"], &event["severity"]),
        (&json!("Deployed"), &json!("info"))
    );
    assert_eq!(event["body"], "version 5\nby ann");
    assert_eq!(event["attributes"]["app"], "shop", "{event}");
    assert_eq!(event["attributes"]["alert_type"], "success", "{event}");
}

#[test]
fn w6_the_datadog_client_is_understood_by_udp() {
    check_datadog(|_, server| address(server));
}

#[test]
fn w6_the_datadog_client_is_understood_by_unix_socket() {
    check_datadog(|home, _| home.path("statsd.sock").display().to_string());
}

#[test]
fn counters_and_gauges_go_on_after_a_restart_and_nothing_is_lost_at_stop() {
    let home = Home::with(CONFIG);
    let server = home.start(&[]);
    send(&server, b"jobs:5|c\nlevel:10|g\n");
    until(&server, "jobs", |total| total == 5.0);
    // What has arrived when the server is told to stop is written.
    send(&server, b"jobs:2|c\nlevel:+1|g\ntook:40|ms");
    assert!(server.stop().success());
    assert!(!home.path("statsd.sock").exists());
    let server = home.start(&[]);
    assert_eq!(aggregate(&server, "jobs", "last"), 7.0);
    assert_eq!(aggregate(&server, "took", "count"), 1.0);
    send(&server, b"jobs:1|c\nlevel:-4|g");
    until(&server, "jobs", |total| total == 8.0);
    until(&server, "level", |value| value == 7.0);
    // Over the restart the counter grew by eight, from the zero it began with.
    let increase = server.values(&[("match[]", "jobs")]);
    assert_eq!(increase[0], 0.0);
    assert!(increase.is_sorted(), "{increase:?}");
}

#[test]
fn bad_lines_are_counted_by_reason_and_cost_nothing_else() {
    let home = Home::with(CONFIG);
    let server = home.start(&[]);
    let mut hostile =
        b"good:1|c\nnonsense\nx:1|q\nx:NaN|g\n\xff\xff:1|c\ngood:1|g\ny:-1|c\n".to_vec();
    hostile.extend(
        b"z:1|c|@7\n_e{9999999999,1}:a|b\n_sc|a|9\ng\xc3\xb6\xe2\x98\x83:1|c|#\xd8\xb9:1\n",
    );
    send(&server, &hostile);
    send(&server, &[b'\n'; 1000]);
    send(&server, &vec![0xff; 60_000]);
    let many: String = (0..500).map(|n| format!("t{n}:v,")).collect();
    send(&server, format!("many:1|c|#{many}").as_bytes());
    send(&server, b"good:1|c");
    until(&server, "good", |total| total == 2.0);
    until(&server, r#"g__{_="1"}"#, |total| total == 1.0);
    let expected = json!({
        "bad_check": 1, "bad_event": 1, "bad_rate": 1, "bad_value": 1, "conflict": 1,
        "invalid_labels": 1, "negative_counter": 1, "no_value": 1, "not_utf8": 2,
        "unknown_type": 1,
    });
    eventually("the counts", || {
        (refused(&server) == expected).then_some(())
    });
}

#[test]
fn a_flood_of_series_stops_at_the_limit_and_is_named() {
    let home = Home::with(&CONFIG.replace("    unix: statsd.sock\n", "    series_max: 50\n"));
    let server = home.start(&[]);
    for n in 0..200 {
        send(&server, format!("flood:1|c|#user:{n}\n").as_bytes());
    }
    eventually("the limit", || {
        (refused(&server)["series_limit"] == 150).then_some(())
    });
    eventually("the culprit", || {
        let log = server.log();
        (log.contains("ingest.statsd.series_max (50)") && log.contains("flood (50)")).then_some(())
    });
}

#[test]
fn a_taken_port_a_foreign_file_and_an_open_address_are_refused_before_anything_starts() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let check = |statsd: &str, file: bool, expected: &[&str]| {
        let home = Home::with(&format!("ingest: {{statsd: {{{statsd}}}}}\n"));
        if file {
            home.write("mine.txt", "mine");
        }
        home.tacho(&["start", "--port", "0"])
            .exits(2)
            .complains(expected);
        assert!(!home.path("tacho-data").exists(), "nothing was made");
    };
    check(
        &format!("udp: \"{address}\""),
        false,
        &[&address, "ingest.statsd.udp"],
    );
    check(
        "unix: mine.txt",
        true,
        &["mine.txt", "no socket", "ingest.statsd.unix"],
    );
    check(
        "udp: \"0.0.0.0:8125\"",
        false,
        &["no token", "127.0.0.1", "line 1"],
    );
}

#[test]
fn a_socket_left_behind_by_a_killed_server_is_made_anew() {
    let home = Home::with(CONFIG);
    home.start(&[]).kill();
    assert!(home.path("statsd.sock").exists());
    let server = home.start(&[]);
    let client = UnixDatagram::unbound().unwrap();
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    client
        .send_to(b"alive:1|c", home.path("statsd.sock"))
        .unwrap();
    until(&server, "alive", |total| total == 1.0);
    assert!(Path::new(&home.path("statsd.sock")).exists());
}
