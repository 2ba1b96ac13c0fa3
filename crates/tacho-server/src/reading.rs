//! Reading many series on several threads, their samples folded in order of the series.
//!
//! Decoding is most of a query's work, and what adding numbers up gives depends on their order.
//! Invariants:
//! 1. `fold` gets the series one after another in their order, and the first failure in that order
//!    ends it: the answer is what one thread would give, to the bit;
//! 2. as many series are in memory as there are threads, besides what `fold` keeps, and at most
//!    a few dozen of what was made of them: a thread that the system holds up does not hold up others.
//!
//! Not for how long it may take: that is [`crate::query`]'s.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::{Condvar, Mutex};
use tacho_analysis::aggregate::{Grouping, Windows};
use tacho_model::query::read_all;
use tacho_model::{Columns, Labels, QueryError, Selection, Shape, TimeRange};

/// Beginning a thread pays where it takes over this much: hours of series, the first of each begun
/// counting in full. A thread costs some 30 µs, an hour of one series 2 to 10 µs.
const HOURS_A_THREAD: u64 = 32;

/// How many series may be made something of before their turn.
const AHEAD: usize = 32;

/// A series of a selection.
#[derive(Clone, Copy)]
pub struct SeriesAt<'a> {
    /// Where it was selected.
    pub selection: &'a dyn Selection,
    /// Its place there.
    pub index: usize,
}

impl<'a> SeriesAt<'a> {
    /// Its labels.
    pub fn labels(&self) -> &'a Labels {
        self.selection.labels(self.index)
    }

    /// All series of a selection, in their order.
    pub fn all(selection: &'a dyn Selection) -> Vec<Self> {
        let each = (0..selection.len()).map(|index| Self { selection, index });
        each.collect()
    }
}

/// How many threads reading so many series over this range is worth.
fn threads(series: usize, range: TimeRange) -> NonZero<usize> {
    let hours = range.duration().as_secs() / 3600 + 1;
    let worth = (series as u64).saturating_mul(hours) / HOURS_A_THREAD;
    let worth = usize::try_from(worth)
        .unwrap_or(usize::MAX)
        .min(cores().get());
    NonZero::new(worth).unwrap_or(NonZero::<usize>::MIN)
}

/// How many threads can run at once. Finding out reads several files, so it is done once.
pub fn cores() -> NonZero<usize> {
    static CORES: OnceLock<NonZero<usize>> = OnceLock::new();
    let found = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    *CORES.get_or_init(found)
}

