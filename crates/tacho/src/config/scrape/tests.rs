//! What a prometheus.yml may say.

use super::super::tests::{refused, settings};
use super::*;

#[test]
fn a_prometheus_yml_is_taken_as_it_is() {
    let text = "
global:
  scrape_interval: 15s
  evaluation_interval: 15s
  external_labels: {monitor: codelab, shard: 1}
scrape_configs:
  - job_name: prometheus
    static_configs:
      - targets: ['localhost:9090', '[::1]:9090']
        labels: {env: 1}
  - job_name: node
    scrape_interval: 1m30s
    scrape_timeout: 20s
    scrape_protocols: [PrometheusProto, PrometheusText0.0.4]
    honor_labels: true
    metrics_path: /probe
    params: {module: [http_2xx], x: [1]}
    scheme: https
    body_size_limit: 10MB
    sample_limit: 5000
    enable_http2: false
    native_histogram_bucket_limit: 100
    basic_auth: {username: u, password_file: secret}
    tls_config: {ca_file: ca.pem, server_name: example, insecure_skip_verify: false}
    file_sd_configs:
      - files: ['targets/*.yml', '/etc/x.json']
        refresh_interval: 1m
    relabel_configs:
      - {source_labels: [__address__], regex: '(.*):\\d+', target_label: host, replacement: $1}
      - {action: labeldrop, regex: tmp_.*}
    metric_relabel_configs:
      - {source_labels: [__name__], regex: go_.*, action: drop}
      - {target_label: version, replacement: 2}
";
    let scrape = settings(text).scrape;
    let [first, second] = scrape.jobs.as_slice() else {
        panic!("{scrape:?}");
    };
    let external = [("monitor", "codelab"), ("shard", "1")];
    assert_eq!(
        scrape.external_labels,
        external.map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    assert_eq!(
        (first.interval, first.timeout),
        (Duration::from_secs(15), TIMEOUT)
    );
    let Discovery::Static(groups) = &first.discovery[0] else {
        panic!("{first:?}");
    };
    assert_eq!(groups[0].labels, [("env".to_owned(), "1".to_owned())]);
    assert_eq!(second.interval, Duration::from_secs(90));
    assert_eq!(second.limits.body_bytes, 10 << 20);
    assert_eq!(second.limits.samples, 5_000);
    assert_eq!(second.protocols[0], ScrapeProtocol::PrometheusProto);
    assert_eq!(second.labels, LabelsOf::Series);
    assert_eq!((second.relabel.len(), second.metric_relabel.len()), (2, 2));
    let shown = format!("{:?}", second.client);
    assert!(
        shown.contains("secret in secret") && shown.contains("ca.pem"),
        "{shown}"
    );
}

#[test]
fn what_cannot_be_done_is_refused_with_its_place_and_a_reason() {
    let check = |job: &str, reason: &str| {
        let text = format!("scrape_configs:\n  - job_name: j\n    {job}\n");
        let said = refused(&text);
        assert!(said.contains(reason), "{job}: {said}");
        assert!(
            said.contains("line 3") || said.contains("line 2"),
            "{job}: {said}"
        );
    };
    check(
        "kubernetes_sd_configs: [{role: pod}]",
        "service discovery is not built here",
    );
    check("proxy_url: http://p", "not asked through a proxy");
    check("oauth2: {}", "credentials_file");
    check("job_nam: x", "unknown field");
    check("scheme: ftp", "http or https");
    check("scrape_interval: 1ms", "between 100ms and 24h");
    check("scrape_timeout: 2m", "must not be longer");
    check(
        "static_configs: [{targets: ['http://x:1']}]",
        "must be host:port",
    );
    check("file_sd_configs: [{files: [x.txt]}]", "must end in .json");
    check(
        "file_sd_configs: [{files: ['*/x.json']}]",
        "only the last part",
    );
    check(
        "relabel_configs: [{action: replac}]",
        "`replac` is no relabel action",
    );
    check("relabel_configs: [{regex: '('}]", "target_label");
    check(
        "metric_relabel_configs: [{regex: '(', action: drop}]",
        "no usable regular expression",
    );
    check(
        "basic_auth: {username: u, password: p, password_file: f}",
        "not both",
    );
    check("authorization: {type: Basic}", "use basic_auth");
    check(
        "scrape_protocols: [Telnet]",
        "there is no protocol `Telnet`",
    );
    check("body_size_limit: many", "no size such as 10MB");
    check("tls_config: {cert_file: x}", "go together");
    check("http_sd_configs: [{url: 'ftp://x'}]", "no URL");
    let twice = "scrape_configs: [{job_name: a}, {job_name: a}]";
    assert!(refused(twice).contains("another job of that name"));
    assert!(refused("scrape_configs: [{}]").contains("needs a job_name"));
    assert!(refused("global: {scrape_intervall: 1s}").contains("unknown field"));
}

#[test]
fn files_with_more_jobs_are_read_beside_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "tacho.yaml",
        "scrape_config_files: [prometheus.yml]\nscrape_configs: [{job_name: own}]",
    );
    write(
        "prometheus.yml",
        "global: {scrape_interval: 7s}\nrule_files: [x]\nscrape_configs: [{job_name: theirs}]\n",
    );
    let config = super::super::Config::load(Some(&dir.path().join("tacho.yaml"))).unwrap();
    let jobs = config
        .settings(&super::super::Overrides::default())
        .unwrap()
        .scrape
        .jobs;
    let names: Vec<_> = jobs
        .iter()
        .map(|job| (job.name.as_str(), job.interval.as_secs()))
        .collect();
    assert_eq!(names, [("own", 60), ("theirs", 7)]);
}
