//! What is asked: parameters in the address, and in the body where that is a form.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{Method, header};
use tacho_model::time::parse_duration;
use tacho_model::{Matcher, TimeRange, Timestamp};
use tacho_promql::parse_selector;

use super::invalid;
use crate::app::SharedApp;
use crate::http::body::Whole;
use crate::http::problem::{Answer, Problem};
use crate::query::QueryCtx;

/// Most selectors of a request.
const SELECTORS_MAX: usize = 100;
/// Most parameters of a request.
const PARAMETERS_MAX: usize = 1000;

/// The parameters of a request: those of the body, then those of the address.
pub(super) struct Form(Vec<(String, String)>);

impl FromRequest<SharedApp> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &SharedApp) -> Answer<Self> {
        let address = request.uri().query().unwrap_or("").to_owned();
        let body = if request.method() == Method::POST && has_form(&request) {
            Some(Whole::from_request(request, app).await?)
        } else {
            None
        };
        let body = body.as_deref().unwrap_or(&[]);
        let pairs = form_urlencoded::parse(body).chain(form_urlencoded::parse(address.as_bytes()));
        let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into_owned()));
        let pairs: Vec<_> = pairs.take(PARAMETERS_MAX + 1).collect();
        if pairs.len() > PARAMETERS_MAX {
            let told = format!("more than {PARAMETERS_MAX} parameters");
            return Err(Problem::bad_request(told));
        }
        Ok(Self(pairs))
    }
}

fn has_form(request: &Request) -> bool {
    let told = request.headers().get(header::CONTENT_TYPE);
    let told = told.and_then(|told| told.to_str().ok()).unwrap_or("");
    let kind = told.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

impl Form {
    /// A parameter, the first where it is given more than once; an empty one is as if not given.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|(known, _)| known == name);
        named
            .next()
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All of that name.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A point in time: RFC 3339 or unix seconds.
    pub(super) fn time(&self, name: &str) -> Answer<Option<Timestamp>> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        let error = || invalid(name, format!("cannot parse {text:?} to a valid timestamp"));
        Timestamp::parse(text).map(Some).map_err(|_| error())
    }

    /// One that must be given.
    pub(super) fn needed_time(&self, name: &str) -> Answer<Timestamp> {
        let none = || invalid(name, "cannot parse \"\" to a valid timestamp");
        self.time(name)?.ok_or_else(none)
    }

    /// A duration: as PromQL writes it, or seconds.
    pub(super) fn duration(&self, name: &str) -> Answer<Option<Duration>> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        let error = || invalid(name, format!("cannot parse {text:?} to a valid duration"));
        let is_negative = text.trim_start().starts_with('-');
        match parse_duration(text) {
            Ok(duration) => Ok(Some(duration)),
            // Prometheus says of a step that it must be positive, and not that it is no duration.
            Err(_) if is_negative && text.parse::<f64>().is_ok() => Ok(Some(Duration::ZERO)),
            Err(_) => Err(error()),
        }
    }

    /// A whole number; nought is as if not given.
    pub(super) fn limit(&self, name: &str) -> Answer<Option<usize>> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        let error = || invalid(name, format!("{text:?} is not a whole number"));
        let limit: usize = text.parse().map_err(|_| error())?;
        Ok((limit > 0).then_some(limit))
    }

    /// From `start` to `end`, each of which may be left out.
    pub(super) fn range(&self) -> Answer<TimeRange> {
        let (start, end) = (self.time("start")?, self.time("end")?);
        let range = TimeRange::new(
            start.unwrap_or(Timestamp::MIN),
            end.unwrap_or(Timestamp::MAX),
        );
        if range.end < range.start {
            return Err(invalid(
                "end",
                "end timestamp must not be before start time",
            ));
        }
        Ok(range)
    }

    /// What `match[]` selects, to be parsed where there is time for it.
    pub(super) fn selectors(&self) -> Answer<Selectors> {
        let texts: Vec<String> = self.all("match[]").map(str::to_owned).collect();
        if texts.len() > SELECTORS_MAX {
            return Err(invalid(
                "match[]",
                format!("more than {SELECTORS_MAX} selectors"),
            ));
        }
        Ok(Selectors(texts))
    }
}

/// Selectors that are not parsed yet.
pub(super) struct Selectors(Vec<String>);

impl Selectors {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What each of them says.
    pub(super) fn parse(&self, ctx: &QueryCtx<'_>) -> Answer<Vec<Vec<Matcher>>> {
        let parse = |text: &String| {
            ctx.check()?;
            parse_selector(text).map_err(|error| invalid("match[]", error))
        };
        self.0.iter().map(parse).collect()
    }
}
