//! One entry of `relabel_configs`, as Prometheus writes it.

use anyhow::{Result, anyhow};
use serde::Deserialize;
use tacho_model::relabel::{Action, Rule, RuleText};

use super::super::scalar::Scalar;
use super::Words;
use crate::config::scalar::Placed;

/// One rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRelabel {
    source_labels: Option<Words>,
    separator: Option<Placed<Text>>,
    regex: Option<Placed<Text>>,
    modulus: Option<u64>,
    target_label: Option<String>,
    replacement: Option<Placed<Text>>,
    action: Option<String>,
}

/// A text that may look like a number: `regex: 80`.
#[derive(Debug, Clone)]
struct Text(String);

impl Scalar for Text {
    const EXPECTED: &'static str = "a text";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

impl RawRelabel {
    /// The rule, checked.
    pub(super) fn rule(&self) -> Result<Rule> {
        let text = |text: &Option<Placed<Text>>| text.as_ref().map(|placed| placed.value.0.clone());
        let action = self.action.as_deref().map(|name| {
            let known: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
            Action::parse(name).ok_or_else(|| {
                anyhow!(
                    "`{name}` is no relabel action; use one of {}",
                    known.join(", ")
                )
            })
        });
        let rule = RuleText {
            source_labels: self.source_labels.clone().unwrap_or_default().0,
            separator: text(&self.separator),
            regex: text(&self.regex),
            modulus: self.modulus,
            target_label: self.target_label.clone(),
            replacement: text(&self.replacement),
            action: action.transpose()?,
        };
        Ok(Rule::new(rule)?)
    }
}
