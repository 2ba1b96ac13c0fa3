//! How forwarding goes, for people: each destination, what waits for it, and why.
//!
//! A destination is stuck once nothing could be sent to it for a while; a request that is merely to
//! be sent again is none of that. Not for `/metrics`, which has the figures (`counts`).

use std::collections::BTreeMap;
use std::time::Duration;

use tacho_model::Timestamp;

pub use super::counts::Said;
use super::settings::Url;
use super::{Destination, Forwarding};

/// Trouble of this length is more than a hitch.
const STUCK: Duration = Duration::from_secs(5);
/// How long a refusal for good is news.
const REFUSING: Duration = Duration::from_mins(5);

/// How a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// What there is arrives.
    Healthy,
    /// The last request is to be sent again.
    Retrying,
    /// Nothing could be sent for a while; all of it waits.
    Stuck,
    /// It refused something for good lately, which is lost.
    Refusing,
}

impl State {
    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Retrying => "retrying",
            Self::Stuck => "stuck",
            Self::Refusing => "refusing",
        }
    }
}

/// A destination and how it goes.
#[derive(Debug, Clone)]
pub struct DestinationStatus {
    /// What it is called.
    pub name: String,
    /// Where to.
    pub address: String,
    /// How it is.
    pub state: State,
    /// Items that it took since the start.
    pub sent: u64,
    /// Items that wait.
    pub waiting: u64,
    /// Bytes on disk that wait.
    pub waiting_bytes: u64,
    /// How long the oldest of it has waited.
    pub delay: Duration,
    /// What will not arrive, by reason, since the start.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Why nothing arrives, and since when.
    pub trouble: Option<Said>,
    /// What was refused for good last.
    pub refusal: Option<Said>,
}

impl Forwarding {
    /// How each destination is, in the order of the configuration.
    pub fn status(&self, now: Timestamp) -> Vec<DestinationStatus> {
        let destinations = self.destinations.iter();
        destinations.map(|one| one.status(now)).collect()
    }
}

impl Destination {
    fn status(&self, now: Timestamp) -> DestinationStatus {
        let pending = self.queue.pending();
        // What is sent stays on the queue until it arrived: with nothing there, trouble is over.
        let trouble = self.counts.trouble().filter(|_| pending.bytes > 0);
        let refusal = self.counts.refusal();
        let came = |millis: u64| Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        DestinationStatus {
            name: self.name.clone(),
            address: self.address.clone(),
            state: state(trouble.as_ref(), refusal.as_ref(), now),
            sent: self.counts.sent_total(),
            waiting: pending.items.iter().sum(),
            waiting_bytes: pending.bytes,
            delay: pending
                .oldest
                .map_or(Duration::ZERO, |oldest| now.since(came(oldest))),
            dropped: self.counts.dropped_by_reason(),
            trouble,
            refusal,
        }
    }
}

fn state(trouble: Option<&Said>, refusal: Option<&Said>, now: Timestamp) -> State {
    match (trouble, refusal) {
        (Some(trouble), _) if now.since(trouble.at) >= STUCK => State::Stuck,
        (_, Some(refusal)) if now.since(refusal.at) < REFUSING => State::Refusing,
        (Some(_), _) => State::Retrying,
        _ => State::Healthy,
    }
}

/// An address without its query, where some receivers want a key.
pub(super) fn address_of(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    shown.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hitch_is_not_being_stuck_and_a_refusal_is_news_for_a_while() {
        let at = |secs: i64| Timestamp::from_secs(1_000 + secs);
        let said = |secs| {
            let text = "503".to_owned();
            Some(Said { at: at(secs), text })
        };
        let check = |trouble: Option<Said>, refusal: Option<Said>, now, expected| {
            let found = state(trouble.as_ref(), refusal.as_ref(), at(now));
            assert_eq!(found, expected);
        };
        check(None, None, 0, State::Healthy);
        check(said(0), None, 4, State::Retrying);
        check(said(0), None, 5, State::Stuck);
        check(said(0), said(0), 4, State::Refusing);
        check(said(0), said(0), 5, State::Stuck);
        check(None, said(0), 299, State::Refusing);
        check(None, said(0), 300, State::Healthy);
        // A clock that was put back.
        check(said(60), None, 0, State::Retrying);
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_a_key() {
        let shown = |text| address_of(&Url::parse(text).unwrap());
        assert_eq!(shown("https://central:8090"), "https://central:8090");
        assert_eq!(shown("https://p/api/push?key=abc#d"), "https://p/api/push");
    }
}
