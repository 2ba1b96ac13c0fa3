//! Who calls whom: the two ends of a call, brought together by the span that one is the parent of.
//!
//! The span of who calls and the span of who answers come from different programs, in any order.
//! The first waits for the second; a call whose other end did not come within [`WAIT`] goes to the
//! address that it names, and databases and models never have another end. Invariants:
//! 1. nothing waits or stops waiting before what was counted is stored ([`Graph::settle`]);
//! 2. at most [`WAITING_MAX`] ends wait; of more, the oldest are taken for those that stay alone;
//! 3. edges count among the label sets that the calling service may have; beyond, they are left out.
//!
//! Names and meaning are those of the OpenTelemetry service graph connector.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::time::Duration;

use tacho_model::Timestamp;
use tacho_model::span::SpanKind;
use tacho_semconv::labels::{Label, bounded};
use tacho_semconv::operation::other_end;
use tacho_semconv::{Field, Operation, Reading};

use super::admitted::{Admitted, Place};
use super::families::Family;
use super::growth::{Growth, LabelKey};
use crate::filters::generations::Hashed;

/// So long the other end of a call is waited for.
const WAIT: Duration = Duration::from_secs(30);
/// Most ends that wait.
const WAITING_MAX: usize = 100_000;
/// So many that wait no longer may be in the order, besides as many as wait.
const ORDER_SLACK: usize = 10_000;
/// Who calls where no span says it.
const USER: &str = "user";
const DATABASE: &str = "database";
const MESSAGING: &str = "messaging_system";
const VIRTUAL: &str = "virtual_node";

/// Calls of which one end came.
#[derive(Default)]
pub(super) struct Graph {
    /// The numbers of those that wait.
    waiting: ByLink<u64>,
    /// Since when they do, in order; some wait no longer.
    order: VecDeque<(Timestamp, Call)>,
    /// The number of the first in order.
    first: u64,
}

/// What both ends know: a hash of the trace, and of the span that is one end's own and the other's
/// parent.
type Link = u64;

type ByLink<V> = HashMap<Link, V, BuildHasherDefault<Hashed>>;

/// One end of a call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    link: Link,
    end: End,
    service: Arc<str>,
    /// The other end, as far as this one knows it.
    peer: Option<Box<str>>,
    connection: &'static str,
    at: Timestamp,
    seconds: Option<f64>,
    failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It calls, and somebody may answer.
    Client,
    /// It calls what has no spans.
    Alone,
    /// It answers.
    Server,
    /// It answers nobody who has spans.
    Root,
}

/// What is to be done once what was counted is stored.
pub(super) struct Paired {
    done: HashSet<Link, BuildHasherDefault<Hashed>>,
    waits: Vec<Call>,
    expired: usize,
}

impl Call {
    /// The end of a call that a span of `service` is, if it is one; it is counted at `at`. `link`
    /// hashes a trace and a span.
    pub(super) fn of(
        reading: &Reading<'_, '_>,
        operation: &Operation<'_>,
        service: &Arc<str>,
        (at, failed): (Timestamp, bool),
        link: impl FnOnce(u128, u64) -> Link,
    ) -> Option<Self> {
        let span = reading.span;
        let is_model = matches!(operation, Operation::Model(_));
        let is_client = match span.kind {
            // Some instrumentations say nothing of calling somebody.
            _ if is_model => true,
            SpanKind::Client | SpanKind::Producer => true,
            SpanKind::Server | SpanKind::Consumer => false,
            SpanKind::Internal | SpanKind::Unspecified => return None,
        };
        let address = || {
            let told = reading.text(Field::PeerService);
            told.or_else(|| other_end(reading).filter(|_| is_client))
        };
        let (peer, connection) = match operation {
            Operation::Database(called) => {
                let system = &called.system;
                let name = match called.namespace.as_deref() {
                    Some(namespace) => format!("{system}/{namespace}").into(),
                    None => system.clone(),
                };
                (Some(name), DATABASE)
            }
            Operation::Messaging(system, destination, _) => {
                (destination.clone().or(Some(system.clone())), MESSAGING)
            }
            Operation::Model(model) => (model.provider.clone(), VIRTUAL),
            _ => (address(), ""),
        };
        let end = match (is_client, operation) {
            (true, Operation::Database(_) | Operation::Model(_)) => End::Alone,
            (true, _) => End::Client,
            (false, _) if span.parent_id == 0 => End::Root,
            (false, _) => End::Server,
        };
        let peer: Option<Cow<'_, str>> = match end {
            End::Root if connection != MESSAGING => Some(USER.into()),
            _ => peer,
        };
        if end == End::Alone && peer.is_none() {
            return None;
        }
        let other = if is_client {
            span.span_id
        } else {
            span.parent_id
        };
        Some(Self {
            link: link(span.trace_id, other),
            end,
            service: Arc::clone(service),
            peer: peer.map(|peer| (&*bounded(peer)).into()),
            connection,
            at,
            // How long a connection was open says nothing of how quick an answer was.
            seconds: match operation {
                Operation::WebSocket(..) => None,
                _ => Some(span.duration.as_secs_f64()),
            },
            failed,
        })
    }

    fn is_client(&self) -> bool {
        matches!(self.end, End::Client | End::Alone)
    }
}

