//! The configuration as a running server tells it: what the file says, with what stands over it, and
//! without its secrets.
//!
//! A secret is what lies under a key that names one, and a password within an address. Keys that name
//! a file or a variable where a secret is are none.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use tacho_server::Settings;

/// What stands in place of a secret, as in Prometheus.
const SECRET: &str = "<secret>";
/// Keys under which everything is secret; commands, for what they are given may be.
const SECRETS: [&str; 13] = [
    "authorization",
    "bearer_token",
    "client_secret",
    "command",
    "credentials",
    "env",
    "environment",
    "headers",
    "http_headers",
    "password",
    "secret",
    "shell",
    "token",
];

/// A file's contents as YAML, as `settings` came out of it.
pub(super) fn shown(file: &Value, settings: &Settings) -> String {
    let mut all = file.clone();
    hide(&mut all, false);
    if !all.is_object() {
        all = Value::Object(Map::new());
    }
    for (section, key, value) in [
        ("server", "listen", settings.server.listen.to_string()),
        ("storage", "dir", settings.storage.dir.display().to_string()),
    ] {
        if !all[section].is_object() {
            all[section] = json!({});
        }
        all[section][key] = Value::String(value);
    }
    let mut out = String::new();
    put(&all, 0, &mut out);
    out.trim_start().to_owned() + "\n"
}

fn hide(value: &mut Value, is_secret: bool) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                hide(value, is_secret || SECRETS.contains(&&**name));
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| hide(one, is_secret)),
        // A key that only switches something is no secret.
        Value::Null | Value::Bool(_) => {}
        _ if is_secret => *value = Value::String(SECRET.to_owned()),
        Value::String(text) => {
            if let Some(without) = without_password(text) {
                *text = without;
            }
        }
        Value::Number(_) => {}
    }
}

/// An address without the password that is in it.
fn without_password(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@')?;
    let (name, _) = user.split_once(':')?;
    Some(format!("{scheme}://{name}:{SECRET}@{host}{path}"))
}

/// Each field on a line of its own, and texts in quotes, so that none is taken for something else.
fn put(value: &Value, level: usize, out: &mut String) {
    let indent = "  ".repeat(level);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                let shown = Value::String(name.clone()).to_string();
                let name = if is_plain { name } else { &shown };
                let _ = write!(out, "\n{indent}{name}:");
                put(value, level + 1, out);
            }
        }
        Value::Array(all) if !all.is_empty() => {
            for one in all {
                let _ = write!(out, "\n{indent}-");
                put(one, level + 1, out);
            }
        }
        scalar => {
            let _ = write!(out, " {scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_all_else_is_told() {
        let file = "
server: {allowed_hosts: [a.example], listen: 127.0.0.1:1}
forward:
  - {url: 'https://me:pass@host:1/x?y=@', token: abc, token_file: t}
scrape_configs:
  - job_name: 'a \"b\"'
    basic_auth: {username: me, password: pass, password_file: p}
    authorization: {type: Bearer, credentials: cred}
    static_configs: [{targets: ['h:1'], labels: {'odd key': x}}]
collect: {host: false, postgresql: [{url: 'postgres://u:pass@db/x'}]}
filters: []
";
        let file: Value = serde_saphyr::from_str(file).unwrap();
        let shown = shown(&file, &Settings::default());
        for secret in ["pass@", "abc", "cred\"", "\"pass\""] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
        let again: Value = serde_saphyr::from_str(&shown).unwrap();
        assert_eq!(again["server"]["listen"], "127.0.0.1:8090");
        assert_eq!(again["storage"]["dir"], "tacho-data");
        assert_eq!(again["server"]["allowed_hosts"], json!(["a.example"]));
        let forward = &again["forward"][0];
        assert_eq!(forward["url"], "https://me:<secret>@host:1/x?y=@");
        assert_eq!(forward["token"], SECRET);
        assert_eq!(forward["token_file"], "t");
        let job = &again["scrape_configs"][0];
        assert_eq!(job["job_name"], "a \"b\"");
        assert_eq!(job["basic_auth"]["password"], SECRET);
        assert_eq!(job["static_configs"][0]["labels"]["odd key"], "x");
        assert_eq!(
            (&again["filters"], &again["collect"]["host"]),
            (&json!([]), &json!(false))
        );
    }

    #[test]
    fn without_a_file_what_is_in_force_is_told() {
        let shown = shown(&Value::Null, &Settings::default());
        assert_eq!(
            shown,
            "server:\n  listen: \"127.0.0.1:8090\"\nstorage:\n  dir: \"tacho-data\"\n"
        );
    }
}
