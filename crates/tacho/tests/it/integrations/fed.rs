//! A Tachograph to which everything happens that a dashboard shows.
//!
//! Whatever can be had from the real thing is: this host, the demo's shop and agents over OTLP, a
//! scraped program, collectors, filters, forwarding with one destination that refuses. Only what
//! this machine may not have (containers, a certificate, OpenTelemetry's process metrics) is posted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use tacho_demo::demo::{Options, Prepared, Running};
use tacho_demo::schedule::Incident;

use crate::support::exporter::Exporter;
use crate::support::{Home, QUIET, Server, now};

/// What a program says of itself, as every client library does.
const PROGRAM: &str = "\
# TYPE process_cpu_seconds counter
process_cpu_seconds_total 12.5
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 5e7
# TYPE process_open_fds gauge
process_open_fds 12
";

/// A rule of which each evaluation fails: the same series twice.
const BROKEN: &str = "\
groups:
  - name: broken
    interval: 5s
    rules:
      - {record: a, expr: 'label_replace(up, \"job\", \"\", \"\", \"\") + on () group_left up'}
";

/// The server, and all that goes on around it.
pub(super) struct Fed {
    pub(super) server: Server,
    shop: Option<Running>,
    is_over: Arc<AtomicBool>,
    poster: Option<JoinHandle<()>>,
    _central: Server,
    _homes: [Home; 2],
}

impl Fed {
    pub(super) fn start() -> Self {
        let homes = [Home::new(), Home::with(QUIET)];
        let central = homes[1].start(&[]);
        let program = Exporter::new(PROGRAM);
        homes[0].write(
            "tacho.yaml",
            &configuration(&program.address, central.address()),
        );
        homes[0].write("broken.yml", BROKEN);
        let server = homes[0].start(&[]);
        let (minutes, seconds) = (Duration::from_mins, Duration::from_secs);
        let options = Options {
            rate: 20.0,
            seed: 1,
            history: minutes(4),
            incident: Incident {
                after: seconds(1),
                lasts: seconds(60),
            },
        };
        let shop = Prepared::new(options).unwrap();
        let shop = shop
            .start(server.address().parse().unwrap(), |_| ())
            .unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let poster = post(server.url(), Arc::clone(&is_over));
        Self {
            server,
            shop: Some(shop),
            is_over,
            poster: Some(poster),
            _central: central,
            _homes: homes,
        }
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.shop.take().map(Running::stop);
        let _ = self.poster.take().map(JoinHandle::join);
    }
}

/// Where a remote-write request is refused for good: a path that takes forms.
fn configuration(program: &str, central: &str) -> String {
    format!(
        "\
collect:
  probes: [{{http: 'http://{central}/healthz', interval: 2s}}]
  custom:
    - {{name: queue, shell: 'echo queue_depth 5', interval: 2s}}
    - {{name: broken, shell: 'exit 1', interval: 2s}}
scrape_configs:
  - job_name: checkout
    scrape_interval: 2s
    scrape_timeout: 1s
    static_configs: [{{targets: ['{program}']}}]
rules: {{files: [broken.yml]}}
filters: [{{match: noise, action: drop}}]
forward:
  - {{url: 'http://{central}', name: central}}
  - {{url: 'http://{central}/api/v1/query', name: refusing, match: [node_load1]}}
"
    )
}

/// Posts a point of everything else each second, until it is over.
fn post(url: String, is_over: Arc<AtomicBool>) -> JoinHandle<()> {
    let point = |name: &str, kind: &str, value: f64, service: &str| json!({"name": name, "type": kind, "value": value, "service": service, "tags": {"name": "c0ffee", "instance": "shop:443", "job": "shop"}});
    let points = move |grown: f64| -> Value {
        json!([
            point("container_cpu_usage_seconds_total", "counter", grown, "c"),
            point("container_memory_working_set_bytes", "gauge", 3e7, "c"),
            point("container_threads", "gauge", 7.0, "c"),
            point("process_cpu_time_seconds_total", "counter", grown, "orders"),
            point("process_memory_usage_bytes", "gauge", 4e7, "orders"),
            point("probe_ssl_earliest_cert_expiry", "gauge", now() + 1e6, "c"),
            point("pg_stat_database_numbackends", "gauge", 4.0, "c"),
            point("pg_stat_database_xact_commit", "counter", grown, "c"),
            point("pg_stat_database_xact_rollback", "counter", 0.0, "c"),
            point("noise", "gauge", 1.0, "c"),
            // Refused: there is no such time.
            {"name": "late", "value": 1, "timestamp": -1e30},
        ])
    };
    std::thread::spawn(move || {
        let mut seconds = 0.0;
        while !is_over.load(Ordering::Relaxed) {
            let sent =
                ureq::post(format!("{url}/api/performance/metrics")).send_json(points(seconds));
            // The server may end first.
            let _ = sent;
            seconds += 1.0;
            std::thread::sleep(Duration::from_secs(1));
        }
    })
}
