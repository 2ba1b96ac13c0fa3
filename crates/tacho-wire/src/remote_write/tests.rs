//! Requests byte by byte: what arrives, what is refused and where.

use prost::Message as _;
use tacho_model::append::STALE_NAN_BITS;
use tacho_model::label::canonicalize;
use tacho_model::{Batch, LabelsRef, Value};

use self::messages::{Label, MetricMetadata, Sample, TimeSeries, WriteRequest};
use super::*;

mod differential;
mod histograms;
mod messages;
mod version_two;

/// A snappy block of these bytes.
fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

/// Decodes a request's protobuf.
fn decoded(request: &[u8]) -> Result<(Batch, Decoded), RemoteWriteError> {
    let mut batch = Batch::new();
    let decoded = decode(&snappy(request), Limits::default(), &mut batch)?;
    Ok((batch, decoded))
}

/// A number's bits, or a histogram in words.
type Shown = (String, i64, String);

/// What a batch holds, in words; labels in canonical order.
fn rows(batch: &Batch) -> Vec<Shown> {
    let row = |(series, time, value): (_, tacho_model::Timestamp, _)| {
        let value = match value {
            Value::Float(value) => format!("{:016x}", value.to_bits()),
            Value::Histogram(histogram) => format!("{histogram:?}"),
        };
        (labels(batch.label_bytes(series)), time.as_nanos(), value)
    };
    batch.rows().map(row).collect()
}

fn labels(bytes: &[u8]) -> String {
    let mut canonical = Vec::new();
    match canonicalize(bytes, &mut canonical) {
        Ok(()) => LabelsRef::from_encoded(&canonical).unwrap().to_string(),
        Err(error) => error.to_string(),
    }
}

