use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::otlp::messages::{
    self, Any, AnyValue, LogsRequest, Resource, ResourceLogs, ScopeLogs, text,
};

fn request(records: Vec<messages::LogRecord>) -> LogsRequest {
    LogsRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource {
                attributes: vec![text("service.name", "api")],
                dropped_attributes_count: 0,
            }),
            scope_logs: vec![ScopeLogs {
                log_records: records,
            }],
        }],
    }
}

fn look(record: messages::LogRecord, check: impl FnOnce(&LogRecord<'_>)) {
    let mut check = Some(check);
    let body = request(vec![record]).encode_to_vec();
    let decoded = decode(&body, |record| check.take().unwrap()(record)).unwrap();
    assert_eq!((decoded.taken, decoded.refused.len()), (1, 0));
}

fn saying(value: Any) -> messages::LogRecord {
    messages::LogRecord {
        body: Some(AnyValue { value: Some(value) }),
        ..messages::LogRecord::default()
    }
}

#[test]
fn a_record_is_read_whole() {
    let record = messages::LogRecord {
        time_unix_nano: 7,
        observed_time_unix_nano: 9,
        severity_number: 17,
        severity_text: "info".to_owned(),
        attributes: vec![text("k", "v")],
        trace_id: 5u128.to_be_bytes().to_vec(),
        span_id: 6u64.to_be_bytes().to_vec(),
        event_name: "deploy".to_owned(),
        ..saying(Any::Text("it \"broke\"".to_owned()))
    };
    look(record, |record| {
        assert_eq!(record.time, Timestamp::from_nanos(7));
        assert_eq!(
            (record.severity, record.event_name),
            (Severity::Error, "deploy")
        );
        assert_eq!((record.service, record.body), ("api", "it \"broke\""));
        assert_eq!((record.trace_id, record.span_id), (5, 6));
        assert_eq!((record.attributes.len(), record.resource.len()), (1, 1));
    });
}

#[test]
fn what_is_missing_is_taken_from_where_it_may_be() {
    let record = messages::LogRecord {
        observed_time_unix_nano: 9,
        severity_text: "WARNING".to_owned(),
        attributes: vec![text("event.name", "old")],
        ..saying(Any::Integer(5))
    };
    look(record, |record| {
        assert_eq!(record.time, Timestamp::from_nanos(9));
        assert_eq!(
            (record.severity, record.event_name),
            (Severity::Warn, "old")
        );
        assert_eq!((record.body, record.trace_id), ("5", 0));
    });
    look(messages::LogRecord::default(), |record| {
        assert_eq!(record.time, Timestamp::from_nanos(0));
        assert_eq!((record.severity, record.body), (Severity::Unspecified, ""));
    });
}

#[test]
fn words_for_severities() {
    for (word, severity) in [
        ("Information", Severity::Info),
        ("ERR", Severity::Error),
        ("error", Severity::Error),
        ("critical", Severity::Fatal),
        ("Verbose", Severity::Trace),
        ("notice", Severity::Info),
        ("in", Severity::Unspecified),
        ("", Severity::Unspecified),
    ] {
        assert_eq!(severity_of(word.as_bytes()), severity, "{word}");
    }
}

#[test]
fn bodies_of_every_kind_are_text() {
    let list = messages::List {
        values: vec![AnyValue {
            value: Some(Any::Boolean(true)),
        }],
    };
    look(saying(Any::List(list)), |record| {
        assert_eq!(record.body, "[true]");
    });
    look(saying(Any::Float(0.5)), |record| {
        assert_eq!(record.body, "0.5");
    });
    let long = "x".repeat(1 << 20);
    look(saying(Any::Text(long)), |record| {
        assert!(record.body.len() < 5000);
    });
}

#[test]
fn a_time_that_nobody_can_have_costs_its_record_alone() {
    let far = messages::LogRecord {
        time_unix_nano: u64::MAX,
        ..messages::LogRecord::default()
    };
    let body = request(vec![far, messages::LogRecord::default()]).encode_to_vec();
    let decoded = decode(&body, |_| ()).unwrap();
    assert_eq!(decoded.taken, 1);
    assert_eq!(decoded.refused, [(Refused::OutOfRange, 1)]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = decode(&bytes, |_| ());
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error_or_another_request(name in ".{0,8}", time: u64) {
        let record = messages::LogRecord {
            time_unix_nano: time,
            event_name: name.clone(),
            ..saying(Any::Text(name))
        };
        let body = request(vec![record]).encode_to_vec();
        for end in 0..body.len() {
            let whole = LogsRequest::decode(&body[..end]).is_ok();
            prop_assert_eq!(decode(&body[..end], |_| ()).is_ok(), whole);
        }
    }
}
