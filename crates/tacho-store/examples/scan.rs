//! How fast a data folder is read: everything in it summed on all cores, then one series.
//!
//! `cargo run --release -p tacho-store --example scan -- DIR [METRIC]`, while no server has the
//! folder open. Prints the first and the best of several passes.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program"
)]

use std::num::NonZero;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tacho_model::query::read_all;
use tacho_model::{Columns, Matcher, Querier, TimeRange};
use tacho_store::{Store, StoreOptions};

const PASSES: usize = 7;

/// Runs something several times: the first and the shortest time.
fn time(mut pass: impl FnMut()) -> (Duration, Duration) {
    let mut times = (0..PASSES).map(|_| {
        let began = Instant::now();
        pass();
        began.elapsed()
    });
    let first = times.next().unwrap();
    (first, times.min().unwrap())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(dir) = arguments.next() else {
        eprintln!("usage: scan DIR [METRIC]");
        return ExitCode::from(2);
    };
    let options = StoreOptions {
        query_series_max: u64::MAX,
        query_samples_max: u64::MAX,
        ..StoreOptions::default()
    };
    let store = Store::open_read_only(Path::new(&dir), options).unwrap();
    let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let matchers: Vec<Matcher> = arguments
        .next()
        .iter()
        .map(|m| Matcher::metric(m))
        .collect();
    let (mut series, mut samples, mut sum) = (0, 0, 0.0);
    let mut selecting = Duration::MAX;
    let (first, best) = time(|| {
        let began = Instant::now();
        let selection = store.select(&matchers, TimeRange::ALL).unwrap();
        selecting = selecting.min(began.elapsed());
        let total = Mutex::new((0, 0.0));
        read_all(&*selection, threads, |_, columns| {
            let here: f64 = columns.values.iter().sum();
            let mut total = total.lock().unwrap();
            *total = (total.0 + columns.len(), total.1 + here);
        })
        .unwrap();
        series = selection.len();
        (samples, sum) = *total.lock().unwrap();
    });
    println!(
        "{series} series, {samples} samples, sum {sum:e}: first {:.1} ms, best {:.1} ms \
         ({:.1} million samples a second on {threads} threads; select alone {:.2} ms)",
        millis(first),
        millis(best),
        samples as f64 / best.as_secs_f64() / 1e6,
        millis(selecting),
    );
    let selection = store.select(&matchers, TimeRange::ALL).unwrap();
    if series == 0 {
        return ExitCode::SUCCESS;
    }
    let labels = selection.labels(series / 2).clone();
    let one: Vec<Matcher> = labels
        .iter()
        .map(|(name, value)| Matcher::equal(name, value))
        .collect();
    let mut columns = Columns::new();
    let (first, best) = time(|| {
        let selection = store.select(&one, TimeRange::ALL).unwrap();
        selection.read(0, &mut columns).unwrap();
    });
    println!(
        "{labels}: {} samples, first {:.3} ms, best {:.3} ms",
        columns.len(),
        millis(first),
        millis(best)
    );
    ExitCode::SUCCESS
}
