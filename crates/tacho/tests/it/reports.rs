//! Reports: three formats, from a server and from a folder.

use serde_json::json;

use crate::support::{Home, assert_keys, eventually};

#[test]
fn f9_reports_come_in_three_formats() {
    let home = Home::new();
    let server = home.start(&["--interval", "100ms"]);
    eventually("some history", || {
        let points = server.series(&[("name", "cpu_usage_percent")]);
        (points.first()?["points"].as_array()?.len() > 15).then_some(())
    });
    let body = json!({"name": "default", "window": "1m"});
    assert_eq!(server.post("/api/performance/baselines", &body).status, 201);
    let report = |args: &[&str]| {
        let all = [&["report", "--window", "3600"], args].concat();
        server.tacho(&home, &all).exits(0).out
    };

    let html = report(&[]);
    assert!(
        html.to_lowercase().starts_with("<!doctype html>"),
        "{}",
        &html[..80]
    );
    for part in ["<svg", "CPU", "<h1", "</html>"] {
        assert!(html.contains(part), "no {part}");
    }
    assert_no_outside(&html);

    let parsed: serde_json::Value = serde_json::from_str(&report(&["--format", "json"])).unwrap();
    assert_keys(
        &parsed,
        "schema created_at version host from to summary statistics alerts comparison charts",
    );
    assert_eq!(parsed["schema"], 1);
    assert!(parsed["summary"].as_str().unwrap().ends_with('.'));
    let statistics = parsed["statistics"].as_array().unwrap();
    let cpu = statistics
        .iter()
        .find(|s| s["metric"] == "cpu_usage_percent")
        .unwrap();
    assert_keys(
        cpu,
        "title metric unit n mean stddev min p50 p90 p95 p99 p999 max last",
    );
    assert_eq!(parsed["comparison"]["baseline"], "default");

    let markdown = report(&["--format", "markdown"]);
    assert!(markdown.starts_with("# "), "{markdown}");
    assert!(
        markdown.contains("| ") && markdown.contains("CPU"),
        "{markdown}"
    );

    let out = home.path("report.html");
    let said = server
        .tacho(&home, &["report", "--out", out.to_str().unwrap()])
        .exits(0);
    assert!(
        said.out.is_empty() && said.err.contains("wrote"),
        "{said:?}"
    );
    assert_no_outside(&std::fs::read_to_string(&out).unwrap());
    let nowhere = home.path("no/such/folder.html");
    let refused = server.tacho(&home, &["report", "--out", nowhere.to_str().unwrap()]);
    refused
        .exits(2)
        .complains(&["cannot write", "no/such/folder.html"]);
    server
        .tacho(&home, &["report", "--window", "x"])
        .exits(2)
        .complains(&["window"]);

    // The same from the folder, once no server holds it.
    assert!(server.stop().success());
    let offline = home
        .tacho(&["report", "--format", "json", "--data-dir", "data"])
        .exits(0)
        .json();
    let last = |report: &serde_json::Value| {
        let found = report["statistics"].as_array().unwrap().iter();
        found.filter(|s| s["n"].as_u64() > Some(0)).count()
    };
    assert_eq!(last(&offline), last(&parsed));
}

/// Nothing in the page leads out of it: it opens from disk without network.
fn assert_no_outside(html: &str) {
    // Names of XML vocabularies look like addresses and are never fetched.
    let text = html
        .replace("http://www.w3.org/2000/svg", "")
        .replace("http://www.w3.org/1999/xlink", "");
    for outside in [
        "http://",
        "https://",
        "<script src",
        "@import",
        "<link",
        "src=\"//",
    ] {
        let at = text.find(outside);
        assert!(
            at.is_none(),
            "{outside}: {:?}",
            at.map(|at| &text[at..(at + 60).min(text.len())])
        );
    }
}
