//! What a filter says: which samples, spans or log records it means, and what becomes of them.
//!
//! Everything here is checked when it is made; applying a rule cannot fail. In words, a rule is
//! what [`fmt::Display`] writes. Names are those of the field: `keep`, `drop` and relabelling are
//! Prometheus', `sample` and `tail_sample` the OpenTelemetry collector's.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use tacho_model::span::Severity;
use tacho_model::time::format_duration;
use tacho_model::{Matcher, relabel};
use tacho_promql::{SelectorError, parse_selector};

use crate::intake::{Origin, Protocol};

/// Most filters.
pub const FILTERS_MAX: usize = 1000;
/// Between them lies the interval of throttling and aggregating: an aligned end may be in the
/// future by as much, and the store takes nothing that is further ahead than ten minutes.
pub const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_mins(5);

/// Which of what comes in a filter looks at.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only what came so.
    pub protocol: Option<Protocol>,
    /// Only what this source sent.
    pub source: Option<String>,
}

impl Scope {
    /// Whether it restricts anything.
    pub fn is_everything(&self) -> bool {
        self.protocol.is_none() && self.source.is_none()
    }

    /// Whether it includes an origin. What this program makes itself is only meant where it is
    /// named, so that a filter on what others send cannot blind the dashboard.
    pub fn includes(&self, origin: Origin<'_>) -> bool {
        let own = origin.protocol.is_own();
        self.protocol.map_or(!own, |p| p == origin.protocol)
            && self.source.as_ref().is_none_or(|s| s == origin.source)
    }
}

/// Selectors, one of which must hold; none means everything.
#[derive(Debug, Clone, Default)]
pub struct Selectors {
    /// Each a list of conditions that must all hold.
    pub any: Vec<Vec<Matcher>>,
}

impl Selectors {
    /// Reads selectors as PromQL writes them.
    pub fn parse(texts: &[String]) -> Result<Self, SelectorError> {
        let any = texts.iter().map(|text| parse_selector(text));
        Ok(Self {
            any: any.collect::<Result<_, _>>()?,
        })
    }

    /// Whether one of them holds, by the value of a name; empty where it is absent.
    pub fn hold<'a>(&self, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> bool {
        let all = |matchers: &Vec<Matcher>| {
            let mut matchers = matchers.iter();
            matchers.all(|matcher| matcher.matches(&value(matcher.name()).unwrap_or_default()))
        };
        self.any.is_empty() || self.any.iter().any(all)
    }
}

/// A filter of samples.
#[derive(Debug, Clone)]
pub struct SampleRule {
    /// Whose samples.
    pub scope: Scope,
    /// Of which series.
    pub selectors: Selectors,
    /// What becomes of them.
    pub action: SampleAction,
}

/// What becomes of the samples of a series that a filter selects.
#[derive(Debug, Clone)]
pub enum SampleAction {
    /// They go on; those of all other series are dropped.
    Keep,
    /// They are dropped.
    Drop,
    /// The metric gets another name.
    Rename(String),
    /// The labels change by Prometheus' rules.
    Relabel(Vec<relabel::Rule>),
    /// One sample of an interval stays, the last.
    Throttle(Duration),
    /// One series stands for many.
    Aggregate(Aggregation),
}

impl SampleAction {
    /// Its name in the configuration.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::Rename(_) => "rename",
            Self::Relabel(_) => "relabel",
            Self::Throttle(_) => "throttle",
            Self::Aggregate(_) => "aggregate",
        }
    }
}

/// How one series stands for many.
#[derive(Debug, Clone)]
pub struct Aggregation {
    /// Which labels it has.
    pub grouping: Grouping,
    /// One sample is kept of each interval.
    pub interval: Duration,
    /// How values become one; by the kind of the metric where absent.
    pub function: Option<Function>,
}

/// Which labels are left.
#[derive(Debug, Clone)]
pub enum Grouping {
    /// These, and the name.
    By(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

/// How the values of many series become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// A counter of the increases of all.
    Total,
    /// The sum of the last values within the interval.
    Sum,
    /// The least of them.
    Min,
    /// The greatest of them.
    Max,
    /// Their mean.
    Avg,
    /// How many there are.
    Count,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Total,
        Self::Sum,
        Self::Min,
        Self::Max,
        Self::Avg,
        Self::Count,
    ];

    /// Its name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
            Self::Count => "count",
        }
    }

    /// The function of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// A share of all, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio(f64);

