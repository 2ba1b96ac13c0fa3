//! Databases, as those who ask them see them, with their queries.

use std::collections::BTreeMap;

use tacho_model::{Querier, QueryError};

use super::operation::Kind;
use super::source::{Wanted, observe};
use super::stats::{Listed, Measured, Row, listed};
use super::window::Scope;

/// Queries that a database in the list shows.
const QUERIES: usize = 20;

/// A database, as one service sees it.
#[derive(Debug, Clone)]
pub struct Database {
    /// `postgresql`, `redis`, …
    pub system: String,
    /// Its name; empty where nobody told.
    pub namespace: String,
    /// Who asks.
    pub service: String,
    /// All queries.
    pub measured: Measured,
    /// Those with the most time spent.
    pub queries: Listed<Query>,
}

/// Queries of one form.
#[derive(Debug, Clone)]
pub struct Query {
    /// Its summary, or its operation and collection.
    pub name: String,
    /// The table, or what there is in place of one.
    pub collection: Option<String>,
    /// What it does.
    pub operation: Option<String>,
    /// Its figures.
    pub measured: Measured,
}

#[derive(Debug, Default)]
struct Gathered {
    row: Row,
    queries: BTreeMap<(String, Option<String>, Option<String>), Row>,
}

/// The databases that one service asked, or all, those with the most time spent first.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn databases(
    querier: &dyn Querier,
    service: Option<&str>,
    scope: &Scope,
) -> Result<Listed<Database>, QueryError> {
    let wanted = Wanted {
        service,
        kinds: &[Kind::Database],
    };
    let mut all: BTreeMap<(String, String, String), Gathered> = BTreeMap::new();
    observe(
        querier,
        wanted,
        &scope.windows(),
        |operation, tallies, last| {
            let text = |text: Option<&str>| text.unwrap_or("").to_owned();
            let key = (
                text(operation.system()),
                text(operation.namespace()),
                operation.service().to_owned(),
            );
            let gathered = all.entry(key).or_default();
            gathered.row.add(tallies, last);
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let query = (
                operation.name(),
                owned(operation.collection()),
                owned(operation.query_operation()),
            );
            gathered
                .queries
                .entry(query)
                .or_default()
                .add(tallies, last);
        },
    )?;
    // One database alone may show all of its queries.
    let few = Scope {
        limit: scope.limit.min(if service.is_some() {
            scope.limit
        } else {
            QUERIES
        }),
        ..*scope
    };
    let query = |((name, collection, operation), row): ((String, _, _), Row)| Query {
        name,
        collection,
        operation,
        measured: row.measured(scope),
    };
    Ok(listed(
        all,
        |one| &one.row,
        scope,
        |(key, gathered)| {
            let (system, namespace, service) = key;
            Database {
                system,
                namespace,
                service,
                measured: gathered.row.measured(scope),
                queries: listed(gathered.queries, |row| row, &few, query),
            }
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Store, scope};
    use super::*;

    #[test]
    fn queries_by_database_and_service() {
        let store = Store::new();
        for (summary, operation, time) in [
            ("SELECT users", "SELECT", 0.01),
            ("INSERT users", "INSERT", 0.5),
        ] {
            let labels = [
                ("service", "api"),
                ("span_kind", "SPAN_KIND_CLIENT"),
                ("span_name", summary),
                ("db_system_name", "postgresql"),
                ("db_namespace", "shop"),
                ("db_collection_name", "users"),
                ("db_operation_name", operation),
                ("db_query_summary", summary),
            ];
            store.spans(&labels, 10, &[time; 3]);
        }
        let metric = "db_client_operation_duration_seconds";
        let labels = [
            ("job", "web"),
            ("db_system", "redis"),
            ("error_type", "TIMEOUT"),
        ];
        store.buckets(&labels, metric, 10, &[("0.1", 2.0), ("+Inf", 2.0)], 0.1);
        let found = databases(store.querier(), None, &scope()).unwrap();
        let [shop, redis] = &found.rows[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (shop.system.as_str(), shop.namespace.as_str()),
            ("postgresql", "shop")
        );
        assert_eq!(shop.measured.stats.count, 6.0);
        let queries: Vec<&str> = shop
            .queries
            .rows
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(queries, ["INSERT users", "SELECT users"]);
        assert_eq!(
            (redis.service.as_str(), redis.measured.stats.errors),
            ("web", 2.0)
        );
        assert_eq!(redis.queries.rows[0].name, "redis");
    }
}
