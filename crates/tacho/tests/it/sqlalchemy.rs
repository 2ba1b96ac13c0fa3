//! `SQLAlchemy` on `PostgreSQL`, instrumented by both conventions: queries by what they do and to which
//! tables, although only their text is told.

use serde_json::Value;

use crate::support::databases::{Postgresql, postgresql};
use crate::support::python::{file, interpreter, output};
use crate::support::{Home, QUIET};

fn check(conventions: &str) {
    let (Some(mut command), Some(bin)) = (interpreter(), postgresql()) else {
        return;
    };
    let database = Postgresql::start(bin);
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let folder = database.folder().display();
    let port = database.port;
    let url = format!("postgresql+psycopg://postgres@/postgres?host={folder}&port={port}");
    command
        .arg(file("sqlalchemy_queries.py"))
        .args([&url, "50"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", server.url());
    command.env("OTEL_SEMCONV_STABILITY_OPT_IN", conventions);
    let asked: Value = serde_json::from_str(&output(command)).unwrap();

    let parameters = [("window", "5m"), ("service", "orders")];
    let body = server.query("/api/performance/databases", &parameters);
    let databases = body["databases"].as_array().unwrap();
    assert_eq!(databases.len(), 1, "{databases:#?}");
    let told = &databases[0];
    let names = ["system", "namespace", "service"].map(|key| told[key].as_str().unwrap());
    assert_eq!(names, ["postgresql", "postgres", "orders"]);
    let queries = told["queries"].as_array().unwrap();
    for (name, measured) in asked.as_object().unwrap() {
        let query = queries.iter().find(|query| query["name"] == name.as_str());
        let query = query.unwrap_or_else(|| panic!("no {name} in {queries:#?}"));
        assert_eq!(query["stats"]["count"], measured["count"], "{query:#}");
        let operation = name.split(' ').next().unwrap();
        assert_eq!(query["operation"], operation, "{query:#}");
        let is_lost = name == "SELECT nowhere";
        let failed = if is_lost {
            measured["count"].clone()
        } else {
            0.into()
        };
        assert_eq!(query["stats"]["errors"], failed, "{query:#}");
        // The program measures the transaction around each query as well.
        let total = query["stats"]["total"].as_f64().unwrap();
        let around = measured["seconds"].as_f64().unwrap();
        assert!(total > 0.0 && total < around, "{name}: {total} {around}");
    }
    // What was asked is not kept in names, whose number would have no end.
    assert!(
        queries.len() <= asked.as_object().unwrap().len() + 2,
        "{queries:#?}"
    );
    let orders = queries
        .iter()
        .find(|query| query["name"] == "SELECT orders customers");
    assert_eq!(orders.unwrap()["collection"], "orders");
}

#[test]
fn w1_sqlalchemy_by_the_old_conventions() {
    check("");
}

#[test]
fn w1_sqlalchemy_by_the_new_conventions() {
    check("database");
}
