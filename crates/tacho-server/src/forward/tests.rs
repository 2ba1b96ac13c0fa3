//! A destination that answers as it is told to: what arrives, what is sent again, what is dropped.

mod points;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tacho_model::{Kind as MetricKind, Metadata, Unit};
use tacho_wire::otlp::{logs, traces};
use tacho_wire::remote_write::{Limits, Scratch, decode, decode_v2};

use super::settings::{ForwardProtocol, Signals};
use super::*;
use crate::outgoing::tls::TlsSettings;
use crate::outgoing::{Auth, Secret};

/// A request that arrived.
#[derive(Debug, Clone)]
struct Arrived {
    head: String,
    body: Vec<u8>,
}

impl Arrived {
    /// Names and values of the samples in it, and whether it is of version 2.
    fn samples(&self) -> (Vec<String>, bool) {
        let mut batch = Batch::new();
        let is_two = self.head.contains("write.v2.request");
        if is_two {
            decode_v2(
                &self.body,
                Limits::default(),
                &mut Scratch::default(),
                &mut batch,
            )
            .unwrap();
        } else {
            decode(&self.body, Limits::default(), &mut batch).unwrap();
        }
        let rows = batch
            .rows()
            .map(|(series, _, value)| format!("{} {value:?}", batch.labels(series).unwrap()));
        (rows.collect(), is_two)
    }
}

/// A server that gives each request to `answer`, and what arrived at it.
struct Receiver {
    address: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

/// The status line and headers of an answer; after an empty line its body, if it has another.
type Answer = Box<dyn FnMut(usize, &Arrived) -> String + Send>;

const OK: &str = "204 No Content\r\nX-Prometheus-Remote-Write-Samples-Written: 1";

fn receiver(mut answer: Answer) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&arrived);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = serve(stream.unwrap(), &seen, &mut answer);
        }
    });
    Receiver { address, arrived }
}

fn serve(
    stream: TcpStream,
    seen: &Mutex<Vec<Arrived>>,
    answer: &mut Answer,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body)?;
    let arrived = Arrived { head, body };
    let said = answer(seen.lock().len(), &arrived);
    seen.lock().push(arrived);
    let (said, text) = said
        .split_once("\r\n\r\n")
        .unwrap_or((&said, "out of order sample"));
    write!(
        stream,
        "HTTP/1.1 {said}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
}

fn settings(address: SocketAddr) -> ForwardSettings {
    ForwardSettings {
        name: "there".to_owned(),
        url: ForwardSettings::parse_url(&format!("http://{address}")).unwrap(),
        protocol: None,
        auth: Auth::None,
        headers: Vec::new(),
        tls: TlsSettings::default(),
        selectors: Vec::new(),
        queue_bytes: 1 << 20,
        labels: Vec::new(),
        signals: Signals::ALL,
    }
}

fn describe() -> Describe {
    Arc::new(|name| {
        (name == "s0").then(|| Metadata {
            kind: MetricKind::Counter,
            unit: Unit::NONE,
            help: "described".to_owned(),
        })
    })
}

fn start(settings: ForwardSettings, data: &Path) -> Forwarding {
    Forwarding::start(&[settings], data, &[], &describe()).unwrap()
}

/// Samples `s0` and on, one of each.
fn samples(count: usize) -> Batch {
    let mut batch = Batch::new();
    for number in 0..count {
        let series = batch
            .series([("__name__", format!("s{number}").as_str())])
            .unwrap();
        batch.push(series, Timestamp::from_secs(5), number as f64);
    }
    batch
}

/// The value of one of our own series.
fn figure(forwarding: &Forwarding, start: &str) -> f64 {
    let mut batch = Batch::new();
    forwarding.observe(Timestamp::now(), "h", &mut batch);
    let found = batch.rows().find_map(|(series, _, value)| match value {
        tacho_model::Value::Float(value) => batch
            .labels(series)
            .unwrap()
            .to_string()
            .contains(start)
            .then_some(value),
        tacho_model::Value::Histogram(_) => None,
    });
    found.unwrap_or(0.0)
}

#[track_caller]
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "waited in vain for {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

const PENDING: &str = "tacho_forward_pending_items{";
const SENT: &str = "tacho_forward_sent_items_total{";

#[track_caller]
fn drained(forwarding: &Forwarding) {
    eventually("an empty queue", || figure(forwarding, PENDING) == 0.0);
}

