//! A real Prometheus beside the server.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Home, Server};

/// Whether a program of Debian's package is installed.
pub(crate) fn there_is(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("skipped: {program} is not installed (Debian package prometheus)");
    }
    found
}

/// A running Prometheus; killed when dropped.
pub(crate) struct Prometheus {
    child: Child,
    url: String,
    pub(crate) log: std::path::PathBuf,
}

impl Prometheus {
    /// One that scrapes a server every second, with more configuration.
    pub(crate) fn scraping(server: &Server, home: &Home, more: &str) -> Self {
        Self::with(server, home, more, &[])
    }

    /// One that takes remote write, native histograms and exemplars.
    pub(crate) fn receiving(server: &Server, home: &Home, more: &str) -> Self {
        let flags = [
            "--web.enable-remote-write-receiver",
            "--enable-feature=native-histograms,exemplar-storage",
        ];
        Self::with(server, home, more, &flags)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// One that takes remote write and native histograms, and scrapes nothing, so that samples of
    /// any time are its newest.
    pub(crate) fn alone(home: &Home) -> Self {
        let flags = [
            "--web.enable-remote-write-receiver",
            "--enable-feature=native-histograms",
        ];
        Self::configured(home, "", &flags)
    }

    /// The same with more arguments.
    pub(crate) fn with(server: &Server, home: &Home, more: &str, arguments: &[&str]) -> Self {
        let target = server.address();
        let configuration = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n  \
             - job_name: tacho\n    static_configs: [{{targets: ['{target}']}}]\n{more}"
        );
        Self::configured(home, &configuration, arguments)
    }

    /// One with this configuration; files that it names are found in the home.
    pub(crate) fn configured(home: &Home, configuration: &str, arguments: &[&str]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        home.write("prometheus.yml", configuration);
        let log = home.path("prometheus.log");
        let child = Command::new("prometheus")
            .arg(format!("--web.listen-address={address}"))
            .args([
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=prometheus",
            ])
            .args(arguments)
            .current_dir(home.path("."))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let url = format!("http://{address}");
        Self { child, url, log }
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The values of an instant query; `None` while it is not up.
    pub(crate) fn query(&self, expression: &str) -> Option<Vec<f64>> {
        let request = ureq::get(format!("{}/api/v1/query", self.url)).query("query", expression);
        let body: Value = request.call().ok()?.body_mut().read_json().ok()?;
        let result = body["data"]["result"].as_array()?.clone();
        let value = |one: Value| one["value"][1].as_str()?.parse().ok();
        Some(result.into_iter().filter_map(value).collect())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
