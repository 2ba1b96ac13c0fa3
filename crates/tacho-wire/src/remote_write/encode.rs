//! Requests of remote write from a [`Batch`]: either version, of a part of it if need be.
//!
//! Rows of one label set come together and in their order, whatever lies between them. Times are
//! cut to milliseconds, which is what the protocol knows. Histograms of whole counts are sent as
//! such, others in the flavour of floats; those that count since the sample before are marked as
//! gauges. Sources: `prompb/types.proto`, `prompb/io/prometheus/write/v2/types.proto`.

mod histogram;
mod plain;
mod v2;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;

use tacho_model::append::Exemplar;
use tacho_model::{Batch, Kind, LabelsRef, METRIC_NAME, Metadata, Timestamp, Value};

pub use self::plain::Plain;

/// Which message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `prometheus.WriteRequest`.
    One,
    /// `io.prometheus.write.v2.Request`.
    Two,
}

impl Version {
    /// The header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::One => "application/x-protobuf",
            Self::Two => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        }
    }

    /// The header `X-Prometheus-Remote-Write-Version`.
    pub const fn header(self) -> &'static str {
        match self {
            Self::One => "0.1.0",
            Self::Two => "2.0.0",
        }
    }
}

/// A part of a batch, by the places of its rows and exemplars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Places among [`Batch::rows`].
    pub rows: Range<usize>,
    /// Places among [`Batch::exemplars`].
    pub exemplars: Range<usize>,
}

impl Part {
    /// All of a batch.
    pub fn all(batch: &Batch) -> Self {
        Self {
            rows: 0..batch.len(),
            exemplars: 0..batch.exemplars().len(),
        }
    }

    /// Rows and exemplars.
    pub fn len(&self) -> usize {
        self.rows.len() + self.exemplars.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Two parts that are this one, the first of them first; `None` when it cannot be divided.
    pub fn halves(&self) -> Option<(Self, Self)> {
        let none = |range: &Range<usize>| range.end..range.end;
        let split = |range: &Range<usize>| range.start + range.len() / 2;
        let part = |rows, exemplars| Self { rows, exemplars };
        if self.len() < 2 {
            return None;
        }
        let (rows, exemplars) = (self.rows.clone(), self.exemplars.clone());
        Some(if rows.is_empty() {
            let at = split(&exemplars);
            (
                part(rows.clone(), exemplars.start..at),
                part(rows, at..exemplars.end),
            )
        } else if exemplars.is_empty() {
            let at = split(&rows);
            (
                part(rows.start..at, exemplars.clone()),
                part(at..rows.end, exemplars),
            )
        } else {
            (
                part(rows.clone(), none(&exemplars)),
                part(none(&rows), exemplars),
            )
        })
    }
}

/// One label set, what is said of it, and the metric it is of.
struct Group<'a> {
    labels: LabelsRef<'a>,
    samples: Vec<(Timestamp, Value<'a>)>,
    exemplars: Vec<&'a Exemplar>,
}

/// What is known of a metric, by its name.
pub type Describe<'a> = &'a mut dyn FnMut(&str) -> Option<Metadata>;

/// The body of a request: a snappy block. What `describe` knows of a metric goes with it: with
/// each of its series in version 2, once in version 1. Label sets that are none are left out.
pub fn encode(
    batch: &Batch,
    part: &Part,
    version: Version,
    describe: Describe<'_>,
) -> Result<Vec<u8>, snap::Error> {
    let groups = group(batch, part);
    let mut described: HashMap<&str, Option<Metadata>> = HashMap::new();
    for group in &groups {
        let name = group.labels.get(METRIC_NAME).unwrap_or("");
        described.entry(name).or_insert_with(|| describe(name));
    }
    let message = match version {
        Version::One => {
            let mut plain = Plain::default();
            for group in &groups {
                plain.push(group.labels, &group.samples, &group.exemplars);
            }
            for (name, metadata) in &described {
                if let Some(said) = metadata {
                    plain.describe(name, said);
                }
            }
            plain.take()
        }
        Version::Two => v2::message(&groups, &described),
    };
    snap::raw::Encoder::new().compress_vec(&message)
}

fn group<'a>(batch: &'a Batch, part: &Part) -> Vec<Group<'a>> {
    let mut known: HashMap<&[u8], Option<usize>> = HashMap::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut of = |series, groups: &mut Vec<Group<'a>>| {
        *known.entry(batch.label_bytes(series)).or_insert_with(|| {
            groups.push(Group {
                labels: batch.labels(series)?,
                samples: Vec::new(),
                exemplars: Vec::new(),
            });
            Some(groups.len() - 1)
        })
    };
    for row in part.rows.clone() {
        let (series, time, value) = batch.row(row);
        if let Some(place) = of(series, &mut groups) {
            groups[place].samples.push((time, value));
        }
    }
    let exemplars = batch.exemplars().get(part.exemplars.clone());
    for (series, exemplar) in exemplars.unwrap_or(&[]) {
        if let Some(place) = of(*series, &mut groups) {
            groups[place].exemplars.push(exemplar);
        }
    }
    groups
}

/// The number of a kind in `MetricType`.
fn kind(kind: Kind) -> u64 {
    match kind {
        Kind::Counter => 1,
        Kind::Gauge | Kind::Throughput | Kind::Resource => 2,
        Kind::Histogram => 3,
        Kind::Timing => 4,
    }
}

/// A unit as a word, where Prometheus has one.
fn unit(code: &str) -> &str {
    match code {
        "s" => "seconds",
        "By" => "bytes",
        "1" => "ratio",
        "%" => "percent",
        "Cel" => "celsius",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Hz" => "hertz",
        code => code,
    }
}

/// Milliseconds since the epoch, as they are put into an integer field.
fn millis(time: Timestamp) -> u64 {
    time.as_nanos().div_euclid(1_000_000) as u64
}

/// What an exemplar says in labels: its trace and span first, where it has any.
fn exemplar_labels(exemplar: &Exemplar) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    if exemplar.trace_id != 0 {
        labels.push(("trace_id".to_owned(), format!("{:032x}", exemplar.trace_id)));
    }
    if exemplar.span_id != 0 {
        labels.push(("span_id".to_owned(), format!("{:016x}", exemplar.span_id)));
    }
    let others = exemplar.labels.iter();
    labels.extend(others.map(|(name, value)| (name.to_owned(), value.to_owned())));
    labels
}
