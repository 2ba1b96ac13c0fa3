//! What the store held of series before: counters and relative gauges go on from there.

use std::collections::HashMap;
use std::time::Duration;

use tacho_model::{Columns, Labels, Matcher, Querier, QueryError, TimeRange, Timestamp};

/// How far back is looked, nearest first: what was written lately is found in memory, and what was
/// not is worth a longer look before a gauge begins at nothing.
const LOOK_BACK: [Duration; 3] = [
    Duration::from_hours(1),
    Duration::from_hours(24),
    Duration::from_hours(24 * 30),
];
/// Up to so many series of one metric are looked up one by one; more in one go.
const ONE_BY_ONE_MAX: usize = 8;

/// The newest stored number of each series, in the order given.
pub(super) fn last_values(
    store: &dyn Querier,
    series: &[(u32, Labels)],
    now: Timestamp,
) -> Result<Vec<Option<f64>>, QueryError> {
    let mut found = vec![None; series.len()];
    let mut columns = Columns::new();
    for window in LOOK_BACK {
        let mut missing: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, (_, labels)) in series.iter().enumerate() {
            if found[at].is_none() {
                missing.entry(labels.name()).or_default().push(at);
            }
        }
        // Nothing of a series can be stored in the future but by a clock that was put back.
        let range = TimeRange::new(now - window, Timestamp::MAX);
        for (metric, places) in missing {
            if places.len() > ONE_BY_ONE_MAX {
                let wanted = places.iter().map(|at| (&series[*at].1, *at)).collect();
                read(
                    store,
                    &[Matcher::metric(metric)],
                    range,
                    &wanted,
                    &mut found,
                )?;
                continue;
            }
            for at in places {
                store.read_series(series[at].1.as_ref(), range, &mut columns)?;
                found[at] = columns.last().map(|(_, value)| value);
            }
        }
    }
    Ok(found)
}

fn read(
    store: &dyn Querier,
    matchers: &[Matcher],
    range: TimeRange,
    wanted: &HashMap<&Labels, usize>,
    found: &mut [Option<f64>],
) -> Result<(), QueryError> {
    let selection = store.select(matchers, range)?;
    let mut columns = Columns::new();
    for index in 0..selection.len() {
        // Matchers cannot say "and no other label", so the right series is picked out here.
        if let Some(at) = wanted.get(selection.labels(index)) {
            selection.read(index, &mut columns)?;
            found[*at] = columns.last().map(|(_, value)| value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tacho_model::{Appender as _, Batch};
    use tacho_store::{Store, StoreOptions};

    use super::*;

    #[test]
    fn the_newest_value_of_the_very_series_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
        let now = Timestamp::now();
        let labels = |host: &str| {
            let host = [("__name__", "m"), ("host", host)];
            Labels::new(host).unwrap()
        };
        let mut batch = Batch::new();
        let mut put = |labels: &Labels, ago: u64, value: f64| {
            let series = batch.series_encoded(labels.as_ref());
            batch.push(series, now - Duration::from_secs(ago), value);
        };
        // Older first: the order in which a store takes them without looking twice.
        put(&labels("old"), 7_200, 3.0);
        put(&labels("a"), 20, 1.0);
        put(&labels("a"), 10, 2.0);
        put(&labels("a").with("more", "x").unwrap(), 1, 9.0);
        assert!(store.append(&batch).unwrap().rejected.is_empty());
        let mut wanted = vec![(0, labels("a")), (1, labels("old")), (2, labels("none"))];
        let values = last_values(&store, &wanted, now).unwrap();
        assert_eq!(values, [Some(2.0), Some(3.0), None]);
        wanted.extend((0..20).map(|n| (n, labels(&n.to_string()))));
        let values = last_values(&store, &wanted, now).unwrap();
        assert_eq!(values[..3], [Some(2.0), Some(3.0), None]);
        assert!(values[3..].iter().all(Option::is_none));
    }
}
