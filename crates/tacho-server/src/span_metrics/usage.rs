//! Tokens that a call of a model took and gave, and what they cost.
//!
//! They are counted where runs are followed and not where a span comes: a call that is made of calls
//! is told by those, and which it is made of is known there.

use std::borrow::Cow;

use tacho_model::Timestamp;
use tacho_semconv::labels::Label;
use tacho_semconv::operation::Tokens;

use super::families::Family;
use super::growth::{Growth, LabelKey};

/// The labels that tokens and cost have; of models beyond the limit of series the first two.
const LABELS: [&str; 6] = [
    "service",
    "service_name",
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "gen_ai_response_model",
];

/// What a call used.
#[derive(Debug)]
pub(super) struct Usage {
    labels: Vec<Label<'static>>,
    pub(super) tokens: Tokens,
    pub(super) cost: Option<f64>,
}

/// Which of the names that a span tells are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Model,
    Service,
}

/// The labels of what models use, of all labels of a span.
pub(super) fn labels(all: &[Label<'_>], detail: Detail) -> Vec<Label<'static>> {
    let names = match detail {
        Detail::Model => &LABELS[..],
        Detail::Service => &LABELS[..2],
    };
    let kept = all.iter().filter(|(name, _)| names.contains(name));
    kept.map(|(name, value)| (*name, Cow::Owned(value.clone().into_owned())))
        .collect()
}

impl Usage {
    pub(super) fn new(labels: Vec<Label<'static>>, tokens: Tokens, cost: Option<f64>) -> Self {
        Self {
            labels,
            tokens,
            cost,
        }
    }

    /// Counts it, as of a call that was over at `at`.
    pub(super) fn count(&mut self, at: Timestamp, growth: &mut Growth, seed: u64) {
        let mut scratch = Vec::new();
        let labels = &mut self.labels;
        if let Some(cost) = self.cost {
            let key = LabelKey::new(&*labels, seed, &mut scratch);
            growth.add(key, Family::Cost, labels, (at, cost));
        }
        for (kind, tokens) in token_types(self.tokens) {
            labels.push(("gen_ai_token_type", Cow::Borrowed(kind)));
            let key = LabelKey::new(&*labels, seed, &mut scratch);
            growth.add(key, Family::Tokens, labels, (at, tokens as f64));
            labels.pop();
        }
    }
}

/// Tokens by type, those that were told.
pub(super) fn token_types(tokens: Tokens) -> impl Iterator<Item = (&'static str, u64)> {
    let types = [
        ("input", tokens.input),
        ("output", tokens.output),
        ("cache_read", tokens.cache_read),
        ("cache_creation", tokens.cache_write),
        ("reasoning", tokens.reasoning),
    ];
    types
        .into_iter()
        .filter_map(|(kind, count)| Some((kind, count?)))
}
