//! The crate's own scripts in Prometheus' language for testing PromQL: `tests/promql/*.test`, one
//! file a subject.
//!
//! Their expected values come from a real Prometheus or from the documented formulas by hand, never
//! from this evaluator. Scripts whose name begins with `experimental` may use experimental
//! functions; all others may not.

use std::path::Path;

use tacho_promql::Features;
use tacho_promql::testing::{Script, Settings};

/// Fewer evaluations than this mean that scripts were not found.
const EVALUATIONS_MIN: usize = 800;

#[test]
fn every_script_gives_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promql");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "test")
        })
        .collect();
    files.sort();
    let mut evaluations = 0;
    let mut told = String::new();
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let settings = Settings {
            features: if name.starts_with("experimental") {
                Features::Experimental
            } else {
                Features::Stable
            },
            ..Settings::default()
        };
        let script = Script::parse(&std::fs::read_to_string(path).unwrap());
        let report = script
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .run(&settings);
        evaluations += report.passed + report.failures.len();
        for failure in report.failures {
            told += &format!(
                "{name}:{}: {}\n    {}\n",
                failure.line, failure.query, failure.reason
            );
        }
    }
    assert!(told.is_empty(), "\n{told}");
    assert!(
        evaluations >= EVALUATIONS_MIN,
        "only {evaluations} evaluations"
    );
}
