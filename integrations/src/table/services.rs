//! Services: how many requests, how many fail, how long they take, on whom they depend.

use crate::dashboard::{Choice, Dashboard, Limits, Panel, Row, Unit, Variable};
use crate::expression::{ANSWERED, ANY, CALLS, DURATION, SERVICES, Scope};

mod alerts;

pub(super) use alerts::{availability, errors, latency};

/// The page's name in addresses.
pub(super) const UID: &str = "tachograph-services";

/// Share of requests that fail.
const ERRORS: Limits = Limits {
    warning: 0.05,
    critical: 0.2,
};
/// Seconds of the 95th percentile: people notice from 1 s on, and leave at some.
const SLOW: Limits = Limits {
    warning: 1.0,
    critical: 5.0,
};

const GRAPH_CALLS: &str = "traces_service_graph_request_total";
const GRAPH_FAILED: &str = "traces_service_graph_request_failed_total";
const GRAPH_TIME: &str = "traces_service_graph_request_client_seconds";
const DATABASE: &str = r#"span_kind="SPAN_KIND_CLIENT",db_system_name!="""#;

/// How long answers take, and of whom.
fn time(scope: Scope, q: &str, by: &str) -> String {
    scope.quantile(q, by, DURATION, ANSWERED)
}

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: UID,
        title: "Tachograph / Services",
        description: "Services that send traces: requests, errors, response times, what they \
            depend on and what they use.",
        variables: vec![Variable {
            name: "service",
            label: "Service",
            series: CALLS,
            values_of: "service",
            choice: Choice::Many,
        }],
        rows: vec![
            glance(),
            each(),
            endpoints(),
            dependencies(),
            databases(),
            resources(),
            websockets(),
        ],
    }
}

fn glance() -> Row {
    let panels = vec![
        Panel::number("Requests", Unit::RequestsPerSecond)
            .help("What the chosen services answer, a second.")
            .query("requests", SERVICES.rate_by("", CALLS, ANSWERED)),
        Panel::number("Failed", Unit::Ratio)
            .rare()
            .help(
                "Share of requests whose span says so, or that HTTP answered with 500 and \
                above.",
            )
            .limits(ERRORS)
            .query("failed", SERVICES.error_rate("", ANSWERED)),
        Panel::number("Response time, median", Unit::Seconds)
            .help("Half of the requests took no longer.")
            .query("p50", time(SERVICES, "0.5", "")),
        Panel::number("Response time, p95", Unit::Seconds)
            .help("One request of twenty took longer.")
            .limits(SLOW)
            .query("p95", time(SERVICES, "0.95", "")),
        Panel::number("Response time, p99", Unit::Seconds)
            .help("One request of a hundred took longer.")
            .query("p99", time(SERVICES, "0.99", "")),
        Panel::number("Services", Unit::Count)
            .help("Services that answered in the window.")
            .query(
                "services",
                format!(
                    "count ({} > 0)",
                    SERVICES.rate_by("service", CALLS, ANSWERED)
                ),
            ),
    ];
    Row {
        title: "All that are chosen",
        panels,
    }
}

fn each() -> Row {
    let percentile = |title, q, help| {
        Panel::lines(title, Unit::Seconds)
            .help(help)
            .limits(SLOW)
            .query("{{service}}", time(SERVICES, q, "service"))
    };
    let panels = vec![
        Panel::lines("Requests", Unit::RequestsPerSecond)
            .help(
                "What each service answers, a second. Requests and messages that it was \
                sent; not those that it sends.",
            )
            .wide(12)
            .query("{{service}}", SERVICES.rate_by("service", CALLS, ANSWERED)),
        Panel::lines("Failed", Unit::Ratio)
            .rare()
            .help("Share of its requests.")
            .wide(12)
            .limits(ERRORS)
            .query("{{service}}", SERVICES.error_rate("service", ANSWERED)),
        percentile(
            "Response time, median",
            "0.5",
            "Half of the requests took no longer.",
        ),
        percentile(
            "Response time, p95",
            "0.95",
            "One request of twenty took longer. From Tachograph right to 0.6 %; from a \
                Prometheus that scrapes it, the slowest endpoint's of the last five minutes.",
        ),
        percentile(
            "Response time, p99",
            "0.99",
            "One request of a hundred took longer. A tail that grows under a median that does \
                not is where to look first.",
        ),
    ];
    Row {
        title: "Each service",
        panels,
    }
}