/// Reads all of `wanted`, which were selected over `range`. `make` sees the samples of each series on
/// any thread, in any order; `fold` gets what it made, in order.
pub fn map_in_order<T: Send, E: From<QueryError> + Send>(
    wanted: &[SeriesAt<'_>],
    range: TimeRange,
    make: impl Fn(usize, &Columns) -> T + Sync,
    fold: impl FnMut(usize, T) -> Result<(), E> + Send,
) -> Result<(), E> {
    on_threads(wanted, threads(wanted.len(), range), make, fold)
}

/// Puts `wanted` together, each series by itself on any thread, then all in their order: what
/// `grouping` makes, filled. `shape` says how the samples of a series are to be taken.
pub fn group(
    wanted: &[SeriesAt<'_>],
    windows: Windows,
    grouping: impl Fn() -> Grouping + Sync,
    shape: impl Fn(&Columns) -> Shape + Sync,
) -> Result<Grouping, QueryError> {
    let aggregate = |index: usize, columns: &Columns| {
        let mut one = grouping();
        one.add(wanted[index].labels(), columns, shape(columns));
        one
    };
    let mut all = grouping();
    map_in_order(wanted, windows.read_range(), aggregate, |_, one| {
        all.merge(one);
        Ok::<(), QueryError>(())
    })?;
    Ok(all)
}

fn on_threads<T: Send, E: From<QueryError> + Send>(
    wanted: &[SeriesAt<'_>],
    threads: NonZero<usize>,
    make: impl Fn(usize, &Columns) -> T + Sync,
    fold: impl FnMut(usize, T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let turns = Turns {
        over: AtomicBool::new(false),
        state: Mutex::new(State {
            next: 0,
            ahead: BTreeMap::new(),
            fold,
            failed: None,
        }),
        changed: Condvar::new(),
    };
    let series = Series {
        wanted,
        turns: &turns,
        unread: Mutex::default(),
    };
    let read = read_all(&series, threads, |index, columns| {
        let _end = EndOnPanic(&turns);
        let made = match series.failure(index) {
            Some(error) => Err(E::from(error)),
            None => Ok(make(index, columns)),
        };
        turns.take(index, made);
    });
    match turns.state.into_inner().failed {
        Some(error) => Err(error),
        // Nothing else ends reading early.
        None => Ok(read?),
    }
}

/// Whose turn it is.
struct Turns<T, F, E> {
    /// No more turns: something failed.
    over: AtomicBool,
    state: Mutex<State<T, F, E>>,
    changed: Condvar,
}

struct State<T, F, E> {
    next: usize,
    /// What was made before its turn.
    ahead: BTreeMap<usize, Result<T, E>>,
    fold: F,
    failed: Option<E>,
}

impl<T, E, F: FnMut(usize, T) -> Result<(), E>> Turns<T, F, E> {
    /// Folds what was made of `index` and of those whose turn follows, or leaves it to whom it
    /// waits for. The one whose turn it is never waits, because series are handed out in order.
    fn take(&self, index: usize, made: Result<T, E>) {
        let mut state = self.state.lock();
        while state.next != index && state.ahead.len() >= AHEAD && !self.over.load(Relaxed) {
            self.changed.wait(&mut state);
        }
        state.ahead.insert(index, made);
        while !self.over.load(Relaxed) {
            let next = state.next;
            let Some(made) = state.ahead.remove(&next) else {
                break;
            };
            let folded = made.and_then(|made| (state.fold)(next, made));
            if let Err(error) = folded {
                state.failed = Some(error);
                self.over.store(true, Relaxed);
            }
            state.next += 1;
        }
        drop(state);
        self.changed.notify_all();
    }
}

/// Lets nobody wait for a turn that never comes.
struct EndOnPanic<'a, T, F, E>(&'a Turns<T, F, E>);

impl<T, F, E> Drop for EndOnPanic<'_, T, F, E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let state = self.0.state.lock();
            self.0.over.store(true, Relaxed);
            drop(state);
            self.0.changed.notify_all();
        }
    }
}

/// The wanted series as one selection, whose failures wait for their turn.
struct Series<'a, T, F, E> {
    wanted: &'a [SeriesAt<'a>],
    turns: &'a Turns<T, F, E>,
    unread: Mutex<Vec<(usize, QueryError)>>,
}

impl<T, F, E> Series<'_, T, F, E> {
    /// Why the samples of a series are not there.
    fn failure(&self, index: usize) -> Option<QueryError> {
        let mut unread = self.unread.lock();
        let at = unread.iter().position(|(failed, _)| *failed == index)?;
        Some(unread.swap_remove(at).1)
    }
}

