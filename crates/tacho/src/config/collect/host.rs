//! `collect.processes`, `collect.systemd` and `collect.containers`: parts of this host that are told
//! apart.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use tacho_server::collect::What;
use tacho_server::collect::targets::{containers, pattern, processes, systemd};

use super::{Common, Entry, Made, Span};

const INTERVAL: Duration = Duration::from_secs(15);

/// Processes that are added up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawProcesses {
    name: String,
    interval: Option<Span>,
    timeout: Option<Span>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    process: Option<String>,
    pattern: Option<String>,
}

impl Entry for RawProcesses {
    const KEY: &'static str = "processes";
    const INTERVAL: Duration = INTERVAL;

    fn common(&self) -> Common<'_> {
        Common {
            name: None,
            interval: self.interval,
            timeout: self.timeout,
            labels: &self.labels,
        }
    }

    fn make(&self, _: &Path) -> Result<Made> {
        let which = match (&self.process, &self.pattern) {
            // The kernel keeps fifteen bytes of a name.
            (Some(name), None) => {
                let end = (0..=name.len().min(15))
                    .rev()
                    .find(|at| name.is_char_boundary(*at));
                processes::Which::Name(name[..end.unwrap_or(0)].to_owned())
            }
            (None, Some(text)) => {
                let regex = pattern(text).map_err(|error| anyhow!("pattern: {error}"))?;
                processes::Which::Pattern(regex)
            }
            _ => bail!("give one of process and pattern"),
        };
        if self.name.is_empty() {
            bail!("a name cannot be empty");
        }
        let settings = processes::Settings {
            group: self.name.clone(),
            which,
            procfs: "/proc".into(),
        };
        Ok(Made {
            job: "process".to_owned(),
            instance: None,
            label: Some(("groupname", self.name.clone())),
            what: What::Target(Arc::new(settings)),
        })
    }
}

/// A unit of systemd.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSystemd {
    unit: String,
    interval: Option<Span>,
    timeout: Option<Span>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Entry for RawSystemd {
    const KEY: &'static str = "systemd";
    const INTERVAL: Duration = INTERVAL;

    fn common(&self) -> Common<'_> {
        Common {
            name: None,
            interval: self.interval,
            timeout: self.timeout,
            labels: &self.labels,
        }
    }

    fn make(&self, _: &Path) -> Result<Made> {
        let unit = systemd::Settings::unit(&self.unit).map_err(|error| anyhow!("unit: {error}"))?;
        let settings = systemd::Settings {
            unit: unit.clone(),
            sysfs: "/sys".into(),
            systemctl: "systemctl".into(),
        };
        Ok(Made {
            job: "systemd".to_owned(),
            instance: None,
            label: Some(("name", unit)),
            what: What::Target(Arc::new(settings)),
        })
    }
}

/// This host's containers.
#[derive(Debug)]
pub(crate) struct Containers;

static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();

impl Entry for Containers {
    const KEY: &'static str = "containers";
    const INTERVAL: Duration = INTERVAL;

    fn common(&self) -> Common<'_> {
        Common {
            name: None,
            interval: None,
            timeout: None,
            labels: &NO_LABELS,
        }
    }

    fn make(&self, _: &Path) -> Result<Made> {
        let settings = containers::Settings {
            sysfs: "/sys".into(),
        };
        Ok(Made {
            job: "container".to_owned(),
            instance: None,
            label: None,
            what: What::Target(Arc::new(settings)),
        })
    }
}
