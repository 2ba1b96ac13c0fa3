//! Models that were called: how long they took, tokens, cost, and the time to the first part of an
//! answer.

use std::collections::{BTreeMap, BTreeSet};

use tacho_model::{Labels, Querier, QueryError};

use super::measures;
use super::operation::{Kind, Operation, Side};
use super::source::{Names, Wanted, observe};
use super::stats::{Listed, Measured, Row, Tally, listed};
use super::usage::{self, Metrics, Usage};
use super::window::{Scope, Window};

const USED: Metrics = Metrics {
    tokens: "traces_span_metrics_gen_ai_usage_tokens_total",
    cost: "traces_span_metrics_gen_ai_usage_cost_total",
};
/// Tokens where only a library's metrics arrive.
const LIBRARY_TOKENS: &str = "gen_ai_client_token_usage";
/// The time to the first part of an answer: derived from spans, then a library's.
const FIRST_CHUNK: [&str; 3] = [
    "traces_span_metrics_gen_ai_time_to_first_chunk_seconds",
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "gen_ai_server_time_to_first_token_seconds",
];

/// A model.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its name, as it was asked for.
    pub name: String,
    /// Who serves it; empty where nobody told.
    pub provider: String,
    /// What it was asked to do.
    pub operations: Vec<String>,
    /// Who asked.
    pub services: Vec<String>,
    /// Its figures.
    pub measured: Measured,
    /// Tokens and cost in the window.
    pub usage: Usage,
    /// Until the first part of an answer: the median and the 95th percentile.
    pub first_chunk: Option<[Option<f64>; 2]>,
}

/// Provider and name.
type Key = (String, String);
/// Who called a model.
type Caller = (String, Key);

#[derive(Debug, Default)]
struct Gathered {
    row: Row,
    operations: BTreeSet<String>,
    services: BTreeSet<String>,
}

fn key(labels: &Labels) -> Option<Key> {
    let operation = Operation::of_metric(labels, Kind::Model, Side::Client);
    let text = |text: Option<&str>| text.unwrap_or("").to_owned();
    let model = operation.model();
    (model.or(operation.provider())).map(|_| (text(operation.provider()), text(model)))
}

/// The models that one service called, or all, those with the most time spent first.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn models(
    querier: &dyn Querier,
    service: Option<&str>,
    scope: &Scope,
) -> Result<Listed<Model>, QueryError> {
    of_services(querier, service.into_iter(), scope)
}

/// The models that any of these services called, or all where there are none.
pub(super) fn of_services<'a>(
    querier: &dyn Querier,
    services: impl Iterator<Item = &'a str>,
    scope: &Scope,
) -> Result<Listed<Model>, QueryError> {
    let callers: Vec<&str> = services.collect();
    let is_wanted = |name: &str| callers.is_empty() || callers.contains(&name);
    let service = match callers[..] {
        [one] => Some(one),
        _ => None,
    };
    let wanted = Wanted {
        service,
        kinds: &[Kind::Model],
    };
    let mut all: BTreeMap<Key, Gathered> = BTreeMap::new();
    let names = observe(
        querier,
        wanted,
        &scope.windows(),
        |operation, tallies, last| {
            if !is_wanted(operation.service()) {
                return;
            }
            let text = |text: Option<&str>| text.unwrap_or("").to_owned();
            let key = (text(operation.provider()), text(operation.model()));
            let gathered = all.entry(key).or_default();
            gathered.row.add(tallies, last);
            let name = operation.get("gen_ai_operation_name");
            gathered.operations.extend(name.map(str::to_owned));
            gathered.services.insert(operation.service().to_owned());
        },
    )?;
    let caller = |labels: &Labels| caller(labels, &names).filter(|(name, _)| is_wanted(name));
    let mut used = usage::by(querier, USED, service, scope, caller)?;
    library_tokens(querier, &caller, scope, &mut used)?;
    let mut of_models: BTreeMap<Key, Usage> = BTreeMap::new();
    for ((_, key), usage) in used {
        of_models.entry(key).or_default().add(&usage);
    }
    let first = first_chunks(querier, &caller, scope)?;
    Ok(listed(
        all,
        |one| &one.row,
        scope,
        |(key, gathered)| Model {
            usage: of_models.get(&key).copied().unwrap_or_default(),
            first_chunk: first.get(&key).map(|tally| {
                let quantile = |fraction| tally.quantile(fraction);
                [quantile(0.5), quantile(0.95)]
            }),
            provider: key.0,
            name: key.1,
            operations: gathered.operations.into_iter().collect(),
            services: gathered.services.into_iter().collect(),
            measured: gathered.row.measured(scope),
        },
    ))
}

