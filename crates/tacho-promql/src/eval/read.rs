//! Reading the series of a selection on several threads, one decoded at a time on each.
//!
//! What comes of a series is kept, its samples are not: memory is that of the results plus one
//! series a thread. The first error ends it for all.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use tacho_model::query::Selection;
use tacho_model::{Columns, Labels};

use super::notes::Notes;
use crate::error::Error;

/// What is read of each series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    Samples,
    /// When there were samples and which are staleness markers; numbers may be any.
    Times,
}

/// What a thread keeps from one series to the next.
pub(super) struct Scratch {
    pub(super) notes: Notes,
    pub(super) filtered: Columns,
}

/// The results of all series, in their order, and what was noted.
pub(super) fn each_series<T: Send>(
    selection: &dyn Selection,
    (threads, reads): (NonZero<usize>, Reads),
    each: impl Fn(&mut Scratch, &Labels, &Columns) -> Result<Option<T>, Error> + Sync,
) -> Result<(Vec<T>, Notes), Error> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let done: Mutex<(Vec<(usize, T)>, Notes)> = Mutex::default();
    let work = || {
        let mut columns = Columns::new();
        let mut scratch = Scratch {
            notes: Notes::default(),
            filtered: Columns::new(),
        };
        let mut results = Vec::new();
        loop {
            let index = next.fetch_add(1, Relaxed);
            if index >= selection.len() {
                break;
            }
            let read = match reads {
                Reads::Samples => selection.read(index, &mut columns),
                Reads::Times => selection.read_times(index, &mut columns),
            };
            let read = read.map_err(Error::from);
            match read.and_then(|()| each(&mut scratch, selection.labels(index), &columns)) {
                Ok(Some(result)) => results.push((index, result)),
                Ok(None) => {}
                Err(error) => {
                    // Nobody takes another series; those under way end by themselves.
                    next.store(selection.len(), Relaxed);
                    let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    failed.get_or_insert(error);
                    break;
                }
            }
        }
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        done.0.append(&mut results);
        done.1.merge(scratch.notes);
    };
    let helpers = threads.get().min(selection.len()).saturating_sub(1);
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(work);
        }
        work();
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let (mut results, notes) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(index, _)| *index);
    Ok((
        results.into_iter().map(|(_, result)| result).collect(),
        notes,
    ))
}
