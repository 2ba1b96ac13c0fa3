//! `ingest.statsd`: where `StatsD` is listened for, and how it is summed up.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;
use tacho_model::time::format_duration;
use tacho_server::statsd::settings::{PORT, SignedGauges, StatsdSettings};

use crate::config::scalar::{Count, Length, Placed, Scalar};

/// Between them lies the interval. Longer ones would hold too many observations in memory.
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(10);
/// Between them lies how long a series is remembered.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(24);
/// Most series that may be asked for: a gigabyte of them, roughly.
const SERIES_MAX: u64 = 2_000_000;

/// What may be written under `ingest.statsd`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStatsd {
    /// Where to listen for datagrams by UDP.
    udp: Option<Placed<Udp>>,
    /// Where to listen for datagrams by a Unix socket.
    unix: Option<PathBuf>,
    /// How often what came becomes samples.
    flush_interval: Option<Placed<Length>>,
    /// How long a series that nothing comes for is remembered.
    idle_timeout: Option<Placed<Length>>,
    /// Most series at a time.
    series_max: Option<Placed<Count>>,
    /// What a sign before a gauge's value means.
    signed_gauges: Option<Placed<Signs>>,
}

/// An address, or whether to listen at all.
#[derive(Debug, Clone, Copy)]
struct Udp(Option<SocketAddr>);

impl Scalar for Udp {
    const EXPECTED: &'static str = "an address such as 127.0.0.1:8125, true or false";

    fn parse(text: &str) -> Result<Self, String> {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let address = match text {
            "off" | "false" => return Ok(Self(None)),
            "on" | "true" => Some(SocketAddr::new(here, PORT)),
            _ => None,
        };
        let text = text.replacen("localhost", "127.0.0.1", 1);
        let address = address
            .or_else(|| text.parse().ok())
            .or_else(|| Some(SocketAddr::new(text.parse().ok()?, PORT)))
            .or_else(|| {
                Some(SocketAddr::new(
                    here,
                    text.trim_start_matches(':').parse().ok()?,
                ))
            });
        if let Some(address) = address {
            Ok(Self(Some(address)))
        } else {
            let text: String = text.chars().take(64).collect();
            Err(format!("`{text}` is not {}", Self::EXPECTED))
        }
    }
}

/// What a sign means.
#[derive(Debug, Clone, Copy)]
struct Signs(SignedGauges);

impl Scalar for Signs {
    const EXPECTED: &'static str = "relative (StatsD) or absolute (DogStatsD)";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "relative" => Ok(Self(SignedGauges::Relative)),
            "absolute" => Ok(Self(SignedGauges::Absolute)),
            _ => {
                let text: String = text.chars().take(64).collect();
                Err(format!("`{text}` is not {}", Self::EXPECTED))
            }
        }
    }
}

/// Each key and what it comes to.
pub(super) fn explain(statsd: &StatsdSettings) -> Vec<(String, String)> {
    let or_off = |text: Option<String>| text.unwrap_or_else(|| "off".to_owned());
    let unix = statsd.unix.as_ref().map(|path| path.display().to_string());
    let keys = [
        ("udp", or_off(statsd.udp.map(|address| address.to_string()))),
        ("unix", or_off(unix)),
        ("flush_interval", format_duration(statsd.flush_interval)),
        ("idle_timeout", format_duration(statsd.idle_timeout)),
        ("series_max", statsd.series_max.to_string()),
        (
            "signed_gauges",
            match statsd.signed_gauges {
                SignedGauges::Relative => "relative".to_owned(),
                SignedGauges::Absolute => "absolute".to_owned(),
            },
        ),
    ];
    let named = |(key, value)| (format!("ingest.statsd.{key}"), value);
    keys.map(named).into()
}