fn caller(labels: &Labels, names: &Names) -> Option<Caller> {
    Some((names.of(labels).to_owned(), key(labels)?))
}

/// Adds the tokens of models of which no span of the same service told any.
fn library_tokens(
    querier: &dyn Querier,
    caller: &impl Fn(&Labels) -> Option<Caller>,
    scope: &Scope,
    used: &mut BTreeMap<Caller, Usage>,
) -> Result<(), QueryError> {
    let windows = [Window::mean(scope.range)];
    let keep = |labels: &Labels| caller(labels).is_some();
    let told: BTreeSet<Caller> = used.keys().cloned().collect();
    for measure in measures::any(querier, &[LIBRARY_TOKENS], &windows, keep, |_| 1.0)? {
        let Some(key) = caller(&measure.labels).filter(|key| !told.contains(key)) else {
            continue;
        };
        let kind = measure.labels.get("gen_ai_token_type").unwrap_or("");
        let tokens: f64 = measure.tallies.iter().map(|tally| tally.sum).sum();
        used.entry(key).or_default().add_tokens(kind, tokens);
    }
    Ok(())
}

/// The time to the first part of an answer, of each model from the first metric that tells it.
fn first_chunks(
    querier: &dyn Querier,
    caller: &impl Fn(&Labels) -> Option<Caller>,
    scope: &Scope,
) -> Result<BTreeMap<Key, Tally>, QueryError> {
    let windows = [Window::whole(scope.range)];
    let keep = |labels: &Labels| caller(labels).is_some();
    let found = measures::any(querier, &FIRST_CHUNK, &windows, keep, |_| 1.0)?;
    let mut all: BTreeMap<Caller, Tally> = BTreeMap::new();
    for metric in FIRST_CHUNK {
        let told: BTreeSet<Caller> = all.keys().cloned().collect();
        for measure in found.iter().filter(|one| one.labels.name() == metric) {
            let Some(key) = caller(&measure.labels).filter(|key| !told.contains(key)) else {
                continue;
            };
            let tally = all.entry(key).or_default();
            for one in &measure.tallies {
                tally.add(one);
            }
        }
    }
    let mut of_models: BTreeMap<Key, Tally> = BTreeMap::new();
    for ((_, key), tally) in all {
        of_models.entry(key).or_default().add(&tally);
    }
    Ok(of_models)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Store, scope};
    use super::*;
    use tacho_model::Histogram;

    #[test]
    fn tokens_cost_and_first_parts_of_spans_or_of_a_library() {
        let store = Store::new();
        let model = [
            ("gen_ai_operation_name", "chat"),
            ("gen_ai_provider_name", "openai"),
            ("gen_ai_request_model", "m"),
        ];
        let with = |more: &[(&'static str, &'static str)]| [&model[..], more].concat();
        store.spans(&with(&[("service", "bot")]), 10, &[1.0; 4]);
        for (kind, tokens) in [("input", 100.0), ("output", 20.0)] {
            let labels = [
                ("__name__", USED.tokens),
                ("service", "bot"),
                ("gen_ai_token_type", kind),
            ];
            store.number(&with(&labels), 10, tokens);
        }
        store.number(
            &with(&[("__name__", USED.cost), ("service", "bot")]),
            10,
            0.25,
        );
        let mut first = Histogram::new();
        first.observe(0.2);
        store.histogram(
            &with(&[("__name__", FIRST_CHUNK[0]), ("service", "bot")]),
            10,
            first,
        );
        // The same service's library tells its tokens once more, and another one only by itself.
        let token = ("gen_ai_token_type", "input");
        let buckets = [("1024", 2.0), ("+Inf", 2.0)];
        store.buckets(
            &with(&[("job", "bot"), token]),
            LIBRARY_TOKENS,
            10,
            &buckets,
            100.0,
        );
        let other = [
            ("job", "other"),
            ("gen_ai_system", "x"),
            ("gen_ai_request_model", "n"),
        ];
        let duration = "gen_ai_client_operation_duration_seconds";
        store.buckets(&other, duration, 10, &[("5", 2.0), ("+Inf", 2.0)], 3.0);
        store.buckets(
            &[&other[..], &[token]].concat(),
            LIBRARY_TOKENS,
            10,
            &buckets,
            700.0,
        );

        let found = models(store.querier(), None, &scope()).unwrap();
        let [bot, other] = &found.rows[..] else {
            panic!("{found:?}")
        };
        assert_eq!((bot.name.as_str(), bot.provider.as_str()), ("m", "openai"));
        assert_eq!(bot.operations, ["chat"]);
        let usage = bot.usage;
        assert_eq!(
            (usage.input, usage.output, usage.cost),
            (Some(100.0), Some(20.0), Some(0.25))
        );
        assert_eq!(usage.reasoning, None);
        assert!((bot.first_chunk.unwrap()[0].unwrap() - 0.2).abs() < 0.002);
        assert_eq!((other.name.as_str(), other.usage.input), ("n", Some(700.0)));
        assert_eq!((other.usage.cost, other.first_chunk), (None, None));
        let of = models(store.querier(), Some("other"), &scope()).unwrap();
        assert_eq!(of.rows.len(), 1);
        let both = of_services(store.querier(), ["other", "none"].into_iter(), &scope()).unwrap();
        assert_eq!((both.rows.len(), both.rows[0].name.as_str()), (1, "n"));
    }

    #[test]
    fn a_namespace_counts_nothing_twice() {
        let store = Store::new();
        let model = [
            ("gen_ai_operation_name", "chat"),
            ("gen_ai_request_model", "m"),
        ];
        let spans = [("service", "bot"), ("service_namespace", "shop")];
        let with = |more: &[(&'static str, &'static str)]| [&model[..], more].concat();
        store.spans(&with(&spans), 10, &[1.0; 4]);
        let input = ("gen_ai_token_type", "input");
        let tokens = [&spans[..], &[("__name__", USED.tokens), input]].concat();
        store.number(&with(&tokens), 10, 100.0);
        let mut first = Histogram::new();
        first.observe(0.2);
        let chunk = [&spans[..], &[("__name__", FIRST_CHUNK[0])]].concat();
        store.histogram(&with(&chunk), 10, first);
        let job = ("job", "shop/bot");
        let buckets = [("1", 4.0), ("+Inf", 4.0)];
        for (secs, more) in [(5, 0.0), (10, 100.0)] {
            let buckets = buckets.map(|(bound, count)| (bound, count + more));
            store.buckets(&with(&[job]), FIRST_CHUNK[1], secs, &buckets, 90.0 + more);
            store.buckets(
                &with(&[job, input]),
                LIBRARY_TOKENS,
                secs,
                &buckets,
                100.0 + more,
            );
        }
        for service in [None, Some("bot")] {
            let found = models(store.querier(), service, &scope()).unwrap();
            let [model] = &found.rows[..] else {
                panic!("{found:?}")
            };
            assert_eq!(model.usage.input, Some(100.0));
            assert!((model.first_chunk.unwrap()[1].unwrap() - 0.2).abs() < 0.002);
        }
    }
}
