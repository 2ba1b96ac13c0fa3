use std::convert::Infallible;

use proptest::prelude::*;
use tacho_model::append::is_stale;
use tacho_model::{AppendError, Histogram, Matcher, Refusal};
use tacho_store::{Store, StoreOptions};
use tacho_wire::otlp::metrics::Amount;

use super::totals::GENERATION_MAX;
use super::*;

/// A moment that is not older than what the store takes.
fn at(seconds: i64) -> Timestamp {
    let hour = Duration::from_hours(1);
    Timestamp::now().align_down(hour) - hour + Duration::from_secs(seconds as u64)
}

struct Fixture {
    dir: tempfile::TempDir,
    store: Option<Store>,
    accumulator: Accumulator,
}

/// An interval of a series, and what it gained.
type Gained<'a> = (&'a str, Timestamp, Timestamp, f64);

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Some(Store::open(dir.path(), StoreOptions::default()).unwrap());
        let accumulator = Accumulator::default();
        Self {
            dir,
            store,
            accumulator,
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// A server that ended without a word and was started again.
    fn restart(&mut self) {
        drop(self.store.take());
        self.store = Some(Store::open(self.dir.path(), StoreOptions::default()).unwrap());
        self.accumulator = Accumulator::default();
    }

    fn request(gained: &[Gained<'_>]) -> (Batch, Decoded) {
        let mut batch = Batch::new();
        let mut decoded = Decoded::default();
        for (point, (name, start, time, value)) in gained.iter().enumerate() {
            decoded.deltas.push(Delta {
                series: batch.series([("__name__", *name), ("job", "api")]).unwrap(),
                point: point as u32,
                start: *start,
                time: *time,
                amount: Amount::Number(*value),
            });
        }
        decoded.points = gained.len();
        (batch, decoded)
    }

    fn send_to(
        &self,
        door: &dyn Appender,
        gained: &[Gained<'_>],
    ) -> Result<Committed, ReceiveError> {
        let (mut batch, mut decoded) = Self::request(gained);
        let now = Timestamp::now();
        let store = self.store();
        self.accumulator
            .commit(&past(store), door, &mut batch, &mut decoded, now)
    }

    fn send(&self, gained: &[Gained<'_>]) -> Committed {
        self.send_to(self.store(), gained).unwrap()
    }

    /// All samples of a series, in order of time.
    fn samples(&self, name: &str) -> Vec<(Timestamp, f64)> {
        let selection = self
            .store()
            .select(&[Matcher::metric(name)], TimeRange::ALL)
            .unwrap();
        let mut columns = Columns::new();
        selection.read(0, &mut columns).unwrap();
        let samples = columns.timestamps.into_iter().zip(columns.values);
        samples.filter(|(_, value)| !is_stale(*value)).collect()
    }
}

/// A store in which everything is as it came.
fn past(store: &Store) -> Past<'_> {
    Past {
        store,
        stored_as: &|labels| {
            Some(StoredAs {
                labels: labels.to_owned(),
                is_throttled: false,
            })
        },
    }
}

#[test]
fn deltas_add_up() {
    let fixture = Fixture::new();
    let committed = fixture.send(&[("a", at(0), at(10), 1.0), ("b", at(0), at(10), 5.0)]);
    assert_eq!((committed.outcome.accepted, committed.duplicates), (2, 0));
    fixture.send(&[("a", at(10), at(20), 2.0), ("a", at(20), at(30), 4.0)]);
    let expected = [(at(10), 1.0), (at(20), 3.0), (at(30), 7.0)];
    assert_eq!(fixture.samples("a"), expected);
    assert_eq!(fixture.samples("b"), [(at(10), 5.0)]);
}

#[test]
fn what_is_sent_again_counts_once() {
    let fixture = Fixture::new();
    let request = [("a", at(0), at(10), 1.0), ("a", at(10), at(20), 2.0)];
    fixture.send(&request);
    let again = fixture.send(&request);
    assert_eq!((again.duplicates, again.outcome.accepted), (2, 0));
    // The sender started again; what it counts goes on here.
    fixture.send(&[("a", at(25), at(30), 8.0)]);
    // A late one rewrites the newest sample.
    fixture.send(&[("a", at(20), at(25), 4.0)]);
    let expected = [(at(10), 1.0), (at(20), 3.0), (at(30), 15.0)];
    assert_eq!(fixture.samples("a"), expected);
}

#[test]
fn a_restart_goes_on_where_it_was_and_counts_nothing_twice() {
    let mut fixture = Fixture::new();
    fixture.send(&[("a", at(0), at(10), 1.0)]);
    fixture.send(&[("a", at(10), at(20), 2.0)]);
    fixture.restart();
    // The last request was not answered: it comes again, with the next.
    let again = fixture.send(&[("a", at(10), at(20), 2.0), ("a", at(20), at(30), 4.0)]);
    assert_eq!(again.refused, [(0, NotAdded::Uncertain)]);
    let expected = [(at(10), 1.0), (at(20), 3.0), (at(30), 7.0)];
    assert_eq!(fixture.samples("a"), expected);
}

#[test]
fn histograms_go_on_after_a_restart() {
    let mut fixture = Fixture::new();
    for (start, end) in [(0, 10), (10, 20)] {
        let (mut batch, mut decoded) = Fixture::request(&[("h", at(start), at(end), 0.0)]);
        let mut histogram = Histogram::new();
        histogram.observe_many(0.5, 2.0);
        decoded.histograms.push(histogram);
        decoded.deltas[0].amount = Amount::Histogram(0);
        let (store, accumulator) = (fixture.store(), &fixture.accumulator);
        let now = Timestamp::now();
        accumulator
            .commit(&past(store), store, &mut batch, &mut decoded, now)
            .unwrap();
        fixture.restart();
    }
    let selection = fixture
        .store()
        .select(&[Matcher::metric("h")], TimeRange::ALL)
        .unwrap();
    let mut columns = Columns::new();
    selection.read(0, &mut columns).unwrap();
    let counts: Vec<f64> = columns.histograms.iter().map(Histogram::count).collect();
    assert_eq!(counts, [2.0, 4.0]);
}

/// Refuses whole batches, then takes them.
struct Moody<'a>(&'a Store, std::sync::atomic::AtomicBool);

impl Appender for Moody<'_> {
    fn append(&self, batch: &Batch) -> Result<AppendOutcome, AppendError> {
        if self.1.swap(false, std::sync::atomic::Ordering::Relaxed) {
            return Err(AppendError::Overloaded);
        }
        self.0.append(batch)
    }
}

