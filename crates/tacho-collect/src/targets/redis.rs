//! Redis, Valkey and others of their protocol: what `INFO` says, with `redis_exporter`'s names.
//!
//! 1. One connection, kept.
//! 2. What a server does not say is absent; a section that it does not have costs nothing.
//! 3. Commands, databases and replicas are told apart up to [`ITEMS_MAX`] of each.
//!
//! Not for keys: nothing is read that takes longer the more of them there are.

mod info;
mod resp;

use tacho_model::Unit;
use url::Url;

use self::resp::{Client, Reply};
use super::{Make, Secret, Target, TargetError, Turn};
use crate::emit::Family;
use crate::net::{Address, Deadline, Resolver, Stream, Tls, dial};

pub use self::info::ITEMS_MAX;

static UP: Family = Family::gauge("redis_up", Unit::NONE, "Whether Redis could be asked.");
static SLOWLOG: Family = Family::gauge(
    "redis_slowlog_length",
    Unit::NONE,
    "Entries in the log of slow commands.",
);

/// Where a server is and who asks it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where.
    pub address: Address,
    /// The user; the default one where absent.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// How the connection is made safe; it is not where absent.
    pub tls: Option<Tls>,
}

/// What a URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// Where.
    pub address: Address,
    /// The user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// Whether it is `rediss`.
    pub is_tls: bool,
}

impl Parsed {
    /// Reads `redis://user:password@host:port`, `rediss://…`, `unix:///run/redis.sock` or
    /// `host:port`. The error reads well after a colon and has no secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = "write it like redis://host:6379 or unix:///run/redis.sock";
        if !text.contains("://") && !text.is_empty() {
            return Self::parse(&format!("redis://{text}"));
        }
        let url = Url::parse(text).map_err(|error| format!("no URL ({error}); {expected}"))?;
        let plain = |text: &str| {
            let pair = format!("x={}", text.replace('+', "%2B"));
            let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
            pairs
                .next()
                .map_or(String::new(), |(_, text)| text.into_owned())
        };
        let address = match url.scheme() {
            "unix" => Address::Unix(plain(url.path()).into()),
            "redis" | "rediss" => {
                let host = url.host_str().unwrap_or("localhost");
                let host = host.trim_matches(['[', ']']).to_owned();
                Address::Tcp(host, url.port().unwrap_or(6379))
            }
            _ => return Err(expected.to_owned()),
        };
        let user = plain(url.username());
        Ok(Self {
            address,
            user: (!user.is_empty()).then_some(user),
            password: url.password().map(|text| Secret::Text(plain(text))),
            is_tls: url.scheme() == "rediss",
        })
    }
}

impl Make for Settings {
    fn make(&self) -> Box<dyn Target> {
        Box::new(Redis {
            settings: self.clone(),
            resolver: Resolver::default(),
            client: None,
        })
    }

    fn about(&self) -> String {
        match &self.address {
            Address::Unix(path) => format!("unix://{}", path.display()),
            address @ Address::Tcp(..) if self.tls.is_some() => format!("rediss://{address}"),
            address @ Address::Tcp(..) => format!("redis://{address}"),
        }
    }
}

struct Redis {
    settings: Settings,
    resolver: Resolver,
    client: Option<Client>,
}

impl Target for Redis {
    fn collect(&mut self, turn: &mut Turn<'_>) -> Result<(), TargetError> {
        let kept = self.client.take().and_then(|mut client| {
            client.stream().set_deadline(turn.deadline.clone());
            // A server that was restarted meanwhile is asked anew at once.
            let info = client.ask(&["INFO", "ALL"]).ok()?;
            Some((client, info))
        });
        let (mut client, info) = if let Some(kept) = kept {
            kept
        } else {
            let mut client = self.connect(&turn.deadline)?;
            let info = client.ask(&["INFO", "ALL"])?;
            (client, info)
        };
        let Reply::Text(text) = info else {
            return Err(match info {
                Reply::Error(said) => TargetError::refused("ask for INFO", &said),
                _ => TargetError::malformed("INFO", "it is no text"),
            });
        };
        let read = info::push(&String::from_utf8_lossy(&text), &mut turn.emit);
        if read == 0 {
            return Err(TargetError::malformed(
                "INFO",
                "it has none of Redis' fields",
            ));
        }
        if let Reply::Number(length) = client.ask(&["SLOWLOG", "LEN"])? {
            turn.emit.push(&SLOWLOG, &[], length as f64);
        }
        self.client = Some(client);
        Ok(())
    }

    fn up(&self) -> Option<&'static Family> {
        Some(&UP)
    }
}

impl Redis {
    fn connect(&mut self, deadline: &Deadline) -> Result<Client, TargetError> {
        let settings = &mut self.settings;
        let dialled = dial(&settings.address, &mut self.resolver, deadline)?;
        let stream = match &mut settings.tls {
            Some(tls) => tls.secure(dialled.stream, &settings.address, deadline)?.0,
            None => Stream::Plain(dialled.stream),
        };
        let mut client = Client::new(stream);
        if let Some(password) = &settings.password {
            let password = password.read()?;
            let reply = match &settings.user {
                Some(user) => client.ask(&["AUTH", user, &password])?,
                None => client.ask(&["AUTH", &password])?,
            };
            if let Reply::Error(said) = reply {
                return Err(TargetError::refused("log in", &said));
            }
        }
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_understood() {
        let check = |text: &str, address: &str, user: Option<&str>, is_tls: bool| {
            let parsed = Parsed::parse(text).unwrap();
            assert_eq!(parsed.address.to_string(), address, "{text}");
            assert_eq!(
                (parsed.user.as_deref(), parsed.is_tls),
                (user, is_tls),
                "{text}"
            );
        };
        check("redis://cache", "cache:6379", None, false);
        check("cache:7000", "cache:7000", None, false);
        check("rediss://me:p@cache:1/0", "cache:1", Some("me"), true);
        check("unix:///run/redis.sock", "/run/redis.sock", None, false);
        let secret = Parsed::parse("redis://:p%40@h").unwrap();
        assert_eq!(secret.password, Some(Secret::Text("p@".to_owned())));
        for bad in ["", "http://cache", "redis://:x"] {
            assert!(Parsed::parse(bad).is_err(), "{bad}");
        }
    }
}
