//! Any bytes to the decoder of log records; what it takes is encoded and decoded again.

#![no_main]

use tacho_fuzz::plant;
use tacho_wire::otlp::encode::LogEncoder;
use tacho_wire::otlp::logs::decode;

/// A request of the Python SDK, as it came.
fn seeds() -> Vec<Vec<u8>> {
    vec![include_bytes!("../seeds/logs_python.bin").to_vec()]
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    let mut encoder = LogEncoder::default();
    let Ok(decoded) = decode(bytes, |record| encoder.push(record)) else {
        return;
    };
    let again = decode(&encoder.finish(), |_| ()).map(|again| again.taken);
    assert_eq!(again.ok(), Some(decoded.taken));
});
