//! What collecting costs: CPU time a tick, by collector, and series a tick.
//!
//! `cargo run --release -p tacho-collect --example cost [TICKS] [SLEEPERS]`
//!
//! Runs ticks back to back on this machine, a second of collected time apart, and prints the CPU
//! time of a tick (`getrusage`'s clock). SLEEPERS processes that sleep are started first.

#![expect(
    clippy::print_stdout,
    reason = "a measuring program speaks to the terminal"
)]

use std::process::{Child, Command};
use std::time::Duration;

use tacho_collect::{Host, HostOptions, sys};
use tacho_model::{Batch, Timestamp};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u32>());
    let ticks = arguments.next().and_then(Result::ok).unwrap_or(300);
    let sleepers = arguments.next().and_then(Result::ok).unwrap_or(0);
    let mut children = Vec::new();
    for _ in 0..sleepers {
        children.push(Command::new("sleep").arg("600").spawn()?);
    }
    let names: Vec<_> = Host::new(HostOptions::default()).collectors().collect();
    println!("{ticks} ticks of one second, {sleepers} sleeping processes");
    println!(
        "{:<12} {:>14} {:>14}",
        "collector", "µs CPU/tick", "series/tick"
    );
    for name in &names {
        let without = names.iter().filter(|other| *other != name);
        let without = without.map(|name| (*name).to_owned()).collect();
        report(name, ticks, without);
    }
    report("all", ticks, Vec::new());
    children.iter_mut().try_for_each(end)
}

fn end(child: &mut Child) -> std::io::Result<()> {
    child.kill()?;
    child.wait().map(drop)
}

fn report(name: &str, ticks: u32, without: Vec<String>) {
    let mut host = Host::new(HostOptions {
        without,
        ..HostOptions::default()
    });
    let mut batch = Batch::new();
    let mut now = Timestamp::now();
    // The first tick opens files and encodes labels; it is paid once.
    host.collect(now, &mut batch);
    let started = sys::process_cpu_time().unwrap_or_default();
    let mut samples = 0;
    for _ in 0..ticks {
        now = now + Duration::from_secs(1);
        batch.clear();
        host.collect(now, &mut batch);
        samples += batch.len();
    }
    let spent = sys::process_cpu_time()
        .unwrap_or_default()
        .saturating_sub(started);
    let each = spent.as_secs_f64() * 1e6 / f64::from(ticks);
    println!(
        "{name:<12} {each:>14.1} {:>14.1}",
        samples as f64 / f64::from(ticks)
    );
}
