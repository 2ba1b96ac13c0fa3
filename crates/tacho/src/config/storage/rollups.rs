//! `storage.rollups`: how long the windows of five minutes and of an hour are kept, and how much of
//! them.
//!
//! Invariants of what comes out:
//! 1. raw data that does not stay until a day of it can be rolled up whole is not rolled up at all;
//! 2. a roll-up is kept at least as long as raw data: a shorter one answers nothing that raw data
//!    does not answer better.
//!
//! Files without these keys start whatever their `storage.retention` is: what a key asks for and
//! cannot be had is refused, what a default asks for gives way.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;
use tacho_store::{Resolution, Retention, StoreOptions};

use super::super::scalar::{Age, Count, Keep, Place, Placed, Size};
use super::{at_least, no_limit, put};

/// A day is rolled up as a whole.
const DAY: Duration = Duration::from_hours(24);
/// A day rolled up later than this never is.
const NEVER: Duration = Duration::MAX;

/// What may be written under `storage.rollups`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRollUps {
    /// Windows of five minutes.
    #[serde(rename = "5m")]
    five_minutes: RawRollUp,
    /// Windows of an hour.
    #[serde(rename = "1h")]
    hour: RawRollUp,
}

/// What may be written under one resolution.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRollUp {
    /// How long they are kept; `off` makes none.
    retention: Option<Placed<Keep>>,
    /// How many bytes of them.
    retention_size: Option<Placed<Size>>,
    /// How many of their values.
    retention_samples: Option<Placed<Count>>,
}

