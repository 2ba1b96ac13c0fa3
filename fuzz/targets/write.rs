//! Any bytes to the decoder of remote write, as a body and as what a body decompresses to.

#![no_main]

use tacho_fuzz::plant;
use tacho_model::Batch;
use tacho_model::append::SeriesIndex;
use tacho_wire::remote_write::{Limits, decode, describe_labels};

/// One series with a number, one with a histogram, a description.
fn seeds() -> Vec<Vec<u8>> {
    let number = b"\x0a\x1b\x0a\x0e\x0a\x08__name__\x12\x02up\x12\x09\x09\0\0\0\0\0\0\xf0\x3f";
    let histogram = b"\x0a\x26\x0a\x0d\x0a\x08__name__\x12\x01h\x22\x15\x08\x05\x20\x06\x30\x00\
        \x5a\x04\x08\x02\x10\x02\x62\x02\x04\x02\x78\x80\xa0\xb0\x01";
    let described = b"\x1a\x0a\x08\x01\x12\x02up\x22\x02ok";
    vec![number.to_vec(), histogram.to_vec(), described.to_vec()]
}

fn take(body: &[u8]) {
    let limits = Limits {
        bytes_max: 1 << 20,
        ..Limits::default()
    };
    let mut batch = Batch::new();
    let Ok(decoded) = decode(body, limits, &mut batch) else {
        return;
    };
    for refused in decoded.refused {
        let _ = describe_labels(&batch.buffer()[refused.labels]);
    }
    for place in 0..batch.series_count() {
        let _ = batch.labels(SeriesIndex::at(place));
    }
    for (series, _, _) in batch.rows() {
        assert!(series.as_usize() < batch.series_count());
    }
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    take(bytes);
    if let Ok(body) = snap::raw::Encoder::new().compress_vec(bytes) {
        take(&body);
    }
});
