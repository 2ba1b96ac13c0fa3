//! What a metric means: kind, unit (UCUM, as it came) and help.
//!
//! We describe the names of samples, OpenTelemetry describes metrics: a histogram or a summary is
//! several names. A description that was told before is not told again.

use tacho_model::{Kind as ModelKind, Metadata, Unit};

use super::Kind;
use super::as_is::ToldKind;
use super::known::chain;
use super::names::metric_name;
use super::walk::{Metric, Walk};

/// Longer help texts are cut; in characters.
const HELP_CHARS_MAX: usize = 1024;
/// Most descriptions of a request; further metrics are described by the next one.
const DESCRIPTIONS_MAX: usize = 100_000;

impl Walk<'_, '_> {
    /// Describes a metric that has points, if that is new.
    pub(super) fn describe(&mut self, metric: &Metric<'_>) {
        let key = chain(chain(metric.key, b"described"), metric.description);
        if self.described >= DESCRIPTIONS_MAX || self.known.find(key).is_some() {
            return;
        }
        self.described += 1;
        self.known.insert(key, 0, &[]);
        let unit = String::from_utf8_lossy(metric.unit);
        let told = metric.told.kind;
        let name = String::from_utf8_lossy(metric.name);
        let name = match told {
            ToldKind::Nothing => metric_name(&name, &unit, metric.kind),
            // Who sent it on knows nothing of it; somebody else may.
            ToldKind::Unknown => return,
            ToldKind::Known(_) => name.into_owned(),
        };
        if name.is_empty() {
            return;
        }
        let help: String = String::from_utf8_lossy(metric.description)
            .chars()
            .take(HELP_CHARS_MAX)
            .collect();
        let unit = Unit::new(metric.told.unit.as_deref().unwrap_or(&unit));
        let mut tell = |name: &str, kind, unit: &Unit| {
            let (unit, help) = (unit.clone(), help.clone());
            self.batch.describe(name, Metadata { kind, unit, help });
        };
        let parts: &[&str] = match metric.kind {
            Kind::Histogram => &["_bucket", "_count", "_sum"],
            Kind::Summary => &["_count", "_sum"],
            _ => &[],
        };
        for part in parts {
            let unit = if *part == "_sum" { &unit } else { &Unit::NONE };
            tell(&format!("{name}{part}"), ModelKind::Counter, unit);
        }
        let kind = match (told, metric.kind) {
            (ToldKind::Known(kind), _) => kind,
            (_, Kind::Counter) => ModelKind::Counter,
            (_, Kind::Histogram | Kind::Exponential) => ModelKind::Histogram,
            (_, Kind::Gauge | Kind::UpDown | Kind::Summary) => ModelKind::Gauge,
        };
        tell(&name, kind, &unit);
    }
}
