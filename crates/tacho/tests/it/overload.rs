//! More than the server can do or may do: it says so, keeps what it has promised, and goes on.

use crate::remote_write::{millis, series, write};
use crate::support::{Home, QUIET};

/// Requests of `count` series of one metric each, with one sample at `at`.
fn many(name: &str, count: usize, at: i64) -> Vec<Vec<u8>> {
    let one = |i: usize| series(&[("__name__", name), ("i", &i.to_string())], at, i as f64);
    (0..count).map(one).collect()
}

#[test]
fn k6_a_query_that_takes_too_long_is_ended_and_said_so() {
    let home = Home::with(&format!("{QUIET}server: {{query_timeout: 1ms}}\n"));
    let server = home.start(&[]);
    assert_eq!(write(&server, &many("many", 50_000, millis())).status, 204);
    let path = "/api/performance/metrics?name=many&limit=10000";
    let wide = server.get(path);
    wide.is_problem(503, "longer than its limit of 1ms");
    wide.is_problem(503, "server.query_timeout");
    server
        .get(&format!("{path}&by=&agg=sum"))
        .is_problem(503, "1ms");
    // A timeout is not an error of the server's: others are served, and nothing is logged.
    assert_eq!(server.get("/healthz").status, 200);
    assert!(!server.log().contains("request failed"), "{}", server.log());
    drop(server);
    home.write("tacho.yaml", QUIET);
    let server = home.start(&[]);
    let found = server.get(path).ok();
    assert_eq!(found["series"].as_array().unwrap().len(), 10_000);
    let sum = server.values(&[("name", "many"), ("by", ""), ("agg", "sum")]);
    assert_eq!(sum, [(0..50_000).sum::<u32>() as f64]);
}