fn endpoints() -> Row {
    let by = "service, span_name";
    let failed = r#"status_code="STATUS_CODE_ERROR""#;
    let panels = vec![
        Panel::table("Endpoints")
            .help("What each service answers. A click on a service chooses it.")
            .chooses("service", "service")
            .column(
                "Requests",
                Unit::RequestsPerSecond,
                SERVICES.rate_by(by, CALLS, ANSWERED),
            )
            .column("Failed", Unit::Ratio, SERVICES.error_rate(by, ANSWERED))
            .column("p50", Unit::Seconds, time(SERVICES, "0.5", by))
            .column("p95", Unit::Seconds, time(SERVICES, "0.95", by))
            .column("p99", Unit::Seconds, time(SERVICES, "0.99", by)),
        Panel::lines("The slowest endpoints, p95", Unit::Seconds)
            .help("The ten of them.")
            .wide(12)
            .query(
                "{{service}} {{span_name}}",
                format!("topk(10, {})", time(SERVICES, "0.95", by)),
            ),
        Panel::stack("Failures by what they were", Unit::RequestsPerSecond)
            .rare()
            .help("By the status or the exception that spans tell.")
            .wide(12)
            .query(
                "{{service}} {{error_type}}",
                SERVICES.rate_by(
                    "service, error_type",
                    CALLS,
                    &format!("{ANSWERED},{failed}"),
                ),
            ),
    ];
    Row {
        title: "Endpoints",
        panels,
    }
}

fn dependencies() -> Row {
    let who = r#"client=~"$service""#;
    let by = "client, server";
    let panels = vec![
        Panel::lines("Calls", Unit::RequestsPerSecond)
            .help("Who calls whom.")
            .query("{{client}} → {{server}}", ANY.rate_by(by, GRAPH_CALLS, who)),
        Panel::lines("Failed calls", Unit::Ratio)
            .rare()
            .help("Share of the calls, as the caller sees it.")
            .limits(ERRORS)
            .query(
                "{{client}} → {{server}}",
                format!(
                    "{} / {}",
                    ANY.rate_by(by, GRAPH_FAILED, who),
                    ANY.rate_by(by, GRAPH_CALLS, who)
                ),
            ),
        Panel::lines("Time of a call, p95", Unit::Seconds)
            .help("As the caller sees it, the way there and back included.")
            .query(
                "{{client}} → {{server}}",
                ANY.quantile("0.95", by, GRAPH_TIME, who),
            ),
    ];
    Row {
        title: "Who calls whom",
        panels,
    }
}

