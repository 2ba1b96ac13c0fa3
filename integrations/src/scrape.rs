//! Configurations of a Prometheus that has its data from a Tachograph.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tacho_model::METRIC_NAME;
use tacho_server::rules;
use tacho_server::rules::file::RuleFileError;
use tacho_server::rules::group::RuleKind;

use crate::expression::DURATION;
use crate::names;
use crate::table;

/// Where a Tachograph listens unless told otherwise; the one line that most people change.
pub const ADDRESS: &str = "127.0.0.1:8090";

/// What both configurations begin with.
const GLOBAL: &str = "\
global:
  scrape_interval: 15s
  evaluation_interval: 15s
";

/// How both ask.
fn job(more: &str) -> String {
    format!(
        "\
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
{more}"
    )
}

/// Everything that is current, by `/metrics`, names that Tachograph's own rules derive among it.
pub fn metrics() -> String {
    let job = job("");
    format!(
        "\
# A Prometheus that takes everything current from a Tachograph, and warns by its rules.
# The derived names (cpu_usage_percent and others) come from Tachograph: recording.yml is not for here.

{GLOBAL}
rule_files:
  - rules.yml

{job}"
    )
}

/// What dashboards and rules read, by `/federate`, without what the rules derive.
///
/// # Errors
/// When the built-in rules cannot be read.
pub fn federate() -> Result<String, RuleFileError> {
    let mut more = String::from("    metrics_path: /federate\n    params:\n      match[]:\n");
    for (_, of_family) in families(&measured()?) {
        // Writing to a `String` cannot fail; the result is of no interest.
        let _ = writeln!(
            more,
            "        - '{{__name__=~\"{}\"}}'",
            of_family.join("|")
        );
    }
    let job = job(&more);
    Ok(format!(
        "\
# A Prometheus that takes from a Tachograph only what the dashboards and the rules of this folder
# read, with the times at which it was measured: for one that holds much more. Derived names are made
# here, by recording.yml. Response times are missing: the text of /federate has no native histograms.

{GLOBAL}
rule_files:
  - recording.yml
  - rules.yml

{job}"
    ))
}

/// Names by their first word, so that a family is one selector: a request has at most 100.
fn families(names: &BTreeSet<String>) -> BTreeMap<&str, Vec<&str>> {
    let mut families: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let first = name.split('_').next().unwrap_or(name);
        families.entry(first).or_default().push(name);
    }
    families
}

/// Every metric that is a number, and that a page, an alert or a built-in rule reads and no
/// built-in rule makes.
fn measured() -> Result<BTreeSet<String>, RuleFileError> {
    // What does not parse reads nothing; a test says which.
    let read = |text: String| names::read_by(&text).ok();
    let asked = of_pages().into_iter().chain(of_alerts());
    let numbers = asked.filter(|text| !text.contains("histogram_quantile"));
    let mut names: BTreeSet<String> = numbers.filter_map(read).flatten().collect();
    let groups = rules::builtin()?;
    let built_in = || groups.iter().flat_map(|group| &group.rules);
    for rule in built_in() {
        let matchers = rule.query.selectors().into_iter().flatten();
        let of_names = matchers.filter(|matcher| matcher.name() == METRIC_NAME);
        names.extend(of_names.map(|matcher| matcher.value().to_owned()));
    }
    for rule in built_in() {
        if let RuleKind::Recording { record } = &rule.kind {
            names.remove(record);
        }
    }
    names.remove(DURATION);
    Ok(names)
}

/// What panels ask, and what there is to choose from.
fn of_pages() -> Vec<String> {
    let mut all = Vec::new();
    for page in table::dashboards() {
        all.extend(page.variables.iter().map(|one| one.series.to_owned()));
        let panels = page.rows.into_iter().flat_map(|row| row.panels);
        let queries = panels.flat_map(|panel| panel.queries);
        all.extend(queries.map(|query| query.expression));
    }
    all
}

fn of_alerts() -> impl Iterator<Item = String> {
    let alerts = table::alerts().into_iter().flat_map(|group| group.alerts);
    alerts.map(|alert| alert.expression())
}