impl Ratio {
    /// A share; `None` where it is none.
    pub fn new(ratio: f64) -> Option<Self> {
        (0.0..=1.0).contains(&ratio).then_some(Self(ratio))
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A filter of spans.
#[derive(Debug, Clone)]
pub struct SpanRule {
    /// Whose spans.
    pub scope: Scope,
    /// Which spans: `service`, `name`, `kind`, `status`, `scope`, and attributes by their names.
    pub selectors: Selectors,
    /// What becomes of them.
    pub action: SpanAction,
}

/// What becomes of the spans that a filter selects.
#[derive(Debug, Clone)]
pub enum SpanAction {
    /// They go on; all others are dropped.
    Keep,
    /// They are dropped.
    Drop,
    /// A share of all traces goes on, each whole or not at all.
    Sample(Ratio),
    /// Traces wait until it is known whether they are worth keeping.
    TailSample(TailPolicy),
}

/// Which traces are kept, of those that were waited for; one reason is enough.
#[derive(Debug, Clone)]
pub struct TailPolicy {
    /// Traces with a span that failed.
    pub errors: bool,
    /// Traces with a span that took longer.
    pub slower_than: Option<Duration>,
    /// A share of the others.
    pub ratio: Ratio,
    /// How long after its first span a trace is decided on.
    pub wait: Duration,
}

/// A filter of log records.
#[derive(Debug, Clone)]
pub struct LogRule {
    /// Whose records.
    pub scope: Scope,
    /// Which: `service`, `severity`, `event_name`, `body`, and attributes by their names.
    pub selectors: Selectors,
    /// Only those less severe than this.
    pub below: Option<Severity>,
    /// What becomes of them.
    pub action: LogAction,
}

/// What becomes of the log records that a filter selects.
#[derive(Debug, Clone)]
pub enum LogAction {
    /// They go on; all others are dropped.
    Keep,
    /// They are dropped.
    Drop,
    /// A share goes on: of those of a trace by the trace, of the others by what they say.
    Sample(Ratio),
}

/// All filters, each list in the order it was written.
#[derive(Debug, Clone, Default)]
pub struct FilterSettings {
    /// Of samples.
    pub samples: Vec<SampleRule>,
    /// Of spans.
    pub spans: Vec<SpanRule>,
    /// Of log records.
    pub logs: Vec<LogRule>,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(protocol) = self.protocol {
            write!(f, " by {}", protocol.as_str())?;
        }
        if let Some(source) = &self.source {
            write!(f, " from {source}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Selectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.any.is_empty() {
            return f.write_str("all");
        }
        for (i, matchers) in self.any.iter().enumerate() {
            let or = if i > 0 { " or " } else { "" };
            let matchers: Vec<String> = matchers.iter().map(ToString::to_string).collect();
            write!(f, "{or}{{{}}}", matchers.join(","))?;
        }
        Ok(())
    }
}

impl fmt::Display for SampleRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (which, scope) = (&self.selectors, &self.scope);
        match &self.action {
            SampleAction::Keep => write!(f, "keep only samples of {which}{scope}"),
            SampleAction::Drop => write!(f, "drop samples of {which}{scope}"),
            SampleAction::Rename(to) => write!(f, "rename {which}{scope} to {to}"),
            SampleAction::Relabel(rules) => {
                let rules: Vec<&str> = rules.iter().map(|rule| rule.action().as_str()).collect();
                write!(f, "relabel {which}{scope}: {}", rules.join(", "))
            }
            SampleAction::Throttle(interval) => {
                let interval = format_duration(*interval);
                write!(
                    f,
                    "keep the last sample of each {interval} of {which}{scope}"
                )
            }
            SampleAction::Aggregate(aggregation) => {
                write!(f, "aggregate {which}{scope} {aggregation}")
            }
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (how, labels) = match &self.grouping {
            Grouping::By(labels) => ("by", labels),
            Grouping::Without(labels) => ("without", labels),
        };
        let interval = format_duration(self.interval);
        write!(f, "{how} {}, one sample each {interval}", labels.join(", "))?;
        match self.function {
            Some(function) => write!(f, " ({})", function.as_str()),
            None => f.write_str(" (counters and histograms by total, gauges by sum)"),
        }
    }
}

impl fmt::Display for SpanRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (which, scope) = (&self.selectors, &self.scope);
        match &self.action {
            SpanAction::Keep => write!(f, "keep only spans of {which}{scope}"),
            SpanAction::Drop => write!(f, "drop spans of {which}{scope}"),
            SpanAction::Sample(ratio) => {
                let percent = ratio.get() * 100.0;
                write!(f, "keep {percent} % of the traces, spans of {which}{scope}")
            }
            SpanAction::TailSample(policy) => {
                write!(f, "keep traces with spans of {which}{scope} {policy}")
            }
        }
    }
}

impl fmt::Display for TailPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons = Vec::new();
        if self.errors {
            reasons.push("failed".to_owned());
        }
        if let Some(limit) = self.slower_than {
            reasons.push(format!("took longer than {}", format_duration(limit)));
        }
        let percent = self.ratio.get() * 100.0;
        let wait = format_duration(self.wait);
        if !reasons.is_empty() {
            write!(
                f,
                "of which one {}, and of the others ",
                reasons.join(" or ")
            )?;
        }
        write!(f, "{percent} %, decided {wait} after a trace's first span")
    }
}

impl fmt::Display for LogRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match &self.action {
            LogAction::Keep => "keep only log records".to_owned(),
            LogAction::Drop => "drop log records".to_owned(),
            LogAction::Sample(ratio) => format!("keep {} % of log records", ratio.get() * 100.0),
        };
        write!(f, "{verb} of {}{}", self.selectors, self.scope)?;
        if let Some(below) = self.below {
            write!(f, " that are less severe than {}", below.as_str())?;
        }
        Ok(())
    }
}
