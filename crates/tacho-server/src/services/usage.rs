//! Tokens and what they cost, by whatever the caller groups them by.

use std::collections::BTreeMap;

use tacho_model::{Labels, Querier, QueryError};

use super::measures::gained;
use super::source::span_matchers;
use super::window::Scope;

/// The currency of costs where the price table's is not known: no cost was told yet.
const CURRENCY: &str = "USD";
/// Its unit is the price table's currency.
const COST: &str = "traces_span_metrics_gen_ai_usage_cost_total";

/// Tokens by what they were for; `None` where nobody told.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Put in.
    pub input: Option<f64>,
    /// Given back.
    pub output: Option<f64>,
    /// Of those put in, read from a cache.
    pub cache_read: Option<f64>,
    /// Of those put in, put into a cache.
    pub cache_creation: Option<f64>,
    /// Of those given back, spent on reasoning.
    pub reasoning: Option<f64>,
    /// In [`currency`].
    pub cost: Option<f64>,
}

impl Usage {
    /// Adds tokens of a type; of one that is not known, none.
    pub(super) fn add_tokens(&mut self, kind: &str, tokens: f64) {
        let place = match kind {
            "input" | "prompt" => &mut self.input,
            // The name of the conventions before.
            "output" | "completion" => &mut self.output,
            "cache_read" => &mut self.cache_read,
            "cache_creation" => &mut self.cache_creation,
            "reasoning" => &mut self.reasoning,
            _ => return,
        };
        *place.get_or_insert(0.0) += tokens;
    }
}

impl Usage {
    /// Adds what somebody else used.
    pub(super) fn add(&mut self, other: &Self) {
        let fields = |usage: Self| {
            let Self { input, output, .. } = usage;
            [
                input,
                output,
                usage.cache_read,
                usage.cache_creation,
                usage.reasoning,
                usage.cost,
            ]
        };
        let sum = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (one, other) => one.or(other),
        };
        let (ours, theirs) = (fields(*self), fields(*other));
        let all: [Option<f64>; 6] = std::array::from_fn(|at| sum(ours[at], theirs[at]));
        let [input, output, cache_read, cache_creation, reasoning, cost] = all;
        *self = Self {
            input,
            output,
            cache_read,
            cache_creation,
            reasoning,
            cost,
        };
    }
}

/// The currency of costs: that of the price table.
pub fn currency(querier: &dyn Querier) -> String {
    let metadata = querier.metadata(COST);
    let unit = metadata.as_ref().map_or("", |known| known.unit.as_str());
    let is_told = !["", "1"].contains(&unit);
    if is_told { unit } else { CURRENCY }.to_owned()
}

/// The metrics of tokens and of their cost.
#[derive(Clone, Copy)]
pub(super) struct Metrics {
    pub(super) tokens: &'static str,
    pub(super) cost: &'static str,
}

/// What was used in the window, by `key`.
pub(super) fn by<K: Ord>(
    querier: &dyn Querier,
    metrics: Metrics,
    service: Option<&str>,
    scope: &Scope,
    key: impl Fn(&Labels) -> Option<K>,
) -> Result<BTreeMap<K, Usage>, QueryError> {
    let mut all: BTreeMap<K, Usage> = BTreeMap::new();
    let tokens = span_matchers(metrics.tokens, service);
    for (labels, gained) in gained(querier, tokens, scope.range)? {
        if let Some(key) = key(&labels) {
            let kind = labels.get("gen_ai_token_type").unwrap_or("");
            all.entry(key).or_default().add_tokens(kind, gained);
        }
    }
    let costs = span_matchers(metrics.cost, service);
    for (labels, gained) in gained(querier, costs, scope.range)? {
        if let Some(key) = key(&labels) {
            *all.entry(key).or_default().cost.get_or_insert(0.0) += gained;
        }
    }
    Ok(all)
}
