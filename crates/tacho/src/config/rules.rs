//! `rules`: alert rules, and the recording rules of Prometheus' rule files.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_saphyr::Spanned;
use tacho_model::time::format_duration;
use tacho_server::rules::file::INTERVALS;
use tacho_server::rules::group::{Group, Origin};
use tacho_server::rules::{self, load};
use tacho_server::settings::RuleSettings;

use super::legacy;
use super::raw::{RawRule, Span};

/// Between them lies how far back missed evaluations are made good.
const CATCH_UPS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(24 * 7);

/// `rules`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRules {
    /// How often alert rules are evaluated.
    pub(crate) interval: Option<Span>,
    /// Whether the default alert rules are on.
    pub(crate) defaults: Option<bool>,
    /// Alert rules.
    pub(crate) alerts: Option<Vec<Spanned<RawRule>>>,
    /// Prometheus' rule files; `*` and `?` in their names.
    files: Vec<PathBuf>,
    /// Whether the built-in recording rules are on.
    builtin: Option<bool>,
    /// How often a rule group is evaluated that does not say.
    evaluation_interval: Option<Span>,
    /// How far back missed evaluations are made good.
    catch_up: Option<Span>,
}

impl RawRules {
    /// Puts what is written into the settings; files are relative to `base`.
    pub(crate) fn apply(
        &self,
        thresholds: &[(&'static str, f64)],
        base: &Path,
        rules: &mut RuleSettings,
    ) -> Result<()> {
        if let Some(interval) = self.interval {
            if interval.0 < Duration::from_millis(100) {
                bail!("rules.interval must be at least 100ms");
            }
            rules.interval = interval.0;
        }
        if self.defaults == Some(false) {
            rules.rules.clear();
        }
        for raw in self.alerts.iter().flatten() {
            let (line, column) = (raw.referenced.line(), raw.referenced.column());
            let place = || {
                let name = &raw.value.name;
                format!("alert rule `{name}` (line {line}, column {column})")
            };
            let rule = raw.value.rule().with_context(place)?;
            // A rule of the user's with a default's name takes its place.
            rules.rules.retain(|known| known.name != rule.name);
            rules.rules.push(rule);
        }
        for (name, threshold) in thresholds {
            legacy::set_threshold(&mut rules.rules, name, *threshold)?;
        }
        self.apply_groups(base, rules)
    }

    fn apply_groups(&self, base: &Path, rules: &mut RuleSettings) -> Result<()> {
        if let Some(Span(interval)) = self.evaluation_interval {
            if !INTERVALS.contains(&interval) {
                let (min, max) = (*INTERVALS.start(), *INTERVALS.end());
                let (min, max) = (format_duration(min), format_duration(max));
                bail!("rules.evaluation_interval must lie between {min} and {max}");
            }
            rules.evaluation_interval = interval;
        }
        if let Some(Span(catch_up)) = self.catch_up {
            if !CATCH_UPS.contains(&catch_up) {
                let max = format_duration(*CATCH_UPS.end());
                bail!("rules.catch_up must be at most {max}");
            }
            rules.catch_up = catch_up;
        }
        if self.builtin == Some(false) {
            rules.groups.clear();
        }
        let patterns: Vec<PathBuf> = self.files.iter().map(|file| base.join(file)).collect();
        let groups = load::load(&patterns, rules.evaluation_interval).context("rules.files")?;
        rules.groups.extend(groups);
        if rules.groups.len() > rules::GROUPS_MAX {
            let (found, max) = (rules.groups.len(), rules::GROUPS_MAX);
            bail!("rules.files: {found} rule groups are more than the {max} that are allowed");
        }
        Ok(())
    }
}

/// What of the groups can be used, and is worth a thought.
pub(crate) fn told(groups: &[Group]) -> Vec<String> {
    let mut told = Vec::new();
    for group in groups {
        let what = format!("{}: group {:?}", group.origin.as_str(), group.name);
        for record in group.doubled() {
            told.push(format!(
                "{what}: more than one rule records {record} with the same labels; where both have \
                 a value, the last one wins"
            ));
        }
        if let 1.. = group.alerting() {
            told.push(format!(
                "{what}: its alerting rules are kept and listed, and not evaluated yet"
            ));
        }
    }
    told
}

/// Each group and what it comes to.
pub(crate) fn explain(rules: &RuleSettings) -> Vec<(String, String)> {
    let mut all = vec![
        (
            "rules.evaluation_interval".to_owned(),
            format_duration(rules.evaluation_interval),
        ),
        ("rules.catch_up".to_owned(), format_duration(rules.catch_up)),
    ];
    all.extend(rules.groups.iter().map(|group| {
        let from = match &group.origin {
            Origin::Builtin => "built in".to_owned(),
            other => format!("of {}", other.as_str()),
        };
        let (count, every) = (group.rules.len(), format_duration(group.interval));
        (
            format!("rule group {}", group.name),
            format!("{from}, {count} rules every {every}"),
        )
    }));
    all
}
