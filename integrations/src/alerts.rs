//! Alerts as a Prometheus rule file.
//!
//! Written by hand rather than by a YAML library: comments belong to it, and expressions stand
//! as blocks, in which nothing needs quotes.

use std::fmt::Write as _;

use crate::alert::{Alert, Group};

/// A rule file.
pub fn yaml(groups: &[Group]) -> String {
    let mut out = String::from("groups:\n");
    for group in groups {
        // Writing to a `String` cannot fail; the results are of no interest.
        let _ = write!(
            out,
            "\n  # {}\n  - name: {}\n    rules:\n",
            group.about, group.name
        );
        for alert in &group.alerts {
            rule(alert, &mut out);
        }
    }
    out
}

fn rule(alert: &Alert, out: &mut String) {
    let _ = write!(
        out,
        "      - alert: {}\n        expr: |-\n          {}\n        for: {}\n        \
         labels:\n          severity: {}\n        annotations:\n          summary: {}\n          \
         description: {}\n          dashboard: /d/{}\n",
        alert.name,
        alert.expression(),
        alert.hold,
        alert.severity.word(),
        quoted(alert.summary),
        quoted(alert.description),
        alert.dashboard,
    );
}

/// In single quotes, in which only they themselves are special.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
