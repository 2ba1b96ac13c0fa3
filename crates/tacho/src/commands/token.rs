//! `tacho token`: decide who may read, write and administer.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tacho_model::Timestamp;
use tacho_model::time::parse_duration;
use tacho_server::auth::{Draft, Scopes, offline};

use crate::client::{Client, Remote};
use crate::commands::{print, print_json};
use crate::exit::Outcome;
use crate::table::{Format, Table};

const PATH: &str = "/api/performance/tokens";

/// Decide who may read, write and administer.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho token create admin --scope admin --data-dir ./tacho-data    while no server runs
  tacho token create ci --scope write --expires 90d                 a running server makes it
  TACHO_TOKEN=$(tacho token create admin --scope admin) && export TACHO_TOKEN
  tacho token list
  tacho token revoke ci

Scopes: `read` asks every question, `write` sends data and makes baselines and snapshots, `admin`
does everything. As soon as there is one token, every request needs one, on every port.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a token, which is shown once
    Create {
        /// What to call it
        name: String,
        /// What it is to be good for, separated by commas: read, write, admin
        #[arg(long, value_name = "SCOPES")]
        scope: String,
        /// How long it is valid, or until when: 90d, or an RFC 3339 time [default: for ever]
        #[arg(long, value_name = "EXPIRY")]
        expires: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// All tokens, without their secrets
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Make a token worthless, at once and for ever
    Revoke {
        /// Its name or its id
        #[arg(value_name = "TOKEN")]
        which: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Where the tokens are, and how to answer.
#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    remote: Remote,
    /// Change this data folder instead, while no server has it
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Place {
    fn client(&self) -> Result<Client> {
        Client::connect(&self.remote)
    }
}

/// Makes, lists, revokes.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.action {
        Action::Create {
            name,
            scope,
            expires,
            place,
        } => create(name, scope, expires.as_deref(), place),
        Action::List { place } => list(place),
        Action::Revoke { which, place } => revoke(which, place),
    }
}

fn create(name: &str, scope: &str, expires: Option<&str>, place: &Place) -> Result<Outcome> {
    let scopes = Scopes::parse(scope)?;
    let made = if let Some(dir) = &place.data_dir {
        let expires_at = expires.map(expiry).transpose()?;
        let name = name.to_owned();
        let draft = Draft {
            name,
            scopes,
            expires_at,
        };
        offline::create(dir, &draft)?
    } else {
        let body = json!({"name": name, "scopes": scopes.names(), "expires": expires});
        place.client()?.post(PATH, &body)?.json()?
    };
    if place.format != Format::Table {
        tell(&made, std::slice::from_ref(&made["token"]), place.format)?;
        return Ok(Outcome::Fine);
    }
    let secret = made["secret"].as_str().unwrap_or_default();
    // Alone on standard output, so that a script can take it.
    print(&format!("{secret}\n"))?;
    eprintln!(
        "{}",
        how_to_use(&made["token"], secret, scopes, &place.remote)
    );
    Ok(Outcome::Fine)
}

/// A time, for a folder: a server works it out itself.
fn expiry(text: &str) -> Result<Timestamp> {
    if let Ok(length) = parse_duration(text) {
        return Ok(Timestamp::now() + length);
    }
    match Timestamp::parse(text) {
        Ok(time) => Ok(time),
        Err(_) => bail!("`{text}` is neither a duration such as 90d nor a time (RFC 3339)"),
    }
}

