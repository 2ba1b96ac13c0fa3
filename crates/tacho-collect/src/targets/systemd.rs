//! Units of systemd: whether one runs, and what it uses, with `systemd_exporter`'s and cAdvisor's
//! names.
//!
//! What a unit uses is read from its control group. Its state is asked of `systemctl` where there is
//! one; without it a unit counts as active while its group has processes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use tacho_model::Unit;

use super::command::{CommandError, Limits, Runner};
use super::containers::no_hierarchy;
use super::{Make, Target, TargetError, Turn, cgroup};
use crate::emit::Family;

/// The states that are told apart.
const STATES: [&str; 8] = [
    "active",
    "activating",
    "deactivating",
    "failed",
    "inactive",
    "maintenance",
    "refreshing",
    "reloading",
];

static STATE: Family = Family::gauge(
    "systemd_unit_state",
    Unit::NONE,
    "1 for the state that the unit is in.",
);
static START: Family = Family::gauge(
    "systemd_unit_start_time_seconds",
    Unit::SECONDS,
    "When the unit became active, in Unix seconds.",
);
static RESTARTS: Family = Family::counter(
    "systemd_service_restart_total",
    Unit::NONE,
    "How often the service was started again by itself.",
);

/// A unit and where to look for it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name with its type, such as `nginx.service`.
    pub unit: String,
    /// Where sysfs is mounted.
    pub sysfs: PathBuf,
    /// The program to ask for its state.
    pub systemctl: PathBuf,
}

impl Settings {
    /// Checks a unit's name, and gives one without a type that of a service.
    pub fn unit(text: &str) -> Result<String, String> {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        if text.is_empty() || text.starts_with('-') || !text.chars().all(is_fine) {
            return Err(format!("`{text}` is no unit; write it like nginx.service"));
        }
        let types = [
            ".service", ".socket", ".slice", ".scope", ".timer", ".mount", ".target",
        ];
        if types.iter().any(|end| text.ends_with(end)) {
            return Ok(text.to_owned());
        }
        Ok(format!("{text}.service"))
    }
}

impl Make for Settings {
    fn make(&self) -> Box<dyn Target> {
        Box::new(Systemd {
            settings: self.clone(),
            runner: Runner::default(),
            times: Some("--timestamp=unix"),
            group: None,
        })
    }

    fn about(&self) -> String {
        format!("unit {}", self.unit)
    }
}

struct Systemd {
    settings: Settings,
    runner: Runner,
    /// How to ask for times as numbers, where this `systemctl` knows it.
    times: Option<&'static str>,
    /// Where its group was last.
    group: Option<PathBuf>,
}

impl Target for Systemd {
    fn collect(&mut self, turn: &mut Turn<'_>) -> Result<(), TargetError> {
        let shown = self.ask(turn)?;
        let root = cgroup::root(&self.settings.sysfs);
        let uses = root
            .as_ref()
            .is_some_and(|root| self.push_group(root, &shown, turn));
        if root.is_none() && shown.state.is_empty() {
            return Err(no_hierarchy());
        }
        let state = match shown.state.as_str() {
            "" if uses => "active",
            "" => "inactive",
            state => state,
        };
        let unit = self.settings.unit.as_str();
        let kind = unit.rsplit_once('.').map_or("", |(_, kind)| kind);
        for known in STATES {
            let labels = [("name", unit), ("state", known), ("type", kind)];
            turn.emit
                .push(&STATE, &labels, f64::from(u8::from(known == state)));
        }
        if let Some(start) = shown.start {
            turn.emit.push(&START, &[("name", unit)], start);
        }
        if let Some(restarts) = shown.restarts {
            turn.emit.push(&RESTARTS, &[("name", unit)], restarts);
        }
        match state {
            "active" | "activating" | "deactivating" | "refreshing" | "reloading" => Ok(()),
            _ if shown.is_unknown => Err(TargetError::Failed(format!("find the unit {unit}"))),
            state => Err(TargetError::Failed(format!(
                "see {unit} run: it is {state}"
            ))),
        }
    }
}

