//! One query's bounds: how long it may take, and whether anybody still waits for its answer.
//!
//! Whatever a request reads, it reads through [`QueryCtx::querier`], which looks at the bounds
//! before each series. So a query ends within one series' reading of its time, and its thread is
//! free for the next. Writing is not bounded: what was begun is finished, and says what it did.
//!
//! Not for background work (rules, maintenance), which reads the store itself.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tacho_model::{Columns, Labels, Matcher, Metadata, Querier, QueryError, Selection, TimeRange};

use crate::app::App;

/// Until when a query may run.
#[derive(Debug)]
pub struct Deadline {
    limit: Duration,
    /// Never where the limit reaches further than time does.
    end: Option<Instant>,
    gone: Arc<AtomicBool>,
}

/// Says, when it is dropped, that nobody waits for the answer any more.
#[derive(Debug, Default)]
pub struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// A query that begins now and may take so long, for as long as this waits.
    pub fn deadline(&self, limit: Duration) -> impl FnOnce() -> Deadline + Send + use<> {
        let gone = Arc::clone(&self.0);
        move || Deadline {
            limit,
            end: Instant::now().checked_add(limit),
            gone,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

impl Deadline {
    /// An error once it has passed, or nobody waits any more.
    pub fn check(&self) -> Result<(), QueryError> {
        if self.gone.load(Relaxed) {
            return Err(QueryError::Cancelled);
        }
        match self.end {
            Some(end) if Instant::now() >= end => Err(QueryError::TimedOut { limit: self.limit }),
            _ => Ok(()),
        }
    }
}

/// The server as one query sees it.
#[derive(Clone, Copy)]
pub struct QueryCtx<'a> {
    app: &'a App,
    deadline: &'a Deadline,
}

impl<'a> QueryCtx<'a> {
    /// A query of `app`.
    pub fn new(app: &'a App, deadline: &'a Deadline) -> Self {
        Self { app, deadline }
    }

    /// The store, read within the query's bounds.
    pub fn querier(&self) -> Bounded<'a> {
        self.bound(self.app.store.as_ref())
    }

    /// Anything else that is read, within the query's bounds.
    pub fn bound(&self, querier: &'a dyn Querier) -> Bounded<'a> {
        Bounded {
            querier,
            deadline: self.deadline,
        }
    }

    /// An error once the bounds are exceeded.
    pub fn check(&self) -> Result<(), QueryError> {
        self.deadline.check()
    }
}

impl Deref for QueryCtx<'_> {
    type Target = App;

    fn deref(&self) -> &App {
        self.app
    }
}

/// A querier that answers within bounds.
#[derive(Clone, Copy)]
pub struct Bounded<'a> {
    querier: &'a dyn Querier,
    deadline: &'a Deadline,
}

struct BoundedSelection<'a> {
    selection: Box<dyn Selection + 'a>,
    deadline: &'a Deadline,
}

impl Querier for Bounded<'_> {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Box<dyn Selection + '_>, QueryError> {
        self.deadline.check()?;
        let selection = self.querier.select(matchers, range)?;
        let deadline = self.deadline;
        Ok(Box::new(BoundedSelection {
            selection,
            deadline,
        }))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        self.deadline.check()?;
        self.querier.label_values(name, matchers, range)
    }

    fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        self.deadline.check()?;
        self.querier.label_names(matchers, range)
    }

    fn metadata(&self, name: &str) -> Option<Metadata> {
        self.querier.metadata(name)
    }
}

impl Selection for BoundedSelection<'_> {
    fn len(&self) -> usize {
        self.selection.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        self.selection.labels(index)
    }

    fn read(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
        self.deadline.check()?;
        self.selection.read(index, into)
    }

    fn read_times(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
        self.deadline.check()?;
        self.selection.read_times(index, into)
    }
}

#[cfg(test)]
mod tests {
    use tacho_model::{Appender, Batch, Timestamp};
    use tacho_store::{Store, StoreOptions};

    use super::*;

    /// Reads the only series of a store with the deadline that `make` gives, after `before`.
    fn read(limit: Duration, before: impl FnOnce(Waiting)) -> Result<(), QueryError> {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        let mut batch = Batch::new();
        let series = batch.series([("__name__", "up")]).unwrap();
        batch.push(series, Timestamp::now(), 1.0);
        store.append(&batch).unwrap();
        let waiting = Waiting::default();
        let deadline = waiting.deadline(limit)();
        let querier = Bounded {
            querier: &store,
            deadline: &deadline,
        };
        let selection = querier.select(&[Matcher::metric("up")], TimeRange::ALL)?;
        before(waiting);
        selection.read(0, &mut Columns::new())
    }

    #[test]
    fn a_query_ends_with_its_time_or_with_whoever_asked() {
        let stay = |waiting| std::mem::forget(waiting);
        assert!(read(Duration::from_mins(1), stay).is_ok());
        assert!(read(Duration::MAX, stay).is_ok(), "no limit");
        let slowly = |waiting| {
            std::mem::forget(waiting);
            std::thread::sleep(Duration::from_millis(60));
        };
        let late = read(Duration::from_millis(50), slowly);
        assert!(matches!(late, Err(QueryError::TimedOut { limit }) if limit.as_millis() == 50));
        let left = read(Duration::MAX, drop);
        assert!(matches!(left, Err(QueryError::Cancelled)), "{left:?}");
        assert!(
            read(Duration::ZERO, stay).is_err(),
            "selecting is bounded too"
        );
    }
}
