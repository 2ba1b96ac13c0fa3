//! How many OTLP points a core takes, from the bytes of the request to the log and the head:
//! decoding and appending on one thread, on a store in a temporary folder.
//!
//! ```text
//! cargo run --release -p tacho-store --example otlp_metrics -- [REQUESTS [SERVICES [histograms]]]
//! ```
//!
//! Each request holds 10 000 points, gauges unless histograms are asked for, of one of SERVICES
//! services, so that there are 10 000 series a service (170 000 of histograms); requests of one
//! service are 10 s apart. What is told is processor time, so that a busy machine does not matter.

#![expect(clippy::print_stdout, reason = "a measuring program")]

use std::error::Error;
use std::time::Duration;

use tacho_model::{Appender as _, Batch, Timestamp};
use tacho_store::{Store, StoreOptions};
use tacho_wire::otlp::metrics::{Limits, Translator};

#[path = "../../tacho-wire/examples/otlp_request/mod.rs"]
mod otlp_request;

use otlp_request::{Load, POINTS};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut number = |usual: usize| words.next().map_or(Ok(usual), |word| word.parse());
    let (requests, services) = (number(600)?, number(10)?);
    let load = match words.next() {
        Some(_) => Load::Histograms,
        None => Load::Gauges,
    };
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path(), StoreOptions::default())?;
    let mut translator = Translator::new(Limits::default(), 1);
    let mut batch = Batch::new();
    let begin = Timestamp::now() - Duration::from_secs(10 * (requests / services) as u64);
    let (mut decoding, mut appending, mut bytes) = (Duration::ZERO, Duration::ZERO, 0);
    for at in 0..requests {
        // The first request of each service makes its series, and is not counted.
        let time = begin + Duration::from_secs(10 * (at / services) as u64);
        let body = otlp_request::request(load, at % services, time.as_nanos() as u64);
        let started = processor_time();
        translator.decode(&body, time, &mut batch)?;
        let decoded = processor_time();
        let outcome = store.append(&batch)?;
        assert_eq!(outcome.rejected.len(), 0, "{:?}", outcome.rejected.first());
        if at >= services {
            decoding += decoded.saturating_sub(started);
            appending += processor_time().saturating_sub(decoded);
            bytes += body.len();
        }
    }
    let points = (requests - services) * POINTS;
    let rate = |time: Duration| points as f64 / time.as_secs_f64() / 1e6;
    println!("{points} points, {} bytes each", bytes / points.max(1));
    println!(
        "decoding {:.2} M points/s of one core, appending {:.2}, both {:.2}",
        rate(decoding),
        rate(appending),
        rate(decoding + appending)
    );
    Ok(())
}

/// Processor time of this thread so far, as Linux counts it.
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split_whitespace().next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
