//! What to warn of in services: who is silent, slow, or fails.

use super::{DATABASE, ERRORS, GRAPH_CALLS, GRAPH_FAILED, SLOW, UID, time};
use crate::alert::{Alert, Group};
use crate::expression::{ALL, ANSWERED, CALLS, DURATION};

/// Requests a second below which a share of them says nothing.
const FEW: &str = "0.05";
const ENDPOINT: &str = "service, span_name";

pub(in crate::table) fn availability() -> Group {
    let now = ALL.rate_by("service", CALLS, ANSWERED);
    let before = ALL.over("1h").rate_by("service", CALLS, ANSWERED);
    let alerts = vec![
        Alert::critical(UID, "TargetDown", "up").when("== 0").says(
            "{{ $labels.job }} at {{ $labels.instance }} cannot be asked",
            "Prometheus, or Tachograph for those that it asks itself, does not reach it or \
                cannot read what it says: see the page of targets, or the page Sources.",
        ),
        Alert::critical(UID, "ProbeFails", "probe_success")
            .when("== 0")
            .hold("2m")
            .says(
                "{{ $labels.instance }} does not answer as it should",
                "As seen from outside, by a probe.",
            ),
        // Without requests there is no rate of them, which says the same as none.
        Alert::warning(
            UID,
            "ServiceSilent",
            format!("({now} or 0 * {before}) / {before}"),
        )
        .when("< 0.05")
        .and(&format!("{before} > {FEW}"))
        .says(
            "{{ $labels.service }} answers {{ $value | humanizePercentage }} of the \
                    requests of the last hour",
            "It is down, or nobody reaches it, or it stopped sending traces.",
        ),
        Alert::warning(
            UID,
            "CertificateExpires",
            "probe_ssl_earliest_cert_expiry - time()",
        )
        .when("< 14 * 86400")
        .hold("1h")
        .says(
            "The certificate of {{ $labels.instance }} expires in {{ $value | \
                    humanizeDuration }}",
            "Clients will refuse it from then on.",
        ),
    ];
    Group {
        name: "tachograph-availability",
        about: "Who does not answer at all.",
        alerts,
    }
}

/// Enough requests that a share or a percentile of them means something.
fn enough(by: &str) -> String {
    format!("{} > {FEW}", ALL.rate_by(by, CALLS, ANSWERED))
}

pub(in crate::table) fn latency() -> Group {
    let of_service = format!("({})", time(ALL, "0.95", "service"));
    let of_endpoint = format!("({})", time(ALL, "0.99", ENDPOINT));
    let of_database = ALL.quantile("0.95", "service, db_system_name", DURATION, DATABASE);
    let summary = "One request of twenty to {{ $labels.service }} takes longer than {{ $value \
        | humanizeDuration }}";
    let description = "The page shows which endpoint, and on whom it waits.";
    let alerts = vec![
        Alert::warning(UID, "ServiceSlow", of_service.clone())
            .above(SLOW)
            .and(&enough("service"))
            .says(summary, description),
        Alert::critical(UID, "ServiceVerySlow", of_service)
            .above(SLOW)
            .and(&enough("service"))
            .says(summary, description),
        Alert::warning(UID, "EndpointSlow", of_endpoint)
            .when(format!("> {}", SLOW.critical))
            .and(&enough(ENDPOINT))
            .says(
                "One request of a hundred to {{ $labels.span_name }} of {{ $labels.service }} \
                    takes longer than {{ $value | humanizeDuration }}",
                "A tail that the service's own percentiles may hide.",
            ),
        Alert::warning(UID, "DatabaseSlow", format!("({of_database})"))
            .when("> 0.5")
            .says(
                "One query of twenty of {{ $labels.service }} to {{ $labels.db_system_name }} \
                takes longer than {{ $value | humanizeDuration }}",
                "As the service sees it. The page shows which query.",
            ),
    ];
    Group {
        name: "tachograph-latency",
        about: "Who takes too long.",
        alerts,
    }
}

pub(in crate::table) fn errors() -> Group {
    let of_service = ALL.error_rate("service", ANSWERED);
    let calls = ALL.rate_by("client, server", GRAPH_CALLS, "");
    let failed = ALL.rate_by("client, server", GRAPH_FAILED, "");
    let summary = "{{ $value | humanizePercentage }} of the requests to {{ $labels.service }} \
        fail";
    let description = "The page shows which endpoint, and with what.";
    let alerts = vec![
        Alert::warning(UID, "ServiceFails", of_service.clone())
            .above(ERRORS)
            .and(&enough("service"))
            .hold("5m")
            .says(summary, description),
        Alert::critical(UID, "ServiceFailsOften", of_service)
            .above(ERRORS)
            .and(&enough("service"))
            .hold("2m")
            .says(summary, description),
        Alert::warning(UID, "EndpointFails", ALL.error_rate(ENDPOINT, ANSWERED))
            .when(format!("> {}", ERRORS.critical))
            .and(&enough(ENDPOINT))
            .hold("5m")
            .says(
                "{{ $value | humanizePercentage }} of the requests to {{ $labels.span_name }} \
                    of {{ $labels.service }} fail",
                "The service's own rate of errors may hide it.",
            ),
        Alert::warning(UID, "DependencyFails", format!("{failed} / {calls}"))
            .above(ERRORS)
            .and(&format!("{calls} > {FEW}"))
            .hold("5m")
            .says(
                "{{ $value | humanizePercentage }} of the calls of {{ $labels.client }} to {{ \
                    $labels.server }} fail",
                "As the caller sees it.",
            ),
    ];
    Group {
        name: "tachograph-errors",
        about: "What fails.",
        alerts,
    }
}