impl RawStatsd {
    /// Puts it into the settings, checked.
    pub(super) fn apply(&self, statsd: &mut StatsdSettings) -> Result<()> {
        if let Some(udp) = &self.udp {
            statsd.udp = udp.value.0;
        }
        statsd.unix.clone_from(&self.unix);
        if let Some(interval) = &self.flush_interval {
            statsd.flush_interval = within("flush_interval", interval, INTERVALS, "100ms and 10s")?;
        }
        if let Some(timeout) = &self.idle_timeout {
            statsd.idle_timeout = within("idle_timeout", timeout, TIMEOUTS, "1m and 24h")?;
        }
        if let Some(Placed { value, place }) = &self.series_max {
            if value.0 > SERIES_MAX {
                bail!("ingest.statsd.series_max must be at most {SERIES_MAX} ({place})");
            }
            statsd.series_max = value.0 as usize;
        }
        if let Some(signs) = &self.signed_gauges {
            statsd.signed_gauges = signs.value.0;
        }
        Ok(())
    }

    /// Datagrams carry no token, so that only this machine may send them unless the network itself
    /// is trusted.
    pub(super) fn check_reach(&self) -> Result<()> {
        let Some(Placed { value, place }) = &self.udp else {
            return Ok(());
        };
        match value.0 {
            Some(address) if !address.ip().is_loopback() => bail!(
                "ingest.statsd.udp: {address} can be reached from other machines, and datagrams \
                 carry no token; listen on 127.0.0.1, or say server.insecure: true if the network \
                 itself is trusted ({place})"
            ),
            _ => Ok(()),
        }
    }
}

fn within(
    key: &str,
    length: &Placed<Length>,
    range: RangeInclusive<Duration>,
    shown: &str,
) -> Result<Duration> {
    if !range.contains(&length.value.0) {
        let place = &length.place;
        bail!("ingest.statsd.{key} must lie between {shown} ({place})");
    }
    Ok(length.value.0)
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Overrides};

    use super::*;

    fn settings(text: &str) -> Result<StatsdSettings> {
        let settings = Config::parse(text)?.settings(&Overrides::default())?;
        Ok(settings.statsd)
    }

    fn udp(text: &str, expected: Option<&str>) {
        let settings = settings(&format!("ingest: {{statsd: {{udp: {text}}}}}")).unwrap();
        let address = settings.udp.map(|address| address.to_string());
        assert_eq!(address.as_deref(), expected, "{text}");
    }

    #[test]
    fn w6_statsd_is_off_until_it_is_asked_for() {
        let off = settings("").unwrap();
        assert!(off.udp.is_none() && off.unix.is_none());
        udp("true", Some("127.0.0.1:8125"));
        udp("false", None);
        udp("\"127.0.0.1:9125\"", Some("127.0.0.1:9125"));
        udp("\"::1\"", Some("[::1]:8125"));
        udp("9125", Some("127.0.0.1:9125"));
        udp("\"localhost:1\"", Some("127.0.0.1:1"));
        let all = "ingest:\n  statsd:\n    unix: /run/s.sock\n    flush_interval: 10s\n    \
            idle_timeout: 1h\n    series_max: 5k\n    signed_gauges: absolute\n";
        let all = settings(all).unwrap();
        assert_eq!(all.unix, Some(PathBuf::from("/run/s.sock")));
        assert_eq!(all.flush_interval, Duration::from_secs(10));
        assert_eq!(
            (all.series_max, all.signed_gauges),
            (5_000, SignedGauges::Absolute)
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        let check = |statsd: &str, expected: &[&str]| {
            let text = format!("ingest:\n  statsd: {{{statsd}}}\n");
            let error = format!("{:#}", settings(&text).unwrap_err());
            for text in expected {
                assert!(error.contains(text), "no `{text}` in: {error}");
            }
        };
        check("udp: nowhere", &["nowhere", "line 2"]);
        check("upd: true", &["upd", "line 2"]);
        check("flush_interval: 1h", &["100ms and 10s", "line 2"]);
        check("idle_timeout: 1s", &["1m and 24h", "line 2"]);
        check("series_max: 3M", &["2000000", "line 2"]);
        check("signed_gauges: maybe", &["relative", "line 2"]);
        check(
            "udp: \"0.0.0.0:8125\"",
            &["no token", "server.insecure", "line 2"],
        );
        let open = "server: {insecure: true}\ningest: {statsd: {udp: \"0.0.0.0\"}}";
        assert_eq!(
            settings(open).unwrap().udp.unwrap().to_string(),
            "0.0.0.0:8125"
        );
    }
}