/// What to do with a token that was just made.
fn how_to_use(token: &Value, secret: &str, scopes: Scopes, remote: &Remote) -> String {
    use tacho_server::auth::Scope;
    let text = |key: &str| token[key].as_str().unwrap_or_default().to_owned();
    let until = match text("expires_at") {
        time if time.is_empty() => "for ever".to_owned(),
        time => format!("until {time}"),
    };
    let mut lines = vec![format!(
        "token `{}` ({scopes}, {until}) is shown this once; keep it now",
        text("name")
    )];
    lines.push(format!("  commands     export TACHO_TOKEN={secret}"));
    if scopes.allow(Scope::Read) {
        let server = remote.address();
        lines.push(format!(
            "  browser      {server} with any user, the token as password"
        ));
        lines.push(format!(
            "  curl         curl -H 'Authorization: Bearer {secret}' {server}/metrics"
        ));
    }
    if scopes.allow(Scope::Write) {
        lines.push(format!(
            "  OpenTelemetry  OTEL_EXPORTER_OTLP_HEADERS='authorization=Bearer%20{secret}'"
        ));
        lines.push(format!(
            "  Prometheus   authorization: {{credentials: {secret}}} under remote_write"
        ));
    }
    lines.join("\n")
}

fn list(place: &Place) -> Result<Outcome> {
    let body = match &place.data_dir {
        Some(dir) => offline::list(dir)?,
        None => place.client()?.get(PATH, &[])?.json()?,
    };
    let tokens = body["tokens"].as_array().map(Vec::as_slice);
    let tokens = tokens.unwrap_or_default();
    if tokens.is_empty() && place.format == Format::Table {
        eprintln!("there are no tokens; make one with `tacho token create NAME --scope admin`");
        return Ok(Outcome::Fine);
    }
    tell(&body, tokens, place.format)?;
    Ok(Outcome::Fine)
}

fn revoke(token: &str, place: &Place) -> Result<Outcome> {
    let body = if let Some(dir) = &place.data_dir {
        offline::revoke(dir, token)?
    } else {
        // Names may have any character, an address may not.
        let path = format!("{PATH}/{}", escape(token));
        place.client()?.delete(&path)?.json()?
    };
    if place.format == Format::Table {
        let name = body["token"]["name"].as_str().unwrap_or(token);
        eprintln!("revoked {name}");
        return Ok(Outcome::Fine);
    }
    tell(&body, std::slice::from_ref(&body["token"]), place.format)?;
    Ok(Outcome::Fine)
}

/// Percent-encoded but for letters, digits and `-._`.
pub(super) fn escape(segment: &str) -> String {
    let mut escaped = String::new();
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// A time without the fraction of its second; what is no time stays as it is.
fn to_the_second(text: &str) -> String {
    match Timestamp::parse(text) {
        Ok(time) => Timestamp::from_secs(time.as_nanos().div_euclid(1_000_000_000)).to_rfc3339(),
        Err(_) => text.to_owned(),
    }
}

/// Shows what is known of tokens.
fn tell(body: &Value, tokens: &[Value], format: Format) -> Result<()> {
    if format == Format::Json {
        return print_json(body);
    }
    let secret = body["secret"].as_str();
    let mut headings = vec![
        ">id",
        "name",
        "token",
        "scopes",
        "state",
        "created",
        "expires",
        "last used",
    ];
    headings.extend(secret.map(|_| "secret"));
    let mut table = Table::new(&headings);
    for token in tokens {
        let text = |key: &str| token[key].as_str().unwrap_or_default().to_owned();
        let scopes = token["scopes"].as_array().map(Vec::as_slice);
        let scopes: Vec<&str> = scopes
            .unwrap_or_default()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let or = |key: &str, without: &str| match text(key) {
            text if text.is_empty() => without.to_owned(),
            text => text,
        };
        let mut row = vec![
            token["id"].to_string().into(),
            text("name").into(),
            format!("{}…", text("prefix")).into(),
            scopes.join(",").into(),
            text("state").into(),
            to_the_second(&text("created_at")).into(),
            to_the_second(&or("expires_at", "never")).into(),
            to_the_second(&or("last_used_at", "never")).into(),
        ];
        row.extend(secret.map(Into::into));
        table.row(row);
    }
    print(&table.render(format))
}

#[cfg(test)]
mod tests {
    use super::to_the_second;

    #[test]
    fn times_are_shown_to_the_second() {
        let time = to_the_second("2026-11-22T07:00:01.123456789Z");
        assert_eq!(time, "2026-11-22T07:00:01Z");
        assert_eq!(to_the_second("never"), "never");
    }
}
