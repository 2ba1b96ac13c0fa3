//! Requests that were refused: told in the log without flooding it, and slowed down.
//!
//! A secret cannot be guessed, so counting attempts protects the log and the operator's time
//! rather than the secret. An address with very many unknown tokens in a minute is answered 429 in
//! place of 401; known tokens pass from there all the same, so that one misconfigured program
//! never locks out the others behind its address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Refusal;

/// How long attempts are counted together.
const WINDOW: Duration = Duration::from_mins(1);
/// Unknown tokens that an address may send in it.
const UNKNOWN_MAX: u32 = 120;
/// Most addresses that are counted apart; all others count as one.
const ADDRESSES_MAX: usize = 1024;

/// What came from one address in one window.
#[derive(Debug)]
struct Count {
    since: Instant,
    unknown: u32,
    /// Refusals that the log was not told of.
    untold: u64,
    told: bool,
}

/// Counts by address.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<Option<IpAddr>, Count>>);

impl Failures {
    /// Counts an unknown token; whether there were too many.
    pub(super) fn is_too_many(&self, client: Option<IpAddr>, now: Instant) -> bool {
        self.with(client, now, |count| {
            count.unknown = count.unknown.saturating_add(1);
            count.unknown > UNKNOWN_MAX
        })
    }

    /// Writes a refusal to the log, unless there was one from that address in this window.
    pub(super) fn tell(&self, refusal: &Refusal, what: &str, client: Option<IpAddr>, now: Instant) {
        if let Some(untold) = self.turn(client, now) {
            let client = client.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
            tracing::warn!(target: "tacho::auth", client, what, untold, "refused: {refusal}");
        }
    }

    /// How many refusals were not told, when it is time to tell one.
    fn turn(&self, client: Option<IpAddr>, now: Instant) -> Option<u64> {
        self.with(client, now, |count| {
            if count.told {
                count.untold += 1;
                return None;
            }
            count.told = true;
            Some(std::mem::take(&mut count.untold))
        })
    }

    fn with<T>(
        &self,
        client: Option<IpAddr>,
        now: Instant,
        work: impl FnOnce(&mut Count) -> T,
    ) -> T {
        let mut counts = self.0.lock();
        let mut key = client.map(network);
        if !counts.contains_key(&key) && counts.len() >= ADDRESSES_MAX {
            counts.retain(|_, count| now.duration_since(count.since) < WINDOW);
            if counts.len() >= ADDRESSES_MAX {
                key = None;
            }
        }
        let fresh = || Count {
            since: now,
            unknown: 0,
            untold: 0,
            told: false,
        };
        let count = counts.entry(key).or_insert_with(fresh);
        if now.duration_since(count.since) >= WINDOW {
            *count = Count {
                untold: count.untold,
                ..fresh()
            };
        }
        work(count)
    }
}

/// Who has one address of version 6 has all that begin with the same 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let high = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(high).into()
        }
        IpAddr::V4(address) => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn the_log_hears_of_an_address_once_a_minute_with_what_it_missed() {
        let failures = Failures::default();
        let start = Instant::now();
        let client = address("10.0.0.1");
        assert_eq!(failures.turn(client, start), Some(0));
        for _ in 0..7 {
            assert_eq!(failures.turn(client, start), None);
        }
        assert_eq!(failures.turn(address("10.0.0.2"), start), Some(0));
        assert_eq!(failures.turn(client, start + WINDOW), Some(7));
    }

    #[test]
    fn too_many_unknown_tokens_of_a_network_are_told_to_wait() {
        let failures = Failures::default();
        let now = Instant::now();
        for i in 0..UNKNOWN_MAX {
            let client = address(&format!("2001:db8::{i:x}"));
            assert!(!failures.is_too_many(client, now));
        }
        assert!(failures.is_too_many(address("2001:db8::ffff"), now));
        assert!(!failures.is_too_many(address("2001:db8:0:1::1"), now));
        assert!(!failures.is_too_many(address("2001:db8::1"), now + WINDOW));
    }

    #[test]
    fn addresses_without_number_share_one_place() {
        let failures = Failures::default();
        let now = Instant::now();
        for i in 0..5000_u32 {
            failures.is_too_many(Some(IpAddr::from(i.to_be_bytes())), now);
        }
        assert!(failures.0.lock().len() <= ADDRESSES_MAX + 1);
        assert!(failures.is_too_many(address("9.9.9.9"), now));
        assert!(!failures.is_too_many(address("9.9.9.9"), now + WINDOW));
    }
}
