//! Tachograph itself: what it takes in, what it refuses, what it uses, whom it asks and sends to.

use crate::alert::{Alert, Group};
use crate::dashboard::{Choice, Dashboard, Limits, Panel, Row, Unit, Variable};
use crate::expression::{ALL, ANY, OWN, Scope};

/// The page's name in addresses.
pub(super) const UID: &str = "tachograph-self";

/// Share of the files that it may open.
const FILES: Limits = Limits {
    warning: 0.7,
    critical: 0.9,
};

/// Its own series among those of other programs.
const SELF: &str = r#"job="tacho""#;
/// How full the limit on series is.
const SERIES_USED: &str = r#"tacho_store_limit_used_ratio{limit="storage.series_max"}"#;
/// Share of it.
const LIMIT: Limits = Limits {
    warning: 0.8,
    critical: 0.95,
};

const ITEMS: &str = "tacho_receiver_items_total";
const REFUSED: &str = r#"outcome="refused""#;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: UID,
        title: "Tachograph / Itself",
        description: "What Tachograph takes in and refuses, what it uses, whom it asks and to \
            whom it sends.",
        variables: vec![Variable {
            name: "instance",
            label: "Tachograph",
            series: r#"process_start_time_seconds{job="tacho"}"#,
            values_of: "instance",
            choice: Choice::One,
        }],
        rows: vec![
            glance(),
            received(),
            process(),
            store(),
            targets(),
            recording(),
            forwarding(),
        ],
    }
}

/// Share of the files that it may open which are open.
fn files(scope: Scope, more: &str) -> String {
    let (open, all) = ("process_open_fds", "process_max_fds");
    format!("{} / {}", scope.of(open, more), scope.of(all, more))
}

