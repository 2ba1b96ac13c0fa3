//! Every file that is made.

use tacho_server::rules;
use tacho_server::rules::file::RuleFileError;

use crate::dashboard::Dashboard;
use crate::{alerts, grafana, scrape, table};

/// A file below `integrations/`.
#[derive(Debug)]
pub struct File {
    /// With forward slashes.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// Where Grafana finds the dashboards, as its container image has it.
const DASHBOARDS: &str = "/var/lib/grafana/dashboards";

/// Every file, as it should be.
///
/// # Errors
/// When the built-in rules cannot be read.
pub fn all() -> Result<Vec<File>, RuleFileError> {
    let mut files: Vec<File> = table::dashboards().iter().map(dashboard).collect();
    let made = |path: &str, text: String| File {
        path: path.to_owned(),
        text: format!("{MADE}{text}"),
    };
    files.push(made(
        "grafana/provisioning/datasources/tachograph.yml",
        datasource(),
    ));
    files.push(made(
        "grafana/provisioning/dashboards/tachograph.yml",
        provider(),
    ));
    files.push(made("prometheus/rules.yml", alerts::yaml(&table::alerts())));
    files.push(made("prometheus/recording.yml", rules::BUILTIN.to_owned()));
    files.push(made("prometheus/prometheus.yml", scrape::metrics()));
    files.push(made("prometheus/federate.yml", scrape::federate()?));
    Ok(files)
}

/// What stands above every file that can have comments.
const MADE: &str = "# Made by `cargo run -p tacho-integrations -- write integrations/`: \
    change the table, not this file.\n\n";

fn dashboard(dashboard: &Dashboard) -> File {
    File {
        path: format!("grafana/{}.json", dashboard.uid),
        text: format!("{:#}\n", grafana::json(dashboard)),
    }
}

fn datasource() -> String {
    let address = scrape::ADDRESS;
    format!(
        "\
# Copy to /etc/grafana/provisioning/datasources/.
apiVersion: 1
datasources:
  - name: Tachograph
    type: prometheus
    access: proxy
    # Where Tachograph listens.
    url: http://{address}
    jsonData:
      httpMethod: POST
      # The least time between points that panels look at; Tachograph itself has one a second.
      timeInterval: 15s
"
    )
}

fn provider() -> String {
    format!(
        "\
# Copy to /etc/grafana/provisioning/dashboards/, and the dashboards to the path below.
apiVersion: 1
providers:
  - name: Tachograph
    type: file
    folder: Tachograph
    allowUiUpdates: false
    updateIntervalSeconds: 30
    options:
      path: {DASHBOARDS}
"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::names;

    #[test]
    fn files_are_what_the_table_makes_of_them() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in all().unwrap() {
            let there = std::fs::read_to_string(folder.join(&file.path)).unwrap_or_default();
            assert!(
                there == file.text,
                "{} is not what the table makes of it: \
                 cargo run -p tacho-integrations -- write integrations/",
                file.path
            );
        }
    }

    #[test]
    fn nothing_is_left_of_files_that_are_no_longer_made() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let made: Vec<String> = all().unwrap().into_iter().map(|file| file.path).collect();
        for part in ["grafana", "prometheus"] {
            for entry in std::fs::read_dir(folder.join(part)).unwrap() {
                let path = entry.unwrap().path();
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                assert!(
                    path.is_dir() || made.contains(&name),
                    "{name} is made by nothing"
                );
            }
        }
    }

    #[test]
    fn every_expression_is_one_and_reads_something() {
        let pages = table::dashboards();
        let panels = pages
            .iter()
            .flat_map(|page| &page.rows)
            .flat_map(|row| &row.panels);
        for panel in panels {
            assert!(!panel.queries.is_empty(), "{}", panel.title);
            for query in &panel.queries {
                let read = names::read_by(&query.expression);
                let read =
                    read.unwrap_or_else(|e| panic!("{}: {e}: {}", panel.title, query.expression));
                assert!(!read.is_empty(), "{}", query.expression);
            }
        }
        for alert in table::alerts().iter().flat_map(|group| &group.alerts) {
            for text in [&alert.value, &alert.expression()] {
                let read = names::read_by(text);
                let read = read.unwrap_or_else(|e| panic!("{}: {e}: {text}", alert.name));
                assert!(!read.is_empty(), "{text}");
            }
        }
    }
}
