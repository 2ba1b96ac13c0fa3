//! Events, `_e{5,4}:title|text|d:…|h:…|p:…|t:…|s:…|k:…|#…`, and service checks,
//! `_sc|name|status|d:…|h:…|#…|m:…`.

use std::borrow::Cow;

use super::Reason;
use super::metric::seconds;

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// `low`
    Low,
    /// `normal`, and whatever is not said.
    Normal,
}

/// What sort of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alert {
    /// `error`
    Error,
    /// `warning`
    Warning,
    /// `info`, and whatever is not said.
    Info,
    /// `success`
    Success,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// Its heading.
    pub title: &'a str,
    /// What is said of it, with `\n` written out; [`Event::text`] reads it.
    pub raw_text: &'a str,
    /// Unix seconds.
    pub timestamp: Option<i64>,
    /// Where.
    pub host: &'a str,
    /// What it is grouped by.
    pub aggregation_key: &'a str,
    /// How much it matters.
    pub priority: Priority,
    /// What sort it is.
    pub alert: Alert,
    /// What made it.
    pub source: &'a str,
    /// `env:prod,fast`
    pub tags: &'a str,
}

impl<'a> Event<'a> {
    /// What is said of it.
    pub fn text(&self) -> Cow<'a, str> {
        lines(self.raw_text)
    }
}

/// How a service is.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceCheck<'a> {
    /// Which.
    pub name: &'a str,
    /// 0 fine, 1 warning, 2 critical, 3 unknown.
    pub status: u8,
    /// Unix seconds.
    pub timestamp: Option<i64>,
    /// Where.
    pub host: &'a str,
    /// What is said of it.
    pub message: &'a str,
    /// `env:prod,fast`
    pub tags: &'a str,
}

/// Line ends are written as two characters, because a datagram's own end lines.
fn lines(text: &str) -> Cow<'_, str> {
    if text.contains("\\n") {
        Cow::Owned(text.replace("\\n", "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// An event, from behind `_e{`.
pub(super) fn event(rest: &str) -> Result<Event<'_>, Reason> {
    let bad = Reason::BadEvent;
    let (lengths, rest) = rest.split_once("}:").ok_or(bad)?;
    let (title, text) = lengths.split_once(',').ok_or(bad)?;
    let length = |digits: &str| digits.parse::<usize>().map_err(|_| bad);
    let (title, rest) = take(rest, length(title)?).ok_or(bad)?;
    let rest = rest.strip_prefix('|').ok_or(bad)?;
    let (text, rest) = take(rest, length(text)?).ok_or(bad)?;
    if title.is_empty() || !(rest.is_empty() || rest.starts_with('|')) {
        return Err(bad);
    }
    let mut event = Event {
        title,
        raw_text: text,
        timestamp: None,
        host: "",
        aggregation_key: "",
        priority: Priority::Normal,
        alert: Alert::Info,
        source: "",
        tags: "",
    };
    for section in rest.split('|') {
        if let Some(tags) = section.strip_prefix('#') {
            event.tags = tags;
            continue;
        }
        match section.split_once(':') {
            Some(("d", text)) => event.timestamp = Some(seconds(text)?),
            Some(("h", host)) => event.host = host,
            Some(("k", key)) => event.aggregation_key = key,
            Some(("p", "low")) => event.priority = Priority::Low,
            Some(("s", source)) => event.source = source,
            Some(("t", "error")) => event.alert = Alert::Error,
            Some(("t", "warning")) => event.alert = Alert::Warning,
            Some(("t", "success")) => event.alert = Alert::Success,
            _ => {}
        }
    }
    Ok(event)
}

/// The first `bytes` bytes, where they end between two characters, and what follows.
fn take(text: &str, bytes: usize) -> Option<(&str, &str)> {
    text.split_at_checked(bytes)
}

/// A service check, from behind `_sc|`.
pub(super) fn check(rest: &str) -> Result<ServiceCheck<'_>, Reason> {
    let bad = Reason::BadCheck;
    let (name, rest) = rest.split_once('|').ok_or(bad)?;
    let (status, rest) = rest.split_once('|').unwrap_or((rest, ""));
    let status = match status {
        "0" => 0,
        "1" => 1,
        "2" => 2,
        "3" => 3,
        _ => return Err(bad),
    };
    if name.is_empty() {
        return Err(bad);
    }
    // The message comes last and may hold anything.
    let (rest, message) = match rest.strip_prefix("m:") {
        Some(message) => ("", message),
        None => rest.split_once("|m:").unwrap_or((rest, "")),
    };
    let mut check = ServiceCheck {
        name,
        status,
        timestamp: None,
        host: "",
        message,
        tags: "",
    };
    for section in rest.split('|') {
        if let Some(tags) = section.strip_prefix('#') {
            check.tags = tags;
            continue;
        }
        match section.split_once(':') {
            Some(("d", text)) => check.timestamp = Some(seconds(text)?),
            Some(("h", host)) => check.host = host,
            _ => {}
        }
    }
    Ok(check)
}
