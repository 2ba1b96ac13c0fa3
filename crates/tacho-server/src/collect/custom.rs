//! Custom collectors: any command or URL that prints what Prometheus scrapes, or JSON.
//!
//! 1. What it says is taken whole or not at all; a series that it no longer says has ended.
//! 2. Its output, its samples and its time are bounded: [`OUTPUT_BYTES_MAX`], [`SAMPLES_MAX`], the
//!    target's timeout. A command is killed with all that it started.
//! 3. Series with the names of what is told of every target are left out, and that is said.
//!
//! JSON is points, as they are posted, or an object whose numbers become gauges (`json`). Not for
//! what stands there and can be scraped: that is scraping's.

mod json;

use std::path::PathBuf;
use std::process::Command;

use tacho_collect::net::http::{Client, Request, Seen};
use tacho_collect::net::{Deadline, Tls};
use tacho_collect::targets::command::{Limits, Runner};
use tacho_collect::targets::{Outcome, Secret, TargetError};
use tacho_model::relabel::{Action, Rule, RuleText};
use tacho_model::{Batch, Labels, METRIC_NAME, Timestamp};
use tacho_wire::exposition::{Buckets, Form};

use super::turn::Watch;
use crate::scrape::cache::Cache;
use crate::scrape::settings::{ClientSettings, Job, LabelsOf, ScrapeLimits, TimesOf};
use crate::scrape::sweep::Of;

/// Most bytes of output that are read.
pub const OUTPUT_BYTES_MAX: usize = 10 << 20;
/// Most samples of one run.
pub const SAMPLES_MAX: usize = 50_000;

/// Names that are the target's own report, anchored.
const OWN: &str = "up|tacho_collect_.*";

/// Whether a series would be mistaken for the target's own report.
fn is_own(name: &str) -> bool {
    name == "up" || name.starts_with("tacho_collect_")
}

/// What is said of series that were left out for their names.
fn own_names(count: usize) -> String {
    format!(
        "keep {count} of its samples: `up` and tacho_collect_* say how the collector itself is; \
         use another name"
    )
}

/// A custom collector.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is asked.
    pub source: Source,
    /// What it prints.
    pub format: Format,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Source {
    /// A command, by its words.
    Command {
        /// The program and its arguments.
        words: Vec<String>,
        /// Where it runs; where the server does, where absent.
        folder: Option<PathBuf>,
        /// More environment variables.
        variables: Vec<(String, Secret)>,
    },
    /// A URL.
    Url {
        /// The request.
        request: Box<Request>,
        /// Whom to trust.
        tls: Tls,
    },
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Whatever it looks like.
    #[default]
    Auto,
    /// Prometheus' text.
    Prometheus,
    /// OpenMetrics.
    OpenMetrics,
    /// JSON.
    Json,
}

impl Format {
    /// The format of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "auto" => Self::Auto,
            "prometheus" => Self::Prometheus,
            "openmetrics" => Self::OpenMetrics,
            "json" => Self::Json,
            _ => return None,
        })
    }

    /// What a body is, by its beginning and its end.
    fn of(body: &[u8]) -> Self {
        let body = body.trim_ascii();
        match body.first() {
            Some(b'{' | b'[') => Self::Json,
            _ if body.ends_with(b"# EOF") => Self::OpenMetrics,
            _ => Self::Prometheus,
        }
    }
}

impl Settings {
    /// What it is about, without what may be a secret.
    pub(super) fn about(&self) -> String {
        match &self.source {
            Source::Command { words, .. } => {
                let program = words.first().map_or("", String::as_str);
                format!("command {program}")
            }
            Source::Url { request, .. } => {
                let mut url = request.url.clone();
                url.set_query(None);
                url.to_string()
            }
        }
    }
}

/// One that runs.
pub(super) struct Custom {
    settings: Settings,
    client: Option<Client>,
    runner: Runner,
    labels: Labels,
    job: Job,
    cache: Cache,
}

impl Custom {
    /// One whose series all get these labels.
    pub(super) fn new(settings: Settings, labels: Labels) -> Self {
        let client = match &settings.source {
            Source::Url { tls, .. } => Some(Client::new(tls.clone())),
            Source::Command { .. } => None,
        };
        Self {
            settings,
            client,
            runner: Runner::default(),
            job: job(&labels),
            labels,
            cache: Cache::default(),
        }
    }

