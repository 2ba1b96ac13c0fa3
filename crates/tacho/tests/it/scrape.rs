//! Scraping, as Prometheus does it: exporters of the test's own, of `prometheus_client`, and
//! Prometheus itself.

use std::io::Write as _;
use std::process::Command;

use serde_json::Value;

use crate::support::exporter::{Exporter, Running, python};
use crate::support::prometheus::{Prometheus, there_is};
use crate::support::{Home, QUIET, Server, eventually};

/// A server that scrapes by this configuration.
fn scraping(home: &Home, jobs: &str) -> Server {
    let global = "global: {scrape_interval: 200ms, scrape_timeout: 200ms}";
    home.write(
        "tacho.yaml",
        &format!("{QUIET}{global}\nscrape_configs:\n{jobs}"),
    );
    home.start(&[])
}

/// The lines of `/metrics` that begin so.
fn lines(server: &Server, start: &str) -> Vec<String> {
    let body = server.get("/metrics").body;
    let lines = body.lines().filter(|line| line.starts_with(start));
    lines.map(str::to_owned).collect()
}

/// Waits until exactly these lines begin so.
#[track_caller]
fn until(server: &Server, start: &str, expected: &[&str]) {
    let mut last = Vec::new();
    for _ in 0..500 {
        last = lines(server, start);
        if last == expected {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{start}: {last:#?}, not {expected:#?}\n{}", server.log());
}

/// The active targets, as Prometheus tells them.
fn targets(server: &Server) -> Vec<Value> {
    let body = server.query("/api/v1/targets", &[("state", "active")]);
    body["data"]["activeTargets"].as_array().unwrap().clone()
}

#[test]
fn w6_a_target_is_scraped_fails_recovers_and_loses_series() {
    let exporter = Exporter::new("a{x=\"1\",job=\"theirs\"} 1\n# TYPE b gauge\nb 2\n");
    let at = exporter.address.as_str();
    let home = Home::new();
    let job = format!(
        "  - {{job_name: j, params: {{m: [z]}}, static_configs: [{{targets: ['{at}']}}]}}\n"
    );
    let server = scraping(&home, &job);
    let of = format!(r#"instance="{at}",job="j""#);
    until(
        &server,
        "a{",
        &[&format!(r#"a{{exported_job="theirs",{of},x="1"}} 1"#)],
    );
    until(&server, "b{", &[&format!("b{{{of}}} 2")]);
    until(&server, "up{", &[&format!("up{{{of}}} 1")]);
    until(
        &server,
        "scrape_samples_scraped{",
        &[&format!("scrape_samples_scraped{{{of}}} 2")],
    );
    let known = [("match_target", "{job=\"j\"}"), ("metric", "b")];
    let known = server.query("/api/v1/targets/metadata", &known);
    assert_eq!(known["data"][0]["target"]["instance"], at, "{known}");
    assert_eq!(known["data"][0]["type"], "gauge");
    let other = [("match_target", "{job=\"k\"}")];
    let none = server.query("/api/v1/targets/metadata", &other);
    assert_eq!(none["data"], serde_json::json!([]));
    let head = exporter.asked().remove(0).to_ascii_lowercase();
    assert!(head.starts_with("get /metrics?m=z http/1.1\r\n"), "{head}");
    for header in [
        "accept-encoding: gzip",
        "application/openmetrics-text;version=1.0.0",
        "text/plain;version=0.0.4",
        "x-prometheus-scrape-timeout-seconds: 0.2",
        "user-agent: tachograph/",
    ] {
        assert!(head.contains(header), "no `{header}` in {head}");
    }
    // A series that vanishes has ended; the others go on.
    exporter.expose("b 3\n");
    until(&server, "a{", &[]);
    until(&server, "b{", &[&format!("b{{{of}}} 3")]);
    // A body that breaks the grammar fails the scrape with its line.
    exporter.expose("b 3\nb x\n");
    until(&server, "up{", &[&format!("up{{{of}}} 0")]);
    until(&server, "b{", &[]);
    let target = targets(&server).remove(0);
    assert_eq!(target["health"], "down");
    assert_eq!(target["lastError"], "line 2: a value is no number: `b x`");
    assert_eq!(target["labels"]["instance"], at);
    assert_eq!(target["discoveredLabels"]["__address__"], at);
    assert_eq!(target["scrapeUrl"], format!("http://{at}/metrics?m=z"));
    assert_eq!(
        (&target["scrapePool"], &target["scrapeInterval"]),
        (&"j".into(), &"200ms".into())
    );
    exporter.expose("b 4\n");
    until(&server, "b{", &[&format!("b{{{of}}} 4")]);
    exporter.answer(|answer| answer.status = "503 Service Unavailable");
    until(&server, "up{", &[&format!("up{{{of}}} 0")]);
    let error = targets(&server)[0]["lastError"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(error.contains("503"), "{error}");
    let pools = server.query("/api/v1/scrape_pools", &[]);
    assert_eq!(pools["data"]["scrapePools"], serde_json::json!(["j"]));
    let log = server.log();
    assert!(log.contains("the target cannot be scraped"), "{log}");
    assert!(log.contains("the target is scraped again"), "{log}");
}

#[test]
fn w6_bodies_are_unpacked_and_bounded() {
    let gzip = |text: &str| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    };
    let exporter = Exporter::new("");
    exporter.answer(|answer| {
        answer.headers = "Content-Type: application/openmetrics-text; version=1.0.0\r\n\
            Content-Encoding: gzip\r\n"
            .to_owned();
        answer.body = gzip("a 1 1520879607.789\nb 2\n# EOF\n");
    });
    let at = exporter.address.as_str();
    let home = Home::new();
    let job = format!(
        "  - job_name: j\n    body_size_limit: 1MB\n    honor_timestamps: false\n    \
         static_configs: [{{targets: ['{at}']}}]\n"
    );
    let server = scraping(&home, &job);
    until(
        &server,
        "b{",
        &[&format!(r#"b{{instance="{at}",job="j"}} 2"#)],
    );
    until(
        &server,
        "a{",
        &[&format!(r#"a{{instance="{at}",job="j"}} 1"#)],
    );
    let why = |reason: &str| {
        eventually(reason, || {
            let target = targets(&server).remove(0);
            target["lastError"]
                .as_str()
                .unwrap()
                .contains(reason)
                .then_some(())
        });
    };
    exporter.answer(|answer| answer.body = gzip(&"# c\n".repeat(1 << 20)));
    why("body_size_limit exceeded");
    exporter.answer(|answer| answer.body = b"a 1\n# EOF\n".to_vec());
    why("no gzip");
    exporter.answer(|answer| answer.body = gzip("a 1\n"));
    why("does not end with `# EOF`");
    until(&server, "b{", &[]);
}

#[test]
fn w6_targets_come_and_go_with_a_file() {
    let (one, two) = (Exporter::new("a 1\n"), Exporter::new("a 2\n"));
    let home = Home::new();
    let write = |targets: &[&Exporter]| {
        let targets: Vec<&str> = targets.iter().map(|exporter| &*exporter.address).collect();
        home.write(
            "t.json",
            &serde_json::json!([{"targets": targets, "labels": {"env": "p"}}]).to_string(),
        );
    };
    write(&[&one]);
    let job = "  - job_name: j\n    file_sd_configs: [{files: ['t*.json']}]\n    relabel_configs:\n      \
        - {source_labels: [__meta_filepath], regex: '.*/(.*)', target_label: file}\n      \
        - {source_labels: [__address__], regex: 'drop.*', action: drop}\n";
    let server = scraping(&home, job);
    let line = |exporter: &Exporter, value| {
        format!(
            r#"a{{env="p",file="t.json",instance="{}",job="j"}} {value}"#,
            exporter.address
        )
    };
    until(&server, "a{", &[&line(&one, 1)]);
    write(&[&one, &two]);
    let mut both = [line(&one, 1), line(&two, 2)];
    both.sort();
    until(&server, "a{", &[&both[0], &both[1]]);
    home.write(
        "t.json",
        &format!(
            "[{{\"targets\": [\"drop:1\", \"{}\"], \"labels\": {{\"env\": \"p\"}}}}]",
            two.address
        ),
    );
    until(&server, "a{", &[&line(&two, 2)]);
    assert_eq!(lines(&server, "up{").len(), 1);
    let all = server.query("/api/v1/targets", &[]);
    assert_eq!(
        all["data"]["droppedTargets"][0]["discoveredLabels"]["__address__"],
        "drop:1"
    );
    assert_eq!(all["data"]["droppedTargetCounts"]["j"], 1);
}

#[test]
fn w6_a_server_does_not_scrape_itself() {
    let home = Home::new();
    home.write("self.json", "[]");
    let job = "  - job_name: own\n    file_sd_configs: [{files: [self.json]}]\n";
    let server = scraping(&home, job);
    let targets = serde_json::json!([{"targets": [server.address()]}]);
    home.write("self.json", &targets.to_string());
    let own = format!("up{{instance=\"{}\",job=\"own\"}} 0", server.address());
    until(&server, "up{", &[&own]);
    let health = server.query("/api/performance/health", &[]);
    let parts = health["components"].as_array().unwrap();
    let part = parts.iter().find(|part| part["name"] == "scraping");
    let part = part.unwrap();
    assert_eq!(part["status"], "degraded");
    assert_eq!(part["detail"], "1 of 1 target is down");
    let told = part["problems"][0].as_str().unwrap();
    assert!(
        told.contains("508 Loop Detected: a server does not"),
        "{told}"
    );
}

#[test]
fn w6_credentials_are_sent_and_files_read_again() {
    let exporter = Exporter::new("a 1\n");
    let at = exporter.address.as_str();
    let home = Home::new();
    home.write("token", "first\n");
    let job = format!(
        "  - {{job_name: basic, basic_auth: {{username: u, password: p}}, static_configs: [{{targets: ['{at}']}}]}}\n  \
           - {{job_name: bearer, authorization: {{credentials_file: token}}, static_configs: [{{targets: ['{at}']}}]}}\n"
    );
    let _server = scraping(&home, &job);
    let sent = |text: &str| {
        eventually(text, || {
            exporter
                .asked()
                .iter()
                .any(|head| head.contains(text))
                .then_some(())
        });
    };
    sent("uthorization: Basic dTpw\r\n");
    sent("uthorization: Bearer first\r\n");
    home.write("token", "second");
    sent("uthorization: Bearer second\r\n");
}

#[test]
fn w6_prometheus_client_is_scraped_in_every_form_with_the_values_prometheus_sees() {
    let Some(command) = python("exporter.py") else {
        return;
    };
    let exporter = Running::start(command);
    let at = format!("127.0.0.1:{}", exporter.port);
    let home = Home::new();
    let job = |name: &str, protocol: &str| {
        format!(
            "  - {{job_name: {name}, scrape_protocols: [{protocol}], static_configs: [{{targets: ['{at}']}}]}}\n"
        )
    };
    let jobs = job("text", "PrometheusText0.0.4") + &job("open", "OpenMetricsText1.0.0");
    let server = scraping(&home, &jobs);
    eventually("two targets", || {
        (lines(&server, "up{")
            .iter()
            .filter(|l| l.ends_with(" 1"))
            .count()
            == 2)
            .then_some(())
    });
    let value = |start: &str, job: &str| {
        let found = lines(&server, start);
        let mut found = found
            .iter()
            .filter(|line| line.contains(&format!("job=\"{job}\"")));
        let line = found
            .next()
            .unwrap_or_else(|| panic!("no {start} of {job}"));
        line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
    };
    for job in ["text", "open"] {
        assert_eq!(value("jobs_total{", job), 3.0);
        assert_eq!(value("temperature_celsius{", job), -1.5);
        assert_eq!(value("latency_seconds_count{", job), 3.0);
        assert_eq!(value("latency_seconds_sum{", job), 5.55);
        assert_eq!(value("size_bytes_sum{", job), 10.0);
        assert_eq!(value("build_info{", job), 1.0);
        assert!(value("jobs_created{", job) > 1e9);
    }
    let kinds = lines(&server, "jobs_total{");
    assert!(kinds[0].contains("kind=\"a\\\"b\\\\c\\nd\""), "{kinds:?}");
    if !there_is("prometheus") {
        return;
    }
    let more = format!("  - job_name: open\n    static_configs: [{{targets: ['{at}']}}]\n");
    let prometheus = Prometheus::scraping(&server, &home, &more);
    for name in [
        "jobs_total",
        "latency_seconds_bucket",
        "latency_seconds_sum",
        "build_info",
        "size_bytes_count",
    ] {
        let query = format!("sort({name}{{job=\"open\"}})");
        let theirs = eventually(name, || {
            prometheus.query(&query).filter(|found| !found.is_empty())
        });
        let of_open = |line: &String| line.contains("job=\"open\"");
        let ours = lines(&server, &format!("{name}{{"));
        let mut ours: Vec<f64> = ours
            .iter()
            .filter(|line| of_open(line))
            .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
            .collect();
        ours.sort_by(f64::total_cmp);
        assert_eq!(ours, theirs, "{name}");
    }
}

/// What Prometheus 2.42 exposes by protobuf, with a native histogram behind it.
#[test]
fn w6_native_histograms_are_scraped_by_protobuf() {
    let exporter = Exporter::new("");
    exporter.answer(|answer| {
        answer.headers = "Content-Type: application/vnd.google.protobuf; \
            proto=io.prometheus.client.MetricFamily; encoding=delimited\r\n"
            .to_owned();
        answer.body = include_bytes!("../../../../fuzz/seeds/native_histogram.pb").to_vec();
    });
    let at = exporter.address.as_str();
    let home = Home::new();
    let job = format!(
        "  - {{job_name: p, scrape_native_histograms: true, static_configs: [{{targets: ['{at}']}}]}}\n"
    );
    let server = scraping(&home, &job);
    until(
        &server,
        "up{",
        &[&format!(r#"up{{instance="{at}",job="p"}} 1"#)],
    );
    let asked = exporter.asked().remove(0);
    let protobuf = asked.find("application/vnd.google.protobuf");
    assert!(protobuf < asked.find("openmetrics-text"), "{asked}");
    // Shown as a summary, because the text has no form for it.
    let body = server.get("/metrics").body;
    assert!(body.contains("# TYPE request_seconds summary\n"), "{body}");
    let quantiles = lines(&server, "request_seconds{");
    assert_eq!(quantiles.len(), 5, "{quantiles:?}");
    assert!(quantiles[0].contains(r#"path="/a\"b""#), "{quantiles:?}");
    assert_eq!(lines(&server, "prometheus_build_info{").len(), 1);
    assert_eq!(
        lines(
            &server,
            "prometheus_tsdb_compaction_duration_seconds_bucket{"
        )
        .len(),
        15
    );
}

/// Prometheus itself, by protobuf.
#[test]
fn w6_a_real_prometheus_is_scraped_by_protobuf() {
    if !there_is("prometheus") {
        return;
    }
    let quiet = Home::with(QUIET);
    let idle = quiet.start(&[]);
    let more = ["--enable-feature=native-histograms"];
    let prometheus = Prometheus::with(&idle, &quiet, "", &more);
    eventually("a scrape", || {
        prometheus.query("up").filter(|up| up == &[1.0])
    });
    let at = prometheus.address();
    let home = Home::new();
    let job = format!(
        "  - {{job_name: p, scrape_protocols: [PrometheusProto], \
         static_configs: [{{targets: ['{at}']}}]}}\n"
    );
    let server = scraping(&home, &job);
    until(
        &server,
        "up{",
        &[&format!(r#"up{{instance="{at}",job="p"}} 1"#)],
    );
    assert_eq!(lines(&server, "prometheus_build_info{").len(), 1);
    assert!(lines(&server, "go_gc_duration_seconds{").len() > 3);
}

#[test]
fn w6_tls_is_verified_by_the_authority_that_is_given() {
    let Some(mut command) = python("exporter.py") else {
        return;
    };
    if !there_is("openssl") {
        return;
    }
    let home = Home::new();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-keyout",
            "key.pem",
            "-out",
            "ca.pem",
            "-subj",
            "/CN=exporter.test",
            "-addext",
            "subjectAltName=DNS:exporter.test",
            // Verifiers other than Go's take no authority for a server.
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .current_dir(home.path("."))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    command
        .arg("--tls")
        .args([home.path("ca.pem"), home.path("key.pem")]);
    let exporter = Running::start(command);
    let at = format!("127.0.0.1:{}", exporter.port);
    let job = |name: &str, tls: &str| {
        format!(
            "  - {{job_name: {name}, scheme: https, scrape_interval: 1s, scrape_timeout: 1s, tls_config: {tls}, \
             static_configs: [{{targets: ['{at}']}}]}}\n"
        )
    };
    let jobs = [
        job("named", "{ca_file: ca.pem, server_name: exporter.test}"),
        job("other", "{ca_file: ca.pem, server_name: other.test}"),
        job("careless", "{insecure_skip_verify: true}"),
        job("strangers", "{}"),
    ];
    let server = scraping(&home, &jobs.concat());
    let up = |name: &str, value: u8| format!(r#"up{{instance="{at}",job="{name}"}} {value}"#);
    until(
        &server,
        "up{",
        &[
            &up("careless", 1),
            &up("named", 1),
            &up("other", 0),
            &up("strangers", 0),
        ],
    );
}
