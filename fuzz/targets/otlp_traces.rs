//! Any bytes to the decoder of spans; what it takes is encoded, decoded again, and must be the same.

#![no_main]

use tacho_fuzz::plant;
use tacho_wire::otlp::attributes::{ATTRIBUTES_MAX, VALUE_BYTES_MAX};
use tacho_wire::otlp::encode::SpanEncoder;
use tacho_wire::otlp::traces::decode;

/// Requests of the Python SDK and of logfire, as they came.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../seeds/traces_python.bin").to_vec(),
        include_bytes!("../seeds/traces_logfire.bin").to_vec(),
    ]
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    let mut encoder = SpanEncoder::default();
    let mut first = Vec::new();
    let decoded = decode(bytes, |span| {
        assert!(span.trace_id != 0 && span.span_id != 0);
        // Three counts of what was left out come on top.
        assert!(span.attributes.len() <= ATTRIBUTES_MAX + 3);
        assert!(span.name.len() <= VALUE_BYTES_MAX + 3);
        first.push((span.trace_id, span.span_id, span.start, span.name.to_owned()));
        encoder.push(span);
    });
    if let Ok(decoded) = decoded {
        assert_eq!(decoded.taken, first.len());
        let mut again = Vec::new();
        let body = encoder.finish();
        let decoded = decode(&body, |span| {
            again.push((span.trace_id, span.span_id, span.start, span.name.to_owned()));
        });
        assert!(decoded.is_ok());
        assert_eq!(first, again);
    }
});