    fn of(&self, time: Timestamp) -> Of<'_> {
        Of {
            job: &self.job,
            target: &self.labels,
            time,
        }
    }

    fn ask(&mut self, deadline: &Deadline) -> Result<Vec<u8>, TargetError> {
        match (&self.settings.source, &mut self.client) {
            (
                Source::Command {
                    words,
                    folder,
                    variables,
                },
                _,
            ) => {
                let (program, rest) = words
                    .split_first()
                    .ok_or_else(|| TargetError::Unusable("run no command".to_owned()))?;
                let mut command = Command::new(program);
                command.args(rest);
                if let Some(folder) = folder {
                    command.current_dir(folder);
                }
                for (name, secret) in variables {
                    command.env(name, secret.read()?);
                }
                let limits = Limits {
                    output_bytes: OUTPUT_BYTES_MAX,
                };
                Ok(self.runner.run(&mut command, limits, deadline)?)
            }
            (Source::Url { request, .. }, Some(client)) => {
                let response = client.ask(request, deadline, &mut Seen::default())?;
                if !(200..300).contains(&response.status) {
                    return Err(TargetError::Failed(format!(
                        "ask the URL: it answered with HTTP status {}",
                        response.status
                    )));
                }
                if response.is_cut {
                    return Err(TargetError::TooMuch {
                        what: "ask the URL",
                        limit: OUTPUT_BYTES_MAX,
                        unit: "bytes",
                    });
                }
                Ok(response.body)
            }
            (Source::Url { .. }, None) => Err(TargetError::Unusable("ask nobody".to_owned())),
        }
    }

    fn keep(&mut self, body: &[u8], now: Timestamp, batch: &mut Batch) -> Result<Outcome, String> {
        let format = match self.settings.format {
            Format::Auto => Format::of(body),
            format => format,
        };
        let flat;
        let (form, body) = match format {
            Format::Json => match json::read(body)? {
                json::Read::Points(points) => {
                    self.end(now, batch);
                    return json::push(points, &self.labels, now, batch);
                }
                json::Read::Numbers(text) => {
                    flat = text;
                    (Form::Text, flat.as_bytes())
                }
            },
            Format::OpenMetrics => (Form::OpenMetrics, body),
            Format::Prometheus | Format::Auto => (Form::Text, body),
        };
        let of = Of {
            job: &self.job,
            target: &self.labels,
            time: now,
        };
        let swept = of.sweep(form, body, &mut self.cache, batch);
        let swept = swept.map_err(|error| format!("failed to understand its output: {error}"))?;
        let mut missing = Vec::new();
        if swept.refused > 0 {
            let count = swept.refused;
            missing.push(format!(
                "keep {count} of its samples: a label set is too large"
            ));
        }
        let own = swept.scraped.saturating_sub(swept.kept + swept.refused);
        if own > 0 {
            missing.push(own_names(own));
        }
        Ok(Outcome {
            samples: swept.kept,
            missing,
        })
    }

    /// Marks what was said before as ended.
    fn end(&mut self, now: Timestamp, batch: &mut Batch) {
        let mut cache = std::mem::take(&mut self.cache);
        self.of(now).end_all(&mut cache, batch);
        self.cache = cache;
    }
}

impl Watch for Custom {
    fn run(
        &mut self,
        now: Timestamp,
        deadline: Deadline,
        batch: &mut Batch,
    ) -> Result<Outcome, String> {
        match self.ask(&deadline) {
            Ok(body) => self.keep(&body, now, batch),
            Err(error) => {
                self.end(now, batch);
                Err(format!("failed to {error}"))
            }
        }
    }

    fn skip(&mut self, now: Timestamp, batch: &mut Batch) {
        self.end(now, batch);
    }

    fn describe_again(&mut self) {
        self.cache.describe_again();
        self.cache.revive();
    }
}

/// How its text is taken apart: as that of a scraped target.
fn job(labels: &Labels) -> Job {
    let drop_own = Rule::new(RuleText {
        source_labels: vec![METRIC_NAME.to_owned()],
        regex: Some(OWN.to_owned()),
        action: Some(Action::Drop),
        ..RuleText::default()
    });
    Job {
        name: labels.get("job").unwrap_or_default().to_owned(),
        interval: std::time::Duration::ZERO,
        timeout: std::time::Duration::ZERO,
        protocols: Vec::new(),
        fallback: Form::Text,
        buckets: Buckets::default(),
        metrics_path: String::new(),
        params: Vec::new(),
        scheme: String::new(),
        labels: LabelsOf::Target,
        times: TimesOf::Samples,
        discovery: Vec::new(),
        relabel: Vec::new(),
        metric_relabel: drop_own.into_iter().collect(),
        client: ClientSettings::default(),
        limits: ScrapeLimits {
            samples: SAMPLES_MAX,
            ..ScrapeLimits::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_own_report_is_not_overwritten() {
        let source = Source::Command {
            words: Vec::new(),
            folder: None,
            variables: Vec::new(),
        };
        let settings = Settings {
            source,
            format: Format::Auto,
        };
        let labels = Labels::new([("job", "q")]).unwrap();
        for body in [
            "up 0\ntacho_collect_samples{a=\"b\"} 5\nups 1\n",
            r#"{"up": 0, "tacho_collect": {"samples": 5}, "ups": 1}"#,
            r#"[{"name": "up", "value": 0}, {"name": "tacho_collect_samples", "value": 5},
                {"name": "ups", "value": 1}]"#,
        ] {
            let mut custom = Custom::new(settings.clone(), labels.clone());
            let mut batch = Batch::new();
            let now = Timestamp::from_millis(1_700_000_000_000);
            let outcome = custom.keep(body.as_bytes(), now, &mut batch).unwrap();
            let rows = batch.rows();
            let names: Vec<String> = rows
                .map(|(series, ..)| batch.labels(series).unwrap().to_string())
                .collect();
            assert_eq!(names, [r#"ups{job="q"}"#], "{body}");
            assert_eq!(outcome.samples, 1);
            assert_eq!(outcome.missing, [own_names(2)], "{body}");
        }
    }

    #[test]
    fn a_format_is_known_by_its_look() {
        let check = |body: &str, format| assert_eq!(Format::of(body.as_bytes()), format, "{body}");
        check(" {\"a\": 1}", Format::Json);
        check("[]", Format::Json);
        check("a 1\n# EOF\n", Format::OpenMetrics);
        check("a{b=\"c\"} 1\n", Format::Prometheus);
        check("", Format::Prometheus);
    }
}
