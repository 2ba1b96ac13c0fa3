//! Bodies of real exporters, the grammar's corners, and any bytes at all.

use proptest::prelude::*;
use tacho_model::{Batch, Labels};

use super::*;

/// Notes what it is handed, as lines.
#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    families: Vec<String>,
    exemplars: Vec<Exemplar>,
    batch: Batch,
    expected: String,
}

impl Sink for Notes {
    fn expected(&self) -> &str {
        &self.expected
    }

    fn sample(&mut self, sample: Sample<'_>) -> Result<(), Stop> {
        let draft = read_series(sample.series)?;
        let labels = draft
            .to_labels()
            .map_err(|e| Stop::Refused(e.to_string()))?;
        let value = match &sample.value {
            Exposed::Float(value) => value.to_string(),
            Exposed::Histogram(value) => format!("count {} sum {}", value.count(), value.sum()),
        };
        let time = sample
            .timestamp
            .map(|time| format!(" @{}", time.as_millis()));
        self.lines
            .push(format!("{labels} {value}{}", time.unwrap_or_default()));
        self.exemplars.extend_from_slice(sample.exemplars);
        sample.series.clone_into(&mut self.expected);
        Ok(())
    }

    fn family(&mut self, family: &Family<'_>) {
        self.families.push(family.name().to_owned());
        family.describe(&mut self.batch);
    }
}

fn walked(form: Form, body: &str) -> Result<Notes, ExpositionError> {
    let mut notes = Notes::default();
    walk(form, Buckets::Native, body.as_bytes(), &mut notes).map(|()| notes)
}

#[track_caller]
fn takes(form: Form, body: &str, expected: &[&str]) {
    let notes = walked(form, body).unwrap();
    assert_eq!(notes.lines, expected, "{body}");
}

#[track_caller]
fn refuses(form: Form, body: &str, expected: &str) {
    let Err(error) = walked(form, body) else {
        panic!("taken: {body}");
    };
    let text = error.to_string();
    assert!(text.contains(expected), "{body}: {text}");
}

/// The example of "Exposition formats", and what it says of itself.
#[test]
fn the_documented_text_is_read() {
    let body = r#"# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320"#;
    let notes = walked(Form::Text, body).unwrap();
    assert_eq!(
        notes.lines,
        [
            r#"http_requests_total{code="200",method="post"} 1027 @1395066363000"#,
            r#"http_requests_total{code="400",method="post"} 3 @1395066363000"#,
            "msdos_file_access_time_seconds{error=\"Cannot find file:\\n\\\"FILE.TXT\\\"\",path=\"C:\\\\DIR\\\\FILE.TXT\"} 1458255915",
            "metric_without_timestamp_and_labels 12.47",
            r#"something_weird{problem="division by zero"} inf @-3982045"#,
            r#"http_request_duration_seconds_bucket{le="0.05"} 24054"#,
            r#"http_request_duration_seconds_bucket{le="+Inf"} 144320"#,
            "http_request_duration_seconds_sum 53423",
            "http_request_duration_seconds_count 144320",
        ]
    );
    assert_eq!(
        notes.families,
        ["http_requests_total", "http_request_duration_seconds"]
    );
    let described: Vec<_> = notes
        .batch
        .metadata()
        .map(|(name, m)| (name, m.kind))
        .collect();
    assert!(described.contains(&("http_requests_total", tacho_model::Kind::Counter)));
    assert!(described.contains(&(
        "http_request_duration_seconds",
        tacho_model::Kind::Histogram
    )));
}

