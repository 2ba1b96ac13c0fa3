//! Probing a URL.

use tacho_model::Unit;
use url::Url;

use super::{Expect, Phases, Probe, push_seen, shown};
use crate::emit::Family;
use crate::net::Tls;
use crate::net::http::{Client, Request, Response, Seen};
use crate::targets::{TargetError, Turn};

/// Bytes of a body that are read and looked at.
pub const BODY_BYTES_MAX: usize = 10 << 20;

static PHASE: Family = Family::gauge(
    "probe_http_duration_seconds",
    Unit::SECONDS,
    "How long a phase took, over all redirects.",
);
static STATUS: Family = Family::gauge("probe_http_status_code", Unit::NONE, "The answer's status.");
static LENGTH: Family = Family::gauge(
    "probe_http_content_length",
    Unit::BYTES,
    "How long the answer says it is; -1 where it does not say.",
);
static BODY: Family = Family::gauge(
    "probe_http_uncompressed_body_length",
    Unit::BYTES,
    "How long its body was.",
);
static REDIRECTS: Family = Family::gauge("probe_http_redirects", Unit::NONE, "Redirects.");
static VERSION: Family = Family::gauge("probe_http_version", Unit::NONE, "The version of HTTP.");
static SSL: Family = Family::gauge(
    "probe_http_ssl",
    Unit::NONE,
    "Whether the last connection was safe.",
);

/// What is probed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The request.
    pub request: Request,
    /// Statuses that are as they should be, from and to; 200 to 299 where there is none.
    pub statuses: Vec<(u16, u16)>,
    /// What the body must have.
    pub expect: Expect,
    /// Whom to trust.
    pub tls: Tls,
}

impl Settings {
    /// What it is about.
    pub(super) fn about(&self) -> String {
        shown(&self.request.url)
    }

    /// Reads `200`, `2xx` or `200-299`.
    pub fn parse_statuses(text: &str) -> Option<(u16, u16)> {
        let number = |text: &str| text.parse::<u16>().ok().filter(|n| (100..600).contains(n));
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse::<u16>().ok().filter(|n| (1..6).contains(n))?;
            return Some((class * 100, class * 100 + 99));
        }
        match text.split_once('-') {
            Some((from, to)) => Some((number(from)?, number(to)?)).filter(|(from, to)| from <= to),
            None => number(text).map(|one| (one, one)),
        }
    }

    /// Checks what a URL says; the error reads well after a colon.
    pub fn parse_url(text: &str, schemes: &[&str]) -> Result<Url, String> {
        let quoted = quoted(text);
        let url = Url::parse(text).map_err(|error| format!("{quoted} is no URL: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL here holds no password; use the header Authorization".to_owned());
        }
        if !schemes.contains(&url.scheme()) || !url.has_host() {
            return Err(format!(
                "{quoted} is no address of {}://",
                schemes.join(":// or ")
            ));
        }
        Ok(url)
    }
}

/// What was given as a URL, for a message: without what may be a secret, also where it is no URL.
pub fn quoted(text: &str) -> String {
    if text.contains('@') {
        // A password may stand anywhere before it.
        return "it".to_owned();
    }
    let bare = text.split(['?', '#']).next().unwrap_or_default();
    format!("`{bare}`")
}

pub(super) struct Http {
    settings: Settings,
    client: Client,
}

impl Http {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            client: Client::new(settings.tls.clone()),
            settings,
        }
    }
}

impl Probe for Http {
    fn probe(&mut self, turn: &mut Turn<'_>, phases: &mut Phases) -> Result<(), TargetError> {
        let mut seen = Seen::default();
        let request = &self.settings.request;
        let answer = self.client.ask(request, &turn.deadline, &mut seen);
        push_seen(&seen, turn);
        let took = seen.phases;
        for (phase, took) in [
            ("resolve", took.resolve),
            ("connect", took.connect),
            ("tls", took.tls),
            ("processing", took.processing),
            ("transfer", took.transfer),
        ] {
            let seconds = took.as_secs_f64();
            turn.emit.push(&PHASE, &[("phase", phase)], seconds);
            if !took.is_zero() {
                phases.push((phase, took));
            }
        }
        turn.emit.push(&REDIRECTS, &[], f64::from(seen.redirects));
        let is_safe = seen.tls.is_some();
        turn.emit.push(&SSL, &[], f64::from(u8::from(is_safe)));
        let status = answer.as_ref().map_or(0, |response| response.status);
        turn.emit.push(&STATUS, &[], f64::from(status));
        self.judge(&answer?, turn)
    }
}

impl Http {
    fn judge(&self, response: &Response, turn: &mut Turn<'_>) -> Result<(), TargetError> {
        let length = response.header("content-length");
        let length = length.and_then(|text| text.trim().parse().ok());
        turn.emit.push(&LENGTH, &[], length.unwrap_or(-1.0));
        turn.emit.push(&BODY, &[], response.body.len() as f64);
        turn.emit.push(&VERSION, &[], response.version);
        let status = response.status;
        let mut wanted = self.settings.statuses.iter();
        let is_wanted = match self.settings.statuses.len() {
            0 => (200..300).contains(&status),
            _ => wanted.any(|(from, to)| (*from..=*to).contains(&status)),
        };
        let text = String::from_utf8_lossy(&response.body);
        let expect = &self.settings.expect;
        let checked = expect.check(&text, "the body", turn);
        if !is_wanted {
            return Err(TargetError::Failed(format!(
                "hear a status that is as it should be: it is {status}"
            )));
        }
        checked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_numbers_classes_and_ranges() {
        let check = |text, expected| assert_eq!(Settings::parse_statuses(text), expected, "{text}");
        check("200", Some((200, 200)));
        check("2xx", Some((200, 299)));
        check("200-204", Some((200, 204)));
        for bad in ["", "xx", "6xx", "20", "299-200", "2x", "600"] {
            check(bad, None);
        }
    }

    #[test]
    fn a_url_is_checked_and_shown_without_secrets() {
        let url = Settings::parse_url("http://a/b?key=s3cret", &["http"]).unwrap();
        assert_eq!(shown(&url), "http://a/b");
        assert!(Settings::parse_url("http://a/@b", &["http"]).is_ok());
        for bad in [
            "a",
            "ftp://a?key=s3cret",
            "http://u:s3cret@a",
            "ftp://u:s3cret@a",
            "http://u:s3cret/x@a",
            "u:s3cret@a",
            "a?s3cret",
        ] {
            let error = Settings::parse_url(bad, &["http", "https"]).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
