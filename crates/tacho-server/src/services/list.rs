//! All services: how each does, and what it does.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use tacho_model::{Querier, QueryError, Timestamp};

use super::operation::{Kind, Operation, Side};
use super::source::{Wanted, observe};
use super::stats::{Listed, Measured, Row, Tally, listed};
use super::window::Scope;

/// A service in the list.
#[derive(Debug, Clone)]
pub struct ServiceRow {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kinds: Vec<&'static str>,
    /// What it answers; everything it does, where it answers nothing.
    pub measured: Measured,
    /// How many endpoints it has.
    pub endpoints: usize,
    /// Observations of operations that were too many to be told apart.
    pub overflow: f64,
    /// When there was something last.
    pub last_seen: Option<Timestamp>,
}

/// What a service does as a whole.
#[derive(Debug, Default)]
pub(super) struct Whole {
    served: Row,
    all: Row,
    connections: Row,
    kinds: BTreeSet<Kind>,
    /// Hashes of the names of what it answers, and of what it does by itself.
    endpoints: [HashSet<u64>; 2],
    pub(super) overflow: f64,
}

impl Whole {
    /// Adds an operation.
    pub(super) fn add(
        &mut self,
        operation: &Operation<'_>,
        tallies: &[Tally],
        last: Option<Timestamp>,
    ) {
        if operation.is_overflow() {
            self.overflow += tallies.first().map_or(0.0, |tally| tally.count);
        }
        if operation.kind != Kind::Other {
            self.kinds.insert(operation.kind);
        }
        let is_served = operation.side == Side::Server;
        let is_seen = tallies.iter().any(|tally| tally.count > 0.0);
        if let Some(side) = operation.endpoint().filter(|_| is_seen) {
            let mut hasher = DefaultHasher::new();
            (operation.name(), operation.kind).hash(&mut hasher);
            let hash = hasher.finish();
            self.endpoints[usize::from(side != Side::Server)].insert(hash);
        }
        // How long a connection stays open says nothing of how fast anything is.
        match operation.kind {
            Kind::Websocket if operation.is_websocket_message() => {}
            Kind::Websocket => self.connections.add(tallies, last),
            _ if is_served => self.served.add(tallies, last),
            _ => self.all.add(tallies, last),
        }
    }

    /// Whether it answers anything.
    pub(super) fn serves(&self, scope: &Scope) -> bool {
        std::ptr::eq(self.row(scope), &raw const self.served)
    }

    /// The figures that stand for it: the first that had anything in the window or the one that is
    /// compared with, so that what it does not answer any more is told as nothing.
    pub(super) fn row(&self, scope: &Scope) -> &Row {
        let candidates = [&self.served, &self.all, &self.connections];
        let seen = candidates.into_iter().find(|row| row.is_seen(scope));
        let ever = candidates.into_iter().find(|row| row.last.is_some());
        seen.or(ever).unwrap_or(&self.served)
    }

    pub(super) fn last_seen(&self) -> Option<Timestamp> {
        let all = [&self.served, &self.all, &self.connections];
        all.into_iter().filter_map(|row| row.last).max()
    }

    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|kind| kind.as_str()).collect()
    }

    fn endpoints(&self, scope: &Scope) -> usize {
        let [served, others] = &self.endpoints;
        if self.serves(scope) {
            served.len()
        } else {
            others.len()
        }
    }
}

/// The services that did something in the window or the one that is compared with, those with the most time spent first.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn services(querier: &dyn Querier, scope: &Scope) -> Result<Listed<ServiceRow>, QueryError> {
    let mut all: BTreeMap<String, Whole> = BTreeMap::new();
    observe(
        querier,
        Wanted::ALL,
        &scope.windows(),
        |operation, tallies, last| match all.get_mut(operation.service()) {
            Some(whole) => whole.add(operation, tallies, last),
            None => all
                .entry(operation.service().to_owned())
                .or_default()
                .add(operation, tallies, last),
        },
    )?;
    let now = |(name, whole): (String, Whole)| ServiceRow {
        kinds: whole.kinds(),
        measured: whole.row(scope).measured(scope),
        endpoints: whole.endpoints(scope),
        overflow: whole.overflow,
        last_seen: whole.last_seen(),
        name,
    };
    Ok(listed(all, |whole| whole.row(scope), scope, now))
}

#[cfg(test)]
mod tests {
    use super::super::detail;
    use super::super::testing::{Store, range};
    use super::*;

    fn scope() -> Scope {
        Scope {
            range: range(1000, 2000),
            previous: Some(range(0, 1000)),
            limit: 100,
        }
    }

    fn span(service: &'static str, kind: &'static str) -> [(&'static str, &'static str); 3] {
        let method = ("http_request_method", "GET");
        [("service", service), ("span_kind", kind), method]
    }

    #[test]
    fn an_outage_is_told_as_nothing_after_something() {
        let store = Store::new();
        let served = span("api", "SPAN_KIND_SERVER");
        store.spans(&served, 500, &[0.1; 10]);
        store.spans(&span("api", "SPAN_KIND_INTERNAL"), 1500, &[0.1; 3]);
        store.spans(&span("gone", "SPAN_KIND_SERVER"), 500, &[0.1; 4]);
        let counts = |scope: &Scope| -> Vec<(String, f64, Option<f64>)> {
            let found = services(store.querier(), scope).unwrap();
            let one = |row: ServiceRow| {
                let Measured { stats, previous } = row.measured;
                (row.name, stats.count, previous.map(|stats| stats.count))
            };
            found.rows.into_iter().map(one).collect()
        };
        let api = ("api".to_owned(), 0.0, Some(10.0));
        let gone = ("gone".to_owned(), 0.0, Some(4.0));
        assert_eq!(counts(&scope()), [api, gone]);
        let alone = Scope {
            previous: None,
            ..scope()
        };
        assert_eq!(counts(&alone), [("api".to_owned(), 3.0, None)]);
    }

    #[test]
    fn the_list_counts_the_endpoints_that_a_service_shows() {
        let store = Store::new();
        for kind in ["SPAN_KIND_CLIENT", "SPAN_KIND_INTERNAL"] {
            let [service, kind, method] = span("job", kind);
            store.spans(
                &[service, kind, method, ("span_name", kind.1)],
                1500,
                &[0.1],
            );
        }
        for event in ["connection", "send", "receive"] {
            let chat = [
                ("service", "chat"),
                ("span_kind", "SPAN_KIND_SERVER"),
                ("span_name", event),
                ("websocket_event", event),
            ];
            store.spans(&chat, 1500, &[1.0; 2]);
        }
        let found = services(store.querier(), &scope()).unwrap();
        for (row, endpoints, count) in [(&found.rows[0], 0, 2.0), (&found.rows[1], 1, 2.0)] {
            let one = detail::service(store.querier(), &row.name, &scope());
            let one = one.unwrap().unwrap();
            assert_eq!(row.endpoints, endpoints, "{}", row.name);
            assert_eq!(one.endpoints.rows.len(), endpoints, "{}", row.name);
            let stats = [&row.measured.stats, &one.measured.stats];
            assert_eq!(stats.map(|stats| stats.count), [count, count]);
        }
    }
}
