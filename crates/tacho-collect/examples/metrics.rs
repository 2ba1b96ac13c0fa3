//! What this machine says of itself now, one sample a line in PromQL's notation.
//!
//! `cargo run -p tacho-collect --example metrics`: two ticks a second apart, the second printed,
//! with processes scanned on both.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::time::Duration;

use tacho_collect::{Host, HostOptions};
use tacho_model::{Batch, Timestamp, Value};

fn main() {
    let mut host = Host::new(HostOptions {
        processes_every: Duration::ZERO,
        ..HostOptions::default()
    });
    let mut batch = Batch::new();
    host.collect(Timestamp::now() - Duration::from_secs(15), &mut batch);
    std::thread::sleep(Duration::from_secs(1));
    batch.clear();
    host.collect(Timestamp::now(), &mut batch);
    for (series, _, value) in batch.rows() {
        if let (Value::Float(value), Some(labels)) = (value, batch.labels(series)) {
            println!("{labels} {value}");
        }
    }
    for notice in host.take_notices() {
        println!("# {}: {:?} {}", notice.source, notice.kind, notice.message);
    }
}
