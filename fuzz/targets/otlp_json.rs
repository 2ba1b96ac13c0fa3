//! Any text to the reader of OTLP/JSON: what comes out is within its bound, and protobuf.

#![no_main]

use tacho_fuzz::plant;
use tacho_wire::otlp::json::{Kind, transcode};
use tacho_wire::otlp::{logs, traces};

const BYTES_MAX: usize = 1 << 20;

/// A request of the JavaScript SDK, as it came, and one of every other message.
fn seeds() -> Vec<Vec<u8>> {
    let metrics = br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","sum":
        {"dataPoints":[{"asInt":"5","timeUnixNano":"7"}],"isMonotonic":true}},{"name":"h",
        "exponentialHistogram":{"dataPoints":[{"scale":-2,"positive":{"bucketCounts":[1,"2"]}}]}}
        ]}]}]}"#;
    let logs = br#"{"resource_logs":[{"scopeLogs":[{"logRecords":[{"severityNumber":
        "SEVERITY_NUMBER_INFO","body":{"kvlistValue":{"values":[{"key":"k","value":
        {"bytesValue":"Zm9v"}}]}}}]}]}]}"#;
    let traces = include_bytes!("../seeds/traces_javascript.json");
    vec![traces.to_vec(), metrics.to_vec(), logs.to_vec()]
}

libfuzzer_sys::fuzz_target!(init: plant(seeds()), |bytes: &[u8]| {
    for kind in [Kind::Traces, Kind::Metrics, Kind::Logs] {
        let mut out = Vec::new();
        if transcode(kind, bytes, BYTES_MAX, &mut out).is_err() {
            continue;
        }
        assert!(out.len() <= BYTES_MAX);
        let is_read = match kind {
            Kind::Traces => traces::decode(&out, |_| ()).is_ok(),
            Kind::Logs => logs::decode(&out, |_| ()).is_ok(),
            Kind::Metrics => true,
        };
        assert!(is_read);
    }
});
