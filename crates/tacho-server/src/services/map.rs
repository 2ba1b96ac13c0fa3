//! Who calls whom: the graph of services, databases, queues and what is outside.
//!
//! Source: the names of the OpenTelemetry Collector's service graph connector.

use std::collections::{BTreeMap, BTreeSet};

use tacho_model::{Labels, Querier, QueryError};

use super::list;
use super::measures::{self, gained};
use super::source::span_matchers;
use super::stats::{Origin, Row, Stats, Tally};
use super::window::Scope;

/// As whoever asks sees it, and as whoever answers does.
const SECONDS: [&str; 2] = [
    "traces_service_graph_request_client_seconds",
    "traces_service_graph_request_server_seconds",
];
const FAILED: &str = "traces_service_graph_request_failed_total";

/// The graph.
#[derive(Debug, Clone)]
pub struct Map {
    /// Everything that asks or answers, by name.
    pub nodes: Vec<Node>,
    /// Who asks whom, the most often first.
    pub edges: Vec<Edge>,
    /// Edges beyond the limit.
    pub more: usize,
}

/// Something that asks or answers.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// `service`, `database`, `messaging` or `external`.
    pub kind: &'static str,
    /// A service's own figures; of anything else, those of the edges that end there.
    pub stats: Option<Stats>,
}

/// Somebody asks somebody.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Who asks.
    pub client: String,
    /// Who answers.
    pub server: String,
    /// `service`, `database`, `messaging` or `external`: what answers.
    pub kind: &'static str,
    /// Its figures; the errors are those that were counted as failed.
    pub stats: Stats,
}

type Key = (String, String, &'static str);

fn key(labels: &Labels) -> Key {
    let text = |name| labels.get(name).unwrap_or("").to_owned();
    let kind = match labels.get("connection_type") {
        None | Some("") => "service",
        Some("database") => "database",
        Some("messaging_system") => "messaging",
        Some(_) => "external",
    };
    (text("client"), text("server"), kind)
}

/// The graph of the window.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn map(querier: &dyn Querier, scope: &Scope) -> Result<Map, QueryError> {
    let scope = Scope {
        previous: None,
        ..*scope
    };
    let windows = scope.windows();
    let mut sides: [BTreeMap<Key, Row>; 2] = Default::default();
    for (metric, rows) in SECONDS.iter().zip(&mut sides) {
        let matchers = span_matchers(metric, None);
        measures::native(
            querier,
            matchers,
            &windows,
            Origin::Spans,
            |labels, tallies, last| {
                rows.entry(key(labels)).or_default().add(tallies, last);
            },
        )?;
    }
    let [mut edges, answered] = sides;
    // One that was asked before the window only tells nothing, and hides nobody.
    edges.retain(|_, row| row.is_seen(&scope));
    for (key, row) in answered {
        edges.entry(key).or_insert(row);
    }
    for (labels, failed) in gained(querier, span_matchers(FAILED, None), scope.range)? {
        let row = edges.get_mut(&key(&labels));
        if let Some(tally) = row.and_then(|row| row.tallies.first_mut()) {
            tally.errors = (tally.errors + failed).min(tally.count);
        }
    }
    edges.retain(|_, row| row.is_seen(&scope));
    let nodes = nodes(querier, &edges, &scope)?;
    let mut edges: Vec<(Key, Row)> = edges.into_iter().collect();
    edges.sort_by(|(a, x), (b, y)| y.count(0).total_cmp(&x.count(0)).then_with(|| a.cmp(b)));
    let more = edges.len().saturating_sub(scope.limit);
    edges.truncate(scope.limit);
    let shown: BTreeSet<&str> = edges
        .iter()
        .flat_map(|((client, server, _), _)| [client.as_str(), server.as_str()])
        .collect();
    // Of a graph that was cut, services stand for themselves, and anything else for its edges.
    let nodes = nodes
        .into_iter()
        .filter(|node| node.kind == "service" || shown.contains(node.name.as_str()))
        .collect();
    let edge = |((client, server, kind), row): (Key, Row)| Edge {
        client,
        server,
        kind,
        stats: row.measured(&scope).stats,
    };
    Ok(Map {
        nodes,
        edges: edges.into_iter().map(edge).collect(),
        more,
    })
}

