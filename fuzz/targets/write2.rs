//! Any bytes to the decoder of remote write 2.0, as a body and as what a body decompresses to; what
//! it takes is encoded again and must be taken again, the same.

#![no_main]

use tacho_fuzz::plant;
use tacho_model::Batch;
use tacho_wire::remote_write::encode::{Part, Version, encode};
use tacho_wire::remote_write::{Limits, Scratch, decode, decode_v2, describe_labels};

/// A number with a description, a histogram, an exemplar.
fn seeds() -> Vec<Vec<u8>> {
    let symbols = b"\x22\x00\x22\x08__name__\x22\x02up\x22\x03job\x22\x03api";
    let number = b"\x2a\x21\x0a\x04\x01\x02\x03\x04\x12\x10\x09\0\0\0\0\0\0\xf0\x3f\x10\xfb\xe4\xc7\xcc\
        \x9f\x34\x2a\x04\x08\x01\x18\x02\x30\x07\x28\x01";
    let histogram = b"\x2a\x1b\x0a\x02\x01\x02\x1a\x15\x08\x05\x20\x06\x30\x00\x5a\x04\x08\x02\x10\
        \x02\x62\x02\x04\x02\x78\x80\xa0\xb0\x01";
    let exemplar = b"\x2a\x15\x0a\x02\x01\x02\x22\x0f\x0a\x02\x03\x04\x11\0\0\0\0\0\0\xf0\x3f\x18\x05";
    [&number[..], &histogram[..], &exemplar[..]]
        .iter()
        .map(|series| [&symbols[..], series].concat())
        .collect()
}

fn take(body: &[u8]) {
    let limits = Limits {
        bytes_max: 1 << 20,
        ..Limits::default()
    };
    let (mut batch, mut scratch) = (Batch::new(), Scratch::default());
    let Ok(decoded) = decode_v2(body, limits, &mut scratch, &mut batch) else {
        return;
    };
    assert!(batch.buffer().len() <= limits.bytes_max);
    for refused in decoded.refused {
        let _ = describe_labels(&batch.buffer()[refused.labels]);
    }
    let (series, _): (Vec<_>, Vec<_>) = batch.rows().map(|(series, ..)| (series, ())).unzip();
    let valid = series.iter().filter(|series| batch.labels(**series).is_some()).count();
    for version in [Version::One, Version::Two] {
        let Ok(body) = encode(&batch, &Part::all(&batch), version, &mut |_| None) else {
            continue;
        };
        let mut again = Batch::new();
        let taken = match version {
            Version::One => decode(&body, Limits::default(), &mut again),
            Version::Two => decode_v2(&body, Limits::default(), &mut scratch, &mut again),
        };
        assert!(taken.is_ok_and(|taken| taken.refused.is_empty()) && again.len() == valid);
    }
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    take(bytes);
    if let Ok(body) = snap::raw::Encoder::new().compress_vec(bytes) {
        take(&body);
    }
});
