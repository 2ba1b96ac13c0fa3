//! What `INFO ALL` says, as series: pure, by the tables in `fields`.
//!
//! Sources: Redis documentation, "INFO"; names are `redis_exporter`'s.

mod fields;

use std::collections::HashSet;

use self::fields::{COMMAND, DATABASE, ERRORS, FIELDS, INSTANCE, PERCENTILES, Part, REPLICA};
use crate::emit::Emitter;

/// Most commands, databases and replicas that are told apart, of each.
pub const ITEMS_MAX: usize = 500;

/// How a field's text becomes a number.
#[derive(Clone, Copy)]
pub(super) enum As {
    /// It is one.
    Number,
    /// `ok` is 1, anything else 0.
    Ok,
    /// `up` is 1, anything else 0.
    Up,
    /// Microseconds, told in seconds.
    Micros,
}

impl As {
    fn read(self, text: &str) -> Option<f64> {
        match self {
            Self::Number => text.parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Ok => Some(f64::from(u8::from(text == "ok"))),
            Self::Up => Some(f64::from(u8::from(text == "up"))),
            Self::Micros => Some(text.parse::<f64>().ok()? / 1e6),
        }
    }
}

/// Pushes all that is known of a text of `INFO`; how many fields that were.
pub(super) fn push(text: &str, emit: &mut Emitter<'_>) -> usize {
    let mut read = 0;
    let mut seen: HashSet<&str> = HashSet::new();
    let mut server = Server::default();
    let mut items = 0;
    for line in text.lines() {
        let Some((field, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim_end();
        if !seen.insert(field) {
            continue;
        }
        if let Some((_, how, family)) = FIELDS.iter().find(|(name, _, _)| *name == field) {
            if let Some(value) = how.read(value) {
                emit.push(family, &[], value);
                read += 1;
            }
        } else if items < ITEMS_MAX && push_item(field, value, emit) {
            items += 1;
            read += 1;
        } else {
            server.note(field, value);
        }
    }
    if read > 0 {
        server.push(emit);
    }
    read
}

/// Pushes a field that is one of many of its kind, such as a command's; whether it was one.
fn push_item(field: &str, value: &str, emit: &mut Emitter<'_>) -> bool {
    if let Some(command) = field.strip_prefix("cmdstat_") {
        push_parts(&[("cmd", command)], value, &COMMAND, emit);
    } else if let Some(command) = field.strip_prefix("latency_percentiles_usec_") {
        for (name, number) in parts(value) {
            let percent = name
                .strip_prefix('p')
                .and_then(|text| text.parse::<f64>().ok());
            if let Some(percent) = percent.filter(|percent| (0.0..=100.0).contains(percent))
                && let Ok(number) = number.parse()
            {
                let quantile = ((percent * 1e6).round() / 1e8).to_string();
                let labels = [("cmd", command), ("quantile", &*quantile)];
                emit.push(&PERCENTILES, &labels, number);
            }
        }
    } else if let Some(error) = field.strip_prefix("errorstat_") {
        push_parts(&[("err", error)], value, &ERRORS, emit);
    } else if is_numbered(field, "db") {
        push_parts(&[("db", field)], value, &DATABASE, emit);
    } else if is_numbered(field, "slave") {
        let part = |wanted| parts(value).find(|(name, _)| *name == wanted);
        let part = |wanted| part(wanted).map_or("", |(_, text)| text);
        let labels = [
            ("slave_ip", part("ip")),
            ("slave_port", part("port")),
            ("slave_state", part("state")),
        ];
        push_parts(&labels, value, &REPLICA, emit);
    } else {
        return false;
    }
    true
}

fn is_numbered(field: &str, prefix: &str) -> bool {
    let number = field.strip_prefix(prefix);
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The parts of `calls=1,usec=2`.
fn parts(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(',').filter_map(|part| part.split_once('='))
}

fn push_parts(
    labels: &[(&str, &str)],
    value: &str,
    known: &'static [Part],
    emit: &mut Emitter<'_>,
) {
    for (name, how, family) in known {
        let part = parts(value).find(|(part, _)| part == name);
        if let Some(value) = part.and_then(|(_, text)| how.read(text)) {
            emit.push(family, labels, value);
        }
    }
}

/// What the server is.
#[derive(Default)]
struct Server<'a> {
    version: &'a str,
    mode: &'a str,
    role: &'a str,
    os: &'a str,
    policy: &'a str,
}

impl<'a> Server<'a> {
    fn note(&mut self, field: &str, value: &'a str) {
        match field {
            "redis_version" => self.version = value,
            "redis_mode" => self.mode = value,
            "role" => self.role = value,
            "os" => self.os = value,
            "maxmemory_policy" => self.policy = value,
            _ => {}
        }
    }

    fn push(&self, emit: &mut Emitter<'_>) {
        let labels = [
            ("redis_version", self.version),
            ("redis_mode", self.mode),
            ("role", self.role),
            ("os", self.os),
            ("maxmemory_policy", self.policy),
        ];
        emit.push(&INSTANCE, &labels, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use tacho_model::{Batch, Timestamp, Value};

    use super::*;
    use crate::emit::SeriesBook;
    use proptest::prelude::*;

    fn said(text: &str) -> Vec<String> {
        let mut book = SeriesBook::new(Vec::new());
        let mut batch = Batch::new();
        let mut emit = book.run(&mut batch, Timestamp::from_secs(1));
        push(text, &mut emit);
        emit.finish();
        let row = |(series, _, value): (_, _, Value<'_>)| {
            let Value::Float(value) = value else {
                panic!("no number")
            };
            format!("{} {value}", batch.labels(series).unwrap())
        };
        batch.rows().map(row).collect()
    }

    #[test]
    fn fields_become_series() {
        let text = "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:5\r\n\
            used_memory:100\r\nused_memory_human:100B\r\nrdb_last_bgsave_status:err\r\n\
            latest_fork_usec:250\r\nused_memory:7\r\nrole:master\r\n\
            slave0:ip=10.0.0.2,port=6379,state=online,offset=9,lag=1\r\n\
            cmdstat_config|get:calls=2,usec=8,usec_per_call=4.00,rejected_calls=0,failed_calls=1\r\n\
            latency_percentiles_usec_get:p50=1.003,p99.9=9.0\r\n\
            errorstat_ERR:count=3\r\ndb0:keys=4,expires=1,avg_ttl=0\r\n";
        assert_eq!(
            said(text),
            [
                "redis_uptime_in_seconds 5",
                "redis_memory_used_bytes 100",
                "redis_rdb_last_bgsave_status 0",
                "redis_latest_fork_seconds 0.00025",
                r#"redis_connected_slave_offset_bytes{slave_ip="10.0.0.2",slave_port="6379",slave_state="online"} 9"#,
                r#"redis_connected_slave_lag_seconds{slave_ip="10.0.0.2",slave_port="6379",slave_state="online"} 1"#,
                r#"redis_commands_total{cmd="config|get"} 2"#,
                r#"redis_commands_duration_seconds_total{cmd="config|get"} 0.000008"#,
                r#"redis_commands_rejected_calls_total{cmd="config|get"} 0"#,
                r#"redis_commands_failed_calls_total{cmd="config|get"} 1"#,
                r#"redis_latency_percentiles_usec{cmd="get",quantile="0.5"} 1.003"#,
                r#"redis_latency_percentiles_usec{cmd="get",quantile="0.999"} 9"#,
                r#"redis_errors_total{err="ERR"} 3"#,
                r#"redis_db_keys{db="db0"} 4"#,
                r#"redis_db_keys_expiring{db="db0"} 1"#,
                r#"redis_instance_info{redis_version="7.0.15",role="master"} 1"#,
            ]
        );
        assert_eq!(said("nothing\n: \n"), [""; 0]);
    }

    #[test]
    fn commands_without_end_are_bounded() {
        let text: String = (0..ITEMS_MAX * 2)
            .map(|i| format!("cmdstat_c{i}:calls=1\n"))
            .collect();
        assert_eq!(said(&text).len(), ITEMS_MAX + 1);
    }

    #[test]
    fn each_field_has_a_name_of_its_own() {
        let names: HashSet<&str> = FIELDS.iter().map(|(_, _, family)| family.name).collect();
        assert_eq!(names.len(), FIELDS.len());
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "[a-z_0-9:=,.|\\n-]{0,200}") {
            said(&text);
        }
    }
}