fn nodes(
    querier: &dyn Querier,
    edges: &BTreeMap<Key, Row>,
    scope: &Scope,
) -> Result<Vec<Node>, QueryError> {
    let services = list::services(querier, scope)?;
    let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
    for service in services.rows {
        let node = Node {
            name: service.name.clone(),
            kind: "service",
            stats: Some(service.measured.stats),
        };
        nodes.insert(service.name, node);
    }
    let mut asked: BTreeMap<&str, (&'static str, Tally)> = BTreeMap::new();
    for ((client, server, kind), row) in edges {
        for (name, kind) in [(client, "service"), (server, *kind)] {
            let node = || Node {
                name: name.clone(),
                kind,
                stats: None,
            };
            nodes.entry(name.clone()).or_insert_with(node);
        }
        let (known, tally) = asked.entry(server).or_insert((kind, Tally::default()));
        *known = kind;
        if let Some(one) = row.tally(0) {
            tally.add(one);
        }
    }
    for (name, (kind, tally)) in asked {
        if let Some(node) = nodes.get_mut(name).filter(|node| node.stats.is_none()) {
            node.kind = kind;
            node.stats = Some(tally.stats(scope.seconds(0)));
        }
    }
    Ok(nodes.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Store, scope};
    use super::*;
    use tacho_model::Histogram;

    #[test]
    fn nodes_and_edges_also_of_what_sends_no_spans() {
        let store = Store::new();
        let edge = |metric, server, kind| {
            let ends = [
                ("client", "web"),
                ("server", server),
                ("connection_type", kind),
            ];
            [&[("__name__", metric)][..], &ends].concat()
        };
        let mut seconds = Histogram::new();
        seconds.observe_many(0.1, 10.0);
        store.histogram(&edge(SECONDS[0], "api", ""), 10, seconds.clone());
        store.histogram(&edge(SECONDS[1], "api", ""), 10, seconds.clone());
        store.histogram(&edge(SECONDS[1], "shop", "database"), 10, seconds);
        store.number(&edge(FAILED, "api", ""), 10, 4.0);
        // Who asks stopped telling before the window; who answers did not.
        let mut few = Histogram::new();
        few.observe_many(0.1, 2.0);
        store.histogram(&edge(SECONDS[0], "late", ""), -100, few.clone());
        store.histogram(&edge(SECONDS[1], "late", ""), 10, few);
        let served = [
            ("service", "api"),
            ("span_kind", "SPAN_KIND_SERVER"),
            ("span_name", "GET /"),
        ];
        store.spans(&served, 10, &[0.2; 3]);
        let map = map(store.querier(), &scope()).unwrap();
        let edges: Vec<_> = map
            .edges
            .iter()
            .map(|edge| {
                (
                    edge.server.as_str(),
                    edge.kind,
                    edge.stats.count,
                    edge.stats.errors,
                )
            })
            .collect();
        assert_eq!(
            edges,
            [
                ("api", "service", 10.0, 4.0),
                ("shop", "database", 10.0, 0.0),
                ("late", "service", 2.0, 0.0),
            ]
        );
        let nodes: Vec<_> = map
            .nodes
            .iter()
            .map(|node| {
                (
                    node.name.as_str(),
                    node.kind,
                    node.stats.as_ref().map(|one| one.count),
                )
            })
            .collect();
        let expected = [
            ("api", "service", Some(3.0)),
            ("late", "service", Some(2.0)),
            ("shop", "database", Some(10.0)),
            ("web", "service", None),
        ];
        assert_eq!(nodes, expected);
    }
}
