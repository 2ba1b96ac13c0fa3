//! `NAME[,TAG=VALUE…]:VALUE[:VALUE…]|TYPE[|@RATE][|#TAG:VALUE,…][|TSECONDS]`.

use super::Reason;
use super::number::number;

/// What a metric's values mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricType {
    /// `c`, and `m` (a meter): how many there were.
    Counter,
    /// `g`: how much there is.
    Gauge,
    /// `ms`: how long it took, in milliseconds.
    Timer,
    /// `h`: an observation in a unit of its own.
    Histogram,
    /// `d`: the same; `DogStatsD` only differs in where percentiles are computed.
    Distribution,
    /// `s`: a value that is counted once however often it comes.
    Set,
}

/// One value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample<'a> {
    /// A number. For gauges: the new value.
    Number(f64),
    /// For gauges only: with a sign before it, what is added to the value.
    Signed(f64),
    /// For sets only: any text.
    Text(&'a str),
}

/// A line of values, all of them valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric<'a> {
    /// The name and the tags within it: everything before the first colon.
    pub head: &'a str,
    /// What its values mean.
    pub kind: MetricType,
    /// The share of events that was sent, above 0 and up to 1.
    pub rate: f64,
    /// `DogStatsD`'s tags: `env:prod,fast`.
    pub tags: &'a str,
    /// Unix seconds, where the client says when it was.
    pub timestamp: Option<i64>,
    values: &'a str,
}

impl<'a> Metric<'a> {
    /// The name, as it was sent.
    pub fn name(&self) -> &'a str {
        self.head
            .split_once(',')
            .map_or(self.head, |(name, _)| name)
    }

    /// All tags: those in the name, then `DogStatsD`'s. One without a value has the value `true`,
    /// as in Telegraf.
    pub fn all_tags(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let inside = self.head.split_once(',').map_or("", |(_, tags)| tags);
        split_tags(inside, '=').chain(split_tags(self.tags, ':'))
    }

    /// Its values, at least one.
    #[inline]
    pub fn samples(&self) -> impl Iterator<Item = Sample<'a>> + use<'a> {
        let kind = self.kind;
        let separator = separator(kind);
        let texts = self.values.split(move |c| Some(c) == separator);
        // All of them were looked at when the line was parsed.
        texts.filter_map(move |text| sample(text, kind))
    }
}

/// The tags of an event or a service check.
pub fn tags(text: &str) -> impl Iterator<Item = (&str, &str)> {
    split_tags(text, ':')
}

fn split_tags(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    let tags = text.split(',').filter(|tag| !tag.is_empty());
    tags.map(move |tag| tag.split_once(separator).unwrap_or((tag, "true")))
}

/// What stands between two values; texts may hold anything, so that there is only one.
#[inline]
fn separator(kind: MetricType) -> Option<char> {
    (kind != MetricType::Set).then_some(':')
}

#[inline]
fn sample(text: &str, kind: MetricType) -> Option<Sample<'_>> {
    if kind == MetricType::Set {
        return Some(Sample::Text(text));
    }
    let value = number(text)?;
    let signed = kind == MetricType::Gauge && text.starts_with(['+', '-']);
    Some(if signed {
        Sample::Signed(value)
    } else {
        Sample::Number(value)
    })
}

#[inline]
pub(super) fn metric(line: &str) -> Result<Metric<'_>, Reason> {
    let (head, rest) = cut(line, b':').ok_or(Reason::NoValue)?;
    if head.is_empty() || head.starts_with(',') {
        return Err(Reason::NoName);
    }
    let (values, rest) = cut(rest, b'|').ok_or(Reason::NoType)?;
    let (kind, mut rest) = match cut(rest, b'|') {
        Some((kind, rest)) => (kind, Some(rest)),
        None => (rest, None),
    };
    let mut metric = Metric {
        head,
        kind: kind_of(kind)?,
        rate: 1.0,
        tags: "",
        timestamp: None,
        values,
    };
    while let Some(sections) = rest {
        let (section, after) = match cut(sections, b'|') {
            Some((section, after)) => (section, Some(after)),
            None => (sections, None),
        };
        rest = after;
        match section.as_bytes().first() {
            Some(b'@') => metric.rate = rate(&section[1..])?,
            Some(b'#') => metric.tags = &section[1..],
            Some(b'T') => metric.timestamp = Some(seconds(&section[1..])?),
            _ => {}
        }
    }
    check(&metric)?;
    Ok(metric)
}

/// Checks every value, so that a line is taken whole or not at all.
#[inline]
fn check(metric: &Metric<'_>) -> Result<(), Reason> {
    let separator = separator(metric.kind);
    for text in metric.values.split(|c| Some(c) == separator) {
        sample(text, metric.kind).ok_or(Reason::BadValue)?;
    }
    Ok(())
}

/// What stands before and after the first `byte`, which is ASCII.
#[inline]
fn cut(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.as_bytes().iter().position(|b| *b == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

#[inline]
fn kind_of(text: &str) -> Result<MetricType, Reason> {
    Ok(match text {
        "c" | "m" => MetricType::Counter,
        "g" => MetricType::Gauge,
        "ms" => MetricType::Timer,
        "h" => MetricType::Histogram,
        "d" => MetricType::Distribution,
        "s" => MetricType::Set,
        "" => return Err(Reason::NoType),
        _ => return Err(Reason::UnknownType),
    })
}

fn rate(text: &str) -> Result<f64, Reason> {
    number(text)
        .filter(|rate| *rate > 0.0 && *rate <= 1.0)
        .ok_or(Reason::BadRate)
}

pub(super) fn seconds(text: &str) -> Result<i64, Reason> {
    text.parse().map_err(|_| Reason::BadTimestamp)
}