fn databases() -> Row {
    let panels = vec![
        Panel::lines("Queries", Unit::RequestsPerSecond).query(
            "{{service}} → {{db_system_name}}",
            SERVICES.rate_by("service, db_system_name", CALLS, DATABASE),
        ),
        Panel::lines("Time of a query, p95", Unit::Seconds)
            .help("As the service sees it.")
            .query(
                "{{service}} → {{db_system_name}}",
                SERVICES.quantile("0.95", "service, db_system_name", DURATION, DATABASE),
            ),
        Panel::lines("The slowest queries, p95", Unit::Seconds)
            .help("The ten of them, without their values.")
            .query(
                "{{db_query_summary}}",
                format!(
                    "topk(10, {})",
                    SERVICES.quantile(
                        "0.95",
                        "db_query_summary",
                        DURATION,
                        &format!("{DATABASE},db_query_summary!=\"\"")
                    )
                ),
            ),
        Panel::lines("Open connections", Unit::Count)
            .help("As the database itself tells, or the pool of a program.")
            .wide(12)
            .query(
                "{{job}} {{instance}} {{pool_name}}",
                ANY.of("connection_pool_size", r#"source="database""#),
            ),
        Panel::lines("Transactions", Unit::PerSecond)
            .help("As the database itself tells, those that were rolled back among them.")
            .wide(12)
            .query(
                "{{job}} {{instance}}",
                ANY.of("transaction_rate", r#"source="database""#),
            ),
    ];
    Row {
        title: "Databases",
        panels,
    }
}

fn resources() -> Row {
    let panels = [
        Panel::lines("CPU of programs", Unit::Ratio)
            .help(
                "Cores that programs with a /metrics of their own use, and services that \
                send OpenTelemetry's process metrics.",
            )
            .query(
                "{{job}} {{instance}}",
                ANY.rate_by("job, instance", "process_cpu_seconds_total", ""),
            )
            .query(
                "{{service}}",
                SERVICES.rate_by("service", "process_cpu_time_seconds_total", ""),
            ),
        Panel::lines("Memory of programs", Unit::Bytes)
            .help("Resident memory of the same.")
            .query(
                "{{job}} {{instance}}",
                format!(
                    "sum by (job, instance) ({})",
                    ANY.of("process_resident_memory_bytes", "")
                ),
            )
            .query(
                "{{service}}",
                format!(
                    "sum by (service) ({})",
                    SERVICES.of("process_memory_usage_bytes", "")
                ),
            ),
        Panel::lines("Open files and threads of programs", Unit::Count)
            .query(
                "{{job}} {{instance}} files",
                format!(
                    "sum by (job, instance) ({})",
                    ANY.of("process_open_fds", "")
                ),
            )
            .query(
                "{{job}} {{instance}} threads",
                format!("sum by (job, instance) ({})", ANY.of("process_threads", "")),
            ),
    ];
    Row {
        title: "CPU and memory",
        panels: panels.into_iter().chain(containers()).collect(),
    }
}

fn containers() -> [Panel; 3] {
    let by_name = |expression: String| format!("topk(20, {expression})");
    [
        Panel::lines("CPU of containers and units", Unit::Ratio)
            .help(
                "Cores, of what `collect.containers` and `collect.systemd` watch; the \
                twenty that use most.",
            )
            .query(
                "{{name}}",
                by_name(ANY.rate_by("name", "container_cpu_usage_seconds_total", r#"name!="""#)),
            ),
        Panel::lines("Memory of containers and units", Unit::Bytes)
            .help("What cannot be taken from them; the twenty that hold most.")
            .query(
                "{{name}}",
                by_name(format!(
                    "sum by (name) ({})",
                    ANY.of("container_memory_working_set_bytes", r#"name!="""#)
                )),
            ),
        Panel::lines("Threads of containers and units", Unit::Count).query(
            "{{name}}",
            by_name(format!(
                "sum by (name) ({})",
                ANY.of("container_threads", r#"name!="""#)
            )),
        ),
    ]
}

fn websockets() -> Row {
    let by = "service, http_route";
    let panels = vec![
        Panel::lines("Open connections", Unit::Count).query(
            "{{service}} {{http_route}}",
            format!(
                "sum by ({by}) ({})",
                SERVICES.of("websocket_server_active_connections", "")
            ),
        ),
        Panel::lines("Messages", Unit::PerSecond)
            .help("Sent are drawn downwards.")
            .downwards("transmit")
            .query(
                "{{service}} {{http_route}} {{network_io_direction}}",
                SERVICES.rate_by(
                    "service, http_route, network_io_direction",
                    "websocket_server_messages_total",
                    "",
                ),
            ),
        Panel::lines("Errors", Unit::PerSecond).rare().query(
            "{{service}} {{http_route}}",
            SERVICES.rate_by(by, "websocket_server_errors_total", ""),
        ),
    ];
    Row {
        title: "WebSockets",
        panels,
    }
}
