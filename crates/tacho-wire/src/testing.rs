//! What tests of several encoders look at.

use tacho_model::{Batch, Value};

/// The rows and exemplars of a batch in words, in its order; numbers by their bits.
pub(crate) fn shown(batch: &Batch) -> Vec<String> {
    let row = |(series, time, value)| {
        let labels = batch.labels(series).unwrap();
        let value = match value {
            Value::Float(value) => format!("{:016x}", value.to_bits()),
            Value::Histogram(value) => format!("{value:?}"),
        };
        format!(
            "{labels} {} {value}",
            tacho_model::Timestamp::as_nanos(time)
        )
    };
    let mut out: Vec<String> = batch.rows().map(row).collect();
    for (series, exemplar) in batch.exemplars() {
        out.push(format!("{} {exemplar:?}", batch.labels(*series).unwrap()));
    }
    out
}
