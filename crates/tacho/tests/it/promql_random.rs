//! Random queries, asked of Tachograph and of a real Prometheus 2.42 that hold the same samples.
//!
//! Each query is asked at an instant and over a range. Answers are the same, or their smallest part
//! that differs is of a known class ([`classes`]); anything else fails, and is told. Seeds are
//! fixed. `script/promql-diff [N] [SEED]` asks more, and prints the summary.

mod answer;
mod classes;
mod compare;
mod compliance;
mod data;
mod grammar;
mod pair;
mod random;
mod tally;

use crate::support::prometheus::there_is;
use grammar::Grammar;
use pair::Pair;
use tally::Tally;

/// What the suite asks; `TACHO_PROMQL_QUERIES` and `TACHO_PROMQL_SEED` say otherwise.
const QUERIES: u64 = 300;
const SEED: u64 = 7;
/// Of a hundred comparisons at least so many are of data, or the rest proves nothing.
const DATA_MIN: usize = 70;
/// And of a hundred at most so many may differ in known ways: more would be a way not known yet.
const KNOWN_MAX: usize = 3;

fn setting(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().unwrap())
}

#[test]
fn k9_random_queries_are_answered_as_prometheus_answers_them() {
    if !there_is("prometheus") {
        return;
    }
    let seed = setting("TACHO_PROMQL_SEED", SEED);
    let pair = Pair::holding(&data::body(seed));
    let mut grammar = Grammar::new(seed);
    let mut times = random::Random::new(!seed);
    let mut tally = Tally::default();
    for _ in 0..setting("TACHO_PROMQL_QUERIES", QUERIES) {
        let query = grammar.query();
        for when in data::times(&mut times) {
            pair.compare(&query, when, &mut tally);
        }
    }
    println!("seed {seed}: {tally}");
    assert_good(&tally);
}

#[test]
fn k9_queries_of_the_compliance_suite_are_answered_as_prometheus_answers_them() {
    if !there_is("prometheus") {
        return;
    }
    let pair = Pair::holding(&compliance::body());
    let mut tally = Tally::default();
    let queries = compliance::queries();
    for query in &queries {
        for when in compliance::times() {
            pair.compare(query, when, &mut tally);
        }
    }
    println!("{} queries: {tally}", queries.len());
    assert_good(&tally);
}

#[track_caller]
fn assert_good(tally: &Tally) {
    assert_eq!(tally.unknown(), 0, "unknown differences, listed above");
    assert!(tally.known() * 100 <= tally.total() * KNOWN_MAX, "{tally}");
    assert!(tally.data() * 100 >= tally.total() * DATA_MIN, "{tally}");
}
