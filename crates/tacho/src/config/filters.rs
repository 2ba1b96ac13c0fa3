//! `filters`: what becomes of what was received before it is stored, in the order it is written.
//!
//! A filter is one map: what it means (`signal`, `match`, `protocol`, `source`, `service`), what
//! it does (`action`), and what that needs. A key that the action does not look at is refused,
//! because whoever wrote it meant something by it. Every error carries the line of its filter.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use tacho_model::span::Severity;
use tacho_model::{MatchOp, Matcher};
use tacho_server::filters::rule::{
    Aggregation, FILTERS_MAX, FilterSettings, Function, Grouping, INTERVALS, LogAction, LogRule,
    Ratio, SampleAction, SampleRule, Scope, Selectors, SpanAction, SpanRule, TailPolicy,
};
use tacho_server::intake::Protocol;

use super::raw::Span;
use super::relabel::{self, RawRelabel};

/// Between them lies how long a trace may be waited for.
const WAITS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_mins(5);
/// How long one is waited for where nothing is said.
const WAIT: Duration = Duration::from_secs(10);
/// The interval of aggregation where nothing is said: that of most scrapes, four times over.
const INTERVAL: Duration = Duration::from_mins(1);

/// `filters`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct RawFilters(Vec<Spanned<RawFilter>>);

/// One filter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFilter {
    signal: Option<String>,
    #[serde(rename = "match", default)]
    selectors: Words,
    protocol: Option<String>,
    source: Option<String>,
    service: Option<String>,
    action: String,
    to: Option<String>,
    relabel_configs: Option<Vec<RawRelabel>>,
    by: Option<Words>,
    without: Option<Words>,
    interval: Option<Span>,
    function: Option<String>,
    ratio: Option<f64>,
    keep: Option<RawTail>,
    wait: Option<Span>,
    severity_below: Option<String>,
}

/// Which traces a `tail_sample` keeps.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTail {
    errors: Option<bool>,
    slower_than: Option<Span>,
    ratio: Option<f64>,
}

/// One text or a list of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
        Ok(Words(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(text) = texts.next_element()? {
            words.push(text);
        }
        Ok(Words(words))
    }
}

impl RawFilters {
    /// The filters, checked.
    pub(crate) fn settings(&self) -> Result<FilterSettings> {
        let mut settings = FilterSettings::default();
        if self.0.len() > FILTERS_MAX {
            bail!(
                "filters: {} are more than the {FILTERS_MAX} allowed",
                self.0.len()
            );
        }
        for (index, filter) in self.0.iter().enumerate() {
            let at = filter.referenced;
            let (line, column) = (at.line(), at.column());
            let place = || format!("filter {} (line {line}, column {column})", index + 1);
            filter.value.add(&mut settings).with_context(place)?;
        }
        Ok(settings)
    }
}

impl RawFilter {
    fn add(&self, settings: &mut FilterSettings) -> Result<()> {
        let scope = Scope {
            protocol: self.protocol.as_deref().map(protocol).transpose()?,
            source: self.source.clone(),
        };
        match self.signal.as_deref().unwrap_or("samples") {
            "samples" => {
                if self.selectors.0.is_empty() && scope.is_everything() {
                    bail!("say which series are meant: match: 'up{{job=\"api\"}}'");
                }
                settings.samples.push(SampleRule {
                    selectors: self.selectors(false)?,
                    action: self.sample_action()?,
                    scope,
                });
            }
            "spans" => settings.spans.push(SpanRule {
                selectors: self.selectors(true)?,
                action: self.span_action()?,
                scope,
            }),
            "logs" => settings.logs.push(LogRule {
                selectors: self.selectors(true)?,
                below: self.severity_below.as_deref().map(severity).transpose()?,
                action: self.log_action()?,
                scope,
            }),
            other => bail!("`{other}` is no signal; use samples, spans or logs"),
        }
        Ok(())
    }

    fn selectors(&self, with_service: bool) -> Result<Selectors> {
        let mut selectors = Selectors::parse(&self.selectors.0)?;
        let Some(service) = &self.service else {
            return Ok(selectors);
        };
        if !with_service {
            bail!("`service` is for spans and logs; write match: '{{service=\"{service}\"}}'");
        }
        let service = Matcher::new("service", MatchOp::Equal, service)?;
        if selectors.any.is_empty() {
            selectors.any.push(Vec::new());
        }
        for all in &mut selectors.any {
            all.push(service.clone());
        }
        Ok(selectors)
    }

    /// Refuses keys that nothing looks at.
    fn allow(&self, keys: &[&str]) -> Result<()> {
        let given = [
            ("to", self.to.is_some()),
            ("relabel_configs", self.relabel_configs.is_some()),
            ("by", self.by.is_some()),
            ("without", self.without.is_some()),
            ("interval", self.interval.is_some()),
            ("function", self.function.is_some()),
            ("ratio", self.ratio.is_some()),
            ("keep", self.keep.is_some()),
            ("wait", self.wait.is_some()),
            ("severity_below", self.severity_below.is_some()),
        ];
        for (key, is_given) in given {
            if is_given && !keys.contains(&key) {
                let (action, signal) = (&self.action, self.signal.as_deref());
                let signal = signal.unwrap_or("samples");
                bail!("the action {action} of {signal} takes no `{key}`; leave it out");
            }
        }
        Ok(())
    }