#[test]
fn what_the_store_did_not_take_was_never_counted() {
    let fixture = Fixture::new();
    fixture.send(&[("a", at(0), at(10), 1.0)]);
    let moody = Moody(fixture.store(), true.into());
    let request = [("a", at(10), at(20), 2.0)];
    assert!(fixture.send_to(&moody, &request).is_err());
    let again = fixture.send_to(&moody, &request).unwrap();
    assert_eq!((again.outcome.accepted, again.duplicates), (1, 0));
    assert_eq!(fixture.samples("a"), [(at(10), 1.0), (at(20), 3.0)]);
}

#[test]
fn a_refused_row_is_taken_back_alone() {
    let fixture = Fixture::new();
    let far = Timestamp::now() + Duration::from_hours(24 * 365);
    let committed = fixture.send(&[
        ("a", at(0), at(10), 1.0),
        ("b", at(0), at(10), 1.0),
        ("a", at(10), far, 100.0),
    ]);
    let rejected = committed.outcome.rejected;
    assert_eq!((rejected.len(), rejected[0].reason), (1, Refusal::TooNew));
    fixture.send(&[("a", at(10), at(20), 2.0), ("b", at(10), at(20), 2.0)]);
    assert_eq!(fixture.samples("a"), [(at(10), 1.0), (at(20), 3.0)]);
    assert_eq!(fixture.samples("b"), [(at(10), 1.0), (at(20), 3.0)]);
}

#[test]
fn room_for_totals_is_bounded_and_none_is_lost_for_it() {
    let mut totals = Totals::default();
    for i in 0..3 * GENERATION_MAX {
        let read = || Ok::<_, Infallible>(Total::EMPTY);
        totals.change().total(i as Key, read).unwrap();
        assert!(totals.counts().iter().all(|count| *count <= GENERATION_MAX));
    }
    // Histograms weigh what they hold, though each comes only once.
    let mut histogram = Histogram::new();
    (1..2_000_000).for_each(|i| histogram.observe(f64::from(i)));
    let mut totals = Totals::default();
    for i in 0..3 * GENERATION_MAX / 50 {
        let mut change = totals.change();
        let read = || Ok::<_, Infallible>(Total::EMPTY);
        let total = change.total(i as Key, read).unwrap();
        total.add(at(0), at(10), Gain::Histogram(&histogram));
        change.weigh(i as Key);
        assert!(totals.counts()[0] <= GENERATION_MAX / 50);
    }
    // One that was forgotten goes on from the store.
    let fixture = Fixture::new();
    fixture.send(&[("a", at(0), at(10), 1.0)]);
    *fixture.accumulator.totals.lock() = Totals::default();
    // A unit of room is what a series of numbers takes.
    assert!(
        size_of::<(Key, Total)>() <= 300,
        "{}",
        size_of::<(Key, Total)>()
    );
    fixture.send(&[("a", at(10), at(20), 2.0)]);
    assert_eq!(fixture.samples("a"), [(at(10), 1.0), (at(20), 3.0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Requests in any order, some twice, with restarts of the server between those that are in
    /// order: the newest sample is the sum of what was taken, and nothing is taken twice.
    #[test]
    fn the_newest_sample_is_the_sum_of_what_was_taken(
        steps in prop::collection::vec((0..8i64, any::<bool>()), 1..20),
    ) {
        let mut fixture = Fixture::new();
        let mut taken = std::collections::BTreeSet::new();
        for (i, restarts) in steps {
            let (start, end) = (at(i * 10), at(i * 10 + 10));
            let committed = fixture.send(&[("a", start, end, f64::from(1 << i))]);
            if committed.outcome.accepted == 1 {
                prop_assert!(taken.insert(i), "{i} was taken twice");
            } else {
                let newest = taken.iter().next_back().copied().unwrap_or(-1);
                prop_assert!(taken.contains(&i) || i <= newest);
            }
            if restarts {
                fixture.restart();
            }
        }
        let sum: f64 = taken.iter().map(|i| f64::from(1 << i)).sum();
        let samples = fixture.samples("a");
        prop_assert_eq!(samples.last().map(|(_, value)| *value), Some(sum));
    }
}
