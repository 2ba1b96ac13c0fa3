//! The configuration of a Prometheus that has its data from a Tachograph.

/// Where a Tachograph listens unless told otherwise; the one line that most people change.
pub const ADDRESS: &str = "127.0.0.1:8090";

/// Everything that is current, by `/metrics`.
pub fn metrics() -> String {
    format!(
        "\
# A Prometheus that takes everything current from a Tachograph, and warns by its rules.

global:
  scrape_interval: 15s
  evaluation_interval: 15s

rule_files:
  - rules.yml

scrape_configs:
  - job_name: tacho
    # Series keep the job and the instance that Tachograph has them under: those of the hosts and
    # programs that they are about.
    honor_labels: true
    # With tokens: a file that holds one with the scope `read`.
    # authorization: {{credentials_file: /etc/prometheus/tacho.token}}
    static_configs:
      # Where Tachograph listens.
      - targets: ['{ADDRESS}']
"
    )
}
