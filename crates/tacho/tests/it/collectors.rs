//! Collecting from what does not push: real databases while their own load generators run, servers
//! with known delays, commands that misbehave.

mod custom;
mod databases;
mod probes;

use serde_json::Value;

use crate::support::{Home, QUIET, Server};

/// A server that collects; `targets` stand under `collect`.
pub(crate) fn collecting(home: &Home, targets: &str) -> Server {
    let quiet = QUIET.trim_end().trim_end_matches('}');
    home.write("tacho.yaml", &format!("{quiet},\n{targets}}}\n"));
    home.start(&[])
}

/// The last value of the only series that matches, where there is one.
pub(crate) fn value(server: &Server, selector: &str) -> Option<f64> {
    let series = server.series(&[("match[]", selector), ("window", "10m")]);
    assert!(series.len() < 2, "{selector}: {series:#?}");
    last(series.first()?)
}

/// The last values of all series that match, added up.
pub(crate) fn sum(server: &Server, selector: &str) -> f64 {
    let series = server.series(&[("match[]", selector), ("window", "10m")]);
    series.iter().filter_map(last).sum()
}

fn last(series: &Value) -> Option<f64> {
    series["points"].as_array()?.last()?[1].as_f64()
}

/// What is wrong with the targets of a kind, as the page shows it.
pub(crate) fn problems(server: &Server, kind: &str) -> Vec<String> {
    let body = server.query("/api/performance/sources", &[]);
    let jobs = body["scraping"].as_array().unwrap();
    let name = format!("collect.{kind}");
    let job = jobs.iter().find(|job| job["job"] == name.as_str()).unwrap();
    let problems = job["problems"].as_array().unwrap();
    problems
        .iter()
        .map(|p| p["error"].as_str().unwrap().to_owned())
        .collect()
}
