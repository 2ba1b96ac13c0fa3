//! `ingest.otlp`: the ports for OpenTelemetry beside the main one.

use std::fmt;
use std::net::SocketAddr;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Unexpected, Visitor};
use serde_saphyr::Spanned;
use tacho_model::span::Severity;
use tacho_server::otlp::settings::{Listen, OtlpSettings};

use crate::config::scalar::{Place, Placed, Scalar};

/// What may be written under `ingest.otlp`.
#[derive(Debug, Default, Clone)]
pub(super) struct RawOtlp {
    /// Where OTLP over HTTP is listened for; 127.0.0.1:4318 by default.
    pub(super) http: Option<Placed<Port>>,
    /// Where OTLP over gRPC is listened for; 127.0.0.1:4317 by default.
    pub(super) grpc: Option<Placed<Port>>,
}

/// Each port by its name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawPorts {
    http: Option<Placed<Port>>,
    grpc: Option<Placed<Port>>,
}

/// Both ports in one word, or each by its name.
enum Given {
    Both(Port),
    Each(RawPorts),
}

impl<'de> Deserialize<'de> for RawOtlp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Spanned::<Given>::deserialize(deserializer)?;
        let (line, column) = (given.referenced.line(), given.referenced.column());
        let place = Place::At { line, column };
        Ok(match given.value {
            Given::Each(RawPorts { http, grpc }) => Self { http, grpc },
            Given::Both(port) => Self {
                http: Some(Placed::new(port, place.clone())),
                grpc: Some(Placed::new(port, place)),
            },
        })
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GivenVisitor)
    }
}

struct GivenVisitor;

impl<'de> Visitor<'de> for GivenVisitor {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("false, or addresses as http and grpc")
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<Given, E> {
        if on {
            return Ok(Given::Each(RawPorts::default()));
        }
        Ok(Given::Both(Port::Off))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Given, E> {
        match text {
            "off" => self.visit_bool(false),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    /// Nothing behind the colon is nothing said.
    fn visit_unit<E: de::Error>(self) -> Result<Given, E> {
        self.visit_bool(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Given, A::Error> {
        RawPorts::deserialize(MapAccessDeserializer::new(map)).map(Given::Each)
    }
}

impl RawOtlp {
    /// Puts it into the settings.
    pub(super) fn apply(&self, otlp: &mut OtlpSettings) {
        for (given, listen) in [(&self.http, &mut otlp.http), (&self.grpc, &mut otlp.grpc)] {
            match given.as_ref().map(|given| given.value) {
                Some(Port::Off) => *listen = Listen::Off,
                Some(Port::At(address)) => *listen = Listen::At(address),
                None => {}
            }
        }
    }
}

/// An address, or none.
#[derive(Debug, Clone, Copy)]
pub(super) enum Port {
    /// Nothing is listened on.
    Off,
    /// There.
    At(SocketAddr),
}

impl Scalar for Port {
    const EXPECTED: &'static str = "an address such as 127.0.0.1:4318, or false";

    fn parse(text: &str) -> Result<Self, String> {
        if text == "off" || text == "false" {
            return Ok(Self::Off);
        }
        let shown: String = text.chars().take(64).collect();
        let wrong = || format!("`{shown}` is not {}", Self::EXPECTED);
        text.parse().map(Self::At).map_err(|_| wrong())
    }
}

/// A severity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Least(pub(super) Severity);

impl Scalar for Least {
    const EXPECTED: &'static str = "trace, debug, info, warn, error or fatal";

    fn parse(text: &str) -> Result<Self, String> {
        let known = Severity::ALL.into_iter().skip(1);
        let mut same = known.filter(|severity| severity.as_str() == text);
        let shown: String = text.chars().take(64).collect();
        let wrong = || format!("`{shown}` is not {}", Self::EXPECTED);
        same.next().map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use tacho_server::Settings;

    use crate::config::{Config, Overrides};

    fn settings(text: &str, variables: &[(&str, &str)]) -> anyhow::Result<Settings> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Config::parse(text)?.settings(&Overrides {
            variables: variables.iter().map(owned).collect(),
            ..Overrides::default()
        })
    }

    fn refused(text: &str, variables: &[(&str, &str)], expected: &str) {
        let error = settings(text, variables).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(expected), "no `{expected}` in: {error}");
    }

    #[test]
    fn ports_are_where_they_are_put() {
        use tacho_server::otlp::settings::Listen;
        let usual = settings("", &[]).unwrap().otlp;
        assert_eq!(usual.http, Listen::Usual("127.0.0.1:4318".parse().unwrap()));
        let file = "ingest:\n  otlp: {http: false, grpc: '127.0.0.1:9'}\n";
        let set = settings(file, &[]).unwrap().otlp;
        let grpc = Listen::At("127.0.0.1:9".parse().unwrap());
        assert_eq!((set.http, set.grpc), (Listen::Off, grpc));
        let variables = [("TACHO_INGEST_OTLP_GRPC", "off")];
        let over = settings(file, &variables).unwrap().otlp;
        assert_eq!(over.grpc, Listen::Off);
        for file in ["ingest: {otlp: false}", "ingest:\n  otlp: off\n"] {
            let none = settings(file, &[]).unwrap().otlp;
            assert_eq!((none.http, none.grpc), (Listen::Off, Listen::Off), "{file}");
        }
        for file in ["ingest: {otlp: true}", "ingest:\n  otlp:\n"] {
            assert_eq!(settings(file, &[]).unwrap().otlp.http, usual.http, "{file}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        refused(
            "ingest: {otlp: {http: here}}",
            &[],
            "127.0.0.1:4318, or false",
        );
        refused("ingest: {otlp: {ftp: 1}}", &[], "ftp");
        let expected = "false, or addresses as http and grpc";
        refused("ingest: {otlp: here}", &[], expected);
        refused("ingest: {otlp: [4317]}", &[], expected);
        refused("ingest:\n  otlp: 4317\n", &[], "line 2");
        let open = "ingest:\n  otlp: {http: '0.0.0.0:4318'}";
        // Whether there are tokens to ask for is known to the server only.
        let listens = settings(open, &[]).unwrap().listens();
        assert!(listens.contains(&"0.0.0.0:4318".parse().unwrap()));
        refused("ingest: {event_severity: loud}", &[], "`loud` is not trace");
        refused(
            "",
            &[("TACHO_INGEST_OTLP_UDP", "1")],
            "no key ingest.otlp_udp",
        );
    }
}
