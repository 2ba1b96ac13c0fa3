//! What filters cost a sample, in nanoseconds: `cargo run --release -p tacho-server --example
//! filter_cost`.
//!
//! A scrape of 2 000 series, one sample each, is passed again and again, as known series are; each
//! figure is the least of many passes, so that other work on the machine does not show.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an example prints and panics"
)]

use std::time::{Duration, Instant};

use tacho_model::relabel::{Rule, RuleText};
use tacho_model::{Batch, Columns, Kind, Labels, TimeRange, Timestamp};
use tacho_server::filters::rule::{
    Aggregation, Grouping, SampleAction, SampleRule, Scope, Selectors,
};
use tacho_server::filters::{Moment, SampleFilters, Stored, Window};
use tacho_server::intake::quota::{Quota, QuotaSettings, Quotas};
use tacho_server::intake::{Origin, Protocol};

const SERIES: usize = 2_000;
const PASSES: i64 = 400;
const ORIGIN: Origin<'_> = Origin::new(Protocol::RemoteWrite, "10.0.0.1");

struct Nothing;

impl Stored for Nothing {
    fn kind(&self, _: &str) -> Option<Kind> {
        None
    }

    fn samples(&self, _: &Labels, _: TimeRange) -> Columns {
        Columns::new()
    }
}

fn batch(secs: i64) -> Batch {
    let mut batch = Batch::new();
    for n in 0..SERIES {
        let labels = [
            ("__name__", format!("http_requests_{}_total", n % 50)),
            ("instance", "10.11.12.13:9100".to_owned()),
            ("job", "checkout".to_owned()),
            ("path", format!("/api/v1/orders/{}", n / 50)),
            ("pod", format!("checkout-5d4f8b7c9d-{n:05}")),
        ];
        let series = batch.series(labels).unwrap();
        batch.push(series, Timestamp::from_secs(secs), n as f64);
    }
    batch
}

fn rule(selector: &str, action: SampleAction) -> SampleRule {
    SampleRule {
        scope: Scope::default(),
        selectors: Selectors::parse(&[selector.to_owned()]).unwrap(),
        action,
    }
}

fn drops(count: usize) -> Vec<SampleRule> {
    let selector = |n| format!(r#"{{__name__=~"go_{n}_.*",job=~"a|b|c"}}"#);
    (0..count)
        .map(|n| rule(&selector(n), SampleAction::Drop))
        .collect()
}

fn moment(secs: i64) -> Moment<'static> {
    Moment {
        now: Timestamp::from_secs(secs),
        window: Window {
            ahead: Duration::from_mins(10),
            behind: Duration::from_hours(1),
        },
        stored: &Nothing,
    }
}

/// The least time of a pass, a sample, after the first, in which every series is new.
fn measure(what: &str, mut pass: impl FnMut(&Batch, i64)) {
    let mut first = None;
    let mut least = f64::INFINITY;
    for secs in 0..PASSES {
        let batch = batch(1_000_000 + secs * 15);
        let start = Instant::now();
        pass(&batch, 1_000_000 + secs * 15);
        let nanos = start.elapsed().as_nanos() as f64 / SERIES as f64;
        first.get_or_insert(nanos);
        least = least.min(nanos);
    }
    let first = first.unwrap_or(0.0);
    println!("{what:<42} {least:8.1} ns a sample ({first:.0} ns when its series is new)");
}

fn filtered(what: &str, rules: Vec<SampleRule>) {
    let filters = SampleFilters::new(rules, 42);
    measure(what, |batch, secs| {
        if let Some(filters) = &filters {
            std::hint::black_box(filters.apply(batch, ORIGIN, moment(secs)));
        }
    });
}

fn main() {
    filtered("no filter", Vec::new());
    filtered("1 filter that drops nothing", drops(1));
    filtered("10 filters that drop nothing", drops(10));
    let half = r#"{__name__=~"http_requests_[0-9]*[02468]_total"}"#;
    filtered(
        "1 filter that drops half",
        vec![rule(half, SampleAction::Drop)],
    );
    let relabel = Rule::new(RuleText {
        source_labels: vec!["pod".to_owned()],
        regex: Some("(.*)-[0-9]+".to_owned()),
        target_label: Some("app".to_owned()),
        ..RuleText::default()
    });
    let all = r#"{job="checkout"}"#;
    filtered(
        "1 filter that relabels all",
        vec![rule(all, SampleAction::Relabel(vec![relabel.unwrap()]))],
    );
    let throttle = SampleAction::Throttle(Duration::from_mins(1));
    filtered("1 filter that throttles all", vec![rule(all, throttle)]);
    let aggregate = SampleAction::Aggregate(Aggregation {
        grouping: Grouping::Without(vec!["pod".to_owned(), "path".to_owned()]),
        interval: Duration::from_secs(15),
        function: None,
    });
    filtered(
        "1 filter that aggregates all, 40 into 1",
        vec![rule(all, aggregate)],
    );
    let quotas = Quotas::new(QuotaSettings {
        any: Quota {
            series_max: Some(1_000_000),
            samples_per_second_max: Some(1_000_000_000),
        },
        sources: Vec::new(),
    });
    measure("limits of a source, no filter", |batch, secs| {
        if let Some(quotas) = &quotas {
            let now = Timestamp::from_secs(secs);
            let _ = std::hint::black_box(quotas.take_samples(ORIGIN, batch.len(), now));
            std::hint::black_box(quotas.over(ORIGIN, batch, now));
        }
    });
}
