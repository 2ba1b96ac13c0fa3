//! The same points as bodies of OTLP and of remote write 1.0, for comparing receivers.
//!
//! ```text
//! cargo run --release -p tacho-wire --example metrics_bodies -- DIR REQUESTS SERVICES
//! ```
//!
//! Writes `DIR/N.otlp` (gauges), `DIR/N.deltas` (counters of delta temporality) and `DIR/N.write`
//! (the gauges, snappy) for each request of 10 000 points; requests of one service are ten seconds
//! apart, and the last ones are of now.

use std::error::Error;
use std::time::Duration;

use tacho_model::{Batch, Timestamp};
use tacho_wire::otlp::metrics::{Limits, Translator};
use tacho_wire::remote_write::encode::{Part, Version, encode};

mod otlp_request;

use otlp_request::{Load, POINTS, request};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut word = |what| words.next().ok_or(what);
    let dir = word("no DIR")?;
    let (requests, services): (usize, usize) =
        (word("no REQUESTS")?.parse()?, word("no SERVICES")?.parse()?);
    let interval = Duration::from_secs(10);
    let begin = Timestamp::now() - interval * (requests / services) as u32;
    let mut translator = Translator::new(Limits::default(), 1);
    for at in 0..requests {
        let time = begin + interval * (at / services) as u32;
        let body = |load| request(load, at % services, time.as_nanos() as u64);
        let gauges = body(Load::Gauges);
        let mut batch = Batch::new();
        translator.decode(&gauges, time, &mut batch)?;
        assert!(batch.len() >= POINTS, "every point is a sample");
        let write = encode(&batch, &Part::all(&batch), Version::One, &mut |_| None)?;
        std::fs::write(format!("{dir}/{at:05}.otlp"), gauges)?;
        std::fs::write(format!("{dir}/{at:05}.deltas"), body(Load::Deltas))?;
        std::fs::write(format!("{dir}/{at:05}.write"), write)?;
    }
    Ok(())
}
