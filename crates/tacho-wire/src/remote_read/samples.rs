//! Series as one `ReadResponse` that holds all their samples.

use tacho_model::{Columns, Labels, Value};

use super::last_of_each;
use crate::protobuf::write::force_bytes;
use crate::remote_write::encode::Plain;

/// The answer to one query, series after series: the message is that of remote write, whose
/// series have the same number.
#[derive(Debug, Default)]
pub struct QueryResult {
    series: Plain,
}

impl QueryResult {
    /// Adds a series and says how many samples of it there are; one without any is left out.
    pub fn push(&mut self, labels: &Labels, columns: &Columns) -> usize {
        let numbers = last_of_each(&columns.timestamps, &columns.values);
        let numbers = numbers.map(|(time, value)| (time, Value::Float(*value)));
        let histograms = last_of_each(&columns.histogram_timestamps, &columns.histograms);
        let histograms = histograms.map(|(time, value)| (time, Value::Histogram(value)));
        let samples: Vec<_> = numbers.chain(histograms).collect();
        if !samples.is_empty() {
            self.series.push(labels.as_ref(), &samples, &[]);
        }
        samples.len()
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}

/// The body of an answer to all queries of a request, in their order: a snappy block.
pub fn encode(results: &[QueryResult]) -> Result<Vec<u8>, snap::Error> {
    let bytes = results.iter().map(|result| result.len() + 16).sum();
    let mut message = Vec::with_capacity(bytes);
    for result in results {
        force_bytes(1, result.series.as_bytes(), &mut message);
    }
    snap::raw::Encoder::new().compress_vec(&message)
}
