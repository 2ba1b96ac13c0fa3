//! What a request took so far of what it may, for either version.

use tacho_model::Batch;

use super::{Decoded, Limits, Reason, Refused, RemoteWriteError};

/// Most buckets of all histograms of one request: 64 MiB of them.
pub(super) const BUCKETS_MAX: usize = 4 << 20;
/// Most exemplars of one request.
pub(super) const EXEMPLARS_MAX: usize = 100_000;

/// Counts against limits, and what was refused.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) limits: Limits,
    buckets: usize,
    exemplars: usize,
    pub(super) decoded: Decoded,
}

impl Tally {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            buckets: 0,
            exemplars: 0,
            decoded: Decoded::default(),
        }
    }

    /// Checks that one more sample is allowed, and its series when that is a new one.
    #[inline]
    pub(super) fn check_room(&self, batch: &Batch, is_new: bool) -> Result<(), RemoteWriteError> {
        if batch.len() + self.decoded.refused.len() >= self.limits.samples_max {
            return too_many("samples", self.limits.samples_max);
        }
        if is_new && batch.series_count() >= self.limits.series_max {
            return too_many("series", self.limits.series_max);
        }
        Ok(())
    }

    /// Checks that one more exemplar is allowed, counts it, and its series when that is a new one.
    pub(super) fn exemplar(&mut self, batch: &Batch, is_new: bool) -> Result<(), RemoteWriteError> {
        self.check_room(batch, is_new)?;
        self.exemplars += 1;
        if self.exemplars > EXEMPLARS_MAX {
            return too_many("exemplars", EXEMPLARS_MAX);
        }
        Ok(())
    }

    /// How many buckets the next histogram may have.
    pub(super) fn bucket_room(&self) -> usize {
        BUCKETS_MAX - self.buckets
    }

    /// Counts the buckets of a histogram.
    pub(super) fn take_buckets(&mut self, buckets: usize) {
        self.buckets += buckets;
    }

    /// Notes something that is not in the batch.
    pub(super) fn refuse(&mut self, labels: std::ops::Range<usize>, reason: Reason) {
        self.decoded.refused.push(Refused { labels, reason });
    }
}

pub(super) fn too_many<T>(what: &'static str, limit: usize) -> Result<T, RemoteWriteError> {
    Err(RemoteWriteError::TooMany { what, limit })
}