fn label(name: &str, value: &str) -> Label {
    Label {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn one(samples: &[(f64, i64)]) -> TimeSeries {
    let sample = |(value, timestamp): &(f64, i64)| Sample {
        value: *value,
        timestamp: *timestamp,
    };
    TimeSeries {
        labels: vec![label("__name__", "up"), label("job", "api")],
        samples: samples.iter().map(sample).collect(),
        ..TimeSeries::default()
    }
}

fn request(series: Vec<TimeSeries>) -> Vec<u8> {
    let request = WriteRequest {
        timeseries: series,
        metadata: Vec::new(),
    };
    request.encode_to_vec()
}

/// A field that is a message.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 128);
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

#[track_caller]
fn check_error(request: &[u8], expected: &RemoteWriteError) {
    match decoded(request) {
        Err(error) => assert_eq!(error, *expected, "{request:x?}"),
        Ok((batch, _)) => panic!("{request:x?} gave {:?}", rows(&batch)),
    }
}

const NOW: i64 = 1_795_269_720_123;

#[test]
fn samples_arrive_bit_for_bit() {
    let stale = f64::from_bits(STALE_NAN_BITS);
    let payload = f64::from_bits(0x7ff8_0000_dead_beef);
    for value in [1.5, 0.0, stale, payload, f64::INFINITY, f64::MIN] {
        for millis in [NOW, 0, -1, 1, i64::from(i32::MAX), 9_223_372_036_854] {
            let (batch, refused) = decoded(&request(vec![one(&[(value, millis)])])).unwrap();
            let expected = (
                r#"up{job="api"}"#.to_owned(),
                millis * 1_000_000,
                format!("{:016x}", value.to_bits()),
            );
            assert_eq!(rows(&batch), [expected]);
            assert!(refused.refused.is_empty());
        }
    }
}

#[test]
fn labels_stay_where_they_are_and_are_not_touched() {
    let series = one(&[(1.0, NOW), (2.0, NOW + 1)]);
    let bytes = request(vec![series.clone(), series]);
    let (batch, _) = decoded(&bytes).unwrap();
    assert_eq!(batch.buffer(), bytes, "nothing was appended");
    assert_eq!((batch.len(), batch.series_count()), (4, 2));
    let sets: Vec<&[u8]> = batch.all_label_bytes().collect();
    assert_eq!(sets[0], sets[1]);
    assert!(LabelsRef::from_encoded(sets[0]).is_ok());
}

#[test]
fn times_that_nanoseconds_cannot_hold_cost_their_sample() {
    let out = [i64::MAX, i64::MIN, 9_223_372_036_855, -9_223_372_036_855];
    let samples: Vec<(f64, i64)> = out.iter().map(|t| (1.0, *t)).collect();
    let good = one(&[(7.0, NOW)]);
    let (batch, decoded) = decoded(&request(vec![one(&samples), good])).unwrap();
    assert_eq!(batch.len(), 1);
    assert_eq!(batch.series_count(), 1, "a series without samples is none");
    assert_eq!(decoded.refused.len(), 4);
    for refused in &decoded.refused {
        assert_eq!(refused.reason, Reason::OutOfRange);
        let bytes = &batch.buffer()[refused.labels.clone()];
        assert_eq!(describe_labels(bytes), r#"up{job="api"}"#);
    }
}

#[test]
fn labels_in_several_places_are_put_together() {
    let name = field(1, &label("__name__", "up").encode_to_vec());
    let job = field(1, &label("job", "api").encode_to_vec());
    let sample = |t| {
        let timestamp = t;
        field(
            2,
            &Sample {
                value: 2.0,
                timestamp,
            }
            .encode_to_vec(),
        )
    };
    let unknown = field(9, b"whatever");
    let pieces: [&[&[u8]]; 4] = [
        &[&sample(NOW), &job, &name],
        &[&job, &sample(NOW), &name],
        &[&name, &unknown, &job, &sample(NOW)],
        &[&unknown, &name, &job, &sample(NOW), &unknown],
    ];
    for pieces in pieces {
        let (batch, _) = decoded(&field(1, &pieces.concat())).unwrap();
        let bits = format!("{:016x}", 2f64.to_bits());
        let expected = (r#"up{job="api"}"#.to_owned(), NOW * 1_000_000, bits);
        assert_eq!(rows(&batch), [expected]);
    }
    // Together they are no set: refused, and the next series is none the worse.
    let twice = field(1, &[&sample(NOW)[..], &job, &job].concat());
    let both = [twice, request(vec![one(&[(1.0, NOW)])])].concat();
    let (batch, decoded) = decoded(&both).unwrap();
    assert_eq!(batch.len(), 1);
    assert_eq!(decoded.refused[0].reason, Reason::InvalidLabels);
}

#[test]
fn what_is_no_request_is_refused_with_the_place() {
    let short = |offset| RemoteWriteError::Protobuf(ProtobufError::Short { offset });
    let corrupt =
        |offset, reason| RemoteWriteError::Protobuf(ProtobufError::Corrupt { offset, reason });
    let wire = "a field has the wrong wire type";
    let group = "groups and unknown wire types are not taken";
    let number = "a field has a number that no field can have";
    let long = "an integer has more than 64 bits";
    check_error(b"\x0a", &short(1));
    check_error(b"\x0a\x05", &short(0));
    check_error(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &short(0));
    check_error(b"\x0a\x02\x0a\x05", &short(2));
    check_error(b"\x0a\x03\x12\x01\x09", &short(4));
    check_error(b"\x08\x01", &corrupt(0, wire));
    check_error(b"\x0a\x02\x10\x01", &corrupt(2, wire));
    check_error(b"\x0a\x04\x12\x02\x08\x01", &corrupt(4, wire));
    check_error(b"\x13\x14", &corrupt(0, group));
    check_error(b"\x0a\x02\x2b\x2c", &corrupt(2, group));
    check_error(b"\x17", &corrupt(0, group));
    check_error(b"\x02\x00", &corrupt(0, number));
    check_error(
        b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        &corrupt(1, long),
    );
    check_error(
        b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        &corrupt(0, long),
    );
    // What is not known is passed over, whatever its wire type.
    let known = request(vec![one(&[(1.0, NOW)])]);
    let unknown = b"\x10\x07\x21\0\0\0\0\0\0\0\0\x2a\x02hi\x35\0\0\0\0";
    let (batch, _) = decoded(&[&unknown[..], &known, unknown].concat()).unwrap();
    assert_eq!(batch.len(), 1);
}

#[test]
fn blocks_are_judged_by_their_header_before_memory_is_taken() {
    let mut batch = Batch::new();
    let limits = Limits {
        bytes_max: 100,
        ..Limits::default()
    };
    let mut check = |body: &[u8]| decode(body, limits, &mut batch).unwrap_err();
    let expected = RemoteWriteError::TooLarge {
        bytes: 101,
        limit: 100,
    };
    assert_eq!(check(&[101, 0]), expected);
    assert!(expected.is_size());
    // The header may say four gigabytes: nothing is taken for them.
    let huge = check(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert!(huge.is_size(), "{huge}");
    for body in [&b"\xff\xff\xff\xff\xff\xff"[..], b"\x05", b"\x05\x00a", b""] {
        let error = check(body);
        assert!(
            matches!(error, RemoteWriteError::Snappy(_)),
            "{body:?}: {error}"
        );
    }
    assert!(batch.buffer().len() <= 100);
}

#[test]
fn counts_are_limited() {
    let limits = |samples_max, series_max| Limits {
        samples_max,
        series_max,
        ..Limits::default()
    };
    let body = snappy(&request(vec![
        one(&[(1.0, 1), (2.0, i64::MAX)]),
        one(&[(3.0, 3)]),
    ]));
    let mut batch = Batch::new();
    let mut check = |limits, what| match (decode(&body, limits, &mut batch), what) {
        (Ok(_), None) => {}
        (Err(RemoteWriteError::TooMany { what, .. }), Some(expected)) => {
            assert_eq!(what, expected);
        }
        (other, what) => panic!("{limits:?}: {other:?}, not {what:?}"),
    };
    check(limits(3, 2), None);
    // What is refused by rule counts too, or a request of such would be without limit.
    check(limits(2, 2), Some("samples"));
    check(limits(3, 1), Some("series"));
    check(limits(0, 2), Some("samples"));
}

#[test]
fn families_are_described_by_the_names_of_their_samples() {
    let check = |kind: i32, family: &str, unit: &str, expected: &str| {
        let metadata = vec![MetricMetadata {
            kind,
            metric_family_name: family.to_owned(),
            help: "text".to_owned(),
            unit: unit.to_owned(),
        }];
        let request = WriteRequest {
            timeseries: Vec::new(),
            metadata,
        };
        let (batch, _) = decoded(&request.encode_to_vec()).unwrap();
        let told = batch.metadata().map(|(name, metadata)| {
            assert_eq!(metadata.help, "text");
            format!("{name} {} [{}]", metadata.kind, metadata.unit.as_str())
        });
        assert_eq!(told.collect::<Vec<_>>().join(", "), expected);
    };
    check(0, "a", "", "a gauge []");
    check(1, "a_bytes_total", "", "a_bytes_total counter [By]");
    check(1, "a", "", "a_total counter [], a counter []");
    check(2, "a_seconds", "seconds", "a_seconds gauge [s]");
    check(2, "a", "furlongs", "a gauge [furlongs]");
    check(6, "a_info", "", "a_info gauge []");
    check(
        3,
        "t_seconds",
        "",
        "t_seconds_bucket counter [], t_seconds_count counter [], t_seconds_sum counter [s], \
         t_seconds histogram [s]",
    );
    check(4, "g", "", "g histogram []");
    check(
        5,
        "s",
        "",
        "s_count counter [], s_sum counter [], s gauge []",
    );
    check(99, "a", "", "a gauge []");
    check(1, "", "", "");
}

#[test]
fn refused_series_are_told_even_when_they_are_not_valid() {
    let check = |labels: &[(&str, &str)], expected: &str| {
        let labels = labels
            .iter()
            .map(|(n, v)| field(1, &label(n, v).encode_to_vec()));
        assert_eq!(
            describe_labels(&labels.collect::<Vec<_>>().concat()),
            expected
        );
    };
    check(&[], "{}");
    check(&[("__name__", "up")], "up");
    check(
        &[("b", "2"), ("a", "1"), ("b", "3")],
        r#"{b="2",a="1",b="3"}"#,
    );
    check(&[("__name__", "a"), ("x", "\n\"")], r#"a{x="\n\""}"#);
    let long = "ü".repeat(60);
    let text = {
        let labels = field(1, &label(&long[..100], "").encode_to_vec());
        describe_labels(&labels.repeat(3))
    };
    assert!(text.len() < 210 && text.ends_with('…'), "{text}");
    assert_eq!(describe_labels(b"\x0a\x7f"), "{}");
}