fn glance() -> Row {
    let panels = vec![
        Panel::number("CPU", Unit::Ratio)
            .help("Cores that it uses.")
            .query("used", OWN.rate("process_cpu_seconds_total", "")),
        Panel::number("Memory", Unit::Bytes)
            .help("Resident.")
            .query("resident", OWN.of("process_resident_memory_bytes", "")),
        Panel::number("Taken in", Unit::PerSecond)
            .help("Samples, spans and log records that came in and were kept.")
            .query("accepted", OWN.rate_by("", ITEMS, r#"outcome="accepted""#)),
        Panel::number("Refused", Unit::PerSecond)
            .help("What came in and was not kept, a second.")
            .query("refused", OWN.rate_by("", ITEMS, REFUSED)),
        Panel::number("Open files", Unit::Ratio)
            .help("Of those that it may open.")
            .limits(FILES)
            .query("open", files(OWN, "")),
        Panel::number("Up for", Unit::Seconds).query(
            "up",
            format!("time() - {}", OWN.of("process_start_time_seconds", "")),
        ),
    ];
    Row {
        title: "At a glance",
        panels,
    }
}

fn received() -> Row {
    let panels = vec![
        Panel::stack("Taken in", Unit::PerSecond)
            .help("By the way it came and what it is.")
            .query(
                "{{protocol}} {{signal}}",
                OWN.rate_by("protocol, signal", ITEMS, r#"outcome="accepted""#),
            ),
        Panel::lines("Taken in, by who sends", Unit::PerSecond)
            .help("The ten that send most.")
            .query(
                "{{source}}",
                format!(
                    "topk(10, {})",
                    OWN.rate_by("source", ITEMS, r#"outcome="accepted""#)
                ),
            ),
        Panel::stack("Refused, by reason", Unit::PerSecond)
            .help("Senders were told so, with the reason.")
            .query(
                "{{protocol}} {{reason}}",
                OWN.rate_by("protocol, reason", ITEMS, REFUSED),
            ),
        Panel::stack("Requests", Unit::RequestsPerSecond)
            .help("By what was answered. 429 and 503 ask the sender to come again.")
            .query(
                "{{protocol}} {{code}}",
                OWN.rate_by("protocol, code", "tacho_receiver_requests_total", ""),
            ),
        Panel::lines("Came late", Unit::PerSecond)
            .help(
                "Items that were sent later than they were about; what the store no longer \
                takes is refused.",
            )
            .query(
                "{{protocol}} {{signal}}",
                OWN.rate_by("protocol, signal", "tacho_receiver_delayed_items_total", ""),
            ),
        Panel::stack("Filters", Unit::PerSecond)
            .help("Samples that filters changed or left out, by the filter.")
            .query(
                "{{filter}} {{action}}",
                OWN.rate_by("filter, action", "tacho_filter_samples_total", ""),
            ),
    ];
    Row {
        title: "What comes in",
        panels,
    }
}

fn process() -> Row {
    let panels = vec![
        Panel::lines("CPU", Unit::Ratio)
            .help("Cores.")
            .query("used", OWN.rate("process_cpu_seconds_total", "")),
        Panel::lines("Memory", Unit::Bytes)
            .query("resident", OWN.of("process_resident_memory_bytes", ""))
            .query("virtual", OWN.of("process_virtual_memory_bytes", "")),
        Panel::lines("Threads and open files", Unit::Count)
            .query("threads", OWN.of("process_threads", ""))
            .query("open files", OWN.of("process_open_fds", "")),
    ];
    Row {
        title: "What it uses",
        panels,
    }
}

fn store() -> Row {
    let figure = |name: &str| OWN.of(&format!("tacho_store_{name}"), "");
    let panels = vec![
        Panel::lines("Series", Unit::Count)
            .help("With samples in memory, which is where they cost.")
            .query("series", figure("series")),
        Panel::stack("Samples", Unit::Count).query("in {{place}}", figure("samples")),
        Panel::bars("Limits", Unit::Ratio)
            .help(
                "How full the limits are that are set. One of retention is full once the oldest data \
                 goes, as it should; one on series must not be.",
            )
            .max(1.0)
            .query("{{limit}}", figure("limit_used_ratio")),
        Panel::stack("On disk", Unit::Bytes)
            .help("The log is allocated ahead.")
            .wide(12)
            .query("{{part}}", figure("disk_bytes")),
        Panel::lines("In memory", Unit::Bytes)
            .help("An estimate of series, samples and records.")
            .wide(12)
            .query("memory", figure("memory_bytes")),
    ];
    Row {
        title: "What it keeps",
        panels,
    }
}

fn targets() -> Row {
    let panels = vec![
        Panel::lines("Targets that are up", Unit::Ratio)
            .help("Share of what is scraped and collected, by job.")
            .max(1.0)
            .query("{{job}}", format!("avg by (job) ({})", ANY.of("up", ""))),
        Panel::lines("Time of a scrape", Unit::Seconds)
            .help("The longest of each job.")
            .query(
                "{{job}}",
                format!("max by (job) ({})", ANY.of("scrape_duration_seconds", "")),
            )
            .query(
                "{{job}}",
                format!(
                    "max by (job) ({})",
                    ANY.of("tacho_collect_duration_seconds", "")
                ),
            ),
        Panel::lines("Samples of a scrape", Unit::Count)
            .query(
                "{{job}}",
                format!("sum by (job) ({})", ANY.of("scrape_samples_scraped", "")),
            )
            .query(
                "{{job}}",
                format!("sum by (job) ({})", ANY.of("tacho_collect_samples", "")),
            ),
    ];
    Row {
        title: "Whom it asks",
        panels,
    }
}

fn recording() -> Row {
    let group = "{{rule_group}}";
    let panels = vec![
        Panel::lines("Evaluations", Unit::PerSecond)
            .query(group, OWN.rate("tacho_rule_evaluations_total", "")),
        Panel::lines("Failed evaluations", Unit::PerSecond)
            .help("Why is in `/api/v1/rules`, and once in the log.")
            .query(group, OWN.rate("tacho_rule_evaluation_failures_total", "")),
        Panel::lines("Time of an evaluation", Unit::Seconds)
            .help("Of all rules of a group, the last time.")
            .query(group, OWN.of("tacho_rule_group_last_duration_seconds", "")),
    ];
    Row {
        title: "What it records",
        panels,
    }
}

fn forwarding() -> Row {
    let destination = "{{destination}}";
    let panels = vec![
        Panel::stack("Sent", Unit::PerSecond).query(
            "{{destination}} {{signal}}",
            OWN.rate_by("destination, signal", "tacho_forward_sent_items_total", ""),
        ),
        Panel::lines("Waiting", Unit::Count)
            .help("Samples, spans and log records on the queue.")
            .query(
                destination,
                format!(
                    "sum by (destination) ({})",
                    OWN.of("tacho_forward_pending_items", "")
                ),
            ),
        Panel::lines("Behind by", Unit::Seconds)
            .help("How long the oldest of what waits has waited.")
            .query(
                destination,
                format!(
                    "max by (destination) ({})",
                    OWN.of("tacho_forward_delay_seconds", "")
                ),
            ),
        Panel::lines("Queue on disk", Unit::Bytes).query(
            destination,
            format!(
                "sum by (destination) ({})",
                OWN.of("tacho_forward_pending_bytes", "")
            ),
        ),
        Panel::lines("Sent again", Unit::PerSecond)
            .help("Requests that the destination did not take at first.")
            .query(
                destination,
                OWN.rate_by("destination", "tacho_forward_retries_total", ""),
            ),
        Panel::stack("Dropped, by reason", Unit::PerSecond)
            .help("What will not arrive.")
            .query(
                "{{destination}} {{reason}}",
                OWN.rate_by(
                    "destination, reason",
                    "tacho_forward_dropped_items_total",
                    "",
                ),
            ),
    ];
    Row {
        title: "To whom it sends",
        panels,
    }
}

pub(super) fn alerts() -> Group {
    let refused = ALL.share("instance", ITEMS, REFUSED, "");
    let starts = ALL
        .over("15m")
        .window("changes", "process_start_time_seconds", SELF);
    let dropped = ALL.window("increase", "tacho_forward_dropped_items_total", "");
    let recording = ALL.rate("tacho_rule_evaluation_failures_total", "");
    let failures = ALL.rate("tacho_collect_failures_total", "");
    let alerts =
        vec![
        Alert::warning(UID, "TachographRefuses", refused).when("> 0.01").says(
            "Tachograph at {{ $labels.instance }} refuses {{ $value | humanizePercentage }} \
                of what comes in",
            "The page shows whose, and for which reason.",
        ),
        Alert::critical(UID, "TachographOpensTooManyFiles", files(ALL, SELF)).above(FILES).says(
            "Tachograph at {{ $labels.instance }} has opened {{ $value | humanizePercentage \
                }} of the files that it may",
            "It will refuse connections. Raise its limit (`ulimit -n`), or see who connects.",
        ),
        Alert::warning(UID, "TachographRestarts", starts).when("> 2").hold("0m").says(
            "Tachograph at {{ $labels.instance }} was started {{ $value }} times in a quarter \
                of an hour",
            "The log of the service manager says why it ended.",
        ),
        Alert::warning(UID, "TachographSeriesUsedUp", SERIES_USED)
            .above(LIMIT)
            .says(
                "Tachograph at {{ $labels.instance }} has {{ $value | humanizePercentage }} of the \
                 series it may have",
                "It will refuse new ones. Its status names the metric that has most.",
            ),
        Alert::warning(UID, "TachographSendsLate", "tacho_forward_delay_seconds").when("> \
            300").says(
            "{{ $labels.destination }} is {{ $value | humanizeDuration }} behind",
            "It is slow or does not answer; what waits is on disk, and dropped only when the \
                queue is full.",
        ),
        Alert::critical(UID, "TachographDrops", dropped).when("> 0").hold("0m").says(
            "{{ $value | printf \"%.0f\" }} items will not arrive at {{ $labels.destination \
                }}: {{ $labels.reason }}",
            "The queue is full, or the destination refuses them.",
        ),
        Alert::warning(UID, "RecordingFails", recording).when("> 0").says(
            "Rules of {{ $labels.rule_group }} fail in Tachograph at {{ $labels.instance }}",
            "What they record ends. Its `/api/v1/rules` says why.",
        ),
        Alert::warning(UID, "CollectorFails", failures).when("> 0").says(
            "{{ $labels.job }} at {{ $labels.instance }} cannot be asked",
            "The page Sources says why.",
        ),
    ];
    Group {
        name: "tachograph-self",
        about: "Tachograph itself.",
        alerts,
    }
}