impl Graph {
    /// Counts the calls of which both ends are there, or no other will come; what is to be done
    /// once that is stored.
    pub(super) fn pair(
        &self,
        calls: &[Call],
        (growth, admitted): (&mut Growth, &Admitted),
        seed: u64,
        now: Timestamp,
    ) -> Paired {
        let mut paired = Paired {
            done: HashSet::default(),
            waits: Vec::new(),
            expired: 0,
        };
        let mut count = Counting::new(growth, admitted, seed, now);
        let mut fresh: ByLink<&Call> = HashMap::default();
        fresh.reserve(calls.len());
        for call in calls {
            if matches!(call.end, End::Alone | End::Root) {
                count.alone(call);
                continue;
            }
            let is_other = |known: &Call| known.is_client() != call.is_client();
            if let Entry::Occupied(known) = fresh.entry(call.link)
                && is_other(known.get())
            {
                count.both(call, known.remove());
                continue;
            }
            let waited = self.waiting_at(call.link);
            let waited = waited.filter(|known| is_other(known));
            match waited.filter(|_| paired.done.insert(call.link)) {
                Some(waited) => count.both(call, waited),
                None => {
                    fresh.insert(call.link, call);
                }
            }
        }
        paired.waits.extend(fresh.into_values().cloned());
        let mut surplus = (self.waiting.len() + paired.waits.len()).saturating_sub(WAITING_MAX);
        for (number, (since, call)) in (self.first..).zip(&self.order) {
            // Those that are paired are in the order until it is their turn.
            let waits = self.waiting.get(&call.link) == Some(&number);
            let waits = waits && !paired.done.contains(&call.link);
            if waits && surplus == 0 && now.since(*since) < WAIT {
                break;
            }
            paired.expired += 1;
            if !waits {
                continue;
            }
            surplus = surplus.saturating_sub(1);
            // Who answers somebody whose span is missing was called by nobody that is known.
            if call.is_client() {
                count.alone(call);
            }
        }
        paired
    }

    fn waiting_at(&self, link: Link) -> Option<&Call> {
        let number = self.waiting.get(&link)?;
        let (_, call) = self.order.get((number - self.first) as usize)?;
        Some(call)
    }

    /// What was counted is stored.
    pub(super) fn settle(&mut self, paired: Paired, now: Timestamp) {
        for link in paired.done {
            self.waiting.remove(&link);
        }
        for (number, (_, call)) in (self.first..).zip(self.order.drain(..paired.expired)) {
            if self.waiting.get(&call.link) == Some(&number) {
                self.waiting.remove(&call.link);
            }
        }
        self.first += paired.expired as u64;
        for call in paired.waits {
            let number = self.first + self.order.len() as u64;
            self.waiting.insert(call.link, number);
            self.order.push_back((now, call));
        }
        if self.order.len() > 2 * self.waiting.len() + ORDER_SLACK {
            self.forget_those_that_came();
        }
    }

    /// Keeps only those in order that still wait.
    fn forget_those_that_came(&mut self) {
        let (waiting, first) = (&self.waiting, self.first);
        let mut number = first;
        self.order.retain(|(_, call)| {
            number += 1;
            waiting.get(&call.link) == Some(&(number - 1))
        });
        for (number, (_, call)) in (first..).zip(&self.order) {
            self.waiting.insert(call.link, number);
        }
    }
}

/// Calls on their way to being counted.
struct Counting<'g> {
    growth: &'g mut Growth,
    admitted: &'g Admitted,
    now: Timestamp,
    seed: u64,
    scratch: Vec<u8>,
}