#[test]
fn samples_arrive_in_version_two_with_token_and_labels() {
    let there = receiver(Box::new(|_, _| OK.to_owned()));
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(there.address);
    settings.auth = Auth::Credentials {
        scheme: "Bearer".to_owned(),
        credentials: Secret::Text("abc".to_owned()),
    };
    settings.labels = vec![("region".to_owned(), "eu".to_owned())];
    let forwarding = start(settings, dir.path());
    forwarding.samples(&samples(2), &[]);
    drained(&forwarding);
    let arrived = there.arrived.lock().clone();
    assert_eq!(arrived.len(), 1);
    assert!(
        arrived[0].head.starts_with("post /api/v1/write http/1.1"),
        "{}",
        arrived[0].head
    );
    for header in ["authorization: bearer abc", "remote-write-version: 2.0.0"] {
        assert!(arrived[0].head.contains(header), "{}", arrived[0].head);
    }
    let expected = [
        r#"s0{region="eu"} Float(0.0)"#,
        r#"s1{region="eu"} Float(1.0)"#,
    ];
    assert_eq!(
        arrived[0].samples(),
        (expected.map(str::to_owned).to_vec(), true)
    );
    assert_eq!(figure(&forwarding, SENT), 2.0);
}

#[test]
fn a_receiver_that_only_knows_version_one_gets_that() {
    // One that says so, and one that takes version 2 for an empty request of version 1.
    for strange in ["415 Unsupported Media Type", "204 No Content"] {
        let answer = move |number, _: &Arrived| if number == 0 { strange } else { OK }.to_owned();
        let there = receiver(Box::new(answer));
        let dir = tempfile::tempdir().unwrap();
        let forwarding = start(settings(there.address), dir.path());
        forwarding.samples(&samples(3), &[]);
        drained(&forwarding);
        let arrived = there.arrived.lock().clone();
        let (rows, is_two) = arrived[1].samples();
        assert_eq!((arrived.len(), rows.len(), is_two), (2, 3, false));
        forwarding.samples(&samples(1), &[]);
        drained(&forwarding);
        assert!(!there.arrived.lock()[2].samples().1, "it is remembered");
        assert_eq!(figure(&forwarding, SENT), 4.0);
    }
}

#[test]
fn trouble_is_waited_out() {
    let answers = [
        "503 Service Unavailable",
        "429 Too Many Requests\r\nRetry-After: 1",
        "401 Unauthorized",
    ];
    let answer =
        move |number: usize, _: &Arrived| answers.get(number).copied().unwrap_or(OK).to_owned();
    let there = receiver(Box::new(answer));
    let dir = tempfile::tempdir().unwrap();
    let forwarding = start(settings(there.address), dir.path());
    let begin = Instant::now();
    forwarding.samples(&samples(2), &[]);
    drained(&forwarding);
    assert!(
        begin.elapsed() >= Duration::from_secs(1),
        "Retry-After is honoured"
    );
    assert_eq!(there.arrived.lock().len(), 4);
    assert_eq!(figure(&forwarding, "tacho_forward_retries_total{"), 3.0);
    assert_eq!(figure(&forwarding, SENT), 2.0);
    assert_eq!(figure(&forwarding, "tacho_forward_dropped"), 0.0);
}