impl Systemd {
    /// What `systemctl` says; nothing where there is none.
    fn ask(&mut self, turn: &mut Turn<'_>) -> Result<Shown, TargetError> {
        let mut asked = self.show(self.times, turn);
        if self.times.is_some() && matches!(asked, Err(CommandError::Status { .. })) {
            // Before systemd 248 the option was not there; when the unit started is not told then.
            let plain = self.show(None, turn);
            if plain.is_ok() {
                self.times = None;
                asked = plain;
            }
        }
        match asked {
            Ok(output) => Ok(Shown::parse(&String::from_utf8_lossy(&output))),
            Err(error @ CommandError::Late { .. }) => Err(error.into()),
            Err(CommandError::Start { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Ok(Shown::default())
            }
            // Systemd is not what runs this host, or does not answer this user.
            Err(error) => {
                turn.missing.push(format!("ask systemctl: {error}"));
                Ok(Shown::default())
            }
        }
    }

    fn show(
        &mut self,
        times: Option<&'static str>,
        turn: &Turn<'_>,
    ) -> Result<Vec<u8>, CommandError> {
        let mut systemctl = Command::new(&self.settings.systemctl);
        systemctl.args(["show", "--no-pager"]).args(times);
        systemctl.arg("-p");
        systemctl.arg("LoadState,ActiveState,NRestarts,ActiveEnterTimestamp,ControlGroup");
        systemctl.arg("--").arg(&self.settings.unit);
        let limits = Limits {
            output_bytes: 64 << 10,
        };
        self.runner.run(&mut systemctl, limits, &turn.deadline)
    }

    fn push_group(&mut self, root: &Path, shown: &Shown, turn: &mut Turn<'_>) -> bool {
        let told = shown.group.trim_start_matches('/');
        if !told.is_empty() {
            self.group = Some(PathBuf::from(told));
        }
        let known = self.group.take().filter(|group| root.join(group).is_dir());
        let name = self.settings.unit.as_str();
        let is_it = |group: &Path| group.file_name().is_some_and(|last| last == name);
        let group = known.or_else(|| cgroup::find(root, is_it).into_iter().next());
        let Some(group) = group else {
            return false;
        };
        let id = format!("/{}", group.display());
        let labels = [("id", &*id), ("name", name)];
        let uses = cgroup::push(&root.join(&group), &labels, &mut turn.emit);
        self.group = Some(group);
        uses
    }
}

/// What `systemctl show` says.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    state: String,
    group: String,
    start: Option<f64>,
    restarts: Option<f64>,
    is_unknown: bool,
}

impl Shown {
    fn parse(text: &str) -> Self {
        let mut shown = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match key {
                "ActiveState" => value.clone_into(&mut shown.state),
                "ControlGroup" => value.clone_into(&mut shown.group),
                "NRestarts" => shown.restarts = value.parse().ok(),
                "LoadState" => shown.is_unknown = value == "not-found",
                "ActiveEnterTimestamp" => {
                    let number = value.trim_start_matches('@').parse::<f64>();
                    shown.start = number.ok().filter(|start| *start > 0.0);
                }
                _ => {}
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemctl_says_is_read() {
        let text = "LoadState=loaded\nActiveState=active\nNRestarts=2\n\
            ActiveEnterTimestamp=@1700000000\nControlGroup=/system.slice/a.service\nX\n";
        let shown = Shown::parse(text);
        assert_eq!(
            (&*shown.state, &*shown.group),
            ("active", "/system.slice/a.service")
        );
        assert_eq!((shown.start, shown.restarts), (Some(1.7e9), Some(2.0)));
        let none =
            Shown::parse("LoadState=not-found\nActiveEnterTimestamp=\nNRestarts=[not set]\n");
        assert!(none.is_unknown && none.start.is_none() && none.restarts.is_none());
    }

    #[test]
    fn units_have_a_type() {
        assert_eq!(Settings::unit("nginx").as_deref(), Ok("nginx.service"));
        assert_eq!(Settings::unit("a@b.timer").as_deref(), Ok("a@b.timer"));
        for bad in ["", "--help", "a b", "../x"] {
            assert!(Settings::unit(bad).is_err(), "{bad}");
        }
    }
}
