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
    /// Hashes of the names of what it answers, and of everything.
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
        let mut hasher = DefaultHasher::new();
        (operation.name(), operation.kind).hash(&mut hasher);
        if tallies.first().is_some_and(|tally| tally.count > 0.0) && !operation.is_overflow() {
            let hash = hasher.finish();
            self.endpoints[usize::from(!is_served)].insert(hash);
        }
        // How long a connection stays open says nothing of how fast anything is.
        match operation.kind {
            Kind::Websocket => self.connections.add(tallies, last),
            _ if is_served => self.served.add(tallies, last),
            _ => self.all.add(tallies, last),
        }
    }

    /// Whether it answers anything.
    pub(super) fn serves(&self) -> bool {
        self.served.last.is_some()
    }

    /// The figures that stand for it.
    pub(super) fn row(&self) -> &Row {
        let candidates = [&self.served, &self.all, &self.connections];
        let mut now = candidates.iter().filter(|row| row.count(0) > 0.0);
        let mut ever = candidates.iter().filter(|row| row.last.is_some());
        now.next().or(ever.next()).unwrap_or(&&self.served)
    }

    pub(super) fn last_seen(&self) -> Option<Timestamp> {
        let all = [&self.served, &self.all, &self.connections];
        all.into_iter().filter_map(|row| row.last).max()
    }

    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|kind| kind.as_str()).collect()
    }

    fn endpoints(&self) -> usize {
        let [served, others] = &self.endpoints;
        if self.serves() {
            served.len()
        } else {
            others.len()
        }
    }
}

/// The services that did something in the window, those with the most time spent first.
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
    // One that is gone is not there any more, whatever it did before.
    all.retain(|_, whole| {
        let rows = [&whole.served, &whole.all, &whole.connections];
        rows.into_iter().any(|row| row.count(0) > 0.0)
    });
    let now = |(name, whole): (String, Whole)| ServiceRow {
        kinds: whole.kinds(),
        measured: whole.row().measured(scope),
        endpoints: whole.endpoints(),
        overflow: whole.overflow,
        last_seen: whole.last_seen(),
        name,
    };
    Ok(listed(all, Whole::row, scope, now))
}