impl RawRollUps {
    /// Reads what a variable says; whether there is such a key: `5m_retention`, say.
    pub(super) fn set_variable(&mut self, key: &str, text: &str, name: &str) -> Result<bool> {
        let raw = match key.split_once('_') {
            Some(("5m", _)) => &mut self.five_minutes,
            Some(("1h", _)) => &mut self.hour,
            _ => return Ok(false),
        };
        match key.split_once('_').map_or("", |(_, key)| key) {
            "retention" => put(&mut raw.retention, text, name)?,
            "retention_size" => put(&mut raw.retention_size, text, name)?,
            "retention_samples" => put(&mut raw.retention_samples, text, name)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Puts it into the options, of which raw data's retention is known by now.
    pub(super) fn apply(&self, options: &mut StoreOptions) -> Result<()> {
        let shortest = shortest(options);
        let (raw, is_too_short) = (options.retention, options.retention < shortest);
        let kept = options.rollup_retention.iter_mut().zip(Resolution::ALL);
        for ((retention, resolution), given) in kept.zip([&self.five_minutes, &self.hour]) {
            let key = format!("storage.rollups.{}", resolution.as_str());
            if is_too_short && let Some(place) = given.wants() {
                let (raw, shortest) = (Age(raw), Age(shortest));
                bail!(
                    "{key} needs storage.retention ({raw}) to be at least {shortest}: a day is \
                     rolled up as a whole, once it is over for a day ({place})"
                );
            }
            given.apply(&key, retention, raw)?;
        }
        if is_too_short {
            // What was rolled up before stays, for as long as it is kept.
            options.rollup_after = NEVER;
        }
        Ok(())
    }
}

impl RawRollUp {
    /// Where it is said that there is to be such a roll-up.
    fn wants(&self) -> Option<&Place> {
        let kept = self.retention.as_ref();
        let kept = kept.filter(|retention| retention.value != Keep::Off);
        let size = self.retention_size.as_ref().map(|size| &size.place);
        let samples = self.retention_samples.as_ref().map(|count| &count.place);
        kept.map(|kept| &kept.place).or(size).or(samples)
    }

    fn apply(&self, key: &str, retention: &mut Retention, raw: Duration) -> Result<()> {
        match &self.retention {
            None => retention.age = retention.age.max(raw),
            Some(Placed { value, place }) => match value {
                Keep::Off => {
                    retention.age = Duration::ZERO;
                    let limit = self.retention_size.as_ref().map(|size| &size.place);
                    let count = self.retention_samples.as_ref().map(|count| &count.place);
                    if let Some(other) = limit.or(count) {
                        bail!("{key} is off ({place}), and a limit of it given ({other}); keep one")
                    }
                }
                Keep::For(age) if age.0 < raw => bail!(
                    "{key}.retention must be at least storage.retention ({}): while there is raw \
                     data, nobody needs less of it ({place})",
                    Age(raw)
                ),
                Keep::For(age) => retention.age = age.0,
            },
        }
        if let Some(size) = &self.retention_size {
            retention.bytes = at_least(&format!("{key}.retention_size"), size)?;
        }
        if let Some(count) = &self.retention_samples {
            retention.samples = count.value.0;
        }
        Ok(())
    }
}

/// How long raw data must be kept so that every day of it can be rolled up whole.
fn shortest(options: &StoreOptions) -> Duration {
    options.rollup_after.saturating_add(DAY)
}

/// Each key and what it comes to.
pub(super) fn explain(options: &StoreOptions) -> Vec<(&'static str, String)> {
    const KEYS: [[&str; 3]; 2] = [
        [
            "storage.rollups.5m.retention",
            "storage.rollups.5m.retention_size",
            "storage.rollups.5m.retention_samples",
        ],
        [
            "storage.rollups.1h.retention",
            "storage.rollups.1h.retention_size",
            "storage.rollups.1h.retention_samples",
        ],
    ];
    let note = match options.rollup_after {
        NEVER => " (none are made: storage.retention is shorter than 2d)",
        _ => "",
    };
    let each = options.rollup_retention.iter().zip(KEYS);
    each.flat_map(|(kept, [age, size, samples])| {
        let of = match kept.age {
            Duration::ZERO => Keep::Off,
            age => Keep::For(Age(age)),
        };
        [
            (age, format!("{of}{note}")),
            (size, no_limit(kept.bytes, Size(kept.bytes).to_string())),
            (samples, no_limit(kept.samples, kept.samples.to_string())),
        ]
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Overrides};

    use super::*;

    fn options(text: &str, variables: &[(&str, &str)]) -> Result<StoreOptions> {
        let named = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let overrides = Overrides {
            variables: variables.iter().map(named).collect(),
            ..Overrides::default()
        };
        let settings = Config::parse(text)?.settings(&overrides)?;
        Ok(settings.storage.options)
    }

    fn explained(text: &str) -> Vec<String> {
        let options = options(text, &[]).unwrap();
        let lines = explain(&options).into_iter();
        lines
            .map(|(key, value)| format!("{key}: {value}"))
            .collect()
    }

    fn days(days: u64) -> Duration {
        DAY * u32::try_from(days).unwrap()
    }

    #[test]
    fn each_resolution_has_an_age_a_size_and_a_count_of_its_own() {
        let text = "storage:\n  rollups:\n    5m: {retention: 90d, retention_size: 2GiB}\n    1h:\n      \
            retention: forever\n      retention_samples: 5M\n";
        let read = options(text, &[]).unwrap();
        let [fine, coarse] = read.rollup_retention;
        assert_eq!((fine.age, fine.bytes), (days(90), 2 << 30));
        assert_eq!(fine.samples, u64::MAX);
        assert_eq!((coarse.age, coarse.samples), (Duration::MAX, 5_000_000));
        assert_eq!(coarse.bytes, u64::MAX);
        assert_eq!(read.rollup_after, days(1));
        let lines = explained(text);
        for line in [
            "storage.rollups.5m.retention: 90d",
            "storage.rollups.5m.retention_size: 2GiB",
            "storage.rollups.5m.retention_samples: no limit",
            "storage.rollups.1h.retention: forever",
            "storage.rollups.1h.retention_samples: 5000000",
        ] {
            assert!(lines.iter().any(|one| one == line), "{line}: {lines:?}");
        }
    }

    #[test]
    fn off_makes_none_of_one_resolution() {
        for off in ["off", "\"off\"", "false"] {
            let text = format!("storage: {{rollups: {{5m: {{retention: {off}}}}}}}");
            let read = options(&text, &[]).unwrap();
            let ages = read.rollup_retention.map(|kept| kept.age);
            assert_eq!(ages, [Duration::ZERO, days(730)]);
            assert_eq!(explained(&text)[0], "storage.rollups.5m.retention: off");
        }
    }

    #[test]
    fn variables_stand_over_the_file() {
        let file = "storage: {rollups: {5m: {retention: 90d}}}";
        let variables = [
            ("TACHO_STORAGE_ROLLUPS_5M_RETENTION", "100d"),
            ("TACHO_STORAGE_ROLLUPS_5M_RETENTION_SAMPLES", "2k"),
            ("TACHO_STORAGE_ROLLUPS_1H_RETENTION", "off"),
        ];
        let [fine, coarse] = options(file, &variables).unwrap().rollup_retention;
        assert_eq!((fine.age, fine.samples), (days(100), 2_000));
        assert_eq!(coarse.age, Duration::ZERO);
        for name in ["5M", "5M_AGE", "2H_RETENTION"] {
            let name = format!("TACHO_STORAGE_ROLLUPS_{name}");
            let error = options(file, &[(&name, "9d")]).unwrap_err().to_string();
            assert!(
                error.contains("there is no key storage.rollups_"),
                "{error}"
            );
        }
    }

    #[test]
    fn defaults_give_way_to_the_retention_of_raw_data() {
        let ages = |text: &str| options(text, &[]).unwrap().rollup_retention.map(|r| r.age);
        assert_eq!(ages(""), [days(180), days(730)]);
        assert_eq!(ages("storage: {retention: 365d}"), [days(365), days(730)]);
        let forever = "storage: {retention: forever}";
        assert_eq!(ages(forever), [Duration::MAX; 2]);
        // Too short for whole days: none are made, those that are there stay.
        for short in ["1h", "47h"] {
            let text = format!("storage: {{retention: {short}, out_of_order: 1h}}");
            let read = options(&text, &[]).unwrap();
            assert_eq!(read.rollup_after, NEVER);
            assert_eq!(ages(&text), [days(180), days(730)]);
            let line = &explained(&text)[0];
            assert!(
                line.starts_with("storage.rollups.5m.retention: 180d (none are made"),
                "{line}"
            );
        }
        assert_eq!(
            options("storage: {retention: 2d}", &[])
                .unwrap()
                .rollup_after,
            days(1)
        );
        let older = "retention: {max_age_days: 1}";
        assert_eq!(options(older, &[]).unwrap().rollup_after, NEVER);
    }

    #[test]
    fn what_a_key_asks_for_and_cannot_have_is_refused_with_its_place() {
        let check = |text: &str, expected: &[&str]| {
            let error = format!(
                "{:#}",
                options(&format!("storage:\n  {text}\n"), &[]).unwrap_err()
            );
            for expected in expected {
                assert!(error.contains(expected), "{text}: {error}");
            }
        };
        check(
            "rollups: {5m: {retention: 7d}}",
            &[
                "storage.rollups.5m.retention",
                "at least storage.retention (30d)",
                "line 2, column 29",
            ],
        );
        check(
            "rollups: {1h: {retention: 0}}",
            &["`off`; write that", "line 2"],
        );
        check(
            "{retention: 1d, rollups: {1h: {retention: 90d}}}",
            &[
                "storage.rollups.1h",
                "storage.retention (1d) to be at least 2d",
                "line 2",
            ],
        );
        check(
            "{retention: 1d, rollups: {5m: {retention_size: 1GiB}}}",
            &["storage.rollups.5m", "at least 2d"],
        );
        check(
            "rollups: {5m: {retention: off, retention_size: 1GiB}}",
            &["keep one", "line 2"],
        );
        check(
            "rollups: {5m: {retention_size: 1KiB}}",
            &["5m.retention_size must be at least 1MiB"],
        );
        check("rollups: {5m: {retention_samples: 0}}", &["more than 0"]);
        check(
            "rollups: {5m: {retention: soon}}",
            &["is not a duration", "line 2"],
        );
        check("rollups: {2h: {retention: 90d}}", &["2h", "line 2"]);
        check("rollups: {5m: {max_age: 90d}}", &["max_age", "line 2"]);
        // Off is not asking for one.
        let off = "{retention: 1d, rollups: {5m: {retention: off}, 1h: {retention: off}}}";
        options(&format!("storage: {off}"), &[]).unwrap();
    }
}
