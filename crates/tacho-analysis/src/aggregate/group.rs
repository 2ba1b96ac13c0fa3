//! Several series as one: grouping by labels.
//!
//! `rate`, `sum`, `count` and `last` add up over the series of a group; `avg`, `min`, `max` and
//! `stddev` are those of all the group's samples together; percentiles merge the histograms (or
//! pool the numbers). The metric's name is always kept: different metrics never merge.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use tacho_model::{Columns, Labels, METRIC_NAME, Shape, Timestamp};

use super::partial::{self, Partial};
use super::{Function, Windows};

/// A series after aggregation: its labels, and its points in order of time.
pub type Series = (Labels, Vec<(Timestamp, f64)>);

/// Groups that are being filled, one series at a time, so that a reader needs no more than one
/// series in memory.
#[derive(Debug)]
pub struct Grouping {
    function: Function,
    windows: Windows,
    by: Option<Vec<String>>,
    groups: BTreeMap<Vec<u8>, (Labels, BTreeMap<Timestamp, Partial>)>,
}

impl Grouping {
    /// Groups by the labels named in `by` (empty: all series of a metric into one); `None` keeps
    /// each series apart.
    pub fn new(function: Function, windows: Windows, by: Option<&[String]>) -> Self {
        let with_name = |by: &[String]| {
            let name = std::iter::once(METRIC_NAME.to_owned());
            name.chain(by.iter().cloned()).collect()
        };
        Self {
            function,
            windows,
            by: by.map(with_name),
            groups: BTreeMap::new(),
        }
    }

    /// Adds a series.
    pub fn add(&mut self, labels: &Labels, columns: &Columns, shape: Shape) {
        let key = match &self.by {
            Some(by) => labels.only(by),
            None => labels.clone(),
        };
        let bytes = key.as_ref().as_bytes().to_vec();
        let (_, points) = self.groups.entry(bytes).or_insert((key, BTreeMap::new()));
        partial::each(
            self.function,
            columns,
            shape,
            self.windows,
            |end, partial| put(points, end, partial),
        );
    }

    /// Adds what another grouping of the same function, windows and labels was filled with. With
    /// one series in each, merged in their order, the answer is that of adding them one by one, to
    /// the bit.
    pub fn merge(&mut self, other: Self) {
        for (bytes, (key, others)) in other.groups {
            let (_, points) = self.groups.entry(bytes).or_insert((key, BTreeMap::new()));
            for (end, partial) in others {
                put(points, end, partial);
            }
        }
    }

    /// Number of groups so far.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// All groups in order of their encoded labels, those without a point among them.
    pub fn finish(self) -> Vec<Series> {
        let function = self.function;
        let values = |points: BTreeMap<Timestamp, Partial>| {
            let values = points.into_iter();
            values
                .filter_map(|(t, p)| Some((t, p.value(function)?)))
                .collect()
        };
        let groups = self.groups.into_values();
        groups
            .map(|(labels, points)| (labels, values(points)))
            .collect()
    }
}

fn put(points: &mut BTreeMap<Timestamp, Partial>, end: Timestamp, partial: Partial) {
    match points.entry(end) {
        Entry::Vacant(place) => {
            place.insert(partial);
        }
        Entry::Occupied(mut place) => place.get_mut().merge(partial),
    }
}

/// Groups series that are in memory already. See [`Grouping`].
pub fn merge_groups<'a>(
    function: Function,
    windows: Windows,
    by: Option<&[String]>,
    series: impl IntoIterator<Item = (&'a Labels, &'a Columns, Shape)>,
) -> Vec<Series> {
    let mut grouping = Grouping::new(function, windows, by);
    for (labels, columns, shape) in series {
        grouping.add(labels, columns, shape);
    }
    grouping.finish()
}
