//! What it costs to answer questions about services: ten services of a hundred endpoints each, two
//! statuses an endpoint, a histogram every 15 s.
//!
//! `cargo run --release -p tacho-server --example services_cost -- [HOURS]`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement, run by hand"
)]

use std::time::{Duration, Instant};

use tacho_model::{Appender as _, Batch, Histogram, TimeRange, Timestamp};
use tacho_server::services::source::SPAN_DURATION;
use tacho_server::services::{Scope, detail, list, map};
use tacho_store::{Store, StoreOptions};

const SERVICES: usize = 10;
const ENDPOINTS: usize = 100;
const STEP: Duration = Duration::from_secs(15);

fn main() {
    let hours = std::env::args().nth(1).and_then(|hours| hours.parse().ok());
    let hours: u32 = hours.unwrap_or(2);
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions::default()).unwrap();
    let end = Timestamp::now().align_down(STEP);
    let steps = hours * 240;
    let begun = Instant::now();
    let mut noise: u64 = 1;
    for step in (0..steps).rev() {
        fill(&store, end - STEP * step, &mut noise);
    }
    store.flush().unwrap();
    println!(
        "{steps} steps of 2000 series filled in {:.1?}",
        begun.elapsed()
    );
    let hour = Scope::last(Duration::from_hours(1), end);
    let start = hour.range.start;
    let compared = Scope {
        previous: Some(TimeRange::new(start - Duration::from_hours(1), start)),
        ..hour
    };
    for _ in 0..2 {
        time("services, 1 h", || {
            list::services(&store, &hour).unwrap().rows.len()
        });
        time("services, 1 h beside the hour before", || {
            list::services(&store, &compared).unwrap().rows.len()
        });
        time("one service, with averages of a day", || {
            let found = detail::service(&store, "service-3", &hour).unwrap();
            found.unwrap().endpoints.rows.len()
        });
        time("map", || map::map(&store, &hour).unwrap().nodes.len());
    }
}

fn time(what: &str, work: impl Fn() -> usize) {
    let begun = Instant::now();
    let rows = work();
    println!("{what}: {rows} rows in {:.0?}", begun.elapsed());
}

/// One step of all series: twenty observations each, over a decade of durations.
fn fill(store: &Store, time: Timestamp, noise: &mut u64) {
    let mut batch = Batch::new();
    for service in 0..SERVICES {
        for endpoint in 0..ENDPOINTS {
            for (status, code) in [("200", "STATUS_CODE_UNSET"), ("500", "STATUS_CODE_ERROR")] {
                let service = format!("service-{service}");
                let route = format!("/resource-{endpoint}/{{id}}");
                let name = format!("GET {route}");
                let labels = [
                    ("__name__", SPAN_DURATION),
                    ("service", &service),
                    ("service_name", &service),
                    ("span_kind", "SPAN_KIND_SERVER"),
                    ("span_name", &name),
                    ("http_request_method", "GET"),
                    ("http_route", &route),
                    ("http_response_status_code", status),
                    ("status_code", code),
                ];
                let series = batch.series(labels).unwrap();
                let mut histogram = Histogram::new();
                for _ in 0..20 {
                    *noise = noise
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let share = (*noise >> 40) as f64 / f64::from(1 << 24);
                    histogram.observe(0.002 * 10f64.powf(share));
                }
                batch.push_histogram(series, time, histogram);
            }
        }
    }
    store.append(&batch).unwrap();
}
