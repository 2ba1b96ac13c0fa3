//! `WebSocket`s from spans: how long connections were open, messages each way, failures, and how many
//! are open.
//!
//! A connection's span comes when it is closed, those of its messages, somewhere below it, before.
//! So a connection is known to be open from its first message on, until its span comes or nothing
//! is heard of it for [`IDLE`]; several of one service in one trace are taken for one. Following the
//! same spans twice changes nothing of who is open.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tacho_model::Timestamp;
use tacho_model::span::Span;
use tacho_semconv::Operation;
use tacho_semconv::labels::{Label, bounded};
use tacho_semconv::operation::{Route, WebSocketEvent};

use super::families::Family;
use super::growth::{Growth, LabelKey};
use crate::filters::generations::Generations;

/// A connection of which nothing was heard for so long is taken for closed.
const IDLE: Duration = Duration::from_hours(1);
/// Most connections that are known to be open; of more, messages are counted and they are not.
const OPEN_MAX: usize = 100_000;
/// How often it is said how many are open, where nothing changes.
const SAY: Duration = Duration::from_mins(1);

/// A hash of the trace and the service.
type Connection = u64;
/// A service and a route.
type Place = (Box<str>, Box<str>);

/// Connections that are open.
pub(super) struct Sockets {
    open: HashMap<Connection, (Place, Timestamp)>,
    /// Also those where all were closed, until that was said.
    counts: BTreeMap<Place, usize>,
    said: Timestamp,
    /// Closed lately: a message that comes late does not open them again.
    closed: Generations<()>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            open: HashMap::new(),
            counts: BTreeMap::new(),
            said: Timestamp::default(),
            closed: Generations::new(OPEN_MAX, usize::MAX),
        }
    }
}

/// Something that happened to a connection.
pub(super) struct SocketEvent {
    connection: Connection,
    place: Place,
    event: WebSocketEvent,
    at: Timestamp,
    seconds: f64,
    failed: bool,
}

impl SocketEvent {
    /// What a span tells, counted at `at`.
    pub(super) fn of(
        span: &Span<'_>,
        operation: &Operation<'_>,
        at: Timestamp,
        failed: bool,
        connection: impl FnOnce(u128, &str) -> Connection,
    ) -> Option<Self> {
        let Operation::WebSocket(event, route) = operation else {
            return None;
        };
        let route = match route {
            Route::Told(route) => route,
            Route::Guessed(route) => route.as_str(),
            Route::None => "",
        };
        Some(Self {
            connection: connection(span.trace_id, span.service),
            place: (short(span.service), short(route)),
            event: *event,
            at,
            seconds: span.duration.as_secs_f64(),
            failed,
        })
    }
}

fn short(text: &str) -> Box<str> {
    (&*bounded(Cow::Borrowed(text))).into()
}

impl Sockets {
    /// Counts what happened, and how many connections are open.
    pub(super) fn follow(
        &mut self,
        events: &[SocketEvent],
        growth: &mut Growth,
        seed: u64,
        now: Timestamp,
    ) {
        let mut changed: Vec<Place> = Vec::new();
        // Messages first: their connection's span may stand before them in the request.
        let is_end = |event: &&SocketEvent| event.event == WebSocketEvent::Connection;
        for event in events.iter().filter(|event| !is_end(event)) {
            if let Some((_, heard)) = self.open.get_mut(&event.connection) {
                *heard = now;
            } else if self.open.len() < OPEN_MAX
                && self.closed.get(event.connection.into()).is_none()
            {
                let opened = (event.place.clone(), now);
                self.open.insert(event.connection, opened);
                *self.counts.entry(event.place.clone()).or_default() += 1;
                changed.push(event.place.clone());
            }
        }
        for event in events.iter().filter(is_end) {
            // Its messages may have told another route.
            let place = self.close(event.connection);
            self.closed.insert(event.connection.into(), (), 0);
            changed.push(place.unwrap_or_else(|| event.place.clone()));
        }
        for event in events {
            count(event, growth, seed);
        }
        if now.since(self.said) >= SAY {
            self.said = now;
            let idle = |(place, heard): &(Place, Timestamp)| {
                now.since(*heard) >= IDLE && !place.0.is_empty()
            };
            let idle: Vec<Connection> = self
                .open
                .iter()
                .filter(|(_, open)| idle(open))
                .map(|(connection, _)| *connection)
                .collect();
            for connection in idle {
                self.close(connection);
            }
            changed.extend(self.counts.keys().cloned());
        }
        for place in changed {
            let open = self.counts.get(&place).copied().unwrap_or(0);
            let labels = labels(&place);
            let key = LabelKey::new(&labels, seed, &mut Vec::new());
            growth.set(key, Family::SocketActive, &labels, open as f64);
            if open == 0 {
                self.counts.remove(&place);
            }
        }
    }

    fn close(&mut self, connection: Connection) -> Option<Place> {
        let (place, _) = self.open.remove(&connection)?;
        if let Some(count) = self.counts.get_mut(&place) {
            *count = count.saturating_sub(1);
        }
        Some(place)
    }
}

fn labels(place: &Place) -> Vec<Label<'_>> {
    let (service, route) = place;
    let mut labels = vec![
        ("service", Cow::Borrowed(&**service)),
        ("service_name", Cow::Borrowed(&**service)),
    ];
    if !route.is_empty() {
        labels.push(("http_route", Cow::Borrowed(&**route)));
    }
    labels
}

fn count(event: &SocketEvent, growth: &mut Growth, seed: u64) {
    let mut labels = labels(&event.place);
    let mut scratch = Vec::new();
    let key = LabelKey::new(&labels, seed, &mut scratch);
    let failures = f64::from(u8::from(event.failed));
    growth.add(key, Family::SocketErrors, &labels, (event.at, failures));
    let direction = match event.event {
        WebSocketEvent::Connection => {
            let observed = (event.at, event.seconds);
            let _ = growth.observe(key, Family::SocketDuration, &labels, observed);
            return;
        }
        WebSocketEvent::Receive => "receive",
        WebSocketEvent::Send => "transmit",
    };
    labels.push(("network_io_direction", Cow::Borrowed(direction)));
    let key = LabelKey::new(&labels, seed, &mut scratch);
    growth.add(key, Family::SocketMessages, &labels, (event.at, 1.0));
}