impl<T: Send, F: Send, E: Send> Selection for Series<'_, T, F, E> {
    fn len(&self) -> usize {
        self.wanted.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        self.wanted[index].labels()
    }

    fn read(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
        if self.turns.over.load(Relaxed) {
            return Err(QueryError::Cancelled);
        }
        let _end = EndOnPanic(self.turns);
        let SeriesAt {
            selection,
            index: at,
        } = self.wanted[index];
        if let Err(error) = selection.read(at, into) {
            self.unread.lock().push((index, error));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tacho_model::Timestamp;

    use super::*;

    /// Series `i` has the sample `i`; reading some fails, or panics. Some take their time.
    struct Fake {
        labels: Labels,
        series: usize,
        failing: Vec<usize>,
        panicking: Option<usize>,
    }

    impl Selection for Fake {
        fn len(&self) -> usize {
            self.series
        }

        fn labels(&self, _: usize) -> &Labels {
            &self.labels
        }

        fn read(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
            into.clear();
            // The first one holds up the others until they are as far ahead as they may be.
            let micros = [20_000, 0, 300][if index == 0 { 0 } else { 1 + index % 2 }];
            std::thread::sleep(Duration::from_micros(micros));
            assert_ne!(self.panicking, Some(index), "as it was told to");
            if self.failing.contains(&index) {
                let limit = index as u64;
                return Err(QueryError::TooMuch {
                    what: "series",
                    limit,
                });
            }
            into.timestamps.push(Timestamp::from_secs(index as i64));
            into.values.push(index as f64);
            Ok(())
        }
    }

    /// What is folded, and the number of the series that failed, with folding refused at `full`.
    fn run(fake: &Fake, threads: usize, full: usize) -> (Vec<f64>, Option<u64>) {
        let mut seen = Vec::new();
        let read = on_threads(
            &SeriesAt::all(fake),
            NonZero::new(threads).unwrap(),
            |index, columns| (index, columns.values[0] * 2.0),
            |index, (made, double)| {
                assert_eq!((made, double), (index, index as f64 * 2.0));
                if index == full {
                    let limit = full as u64;
                    return Err(QueryError::TooMuch {
                        what: "samples",
                        limit,
                    });
                }
                seen.push(double);
                Ok(())
            },
        );
        let failed = match read {
            Ok(()) => None,
            Err(QueryError::TooMuch { limit, .. }) => Some(limit),
            Err(other) => panic!("{other}"),
        };
        (seen, failed)
    }

    fn check(series: usize, failing: &[usize], full: usize, expected: usize) {
        let fake = Fake {
            labels: Labels::metric("up").unwrap(),
            series,
            failing: failing.to_vec(),
            panicking: None,
        };
        for threads in [1, 2, 7] {
            let (seen, failed) = run(&fake, threads, full);
            let doubles: Vec<f64> = (0..expected).map(|i| i as f64 * 2.0).collect();
            assert_eq!(seen, doubles, "{threads} threads");
            assert_eq!(failed, (expected < series).then_some(expected as u64));
        }
    }

    #[test]
    fn any_number_of_threads_folds_in_order_and_ends_at_the_first_failure() {
        const NEVER: usize = usize::MAX;
        check(0, &[], NEVER, 0);
        check(1, &[], NEVER, 1);
        check(200, &[], NEVER, 200);
        check(200, &[199, 50, 51, 120], NEVER, 50);
        check(200, &[0, 1, 2, 3], NEVER, 0);
        check(200, &[], 77, 77);
        check(200, &[78], 77, 77);
        check(200, &[77], 78, 77);
    }

    #[test]
    fn a_panic_ends_all_threads() {
        for panicking in [0, 1, 40] {
            let fake = Fake {
                labels: Labels::metric("up").unwrap(),
                series: 100,
                failing: Vec::new(),
                panicking: Some(panicking),
            };
            let ran = std::panic::catch_unwind(|| run(&fake, 3, usize::MAX));
            assert!(ran.is_err());
        }
    }

    #[test]
    fn threads_are_begun_where_there_is_work_for_them() {
        let range = |hours: u64| {
            let end = Timestamp::from_secs(1_795_269_600);
            TimeRange::new(end - Duration::from_hours(hours), end)
        };
        assert_eq!(threads(0, TimeRange::ALL).get(), 1);
        assert_eq!(threads(1, range(1)).get(), 1);
        assert_eq!(threads(20, range(0)).get(), 1);
        assert_eq!(threads(1_000, range(24)), cores());
        assert_eq!(threads(usize::MAX, TimeRange::ALL), cores());
    }
}
