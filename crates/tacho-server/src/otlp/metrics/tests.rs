use std::sync::Arc;

use tacho_model::{Columns, Matcher, Querier, TimeRange};
use tacho_store::{Store, StoreOptions};

use super::*;
use crate::settings::Settings;

struct Fixture {
    _dir: tempfile::TempDir,
    app: App,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        let app = App::new(Settings::default(), Arc::new(store), Timestamp::now());
        Self { _dir: dir, app }
    }

    fn send(&self, body: &[u8]) -> Result<Partial, ReceiveError> {
        receive(&self.app, "10.0.0.1", body)
    }

    fn last(&self, name: &str) -> Option<f64> {
        let matchers = [Matcher::metric(name)];
        let selection = self.app.store.select(&matchers, TimeRange::ALL).unwrap();
        let mut columns = Columns::new();
        (!selection.is_empty()).then(|| selection.read(0, &mut columns).unwrap());
        columns.last().map(|(_, value)| value)
    }

    /// What was counted of a source: accepted, and refused by reason.
    fn counted(&self, source: &str) -> (u64, Vec<(&'static str, u64)>) {
        let sources = self.app.intake.sources();
        let found = sources.into_iter().find(|s| &*s.source == source);
        let tally = found.map(|s| s.tally).unwrap_or_default();
        (tally.accepted, tally.refused.into_iter().collect())
    }
}

fn field(number: u8, inside: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, inside.len() as u8][..], inside].concat()
}

/// A request of service `api`: a monotonic sum with one point of an interval of nanoseconds.
fn sum(temporality: u8, interval: (i64, i64), value: f64) -> Vec<u8> {
    let fixed = |number: u8, bits: u64| [&[number << 3 | 1][..], &bits.to_le_bytes()].concat();
    let (start, time) = (fixed(2, interval.0 as u64), fixed(3, interval.1 as u64));
    let point = field(1, &[start, time, fixed(4, value.to_bits())].concat());
    let sum = [point, vec![2 << 3, temporality, 3 << 3, 1]].concat();
    let metric = field(2, &[field(1, b"c"), field(7, &sum)].concat());
    let name = [field(1, b"service.name"), field(2, &field(1, b"api"))].concat();
    let resource = field(1, &field(1, &name));
    field(1, &[resource, field(2, &metric)].concat())
}

const DELTA: u8 = 1;
const CUMULATIVE: u8 = 2;

#[test]
fn deltas_and_cumulative_points_arrive() {
    let fixture = Fixture::new();
    let now = Timestamp::now().as_nanos();
    let second = 1_000_000_000;
    let first = sum(DELTA, (now - 3 * second, now - 2 * second), 2.0);
    let received = fixture.send(&first).unwrap();
    assert_eq!(received, Partial::default());
    fixture
        .send(&sum(DELTA, (now - 2 * second, now - second), 3.0))
        .unwrap();
    // Sent again: neither counted nor complained of.
    let again = fixture.send(&first).unwrap();
    assert_eq!(again, Partial::default());
    assert_eq!(fixture.last("c_total"), Some(5.0));
    assert_eq!(fixture.counted("api"), (2, vec![("duplicate", 1)]));
    fixture
        .send(&sum(CUMULATIVE, (now - 3 * second, now), 9.0))
        .unwrap();
    assert_eq!(fixture.last("c_total"), Some(9.0));
}

#[test]
fn cumulative_points_of_the_same_millisecond_are_apart_and_never_added() {
    let fixture = Fixture::new();
    let now = Timestamp::now().as_nanos();
    for (nanos, value) in [(0, 1.0), (10, 2.0), (10, 3.0)] {
        fixture
            .send(&sum(CUMULATIVE, (0, now + nanos), value))
            .unwrap();
    }
    let matchers = [Matcher::metric("c_total")];
    let selection = fixture.app.store.select(&matchers, TimeRange::ALL).unwrap();
    let mut columns = Columns::new();
    selection.read(0, &mut columns).unwrap();
    assert_eq!(columns.values, [1.0, 3.0]);
}

#[test]
fn what_is_refused_is_told_and_counted() {
    let fixture = Fixture::new();
    let now = Timestamp::now().as_nanos();
    let refused = fixture.send(&sum(DELTA, (now, now), -1.0)).unwrap();
    assert_eq!(refused.rejected, 1);
    let expected = "1 of 1 points were refused: c: a delta of a monotonic sum is negative";
    assert_eq!(refused.message, expected);
    let year = 365 * 86_400 * 1_000_000_000;
    let early = fixture
        .send(&sum(CUMULATIVE, (0, now + year), 1.0))
        .unwrap();
    assert_eq!(early.rejected, 1);
    assert!(
        early.message.contains("c_total: too far in the future"),
        "{}",
        early.message
    );
    let broken = fixture.send(b"\x0a\xff").unwrap_err();
    assert!(matches!(broken, ReceiveError::Metrics(_)), "{broken}");
    assert_eq!(
        fixture.counted("10.0.0.1"),
        (0, vec![("negative_delta", 1)])
    );
    assert_eq!(fixture.counted("api"), (0, vec![("too_new", 1)]));
    assert_eq!(fixture.send(b"").unwrap(), Partial::default());
}