impl<'g> Counting<'g> {
    fn new(growth: &'g mut Growth, admitted: &'g Admitted, seed: u64, now: Timestamp) -> Self {
        Self {
            growth,
            admitted,
            now,
            seed,
            scratch: Vec::new(),
        }
    }

    /// A call of which both ends are known, in whichever order.
    fn both(&mut self, one: &Call, other: &Call) {
        let (client, server) = if one.is_client() {
            (one, other)
        } else {
            (other, one)
        };
        let connection = server.connection;
        let failed = client.failed || server.failed;
        self.edge(
            [&client.service, &server.service, connection],
            (server.at, failed),
            |growth, key, labels| {
                let ends = [(Family::EdgeClient, client), (Family::EdgeServer, server)];
                for (family, Call { at, seconds, .. }) in ends {
                    if let Some(seconds) = *seconds {
                        let _ = growth.observe(key, family, labels, (*at, seconds));
                    }
                }
            },
        );
    }

    /// A call of which one end is known.
    fn alone(&mut self, call: &Call) {
        let Some(peer) = &call.peer else {
            return;
        };
        let connection = match call.connection {
            "" => VIRTUAL,
            told => told,
        };
        let (ends, family) = if call.is_client() {
            ([&*call.service, peer, connection], Family::EdgeClient)
        } else {
            ([&**peer, &call.service, connection], Family::EdgeServer)
        };
        self.edge(ends, (call.at, call.failed), |growth, key, labels| {
            if let Some(seconds) = call.seconds {
                let _ = growth.observe(key, family, labels, (call.at, seconds));
            }
        });
    }

    fn edge(
        &mut self,
        [client, server, connection]: [&str; 3],
        (at, failed): (Timestamp, bool),
        observe: impl FnOnce(&mut Growth, LabelKey, &[Label<'_>]),
    ) {
        let labels: [Label<'_>; 3] = [
            ("client", Cow::Borrowed(client)),
            ("server", Cow::Borrowed(server)),
            ("connection_type", Cow::Borrowed(connection)),
        ];
        let key = LabelKey::new(&labels, self.seed, &mut self.scratch);
        if self.admitted.place(client, key, self.now) != Place::Own {
            return;
        }
        self.growth
            .add(key, Family::EdgeRequests, &labels, (at, 1.0));
        // Also where none failed: a counter that is not there cannot be divided by.
        let failures = f64::from(u8::from(failed));
        self.growth
            .add(key, Family::EdgeFailed, &labels, (at, failures));
        observe(self.growth, key, &labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span_metrics::growth::By;

    fn call(link: Link, end: End) -> Call {
        Call {
            link,
            end,
            service: if end == End::Client { "front" } else { "back" }.into(),
            peer: None,
            connection: "",
            at: Timestamp::from_secs(1),
            seconds: Some(0.5),
            failed: false,
        }
    }

    /// How many calls are counted.
    fn follow(graph: &mut Graph, calls: &[Call], now: Timestamp) -> f64 {
        let (mut growth, admitted) = (Growth::default(), Admitted::default());
        let paired = graph.pair(calls, (&mut growth, &admitted), 0, now);
        graph.settle(paired, now);
        let totals = growth.series.values().map(|grown| match grown.by {
            By::Total(total, _) => total,
            _ => 0.0,
        });
        totals.sum()
    }

    #[test]
    fn calls_that_came_take_no_room_and_the_others_are_found() {
        let mut graph = Graph::default();
        let now = Timestamp::from_secs(1_000);
        assert_eq!(follow(&mut graph, &[call(0, End::Client)], now), 0.0);
        for link in 1..=3 * ORDER_SLACK as Link {
            assert_eq!(follow(&mut graph, &[call(link, End::Server)], now), 0.0);
            assert_eq!(follow(&mut graph, &[call(link, End::Client)], now), 1.0);
        }
        assert_eq!(graph.waiting.len(), 1);
        assert!(
            graph.order.len() <= ORDER_SLACK + 3,
            "{}",
            graph.order.len()
        );
        assert_eq!(follow(&mut graph, &[call(0, End::Server)], now), 1.0);
        // And what waits too long stays alone, with whoever came in between.
        follow(&mut graph, &[call(7, End::Server)], now);
        let later = now + WAIT;
        assert_eq!(follow(&mut graph, &[call(8, End::Server)], later), 0.0);
        assert_eq!(graph.waiting.len(), 1);
        assert_eq!(follow(&mut graph, &[call(7, End::Client)], later), 0.0);
        assert_eq!(follow(&mut graph, &[call(8, End::Client)], later), 1.0);
    }
}
