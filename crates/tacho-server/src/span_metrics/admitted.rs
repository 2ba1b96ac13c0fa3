//! How many series the spans of a service may have: names that users make up must not fill the
//! store.
//!
//! In each hour a service may have [`SERVICE_MAX`] label sets and all services [`ALL_MAX`]; of what
//! comes beyond that, one series a service tells the sum, with the label that the OpenTelemetry
//! SDKs use for it, and when even services are too many, one tells that of all others.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, RandomState};
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::Timestamp;
use tacho_semconv::labels::bounded;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::growth::LabelKey;
use crate::filters::generations::Hashed;

/// The label of series that stand for those beyond a limit (OpenTelemetry metrics SDK, "Overflow
/// attribute").
pub(super) const OVERFLOW: &str = "otel_metric_overflow";
/// Label sets of one service in an hour.
pub(super) const SERVICE_MAX: usize = 30_000;
/// Label sets of all services in an hour.
const ALL_MAX: usize = 300_000;
/// Services beyond the limit that are remembered.
const BEYOND_MAX: usize = 100;
/// After so long what was seen is seen anew: what nobody calls any more makes room.
const PERIOD: Duration = Duration::from_hours(1);

/// The label sets of an hour.
pub(super) struct Admitted {
    seen: Mutex<Seen>,
    seed: u64,
}

impl Default for Admitted {
    fn default() -> Self {
        Self {
            seen: Mutex::default(),
            // Nobody outside can make services share a hash.
            seed: RandomState::new().hash_one(0u64),
        }
    }
}

#[derive(Default)]
struct Seen {
    since: Timestamp,
    sets: HashSet<u128, BuildHasherDefault<Hashed>>,
    /// By a hash of its name.
    services: HashMap<u128, usize, BuildHasherDefault<Hashed>>,
    /// Services beyond the limits since the start.
    beyond: BTreeSet<Box<str>>,
}

/// Where a span is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Under its own labels.
    Own,
    /// Beside the others of its service.
    Service,
    /// Beside those of all services.
    All,
}

impl Admitted {
    /// Where a span of these labels is counted.
    pub(super) fn place(&self, service: &str, key: LabelKey, now: Timestamp) -> Place {
        let of_service = xxh3_128_with_seed(service.as_bytes(), self.seed);
        let mut seen = self.seen.lock();
        let seen = &mut *seen;
        if now.since(seen.since) >= PERIOD {
            seen.since = now;
            seen.sets.clear();
            seen.services.clear();
        }
        if seen.sets.contains(&key.as_u128()) {
            return Place::Own;
        }
        let is_full = seen.sets.len() >= ALL_MAX;
        let place = match seen.services.get_mut(&of_service) {
            None if is_full => Place::All,
            None => {
                seen.services.insert(of_service, 1);
                Place::Own
            }
            Some(count) if is_full || *count >= SERVICE_MAX => Place::Service,
            Some(count) => {
                *count += 1;
                Place::Own
            }
        };
        if place == Place::Own {
            seen.sets.insert(key.as_u128());
        } else if seen.beyond.len() < BEYOND_MAX && !seen.beyond.contains(service) {
            let service = bounded(service.into());
            tracing::warn!(
                "spans of {service} have more than {SERVICE_MAX} names and labels in an hour; those \
                 beyond are counted together"
            );
            seen.beyond.insert((&*service).into());
        }
        place
    }

    /// Services beyond the limits since the start.
    pub(super) fn beyond(&self) -> Vec<Box<str>> {
        self.seen.lock().beyond.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> LabelKey {
        LabelKey::new(&[("x", number.to_string().into())], 0, &mut Vec::new())
    }

    #[test]
    fn a_service_has_so_many_series_an_hour() {
        let admitted = Admitted::default();
        let now = Timestamp::from_secs(1_000_000);
        for number in 0..SERVICE_MAX {
            assert_eq!(admitted.place("a", key(number), now), Place::Own);
        }
        assert_eq!(admitted.place("a", key(SERVICE_MAX), now), Place::Service);
        assert_eq!(admitted.place("a", key(0), now), Place::Own);
        assert_eq!(admitted.place("b", key(SERVICE_MAX), now), Place::Own);
        assert_eq!(admitted.beyond(), ["a".into()]);
        let later = now + PERIOD;
        assert_eq!(admitted.place("a", key(SERVICE_MAX + 1), later), Place::Own);
    }
}
