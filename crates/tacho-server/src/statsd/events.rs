//! `DogStatsD`'s events on their way to the timeline: the table that log records of note are in.
//!
//! The title is the event's name, the text its body; tags and the rest are attributes. Events wait
//! for the next flush, at most [`WAITING_MAX`] of them; more are refused and counted.

use std::borrow::Cow;

use tacho_model::Timestamp;
use tacho_model::span::{Attribute, AttributeValue, LogRecord, Severity};
use tacho_store::records::Records;
use tacho_wire::statsd::{Alert, Event, Priority, tags};

use crate::events::EventRows;

/// Most events between two flushes.
const WAITING_MAX: usize = 10_000;

/// Events that wait to be written.
#[derive(Default)]
pub(super) struct Events(EventRows);

impl Events {
    /// Adds an event; `now` is when it was where it does not say.
    pub(super) fn push(&mut self, event: &Event<'_>, now: Timestamp) -> Result<(), &'static str> {
        if self.0.len() >= WAITING_MAX {
            return Err("overloaded");
        }
        let text = event.text();
        let service = tags(event.tags).find(|(name, _)| *name == "service");
        let attributes = attributes(event);
        let record = LogRecord {
            time: event.timestamp.map_or(now, Timestamp::from_secs),
            severity: match event.alert {
                Alert::Error => Severity::Error,
                Alert::Warning => Severity::Warn,
                Alert::Info | Alert::Success => Severity::Info,
            },
            event_name: event.title,
            service: service.map_or(event.source, |(_, service)| service),
            body: &text,
            trace_id: 0,
            span_id: 0,
            attributes: &attributes,
            resource: &[],
        };
        self.0.push(&record).map_err(|_| "too_large")
    }

    /// Those that wait; `None` when there are none.
    pub(super) fn take(&mut self) -> Option<Records> {
        (!self.0.is_empty()).then(|| self.0.take())
    }
}

/// What an event says beside its title and text.
fn attributes<'a>(event: &Event<'a>) -> Vec<Attribute<'a>> {
    let alert = match event.alert {
        Alert::Error => "error",
        Alert::Warning => "warning",
        Alert::Info => "info",
        Alert::Success => "success",
    };
    let priority = match event.priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
    };
    let own = [
        ("host", event.host),
        ("aggregation_key", event.aggregation_key),
        ("source_type_name", event.source),
        ("alert_type", alert),
        ("priority", priority),
    ];
    let own = own.into_iter().filter(|(_, value)| !value.is_empty());
    let all = own.chain(tags(event.tags));
    all.map(|(name, value)| Attribute {
        name,
        value: AttributeValue::Text(Cow::Borrowed(value)),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use tacho_wire::statsd::{Line, parse};

    use super::*;

    #[test]
    fn events_wait_for_the_next_flush_up_to_a_limit() {
        let line = "_e{1,1}:a|b|h:web|t:error|#service:shop,k:v";
        let Ok(Line::Event(event)) = parse(line) else {
            panic!("{:?}", parse(line));
        };
        let said = attributes(&event);
        let names: Vec<_> = said.iter().map(|one| one.name).collect();
        assert_eq!(names, ["host", "alert_type", "priority", "service", "k"]);
        let mut events = Events::default();
        assert!(events.take().is_none());
        for n in 0..WAITING_MAX {
            assert_eq!(events.push(&event, Timestamp::from_secs(n as i64)), Ok(()));
        }
        assert_eq!(
            events.push(&event, Timestamp::from_secs(0)),
            Err("overloaded")
        );
        assert_eq!(events.take().map(|rows| rows.len()), Some(WAITING_MAX));
        assert_eq!(events.push(&event, Timestamp::from_secs(0)), Ok(()));
    }
}
