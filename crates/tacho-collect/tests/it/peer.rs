//! Beside `node_exporter` itself, where it is installed: the same series, kinds and values.
//!
//! Its counters are read before and after ours, so ours must lie between. Filters are given to it
//! explicitly, as distributions change the defaults.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tacho_collect::HostOptions;
use tacho_model::{Kind, Timestamp};

use crate::tree::Watched;

const FLAGS: [&str; 4] = [
    "--collector.processes",
    "--collector.netdev.device-exclude=^veth",
    r"--collector.diskstats.device-exclude=^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$",
    "--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
];

/// Gauges that do not change while a test runs.
const CONSTANT: [&str; 7] = [
    "node_boot_time_seconds",
    "node_filefd_maximum",
    "node_filesystem_files",
    "node_filesystem_readonly",
    "node_filesystem_size_bytes",
    "node_memory_MemTotal_bytes",
    "node_uname_info",
];

type Series = (String, BTreeMap<String, String>);

struct Peer {
    child: Child,
    port: u16,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Peer {
    fn start() -> Option<Self> {
        let given = std::env::var("TACHO_NODE_EXPORTER").ok();
        let usual = ["prometheus-node-exporter", "node_exporter"].map(str::to_owned);
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = given.into_iter().chain(usual).find_map(|program| {
            Command::new(program)
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .args(FLAGS)
                .stderr(Stdio::null())
                .spawn()
                .ok()
        })?;
        Some(Self { child, port })
    }

    /// Its page, once it is up.
    fn scrape(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut stream = loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }
}

/// Reads one series as both sides write it; labels that are empty, or ours only, are left out.
fn series(text: &str) -> Series {
    let (name, rest) = text.split_once('{').unwrap_or((text, ""));
    let pairs = rest.trim_end_matches('}').split("\",").filter_map(|pair| {
        let (name, value) = pair.split_once("=\"")?;
        let value = value.trim_end_matches('"');
        let kept = !value.is_empty() && name != "job" && name != "instance";
        kept.then(|| (name.to_owned(), value.to_owned()))
    });
    (name.to_owned(), pairs.collect())
}

fn samples(page: &str) -> BTreeMap<Series, f64> {
    let lines = page.lines().filter(|line| line.starts_with("node_"));
    let pairs = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (series(name), value.parse().unwrap())
    });
    pairs.collect()
}

#[test]
fn w2_node_exporter_agrees() {
    let Some(peer) = Peer::start() else {
        println!("skipped: no node_exporter in PATH or TACHO_NODE_EXPORTER");
        return;
    };
    let page = peer.scrape();
    let before = samples(&page);
    let mut host = Watched::new(HostOptions::default());
    host.host.collect(Timestamp::now(), &mut host.batch);
    let after = samples(&peer.scrape());
    let ours: BTreeMap<Series, f64> = host
        .samples()
        .into_iter()
        .filter(|(name, _)| name.starts_with("node_"))
        .map(|(name, value)| (series(&name), value))
        .collect();
    assert!(ours.len() > 80, "{}", ours.len());
    for (series, value) in &ours {
        let (Some(low), Some(high)) = (before.get(series), after.get(series)) else {
            panic!("node_exporter has no {series:?}");
        };
        let name = series.0.as_str();
        let kind = host.kind(name).unwrap();
        let theirs = page
            .lines()
            .find_map(|l| l.strip_prefix(&format!("# TYPE {name} ")));
        assert!(
            theirs == Some("untyped") || theirs == Some(kind.as_str()),
            "{name} is {theirs:?}"
        );
        if kind == Kind::Counter {
            // The kernel's idle and iowait may step back by some ticks.
            let slack = if name == "node_cpu_seconds_total" {
                0.5
            } else {
                1e-6
            };
            let between = low - slack <= *value && *value <= high + slack;
            assert!(between, "{series:?}: {value} is not in {low} to {high}");
        } else if CONSTANT.contains(&name) {
            assert_eq!(value, low, "{series:?}");
        }
    }
    for series in before.keys().filter(|series| after.contains_key(series)) {
        let family = ours.keys().any(|(name, _)| *name == series.0);
        assert!(
            !family || ours.contains_key(series),
            "we have no {series:?}"
        );
    }
}