#[test]
fn text_is_lenient_where_prometheus_is() {
    takes(Form::Text, "", &[]);
    takes(Form::Text, "\n\n \t\n# a comment\n#\n#x\n", &[]);
    takes(Form::Text, "  up\t1  5 \n", &["up 1 @5"]);
    takes(
        Form::Text,
        "up{} 1\nup { a = \"b\" , } 2\n",
        &["up 1", r#"up{a="b"} 2"#],
    );
    takes(Form::Text, "up{a=\"b\"}1", &[r#"up{a="b"} 1"#]);
    takes(Form::Text, "a{b=\"c\" d=\"e\"} 1", &[r#"a{b="c",d="e"} 1"#]);
    takes(Form::Text, "a:b_C9 NaN\n", &["a:b_C9 NaN"]);
    takes(Form::Text, "a{b=\"\"} 1\n", &["a 1"]);
    takes(Form::Text, "a{b=\"x\\y\"} 1\n", &["a{b=\"x\\\\y\"} 1"]);
    takes(Form::Text, "a{b=\"}# {,\"} 1\n", &["a{b=\"}# {,\"} 1"]);
    takes(Form::Text, "{\"a.b\",c=\"d\"} 1\n", &[r#"a.b{c="d"} 1"#]);
    takes(
        Form::Text,
        "{\"a b\\\"\",\"l.ü\"=\"d\"} 1\n",
        &["a b\"{l.ü=\"d\"} 1"],
    );
    takes(
        Form::Text,
        "# HELP \"a.b\" x\n# TYPE \"a.b\" gauge\n{\"a.b\"} 1\n",
        &["a.b 1"],
    );
    // What begins like the series before is another.
    takes(
        Form::Text,
        "ab 1\nabc 2\nab 3\n",
        &["ab 1", "abc 2", "ab 3"],
    );
    takes(
        Form::Text,
        "a{b=\"1\"} 1\na{b=\"1\",c=\"2\"} 2\n",
        &[r#"a{b="1"} 1"#, r#"a{b="1",c="2"} 2"#],
    );
}

#[test]
fn text_that_breaks_the_grammar_is_refused_with_its_line() {
    let text = |body, expected| refuses(Form::Text, body, expected);
    text("a 1\nb\n", "line 2: a value is no number: `b`");
    text("a 1\n\nb{c=\"d} 1\n", "line 3: a quote is not closed");
    text("a{b=\"c\" 1\n", "line 1: the labels are not closed");
    text("a{b=c} 1\n", "must be in quotes");
    text("a{b} 1\n", "has no value");
    text("a{1b=\"c\"} 1\n", "label name");
    text("a{b:c=\"d\"} 1\n", "label name");
    text("a{b=\"1\",b=\"2\"} 1\n", "given twice");
    text("1a 1\n", "metric name");
    text("{a=\"b\"} 1\n", "metric name");
    text("\"a\" 1\n", "belongs into the braces");
    text("a 1 2 3\n", "more after the timestamp");
    text("a 1 2.5\n", "milliseconds");
    text("a 1 # {x=\"y\"} 1\n", "milliseconds");
    text("a 1\r\n", "no number");
    text("# TYPE a counted\n", "no such metric type");
    text("a 0x1\n", "no number");
    let error = walk(
        Form::Text,
        Buckets::Native,
        b"a 1\nb{c=\"\xff\"} 1\n",
        &mut Notes::default(),
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("line 2: the text is not UTF-8")
    );
}

/// What `prometheus_client` 0.26.0 writes for a counter with an exemplar and a histogram.
const OPENMETRICS: &str = r#"# HELP jobs Jobs done.
# TYPE jobs counter
# UNIT jobs_seconds seconds
jobs_total{kind="a"} 3.0 # {trace_id="0af7651916cd43dd8448eb211c80319c",x="y"} 1.0 1520879607.789
jobs_created{kind="a"} 1.7e+09
# TYPE lat_seconds histogram
# UNIT lat_seconds seconds
lat_seconds_bucket{le="0.1"} 1.0 # {} 0.05
lat_seconds_bucket{le="+Inf"} 2.0 1520879607.789
lat_seconds_count 2.0
lat_seconds_sum 0.55
# TYPE state stateset
state{state="on"} 1
# EOF
"#;

#[test]
fn openmetrics_is_read_with_its_exemplars() {
    let notes = walked(Form::OpenMetrics, OPENMETRICS).unwrap();
    assert_eq!(
        notes.lines,
        [
            r#"jobs_total{kind="a"} 3"#,
            r#"jobs_created{kind="a"} 1700000000"#,
            r#"lat_seconds_bucket{le="0.1"} 1"#,
            r#"lat_seconds_bucket{le="+Inf"} 2 @1520879607789"#,
            "lat_seconds_count 2",
            "lat_seconds_sum 0.55",
            r#"state{state="on"} 1"#,
        ]
    );
    let [first, second] = notes.exemplars.as_slice() else {
        panic!("{:?}", notes.exemplars);
    };
    assert_eq!(first.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert_eq!(first.labels, Labels::new([("x", "y")]).unwrap());
    assert_eq!(
        (first.value, first.timestamp.as_millis()),
        (1.0, 1_520_879_607_789)
    );
    assert_eq!((second.value, second.timestamp), (0.05, Timestamp::MIN));
}

#[test]
fn openmetrics_is_strict() {
    let open = |body, expected| refuses(Form::OpenMetrics, body, expected);
    takes(Form::OpenMetrics, "# EOF", &[]);
    takes(
        Form::OpenMetrics,
        "# HELP a\n# HELP b \na 1\n# EOF\n",
        &["a 1"],
    );
    open("", "# EOF");
    open("a 1\n", "# EOF");
    open("a 1\n# EOF\nb 2\n", "line 2: there is more after `# EOF`");
    open("a 1\n\n# EOF\n", "line 2: a metric name");
    open("a  1\n# EOF\n", "no number");
    open("a\t1\n# EOF\n", "a blank and a value");
    open("# comment\n# EOF\n", "only TYPE");
    open("#EOF\n", "only TYPE");
    open("# TYPE a untyped\n# EOF\n", "no such metric type");
    open("# UNIT a_seconds bytes\n# EOF\n", "the unit is not what");
    open("a 1 NaN\n# EOF\n", "no number of seconds");
    open("a 1 1 2\n# EOF\n", "does not end");
    open("a 1 # x\n# EOF\n", "begins with labels");
    open("a 1 # {a=\"1\",a=\"2\"} 1\n# EOF\n", "no label set");
    open("a 1", "does not end");
}

/// A protobuf message from its fields.
fn message(fields: &[(u32, Field<'_>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, field) in fields {
        let (wire, bytes) = match field {
            Field::Int(value) => (0, varint(*value)),
            Field::Double(value) => (1, value.to_le_bytes().to_vec()),
            Field::Bytes(bytes) => (2, [varint(bytes.len() as u64), bytes.to_vec()].concat()),
        };
        out.extend(varint(u64::from(number << 3 | wire)));
        out.extend(bytes);
    }
    out
}

enum Field<'a> {
    Int(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn delimited(message: &[u8]) -> Vec<u8> {
    [varint(message.len() as u64), message.to_vec()].concat()
}

fn family(name: &str, kind: u64, metric: &[u8]) -> Vec<u8> {
    delimited(&message(&[
        (1, Field::Bytes(name.as_bytes())),
        (2, Field::Bytes(b"Help.")),
        (3, Field::Int(kind)),
        (4, Field::Bytes(metric)),
    ]))
}

/// A histogram with native buckets and one classic bucket.
fn histogram() -> Vec<u8> {
    let bucket = message(&[(1, Field::Int(2)), (2, Field::Double(1.0))]);
    let span = message(&[(1, Field::Int(0)), (2, Field::Int(2))]);
    let body = message(&[
        (1, Field::Int(3)),
        (2, Field::Double(3.5)),
        (3, Field::Bytes(&bucket)),
        (5, Field::Int(6)),
        (6, Field::Double(1e-128)),
        (12, Field::Bytes(&span)),
        // Packed: 2, then one less.
        (13, Field::Bytes(&[4, 1])),
    ]);
    let label = message(&[(1, Field::Bytes(b"path")), (2, Field::Bytes(b"/\"x"))]);
    family(
        "h",
        4,
        &message(&[(1, Field::Bytes(&label)), (7, Field::Bytes(&body))]),
    )
}

#[test]
fn protobuf_is_read() {
    let counter = message(&[(1, Field::Double(7.5))]);
    let metric = message(&[(3, Field::Bytes(&counter)), (6, Field::Int(1_234))]);
    let mut body = family("odd.name", 0, &metric);
    body.extend(histogram());
    let quantile = message(&[(1, Field::Double(0.5)), (2, Field::Double(0.25))]);
    let summary = message(&[
        (1, Field::Int(4)),
        (2, Field::Double(1.0)),
        (3, Field::Bytes(&quantile)),
    ]);
    body.extend(family("s", 2, &message(&[(4, Field::Bytes(&summary))])));
    let take = |buckets| {
        let mut notes = Notes::default();
        walk(Form::Protobuf, buckets, &body, &mut notes).unwrap();
        notes.lines
    };
    let native = take(Buckets::Native);
    assert_eq!(
        native,
        [
            "odd.name 7.5 @1234",
            r#"h{path="/\"x"} count 3 sum 3.5"#,
            "s_count 4",
            "s_sum 1",
            r#"s{quantile="0.5"} 0.25"#,
        ]
    );
    let both = take(Buckets::Both);
    assert_eq!(
        both[2..6],
        [
            r#"h_count{path="/\"x"} 3"#,
            r#"h_sum{path="/\"x"} 3.5"#,
            r#"h_bucket{le="1.0",path="/\"x"} 2"#,
            r#"h_bucket{le="+Inf",path="/\"x"} 3"#,
        ]
    );
}

/// What `prometheus_client` 0.26.0, `node_exporter` and Prometheus 2.42 exposed.
#[test]
fn bodies_of_real_exporters_are_read() {
    let take = |form, body: &[u8]| {
        let mut notes = Notes::default();
        walk(form, Buckets::Native, body, &mut notes).unwrap();
        notes
    };
    let text = include_bytes!("../../../../fuzz/seeds/prometheus_client.txt");
    let text = take(Form::Text, text);
    assert!(
        text.lines.contains(&"latency_seconds_sum 5.55".to_owned()),
        "{:?}",
        text.lines
    );
    let open = include_bytes!("../../../../fuzz/seeds/prometheus_client.om");
    let open = take(Form::OpenMetrics, open);
    assert!(
        open.lines
            .contains(&r#"latency_seconds_bucket{le="0.1"} 1"#.to_owned())
    );
    assert_eq!(open.exemplars.len(), 1);
    let node = include_bytes!("../../../../fuzz/seeds/node_exporter.txt");
    assert_eq!(take(Form::Text, node).lines.len(), 9);
    let native = include_bytes!("../../../../fuzz/seeds/native_histogram.pb");
    let native = take(Form::Protobuf, native);
    let is_native = |line: &&String| line.contains(" count ");
    assert!(
        native.lines.iter().filter(is_native).count() >= 1,
        "{:?}",
        native.lines
    );
}

#[test]
fn protobuf_that_is_none_is_refused() {
    let refused = |body: &[u8], expected: &str| {
        let error = walk(Form::Protobuf, Buckets::Native, body, &mut Notes::default());
        let text = error.unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    refused(&histogram()[..20], "breaks off");
    refused(
        &family("g", 1, &[]),
        "metric family `g`: a metric has no value",
    );
    let value = message(&[(1, Field::Double(1.0))]);
    refused(
        &family("", 1, &message(&[(2, Field::Bytes(&value))])),
        "metric name",
    );
    let spans = message(&[(12, Field::Bytes(&message(&[(2, Field::Int(1 << 40))])))]);
    refused(
        &family("h", 4, &message(&[(7, Field::Bytes(&spans))])),
        "do not match",
    );
}

proptest! {
    /// No bytes make it panic, and what is refused says so.
    #[test]
    fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for form in [Form::Text, Form::OpenMetrics, Form::Protobuf] {
            let _ = walk(form, Buckets::Both, &bytes, &mut Notes::default());
        }
    }

    /// Real bodies with a byte changed, cut or doubled.
    #[test]
    fn damaged_bodies_are_taken_or_refused(at in 0usize..700, byte in any::<u8>(), cut in any::<bool>()) {
        let protobuf = histogram();
        for (form, body) in [
            (Form::Text, OPENMETRICS.as_bytes()),
            (Form::OpenMetrics, OPENMETRICS.as_bytes()),
            (Form::Protobuf, &protobuf),
        ] {
            let mut body = body.to_vec();
            let at = at % body.len();
            if cut {
                body.truncate(at);
            } else {
                body[at] = byte;
            }
            let _ = walk(form, Buckets::Both, &body, &mut Notes::default());
        }
    }

    /// What is written in the text's words is read as it was, whatever the names and values.
    #[test]
    fn series_round_trip(
        name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}|\\PC{1,8}",
        pairs in proptest::collection::btree_map("[a-z]{1,5}|\\PC{1,6}", "\\PC{0,8}|[\\\\\"\n ]{0,6}", 0..5),
        value in any::<f64>(),
    ) {
        let quoted = |text: &str| {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("\"{text}\"")
        };
        let mut series = format!("{{{}", quoted(&name));
        for (label, value) in &pairs {
            series += &format!(",{}={}", quoted(label), quoted(value));
        }
        series += "}";
        let mut all: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
        all.push(("__name__", &name));
        let Ok(labels) = Labels::new(all) else {
            return Ok(());
        };
        let body = format!("{series} {value:?}\n");
        for (form, body) in [
            (Form::Text, body.clone()),
            (Form::OpenMetrics, format!("{body}# EOF\n")),
        ] {
            let notes = walked(form, &body);
            let expected = vec![format!("{labels} {value}")];
            prop_assert_eq!(notes.map(|notes| notes.lines).map_err(|e| e.to_string()), Ok(expected));
        }
    }
}
