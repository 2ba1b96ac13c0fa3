//! Any bytes to the readers of expositions, in each form; what is taken makes label sets.

#![no_main]

use tacho_fuzz::plant;
use tacho_model::Batch;
use tacho_wire::exposition::{Buckets, Family, Form, Sample, Sink, Stop, read_series, walk};

/// Bodies of prometheus_client and node_exporter, and a native histogram in protobuf.
fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 4] = [
        include_bytes!("../seeds/prometheus_client.txt"),
        include_bytes!("../seeds/prometheus_client.om"),
        include_bytes!("../seeds/node_exporter.txt"),
        include_bytes!("../seeds/native_histogram.pb"),
    ];
    texts.map(<[u8]>::to_vec).to_vec()
}

#[derive(Default)]
struct Taken {
    batch: Batch,
    expected: String,
}

impl Sink for Taken {
    fn expected(&self) -> &str {
        &self.expected
    }

    fn sample(&mut self, sample: Sample<'_>) -> Result<(), Stop> {
        let draft = read_series(sample.series)?;
        assert!(!draft.get("__name__").is_empty());
        if let Ok(labels) = draft.to_labels() {
            self.batch.series_encoded(labels.as_ref());
        }
        sample.series.clone_into(&mut self.expected);
        Ok(())
    }

    fn family(&mut self, family: &Family<'_>) {
        family.describe(&mut self.batch);
    }
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    for form in [Form::Text, Form::OpenMetrics, Form::Protobuf] {
        for buckets in [Buckets::Native, Buckets::Both] {
            let _ = walk(form, buckets, bytes, &mut Taken::default());
        }
    }
});