#[test]
fn a_bad_sample_costs_itself_where_a_receiver_refuses_all() {
    let answer = |_, arrived: &Arrived| {
        let bad = arrived
            .samples()
            .0
            .iter()
            .any(|row| row.starts_with("s3 ") || row.starts_with("s11 "));
        if bad { "400 Bad Request" } else { OK }.to_owned()
    };
    let there = receiver(Box::new(answer));
    let dir = tempfile::tempdir().unwrap();
    let forwarding = start(settings(there.address), dir.path());
    forwarding.samples(&samples(16), &[]);
    drained(&forwarding);
    assert_eq!(figure(&forwarding, SENT), 14.0);
    assert_eq!(figure(&forwarding, r#"reason="refused""#), 2.0);
    let taken: Vec<_> = there
        .arrived
        .lock()
        .iter()
        .map(|one| one.samples().0)
        .collect();
    let kept = taken.iter().filter(|rows| {
        !rows
            .iter()
            .any(|row| row.starts_with("s3 ") || row.starts_with("s11 "))
    });
    let mut kept: Vec<_> = kept.flatten().cloned().collect();
    let in_order = kept.clone();
    kept.sort_by_key(|row| row[1..].split(' ').next().unwrap().parse::<u32>().unwrap());
    assert_eq!(kept, in_order, "in order");
    assert_eq!(kept.len(), 14);
}

#[test]
fn a_receiver_that_keeps_a_part_is_believed() {
    let partial = "400 Bad Request\r\nX-Prometheus-Remote-Write-Samples-Written: 3\r\n\
                   X-Prometheus-Remote-Write-Histograms-Written: 0";
    let there = receiver(Box::new(move |_, _| partial.to_owned()));
    let dir = tempfile::tempdir().unwrap();
    let forwarding = start(settings(there.address), dir.path());
    forwarding.samples(&samples(5), &[]);
    drained(&forwarding);
    assert_eq!(there.arrived.lock().len(), 1);
    assert_eq!(figure(&forwarding, SENT), 3.0);
    assert_eq!(figure(&forwarding, r#"reason="refused""#), 2.0);
}

#[test]
fn what_was_not_sent_is_sent_by_the_next_process() {
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nowhere.local_addr().unwrap();
    drop(nowhere);
    let dir = tempfile::tempdir().unwrap();
    let forwarding = start(settings(address), dir.path());
    for _ in 0..3 {
        forwarding.samples(&samples(4), &[]);
    }
    eventually("an attempt", || {
        figure(&forwarding, "tacho_forward_retries_total{") > 0.0
    });
    assert!(forwarding.stop(), "it stops while it waits");
    drop(forwarding);
    let there = receiver(Box::new(|_, _| OK.to_owned()));
    let again = start(settings(there.address), dir.path());
    drained(&again);
    assert_eq!(figure(&again, SENT), 12.0);
}

#[test]
fn spans_and_logs_go_their_own_ways() {
    let there = receiver(Box::new(|_, _| "200 OK".to_owned()));
    let dir = tempfile::tempdir().unwrap();
    let forwarding = start(settings(there.address), dir.path());
    let (spans, logs) = messages();
    for _ in 0..2 {
        let mut onward = forwarding.spans().unwrap();
        traces::decode(&spans, |span| onward.push(span)).unwrap();
        onward.send();
    }
    let mut onward = forwarding.logs().unwrap();
    logs::decode(&logs, |record| onward.push(record)).unwrap();
    onward.send();
    forwarding.spans().unwrap().send();
    let sent = |signal: &str| {
        let labels = r#"destination="there",instance="h",job="tacho""#;
        let series = format!("tacho_forward_sent_items_total{{{labels},signal=\"{signal}\"");
        figure(&forwarding, &series)
    };
    eventually("both", || (sent("spans"), sent("logs")) == (2.0, 1.0));
    let arrived = there.arrived.lock().clone();
    let first = &arrived[0].head;
    assert!(first.starts_with("post /v1/traces"), "{first}");
    let mut names = Vec::new();
    let traces = arrived
        .iter()
        .filter(|one| one.head.starts_with("post /v1/traces"));
    for one in traces {
        traces::decode(&one.body, |span| names.push(span.name.to_owned())).unwrap();
    }
    assert_eq!(names, ["GET", "GET"]);
    let last = arrived.last().unwrap();
    assert!(last.head.starts_with("post /v1/logs"), "{}", last.head);
    let mut said = Vec::new();
    logs::decode(&last.body, |record| said.push(record.body.to_owned())).unwrap();
    assert_eq!(said, ["hello"]);
    let mut only = settings(there.address);
    only.protocol = Some(ForwardProtocol::RemoteWrite);
    let dir = tempfile::tempdir().unwrap();
    let forwarding = start(only, dir.path());
    assert!(forwarding.spans().is_none(), "nobody wants them");
}

/// A request of a span, and one of a log record.
fn messages() -> (Vec<u8>, Vec<u8>) {
    let span = b"\x0a\x25\x12\x23\x12\x21\x0a\x10\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\
        \x01\x01\x01\x01\x12\x08\x02\x02\x02\x02\x02\x02\x02\x02\x2a\x03GET";
    let log = b"\x0a\x0d\x12\x0b\x12\x09\x2a\x07\x0a\x05hello";
    (span.to_vec(), log.to_vec())
}

#[test]
fn it_does_not_send_to_itself() {
    let check = |url: &str, listening: &str, expected: bool| {
        let mut settings = settings("127.0.0.1:1".parse().unwrap());
        settings.url = ForwardSettings::parse_url(url).unwrap();
        let found = itself(&settings, &[listening.parse().unwrap()]);
        assert_eq!(found.is_some(), expected, "{url} {listening}");
    };
    check("http://127.0.0.1:8090", "127.0.0.1:8090", true);
    check("http://localhost:8090/api/v1/write", "127.0.0.1:8090", true);
    check("http://[::1]:8090", "127.0.0.1:8090", true);
    check("http://127.0.0.1:8090", "0.0.0.0:8090", true);
    check("http://127.0.0.1:8091", "127.0.0.1:8090", false);
    check("http://192.0.2.1:8090", "0.0.0.0:8090", false);
    check("http://127.0.0.1", "127.0.0.1:80", true);
    let dir = tempfile::tempdir().unwrap();
    let address = "127.0.0.1:8090".parse().unwrap();
    let refused = Forwarding::start(&[settings(address)], dir.path(), &[address], &describe());
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("itself"), "{text}");
}
