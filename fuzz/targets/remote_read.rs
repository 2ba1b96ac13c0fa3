//! Any bytes to the decoder of remote read, as a body and as what a body decompresses to.

#![no_main]

use tacho_fuzz::plant;
use tacho_wire::remote_read::decode;

/// A query with a matcher of each of two sorts and hints, and what its client takes.
fn seeds() -> Vec<Vec<u8>> {
    let matchers = b"\x1a\x0e\x12\x08__name__\x1a\x02up\x1a\x0c\x08\x02\x12\x03job\x1a\x03a.*";
    let times = b"\x08\x80\xa0\xb0\x01\x10\x80\xe0\xb5\x01";
    let query = [times.as_slice(), matchers, b"\x22\x03\x08\x98\x75"].concat();
    let request = [b"\x0a", &[query.len() as u8][..], &query, b"\x12\x02\x01\x00"].concat();
    vec![request]
}

fn take(body: &[u8]) {
    let Ok(request) = decode(body) else {
        return;
    };
    for query in request.queries {
        if let Some(range) = query.range {
            assert!(range.start <= range.end);
        }
        for matcher in query.matchers {
            let _ = matcher.matches("up");
        }
    }
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    take(bytes);
    if let Ok(body) = snap::raw::Encoder::new().compress_vec(bytes) {
        take(&body);
    }
});
