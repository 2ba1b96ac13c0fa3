//! Reads the reference data beside the project, where there is any.

use std::path::PathBuf;

use serde_json::Value;

/// The file `data/NAME` of the shared data; `None`, with the reason printed, where it is absent.
pub(crate) fn text(name: &str) -> Option<String> {
    let root = std::env::var_os("TACHO_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = root.join("data").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            println!("skipped: {} cannot be read: {error}", path.display());
            None
        }
    }
}

/// As [`text`], parsed; `NaN` and `Infinity`, which Python writes, become null.
pub(crate) fn json(name: &str) -> Option<Value> {
    let text = text(name)?;
    let text = text
        .replace("-Infinity", "null")
        .replace("Infinity", "null")
        .replace("NaN", "null");
    Some(serde_json::from_str(&text).expect("reference file is JSON"))
}

/// A number at `key`, if there is one.
pub(crate) fn number(value: &Value, key: &str) -> Option<f64> {
    value[key].as_f64()
}

/// The numbers of an array.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .expect("array")
        .iter()
        .map(|v| v.as_f64().expect("number"))
        .collect()
}

/// |got − want| relative to |want|, or absolute where `want` is zero.
pub(crate) fn error(got: f64, want: f64) -> f64 {
    if got == want {
        0.0
    } else if want == 0.0 {
        got.abs()
    } else {
        (got / want - 1.0).abs()
    }
}

/// Fails when `got` is farther than `tolerance` from `want`, relatively or absolutely below one.
#[track_caller]
pub(crate) fn close(what: &str, got: f64, want: f64, tolerance: f64) {
    let distance = (got - want).abs() / want.abs().max(1.0);
    assert!(
        distance <= tolerance,
        "{what}: {got:e}, not {want:e} (off by {distance:e})"
    );
}
