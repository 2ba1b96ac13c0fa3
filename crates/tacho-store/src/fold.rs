//! Histograms of single seconds folded into intervals, on their way to disk.
//!
//! In memory an observation belongs to its second; on disk fifteen of them are one histogram, which
//! says the same of any window of whole intervals at a fraction of the bytes. Invariants:
//! 1. only histograms that count since the sample before are folded; cumulative ones stay;
//! 2. the folded histogram has the time of the last one that went into it. An observation that
//!    comes late for that second finds it and makes it grow; for another second of the interval it
//!    stands beside it. Either way it is counted once;
//! 3. a second that ended less than [`FOLD_AFTER`] ago stays as it is: who makes it grow may have
//!    it in memory, and writes the whole of it again.

use std::time::Duration;

use tacho_model::histogram::Temporality;
use tacho_model::{Columns, Timestamp};

/// How long after its end a second is not folded; who keeps open ones in memory forgets them before.
pub const FOLD_AFTER: Duration = Duration::from_secs(20);

/// Folds the histograms of each aligned interval `(k * interval, (k + 1) * interval]`; those behind
/// `until` stay as they are.
pub(crate) fn fold(columns: &mut Columns, interval: Duration, until: Timestamp) {
    let Ok(step) = i64::try_from(interval.as_nanos()) else {
        return;
    };
    if step <= 1 || columns.histograms.len() < 2 {
        return;
    }
    let of = |time: Timestamp| time.as_nanos().saturating_sub(1).div_euclid(step);
    let times = std::mem::take(&mut columns.histogram_timestamps);
    let held = std::mem::take(&mut columns.histograms);
    for (time, histogram) in times.into_iter().zip(held) {
        let (last, before) = (
            columns.histogram_timestamps.last_mut(),
            columns.histograms.last_mut(),
        );
        if let (Some(last), Some(before)) = (last, before)
            && of(*last) == of(time)
            && time <= until
            && before.temporality() == Temporality::Delta
            && histogram.temporality() == Temporality::Delta
        {
            before.merge(&histogram);
            *last = time;
            continue;
        }
        columns.histogram_timestamps.push(time);
        columns.histograms.push(histogram);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_model::Histogram;
    use tacho_model::histogram::HistogramParts;

    fn columns(times: &[i64], temporality: Temporality) -> Columns {
        let mut columns = Columns::new();
        for time in times {
            let mut histogram = Histogram::new();
            histogram.observe(*time as f64);
            let parts = HistogramParts {
                temporality,
                ..histogram.to_parts()
            };
            let time = Timestamp::from_secs(*time);
            columns.histogram_timestamps.push(time);
            columns
                .histograms
                .push(Histogram::from_parts(parts).unwrap());
        }
        columns
    }

    fn check(times: &[i64], temporality: Temporality, expected: &[(i64, f64)]) {
        let mut columns = columns(times, temporality);
        fold(
            &mut columns,
            Duration::from_secs(15),
            Timestamp::from_secs(50),
        );
        let counts = columns.histograms.iter().map(Histogram::count);
        let times = columns
            .histogram_timestamps
            .iter()
            .map(|t| t.as_nanos() / 1_000_000_000);
        assert_eq!(times.zip(counts).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn seconds_of_an_interval_become_one_at_its_last() {
        check(
            &[1, 2, 14, 15, 16],
            Temporality::Delta,
            &[(15, 4.0), (16, 1.0)],
        );
        check(
            &[-16, -15, -14, 0],
            Temporality::Delta,
            &[(-15, 2.0), (0, 2.0)],
        );
        check(&[], Temporality::Delta, &[]);
        check(&[7], Temporality::Delta, &[(7, 1.0)]);
        check(
            &[48, 49, 50, 51, 52],
            Temporality::Delta,
            &[(50, 3.0), (51, 1.0), (52, 1.0)],
        );
    }

    #[test]
    fn cumulative_histograms_stay_as_they_are() {
        check(
            &[1, 2, 3],
            Temporality::Cumulative,
            &[(1, 1.0), (2, 1.0), (3, 1.0)],
        );
    }
}
