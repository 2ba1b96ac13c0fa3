//! One entry of `relabel_configs`, as Prometheus writes it; jobs and filters have the same.

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;
use tacho_model::relabel::{Action, Rule, RuleText};

use super::filters::Words;
use super::scrape::value::Text;

/// One rule.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRelabel {
    source_labels: Words,
    separator: Option<Text>,
    regex: Option<Text>,
    modulus: Option<u64>,
    target_label: Option<Text>,
    replacement: Option<Text>,
    action: Option<String>,
}

/// The rules of a key, checked.
pub(crate) fn rules(key: &str, raw: &[RawRelabel]) -> Result<Vec<Rule>> {
    let rule = |(at, raw): (usize, &RawRelabel)| {
        let number = at + 1;
        raw.rule().with_context(|| format!("{key}, rule {number}"))
    };
    raw.iter().enumerate().map(rule).collect()
}

impl RawRelabel {
    fn rule(&self) -> Result<Rule> {
        let text = |text: &Option<Text>| text.as_ref().map(|text| text.0.clone());
        let action = self.action.as_deref().map(|name| {
            Action::parse(name).ok_or_else(|| {
                let all = Action::ALL.map(Action::as_str).join(", ");
                anyhow!("`{name}` is no relabel action; use one of {all}")
            })
        });
        Ok(Rule::new(RuleText {
            source_labels: self.source_labels.0.clone(),
            separator: text(&self.separator),
            regex: text(&self.regex),
            modulus: self.modulus,
            target_label: text(&self.target_label),
            replacement: text(&self.replacement),
            action: action.transpose()?,
        })?)
    }
}
