//! `WebSockets`: connections that are open and that ended, messages both ways, errors.

use std::collections::BTreeMap;

use tacho_model::{Labels, Matcher, Querier, QueryError};

use super::measures::{self, gained};
use super::operation::service as service_of;
use super::read;
use super::source::span_matchers;
use super::stats::{Listed, Measured, Origin, Row, finite};
use super::window::{Scope, Window};

const DURATION: &str = "websocket_server_connection_duration_seconds";
const MESSAGES: &str = "websocket_server_messages_total";
const ERRORS: &str = "websocket_server_errors_total";
const ACTIVE: &str = "websocket_server_active_connections";

/// A route that takes `WebSockets`.
#[derive(Debug, Clone)]
pub struct Websocket {
    /// Whose it is.
    pub service: String,
    /// Its route; empty where it is not known.
    pub route: String,
    /// Connections that are open at the end of the window.
    pub active: Option<f64>,
    /// Connections that ended in the window, and how long they were open.
    pub connections: Measured,
    /// Messages received.
    pub received: Option<f64>,
    /// Messages sent.
    pub sent: Option<f64>,
    /// Errors.
    pub errors: Option<f64>,
}

#[derive(Debug, Default)]
struct Gathered {
    row: Row,
    active: Option<f64>,
    received: Option<f64>,
    sent: Option<f64>,
    errors: Option<f64>,
}

impl Gathered {
    /// Whether there was anything but a gauge of nothing.
    fn is_seen(&self, scope: &Scope) -> bool {
        let counted = [self.active, self.received, self.sent, self.errors];
        let any = counted.iter().flatten().any(|value| *value > 0.0);
        any || self.row.is_seen(scope)
    }

    fn messages(&self) -> f64 {
        self.received.unwrap_or(0.0) + self.sent.unwrap_or(0.0)
    }
}

/// Service and route.
type Key = (String, String);

fn key(labels: &Labels) -> Key {
    let route = labels.get("http_route").unwrap_or("");
    (service_of(labels).to_owned(), route.to_owned())
}

/// The routes of one service or all, those with the most messages first.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn websockets(
    querier: &dyn Querier,
    service: Option<&str>,
    scope: &Scope,
) -> Result<Listed<Websocket>, QueryError> {
    let mut all: BTreeMap<Key, Gathered> = BTreeMap::new();
    let of = |metric| -> Vec<Matcher> { span_matchers(metric, service) };
    let windows = scope.windows();
    measures::native(
        querier,
        of(DURATION),
        &windows,
        Origin::Spans,
        |labels, tallies, last| {
            all.entry(key(labels)).or_default().row.add(tallies, last);
        },
    )?;
    for (labels, gained) in gained(querier, of(MESSAGES), scope.range)? {
        let gathered = all.entry(key(&labels)).or_default();
        let place = match labels.get("network_io_direction") {
            Some("receive") => &mut gathered.received,
            _ => &mut gathered.sent,
        };
        *place.get_or_insert(0.0) += gained;
    }
    for (labels, gained) in gained(querier, of(ERRORS), scope.range)? {
        let gathered = all.entry(key(&labels)).or_default();
        *gathered.errors.get_or_insert(0.0) += gained;
    }
    let now = [Window::mean(scope.range)];
    read::each(
        querier,
        &[of(ACTIVE)],
        &now,
        |_| true,
        |labels, reading| {
            if let Some(value) = reading.newest.and_then(finite) {
                let gathered = all.entry(key(labels)).or_default();
                *gathered.active.get_or_insert(0.0) += value.max(0.0);
            }
        },
    )?;
    let mut seen: Vec<(Key, Gathered)> = all.into_iter().collect();
    seen.retain(|(_, gathered)| gathered.is_seen(scope));
    seen.sort_by(|(a, x), (b, y)| {
        let messages = y.messages().total_cmp(&x.messages());
        messages.then_with(|| a.cmp(b))
    });
    let more = seen.len().saturating_sub(scope.limit);
    seen.truncate(scope.limit);
    let shown = |((service, route), gathered): (Key, Gathered)| Websocket {
        service,
        route,
        active: gathered.active,
        connections: gathered.row.measured(scope),
        received: gathered.received,
        sent: gathered.sent,
        errors: gathered.errors,
    };
    Ok(Listed {
        rows: seen.into_iter().map(shown).collect(),
        more,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Store, scope};
    use super::*;
    use tacho_model::Histogram;

    #[test]
    fn connections_and_messages_by_route() {
        let store = Store::new();
        let with = |metric, route, more: &[(&'static str, &'static str)]| {
            let labels = [
                ("__name__", metric),
                ("service", "chat"),
                ("http_route", route),
            ];
            [&labels[..], more].concat()
        };
        let mut ended = Histogram::new();
        ended.observe_many(60.0, 2.0);
        store.histogram(&with(DURATION, "/ws", &[]), 10, ended);
        for (direction, messages) in [("receive", 30.0), ("transmit", 70.0)] {
            let labels = with(MESSAGES, "/ws", &[("network_io_direction", direction)]);
            store.number(&labels, 10, messages);
        }
        store.number(&with(ACTIVE, "/ws", &[]), 10, 5.0);
        store.number(&with(ACTIVE, "/ws", &[]), 20, 3.0);
        store.number(&with(ACTIVE, "/idle", &[]), 20, 0.0);
        store.number(&with(ERRORS, "/broken", &[]), 20, 1.0);
        let found = websockets(store.querier(), Some("chat"), &scope()).unwrap();
        let [ws, broken] = &found.rows[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (ws.active, ws.received, ws.sent),
            (Some(3.0), Some(30.0), Some(70.0))
        );
        assert_eq!(
            (ws.connections.stats.count, ws.connections.stats.mean),
            (2.0, Some(60.0))
        );
        assert_eq!((ws.errors, broken.errors), (None, Some(1.0)));
        assert!(
            websockets(store.querier(), Some("x"), &scope())
                .unwrap()
                .rows
                .is_empty()
        );
    }
}
