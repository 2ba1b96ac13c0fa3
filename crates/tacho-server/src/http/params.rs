//! Query parameters: repeated keys, times and durations; unknown names are refused.
//!
//! serde's form decoder cannot read a key that is given twice (`match[]=a&match[]=b`), which is
//! what Prometheus' clients send, so the pairs are walked by hand.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tacho_model::time::parse_duration;
use tacho_model::{TimeRange, Timestamp};

use super::problem::Problem;

/// The parameters of a request, taken one by one; what is left at the end is unknown.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or("");
        let pairs = form_urlencoded::parse(query.as_bytes());
        Ok(Self(
            pairs
                .map(|(n, v): (Cow<str>, Cow<str>)| (n.into(), v.into()))
                .collect(),
        ))
    }
}

impl Params {
    /// All values of a parameter; empty ones are as if not given.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        let taken = self.0.extract_if(.., |(n, _)| n == name);
        taken
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
            .collect()
    }

    /// The value of a parameter, the last one if it is given more than once; may be empty.
    pub(crate) fn raw(&mut self, name: &str) -> Option<String> {
        self.0
            .extract_if(.., |(n, _)| n == name)
            .last()
            .map(|(_, value)| value)
    }

    /// The value of a parameter; an empty one is as if not given.
    pub(crate) fn one(&mut self, name: &str) -> Option<String> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// A value read by `parse`, whose error names the parameter.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        parse(&text)
            .map(Some)
            .map_err(|e| Problem::bad_request(format!("{name}: {e}")))
    }

    /// A whole number.
    pub(crate) fn number<T: std::str::FromStr>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, Problem> {
        self.parsed(name, |text| {
            text.parse()
                .map_err(|_| format!("`{text}` is no whole number that fits here"))
        })
    }

    /// A duration.
    pub(crate) fn duration(&mut self, name: &str) -> Result<Option<Duration>, Problem> {
        self.parsed(name, parse_duration)
    }

    /// A point in time.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.parsed(name, Timestamp::parse)
    }

    /// The range that `from`, `to` and `window` describe: the last `default` when none is given.
    pub(crate) fn range(
        &mut self,
        default: Duration,
        now: Timestamp,
    ) -> Result<TimeRange, Problem> {
        let (from, to, window) = (
            self.time("from")?,
            self.time("to")?,
            self.duration("window")?,
        );
        range_of(from, to, window, default, now)
    }

    /// Refuses whatever was not taken.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(64).collect();
                Err(Problem::bad_request(format!(
                    "there is no parameter `{name}` here"
                )))
            }
        }
    }
}

/// The range of `from`, `to` and `window`; `window` ends at `to`, or begins at `from`.
pub(crate) fn range_of(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    window: Option<Duration>,
    default: Duration,
    now: Timestamp,
) -> Result<TimeRange, Problem> {
    let range = match (from, to, window) {
        (Some(_), Some(_), Some(_)) => {
            return Err(Problem::bad_request(
                "give two of from, to and window, not all three",
            ));
        }
        (Some(from), to, None) => TimeRange::new(from, to.unwrap_or(now)),
        (Some(from), None, Some(window)) => TimeRange::new(from, from + window),
        (None, to, window) => TimeRange::last(window.unwrap_or(default), to.unwrap_or(now)),
    };
    if range.start > range.end {
        return Err(Problem::bad_request("the range ends before it starts"));
    }
    Ok(range)
}