    fn sample_action(&self) -> Result<SampleAction> {
        let missing = |key: &str| anyhow!("the action {} needs `{key}`", self.action);
        match self.action.as_str() {
            "keep" => self.allow(&[]).map(|()| SampleAction::Keep),
            "drop" => self.allow(&[]).map(|()| SampleAction::Drop),
            "rename" => {
                self.allow(&["to"])?;
                match self.to.as_deref() {
                    None | Some("") => Err(missing("to")),
                    Some(to) => Ok(SampleAction::Rename(to.to_owned())),
                }
            }
            "relabel" => {
                self.allow(&["relabel_configs"])?;
                let rules = self.relabel_configs.as_deref().unwrap_or_default();
                let rules = relabel::rules("relabel_configs", rules)?;
                if rules.is_empty() {
                    return Err(missing("relabel_configs"));
                }
                Ok(SampleAction::Relabel(rules))
            }
            "throttle" => {
                self.allow(&["interval"])?;
                let interval = self.interval.ok_or_else(|| missing("interval"))?;
                Ok(SampleAction::Throttle(interval_of(interval.0)?))
            }
            "aggregate" => {
                self.allow(&["by", "without", "interval", "function"])?;
                Ok(SampleAction::Aggregate(self.aggregation()?))
            }
            other => Err(anyhow!(
                "`{other}` is no action on samples; use keep, drop, rename, relabel, aggregate \
                 or throttle"
            )),
        }
    }

    fn aggregation(&self) -> Result<Aggregation> {
        let grouping = match (&self.by, &self.without) {
            (Some(by), None) => Grouping::By(by.0.clone()),
            (None, Some(without)) if without.0.is_empty() => {
                bail!("`without` is empty; name the labels to aggregate away")
            }
            (None, Some(without)) => Grouping::Without(without.0.clone()),
            _ => bail!("the action aggregate needs either `by` or `without`"),
        };
        let function = self.function.as_deref();
        let function = function.map(|text| {
            Function::parse(text).ok_or_else(|| {
                anyhow!("`{text}` is no function; use total, sum, min, max, avg or count")
            })
        });
        Ok(Aggregation {
            grouping,
            interval: interval_of(self.interval.map_or(INTERVAL, |span| span.0))?,
            function: function.transpose()?,
        })
    }

    fn span_action(&self) -> Result<SpanAction> {
        match self.action.as_str() {
            "keep" => self.allow(&[]).map(|()| SpanAction::Keep),
            "drop" => self.allow(&[]).map(|()| SpanAction::Drop),
            "sample" => Ok(SpanAction::Sample(self.sampled(&["ratio"])?)),
            "tail_sample" => {
                self.allow(&["keep", "wait"])?;
                Ok(SpanAction::TailSample(self.tail()?))
            }
            other => Err(anyhow!(
                "`{other}` is no action on spans; use keep, drop, sample or tail_sample"
            )),
        }
    }

    fn tail(&self) -> Result<TailPolicy> {
        let keep = self.keep.as_ref().ok_or_else(|| {
            anyhow!("the action tail_sample needs `keep`: {{errors: true, slower_than: 500ms}}")
        })?;
        let wait = self.wait.map_or(WAIT, |wait| wait.0);
        if !WAITS.contains(&wait) {
            bail!("`wait` must lie between 100ms and 5m");
        }
        let policy = TailPolicy {
            errors: keep.errors.unwrap_or(false),
            slower_than: keep.slower_than.map(|span| span.0),
            ratio: ratio(keep.ratio.unwrap_or(0.0))?,
            wait,
        };
        if !policy.errors && policy.slower_than.is_none() && policy.ratio.get() == 0.0 {
            bail!("`keep` keeps nothing; say errors: true, slower_than or ratio");
        }
        Ok(policy)
    }

    fn log_action(&self) -> Result<LogAction> {
        match self.action.as_str() {
            "keep" => self.allow(&["severity_below"]).map(|()| LogAction::Keep),
            "drop" => self.allow(&["severity_below"]).map(|()| LogAction::Drop),
            "sample" => {
                let ratio = self.sampled(&["ratio", "severity_below"])?;
                Ok(LogAction::Sample(ratio))
            }
            other => Err(anyhow!(
                "`{other}` is no action on logs; use keep, drop or sample"
            )),
        }
    }

    fn sampled(&self, keys: &[&str]) -> Result<Ratio> {
        self.allow(keys)?;
        ratio(
            self.ratio
                .ok_or_else(|| anyhow!("the action sample needs `ratio`"))?,
        )
    }
}

/// A way in of that name.
pub(super) fn protocol(text: &str) -> Result<Protocol> {
    Protocol::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Protocol::ALL.iter().map(|known| known.as_str()).collect();
        anyhow!("`{text}` is no protocol; use one of {}", known.join(", "))
    })
}

fn severity(text: &str) -> Result<Severity> {
    let known = |severity: &Severity| severity.as_str() == text;
    let found = Severity::ALL.into_iter().skip(1).find(known);
    found.ok_or_else(|| {
        anyhow!("`{text}` is no severity; use trace, debug, info, warn, error or fatal")
    })
}

fn ratio(ratio: f64) -> Result<Ratio> {
    Ratio::new(ratio).ok_or_else(|| anyhow!("`ratio` is a share from 0 to 1, not {ratio}"))
}

fn interval_of(interval: Duration) -> Result<Duration> {
    if !INTERVALS.contains(&interval) {
        bail!("`interval` must lie between 1s and 5m");
    }
    Ok(interval)
}

/// Each filter in words.
pub(crate) fn explain(filters: &FilterSettings) -> Vec<String> {
    let samples = filters.samples.iter().map(ToString::to_string);
    let spans = filters.spans.iter().map(ToString::to_string);
    let logs = filters.logs.iter().map(ToString::to_string);
    samples.chain(spans).chain(logs).collect()
}

#[cfg(test)]
mod tests;
