//! A pushed body into the families of a group.

use std::collections::BTreeMap;

use tacho_model::{Batch, Labels, METRIC_NAME};
use tacho_wire::exposition::{
    Buckets, Exposed, Family, Form, Sample, Sink, Stop, read_series, walk,
};

use super::{FAILED, PUSHED, SERIES_MAX, Series, Value};

/// What a family's samples may have behind its name.
const PARTS: [&str; 8] = [
    "", "_total", "_bucket", "_count", "_sum", "_created", "_gcount", "_gsum",
];

struct Pushed<'a> {
    group: &'a Labels,
    families: BTreeMap<String, Vec<Series>>,
    family: String,
    count: usize,
    batch: &'a mut Batch,
}

/// The families that a body holds; what it says of them goes into the batch.
pub(super) fn read(
    group: &Labels,
    form: Form,
    body: &[u8],
    batch: &mut Batch,
) -> Result<BTreeMap<String, Vec<Series>>, String> {
    let mut pushed = Pushed {
        group,
        families: BTreeMap::new(),
        family: String::new(),
        count: 0,
        batch,
    };
    walk(form, Buckets::Both, body, &mut pushed).map_err(|error| error.to_string())?;
    Ok(pushed.families)
}

impl Sink for Pushed<'_> {
    fn sample(&mut self, sample: Sample<'_>) -> Result<(), Stop> {
        if sample.timestamp.is_some() {
            return Err(Stop::Refused(format!(
                "`{}` has a timestamp; pushed metrics must not, the time of the push counts",
                sample.series.chars().take(120).collect::<String>()
            )));
        }
        self.count += 1;
        if self.count > SERIES_MAX {
            return Err(Stop::Refused(format!("more than {SERIES_MAX} series")));
        }
        let mut draft = read_series(sample.series)?;
        for (name, value) in self.group {
            draft.set(name, value);
        }
        let labels = draft.to_labels();
        let labels = labels.map_err(|error| Stop::Refused(error.to_string()))?;
        let name = labels.get(METRIC_NAME).unwrap_or("");
        if matches!(name, PUSHED | FAILED) {
            return Err(Stop::Refused(format!("`{name}` is the Pushgateway's own")));
        }
        let part = name.strip_prefix(&self.family);
        let family = match part {
            Some(part) if !self.family.is_empty() && PARTS.contains(&part) => &self.family,
            _ => name,
        };
        let series = Series {
            labels: labels.clone(),
            value: match sample.value {
                Exposed::Float(value) => Value::Float(value),
                Exposed::Histogram(value) => Value::Histogram(value),
            },
        };
        match self.families.get_mut(family) {
            Some(known) => known.push(series),
            None => {
                self.families.insert(family.to_owned(), vec![series]);
            }
        }
        Ok(())
    }

    fn family(&mut self, family: &Family<'_>) {
        family.name().clone_into(&mut self.family);
        family.describe(self.batch);
    }
}
