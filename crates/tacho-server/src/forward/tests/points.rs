//! Samples by OTLP: what arrives, what is refused, what is sent again.

use std::io::Read as _;

use tacho_model::Value;
use tacho_wire::otlp::metrics::Translator;

use super::*;

/// The start of forwarding to a receiver by OTLP.
fn by_otlp(there: &Receiver) -> (Forwarding, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(there.address);
    settings.protocol = Some(ForwardProtocol::Otlp);
    settings.labels = vec![("region".to_owned(), "eu".to_owned())];
    let match_all_but_one =
        tacho_promql::parse_selector("{__name__!=\"s1\",__name__=~\".+\"}").unwrap();
    settings.selectors = vec![match_all_but_one];
    (start(settings, dir.path()), dir)
}

/// Names and values of the points in a request, and the kinds that it tells.
fn points(arrived: &Arrived) -> (Vec<String>, Vec<String>) {
    let mut body = Vec::new();
    if arrived.head.contains("content-encoding: gzip") {
        let mut unpacked = flate2::read::GzDecoder::new(&*arrived.body);
        unpacked.read_to_end(&mut body).unwrap();
    } else {
        body.clone_from(&arrived.body);
    }
    let mut batch = Batch::new();
    let mut translator = Translator::new(tacho_wire::otlp::metrics::Limits::default(), 1);
    let decoded = translator.decode(&body, Timestamp::now(), &mut batch);
    assert_eq!(decoded.unwrap().refused.total(), 0);
    let rows = batch.rows().map(|(series, time, value)| {
        assert_eq!(time, Timestamp::from_secs(5));
        let Value::Float(value) = value else { panic!() };
        format!("{} {value}", batch.labels(series).unwrap())
    });
    let kinds = batch
        .metadata()
        .map(|(name, told)| format!("{name} {} {}", told.kind, told.help));
    (rows.collect(), kinds.collect())
}

#[test]
fn samples_arrive_as_points() {
    let there = receiver(Box::new(|_, _| "200 OK\r\n\r\n".to_owned()));
    let (forwarding, _dir) = by_otlp(&there);
    forwarding.samples(&samples(3), &[]);
    drained(&forwarding);
    let arrived = there.arrived.lock().clone();
    let head = &arrived[0].head;
    assert!(head.starts_with("post /v1/metrics http/1.1"), "{head}");
    for header in [
        "content-type: application/x-protobuf",
        "content-encoding: gzip",
    ] {
        assert!(head.contains(header), "{head}");
    }
    let (rows, kinds) = points(&arrived[0]);
    assert_eq!(rows, [r#"s0{region="eu"} 0"#, r#"s2{region="eu"} 2"#]);
    assert_eq!(kinds, ["s0 counter described"]);
    assert_eq!(figure(&forwarding, SENT), 2.0);
    assert!(forwarding.spans().is_some(), "spans go there too");
}

#[test]
fn what_a_receiver_refuses_by_a_partial_success_is_counted() {
    let partial = "200 OK\r\n\r\n\x0a\x0c\x08\x02\x12\x08too old\n";
    let there = receiver(Box::new(move |_, _| partial.to_owned()));
    let (forwarding, _dir) = by_otlp(&there);
    forwarding.samples(&samples(9), &[]);
    drained(&forwarding);
    assert_eq!(there.arrived.lock().len(), 1);
    assert_eq!(figure(&forwarding, SENT), 6.0);
    assert_eq!(figure(&forwarding, r#"reason="refused""#), 2.0);
    // More cannot be refused than were sent, whatever is said.
    forwarding.samples(&samples(1), &[]);
    drained(&forwarding);
    assert_eq!(figure(&forwarding, SENT), 6.0);
    assert_eq!(figure(&forwarding, r#"reason="refused""#), 3.0);
}

#[test]
fn spans_that_are_refused_in_part_are_counted_too() {
    let partial = "200 OK\r\n\r\n\x0a\x02\x08\x01";
    let there = receiver(Box::new(move |_, _| partial.to_owned()));
    let (forwarding, _dir) = by_otlp(&there);
    let (spans, _) = messages();
    let mut onward = forwarding.spans().unwrap();
    for _ in 0..3 {
        traces::decode(&spans, |span| onward.push(span)).unwrap();
    }
    onward.send();
    eventually("a refusal", || {
        figure(&forwarding, r#"reason="refused",signal="spans""#) == 1.0
    });
    let sent = figure(&forwarding, r#"job="tacho",signal="spans"} "#);
    assert_eq!(sent, 0.0, "nothing waits");
}

#[test]
fn a_bad_point_costs_itself_and_trouble_is_waited_out() {
    let answer = |number: usize, arrived: &Arrived| {
        let is_bad = points(arrived).0.iter().any(|row| row.starts_with("s3{"));
        match number {
            0 => "415 Unsupported Media Type",
            1 => "503 Service Unavailable",
            2 => "429 Too Many Requests\r\nRetry-After: 1",
            _ if is_bad => "400 Bad Request",
            _ => "200 OK\r\n\r\n",
        }
        .to_owned()
    };
    let there = receiver(Box::new(answer));
    let (forwarding, _dir) = by_otlp(&there);
    let begin = Instant::now();
    forwarding.samples(&samples(9), &[]);
    drained(&forwarding);
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(figure(&forwarding, "tacho_forward_retries_total{"), 2.0);
    assert_eq!(figure(&forwarding, SENT), 7.0);
    assert_eq!(figure(&forwarding, r#"reason="refused""#), 1.0);
    let arrived = there.arrived.lock().clone();
    let is_packed = |one: &Arrived| one.head.contains("content-encoding");
    assert!(is_packed(&arrived[0]) && !arrived[1..].iter().any(is_packed));
    // Of the other statuses a part fares no better.
    let there = receiver(Box::new(|_, _| "405 Method Not Allowed".to_owned()));
    let (forwarding, _dir) = by_otlp(&there);
    forwarding.samples(&samples(9), &[]);
    drained(&forwarding);
    assert_eq!(there.arrived.lock().len(), 1);
    assert_eq!(figure(&forwarding, r#"reason="refused""#), 8.0);
}

#[test]
fn what_has_no_form_is_counted_and_large_requests_are_divided() {
    let there = receiver(Box::new(|_, _| "200 OK\r\n\r\n".to_owned()));
    let (forwarding, _dir) = by_otlp(&there);
    let mut batch = Batch::new();
    let long = "x".repeat(4000);
    for number in 0..2500 {
        let number = number.to_string();
        let labels = [("__name__", "m"), ("n", number.as_str()), ("x", &long)];
        let series = batch.series(labels).unwrap();
        batch.push(series, Timestamp::from_secs(5), 1.0);
    }
    let series = batch.series([("__name__", "old")]).unwrap();
    batch.push(series, Timestamp::default(), 1.0);
    forwarding.samples(&batch, &[]);
    drained(&forwarding);
    assert_eq!(figure(&forwarding, SENT), 2500.0);
    assert_eq!(figure(&forwarding, r#"reason="no_form""#), 1.0);
    let arrived = there.arrived.lock().clone();
    let counts = arrived.iter().map(|one| points(one).0.len());
    let counts: Vec<usize> = counts.collect();
    assert_eq!(counts.iter().sum::<usize>(), 2500);
    assert!(counts.iter().all(|count| *count < 1100), "{counts:?}");
}
