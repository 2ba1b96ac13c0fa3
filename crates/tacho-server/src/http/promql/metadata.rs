//! `/api/v1/metadata`, `/api/v1/query_exemplars` and `/api/v1/status/buildinfo`.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use tacho_model::{Kind, Labels, METRIC_NAME, Metadata, Querier as _, TimeRange, Timestamp};

use super::encode::{put_labels, put_number, put_text, put_time};
use super::form::Form;
use super::{begin, parsed, success, told};
use crate::app::SharedApp;
use crate::exemplars;
use crate::http::problem::Answer;

/// Exemplars of an answer, the newest.
const EXEMPLARS_MAX: usize = 10_000;
/// The version of Prometheus whose API this is: clients decide by it what they may ask.
const SPEAKS: &str = "3.8.0";

/// What a metric is.
#[derive(Debug, Serialize)]
pub(super) struct About {
    #[serde(rename = "type")]
    kind: &'static str,
    help: String,
    unit: String,
}

impl From<Metadata> for About {
    fn from(metadata: Metadata) -> Self {
        Self {
            kind: match metadata.kind {
                Kind::Counter => "counter",
                Kind::Timing | Kind::Histogram => "histogram",
                Kind::Gauge | Kind::Throughput | Kind::Resource => "gauge",
            },
            help: metadata.help,
            unit: metadata.unit.as_str().to_owned(),
        }
    }
}

/// What is known of metrics.
pub(super) async fn metadata(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    let wanted = form.one("metric").map(str::to_owned);
    let limit = form.limit("limit")?.unwrap_or(usize::MAX);
    app.blocking(move |ctx| {
        let querier = ctx.querier();
        let names = match wanted {
            Some(name) => vec![name],
            None => querier.label_values(METRIC_NAME, &[], TimeRange::ALL)?,
        };
        let mut found: BTreeMap<String, [About; 1]> = BTreeMap::new();
        for name in names {
            if found.len() >= limit {
                break;
            }
            if let Some(metadata) = querier.metadata(&name) {
                found.insert(name, [metadata.into()]);
            }
        }
        told(&found, &[])
    })
    .await
}

/// Exemplars of the series that a query selects, by series.
pub(super) async fn exemplars(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    let query = form.one("query").unwrap_or("").to_owned();
    let range = form.range()?;
    app.blocking(move |ctx| {
        let query = parsed(ctx, &query)?;
        // A series may be selected more than once.
        let mut by_series: BTreeMap<Labels, BTreeSet<(Timestamp, String)>> = BTreeMap::new();
        for matchers in query.selectors() {
            ctx.check()?;
            let found = exemplars::select(&ctx.store, matchers, range, EXEMPLARS_MAX)?;
            for one in found {
                let shown = (one.exemplar.timestamp, shown(&one));
                by_series.entry(one.series).or_default().insert(shown);
            }
        }
        let mut data = begin();
        data.push('[');
        for (number, (series, exemplars)) in by_series.iter().enumerate() {
            data.push_str(if number == 0 { "{" } else { ",{" });
            data.push_str(r#""seriesLabels":"#);
            put_labels(series, &mut data);
            data.push_str(r#","exemplars":["#);
            for (number, (_, exemplar)) in exemplars.iter().enumerate() {
                if number > 0 {
                    data.push(',');
                }
                data.push_str(exemplar);
            }
            data.push_str("]}");
        }
        data.push(']');
        Ok(success(data, &[], &[]))
    })
    .await
}

/// An exemplar as JSON; its trace and span are labels, as Prometheus has them.
fn shown(found: &exemplars::Found) -> String {
    let exemplar = &found.exemplar;
    let mut out = String::from(r#"{"labels":{"#);
    let own = exemplar.labels.iter();
    let mut labels: Vec<(&str, String)> = own.map(|(n, v)| (n, v.to_owned())).collect();
    if exemplar.trace_id != 0 {
        labels.push(("trace_id", format!("{:032x}", exemplar.trace_id)));
    }
    if exemplar.span_id != 0 {
        labels.push(("span_id", format!("{:016x}", exemplar.span_id)));
    }
    for (number, (name, value)) in labels.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        put_text(name, &mut out);
        out.push(':');
        put_text(value, &mut out);
    }
    out.push_str(r#"},"value":""#);
    put_number(exemplar.value, &mut out);
    out.push_str(r#"","timestamp":"#);
    put_time(exemplar.timestamp, &mut out);
    out.push('}');
    out
}

/// What this server is, in the fields by which clients know what they may ask of it.
pub(super) async fn build_info() -> Answer<Response> {
    let own = env!("CARGO_PKG_VERSION");
    let info = BTreeMap::from([
        ("version", format!("{SPEAKS}+tachograph.{own}")),
        ("revision", own.to_owned()),
        ("branch", String::new()),
        ("buildUser", String::new()),
        ("buildDate", String::new()),
        ("goVersion", String::new()),
    ]);
    told(&info, &[])
}
