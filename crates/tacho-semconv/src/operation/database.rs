//! Calls of databases.
//!
//! What instrumentations do not tell, the text of the query does. That of `SQLAlchemy` tells no
//! table, and an operation with the database's name behind it; seen with
//! opentelemetry-instrumentation-sqlalchemy 0.66b1.

use std::borrow::Cow;

use super::{Database, Operation};
use crate::reading::Reading;
use crate::sql;
use crate::table::Field;

/// Products whose queries are no SQL, although they may begin like it.
const NO_SQL: [&str; 10] = [
    "redis",
    "valkey",
    "memcached",
    "mongodb",
    "elasticsearch",
    "opensearch",
    "neo4j",
    "couchdb",
    "aws.dynamodb",
    "dynamodb",
];

pub(super) fn database<'s>(reading: &Reading<'s, '_>) -> Option<Operation<'s>> {
    let system = reading.text(Field::DbSystem)?;
    let is_sql = !NO_SQL.contains(&&*system);
    let query = reading.text(Field::DbQuery);
    let read = query.as_deref().filter(|_| is_sql).and_then(sql::summary);
    let told = reading.text(Field::DbOperation);
    let told = told.and_then(|operation| operation_of(&operation));
    let by_query = match &read {
        Some(read) => Some(Cow::Borrowed(read.operation)),
        None => query
            .filter(|_| !is_sql)
            .and_then(|query| command_of(&query)),
    };
    let by_name = (reading.span.name == "connect").then_some(Cow::Borrowed("connect"));
    let (summary, collection) = read.map(|read| (read.text, read.collection)).unzip();
    let or = |told: Option<Cow<'s, str>>, read: Option<String>| told.or(read.map(Cow::Owned));
    Some(Operation::Database(Database {
        system,
        namespace: reading.text(Field::DbNamespace),
        collection: or(reading.text(Field::DbCollection), collection.flatten()),
        // What begins with the names of its parts does what comes after them.
        operation: told.filter(|told| *told != "WITH").or(by_query).or(by_name),
        summary: or(reading.text(Field::DbSummary), summary),
    }))
}

/// The operation without what stands behind it, those of SQL in capitals.
fn operation_of<'s>(told: &str) -> Option<Cow<'s, str>> {
    let word = told.split_whitespace().next()?;
    Some(match sql::operation(word) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(word.to_owned()),
    })
}

/// The command that a query begins with, such as Redis' `HGET`.
fn command_of<'s>(query: &str) -> Option<Cow<'s, str>> {
    let word = query.split_whitespace().next()?;
    let is_command = word.len() <= 20 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_command.then(|| Cow::Owned(word.to_ascii_uppercase()))
}
