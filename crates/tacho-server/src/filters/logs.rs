//! Filters of log records, and what both they and those of spans ask of one.

use std::borrow::Cow;

use tacho_model::span::{Attribute, AttributeValue, LogRecord};
use xxhash_rust::xxh3::Xxh3;

use super::rule::{LogAction, LogRule, Ratio};
use crate::intake::Origin;

/// Filters of log records; nothing is remembered.
#[derive(Debug)]
pub struct LogFilters {
    rules: Vec<LogRule>,
}

impl LogFilters {
    /// Filters in the order they apply; `None` when there is none.
    pub fn new(rules: Vec<LogRule>) -> Option<Self> {
        (!rules.is_empty()).then_some(Self { rules })
    }

    /// Whether a record goes on.
    pub fn keeps(&self, record: &LogRecord<'_>, origin: Origin<'_>) -> bool {
        self.rules.iter().all(|rule| {
            if !rule.scope.includes(origin) {
                return true;
            }
            let selected = rule.below.is_none_or(|below| record.severity < below)
                && rule.selectors.hold(|name| value_of(record, name));
            match &rule.action {
                LogAction::Keep => selected,
                LogAction::Drop => !selected,
                LogAction::Sample(ratio) => !selected || is_sampled_record(record, *ratio),
            }
        })
    }
}

fn value_of<'a>(record: &LogRecord<'a>, name: &str) -> Option<Cow<'a, str>> {
    let text = match name {
        "service" => record.service,
        "severity" => record.severity.as_str(),
        "event_name" => record.event_name,
        "body" => record.body,
        name => return attribute(record.attributes, record.resource, name),
    };
    Some(Cow::Borrowed(text))
}

/// The value of an attribute as text, of the item before that of its resource.
pub(super) fn attribute<'a>(
    own: &'a [Attribute<'a>],
    resource: &'a [Attribute<'a>],
    name: &str,
) -> Option<Cow<'a, str>> {
    let found = own
        .iter()
        .chain(resource)
        .find(|known| known.name == name)?;
    Some(match &found.value {
        AttributeValue::Text(text) => Cow::Borrowed(text),
        AttributeValue::Integer(number) => Cow::Owned(number.to_string()),
        AttributeValue::Float(number) => Cow::Owned(number.to_string()),
        AttributeValue::Boolean(true) => Cow::Borrowed("true"),
        AttributeValue::Boolean(false) => Cow::Borrowed("false"),
    })
}

/// Whether a trace belongs to this share of all: every program that asks so of the same trace gets
/// the same answer, so that a trace is kept whole. Its identifier's lower 64 bits are compared with
/// the share of their range, as OpenTelemetry's `TraceIdRatioBased` sampler does in Go and Python:
/// what an SDK sampled by a larger share already is thinned to this one, not by it.
pub(super) fn is_sampled(trace_id: u128, ratio: Ratio) -> bool {
    ratio.get() >= 1.0 || (trace_id as u64) < (ratio.get() * 2f64.powi(64)) as u64
}

/// Records of a trace go with it, others by what they say and when.
fn is_sampled_record(record: &LogRecord<'_>, ratio: Ratio) -> bool {
    if record.trace_id != 0 {
        return is_sampled(record.trace_id, ratio);
    }
    let mut hasher = Xxh3::new();
    hasher.update(&record.time.as_nanos().to_le_bytes());
    hasher.update(record.service.as_bytes());
    hasher.update(record.body.as_bytes());
    is_sampled(hasher.digest().into(), ratio)
}

#[cfg(test)]
mod tests {
    use tacho_model::Timestamp;
    use tacho_model::span::Severity;

    use super::super::rule::{Scope, Selectors};
    use super::*;
    use crate::intake::Protocol;

    const PEER: Origin<'_> = Origin::new(Protocol::Otlp, "api");

    fn record(service: &'static str, severity: Severity) -> LogRecord<'static> {
        LogRecord {
            time: Timestamp::from_secs(1),
            severity,
            event_name: "",
            service,
            body: "it works",
            trace_id: 0,
            span_id: 0,
            attributes: &[],
            resource: &[],
        }
    }

    fn filters(selector: &str, below: Option<Severity>, action: LogAction) -> LogFilters {
        let selectors = match selector {
            "" => Selectors::default(),
            selector => Selectors::parse(&[selector.to_owned()]).unwrap(),
        };
        LogFilters::new(vec![LogRule {
            scope: Scope::default(),
            selectors,
            below,
            action,
        }])
        .unwrap()
    }

    #[test]
    fn r1_log_records_are_chosen_by_severity_and_by_what_they_say() {
        let severe = filters("", Some(Severity::Warn), LogAction::Drop);
        assert!(!severe.keeps(&record("api", Severity::Info), PEER));
        assert!(severe.keeps(&record("api", Severity::Warn), PEER));
        let api = filters(r#"{service="api"}"#, None, LogAction::Keep);
        assert!(api.keeps(&record("api", Severity::Info), PEER));
        assert!(!api.keeps(&record("db", Severity::Info), PEER));
        let body = filters(
            r#"{body=~"it .*",retries="3",ok="true"}"#,
            None,
            LogAction::Drop,
        );
        assert!(body.keeps(&record("api", Severity::Info), PEER));
        let pair = |name, value| Attribute { name, value };
        let attributes = [pair("retries", AttributeValue::Integer(3))];
        let resource = [pair("ok", AttributeValue::Boolean(true))];
        let told = LogRecord {
            attributes: &attributes,
            resource: &resource,
            ..record("api", Severity::Info)
        };
        assert!(!body.keeps(&told, PEER));
    }

    #[test]
    fn r1_a_share_of_the_records_goes_on_and_those_of_a_trace_together() {
        let half = filters("", None, LogAction::Sample(Ratio::new(0.5).unwrap()));
        let kept = |record: &dyn Fn(u64) -> LogRecord<'static>| {
            (0..10_000)
                .filter(|n| half.keeps(&record(*n), PEER))
                .count()
        };
        let at = |n| LogRecord {
            time: Timestamp::from_nanos(n as i64),
            ..record("api", Severity::Info)
        };
        let share = kept(&at);
        assert!((4_800..5_200).contains(&share), "{share}");
        for trace_id in [1u128, u128::from(u64::MAX)] {
            let of_trace = |n| LogRecord { trace_id, ..at(n) };
            let expected = if trace_id == 1 { 10_000 } else { 0 };
            assert_eq!(kept(&of_trace), expected);
        }
    }
}
