//! Many targets on one port: `scrape_targets PORT SERIES` exposes at `/t/N`, for any N, that many
//! series whose values change, as a service with counters does. Used by `script/scrape-bench`.

#![expect(clippy::print_stdout, reason = "says where it listens")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

struct Targets {
    series: usize,
    started: Instant,
}

async fn expose(
    State(targets): State<Arc<Targets>>,
    Path(target): Path<usize>,
) -> impl IntoResponse {
    let ticks = targets.started.elapsed().as_millis() as usize;
    let mut body = String::with_capacity(targets.series * 100);
    for series in 0..targets.series {
        let (metric, one) = (series / 10, series % 10);
        // Writing to a `String` cannot fail.
        if one == 0 {
            let _ = writeln!(body, "# HELP app_{metric}_total Requests of sort {metric}.");
            let _ = writeln!(body, "# TYPE app_{metric}_total counter");
        }
        let value = (ticks * (series + 1) + target * 7) / 10;
        let _ = writeln!(
            body,
            "app_{metric}_total{{method=\"GET\",handler=\"/api/v1/things/{one}\",code=\"200\"}} \
             {value}"
        );
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], body)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut given = std::env::args().skip(1).map(|text| text.parse().ok());
    let mut number = |default: usize| given.next().flatten().unwrap_or(default);
    let (port, series) = (number(9_900), number(500));
    let targets = Arc::new(Targets {
        series,
        started: Instant::now(),
    });
    let router = Router::new()
        .route("/t/{target}", get(expose))
        .with_state(targets);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port as u16)).await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, router).await
}
