//! `/metrics/job/JOB/NAME/VALUE…`: the grouping labels that a path names.
//!
//! A name that ends in `@base64` has its value in the base64 alphabet for URLs, padded or not; a
//! lone `=` is the empty value. Source: Pushgateway's README, section "URL".

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use tacho_model::{LabelError, Labels};

/// What marks a value in base64.
const MARK: &str = "@base64";

/// Why a path names no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with a job.
    #[error("the path must begin with /metrics/job/ and the job's name")]
    NoJob,
    /// A name without a value.
    #[error("the label `{0}` has no value; the path is made of pairs /NAME/VALUE")]
    NoValue(String),
    /// A name that no grouping label can have.
    #[error("`{0}` is no name for a grouping label")]
    Name(String),
    /// What is no base64, or no UTF-8.
    #[error("the value of `{0}` cannot be decoded")]
    Value(String),
    /// A label twice, or too long.
    #[error(transparent)]
    Labels(#[from] LabelError),
}

/// The grouping labels of what follows `/metrics/` in a path, undecoded.
pub fn group_of(path: &str) -> Result<Labels, PathError> {
    let mut parts = path.split('/');
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut is_first = true;
    while let Some(raw) = parts.next() {
        let name = decoded(raw).ok_or_else(|| PathError::Name(shown(raw)))?;
        let (name, is_base64) = match name.strip_suffix(MARK) {
            Some(name) => (name, true),
            None => (&*name, false),
        };
        if is_first && name != "job" {
            return Err(PathError::NoJob);
        }
        // A slash at the end is no pair.
        if name.is_empty() && parts.clone().next().is_none() {
            break;
        }
        if name.is_empty() || name.starts_with("__") {
            return Err(PathError::Name(shown(name)));
        }
        let raw = parts
            .next()
            .ok_or_else(|| PathError::NoValue(shown(name)))?;
        let wrong = || PathError::Value(shown(name));
        let value = decoded(raw).ok_or_else(wrong)?;
        let value = if is_base64 {
            from_base64(&value).ok_or_else(wrong)?
        } else {
            value.into_owned()
        };
        if is_first && value.is_empty() {
            return Err(PathError::NoJob);
        }
        is_first = false;
        pairs.push((name.to_owned(), value));
    }
    Ok(Labels::new(pairs)?)
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A part of a path without its percent signs; `None` when that is no UTF-8.
fn decoded(part: &str) -> Option<Cow<'_, str>> {
    if !part.contains('%') {
        return Some(part.into());
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).filter(|_| *first == b'%');
        let hex = pair.and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = byte {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or(&[]);
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn from_base64(text: &str) -> Option<String> {
    if text == "=" {
        return Some(String::new());
    }
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::URL_SAFE, config);
    String::from_utf8(engine.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        let shown = match group_of(path) {
            Ok(labels) => labels.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(shown.contains(expected), "{path}: {shown}");
    }

    #[test]
    fn paths_name_groups() {
        check("job/some_job", r#"{job="some_job"}"#);
        check("job/j/instance/a%2Fb:1", r#"{instance="a/b:1",job="j"}"#);
        // From Pushgateway's README.
        check(
            "job/directory_cleaner/path@base64/L3Zhci90bXA",
            r#"path="/var/tmp""#,
        );
        check("job/x/name/Προμηθεύς", "Προμηθεύς");
        check(
            "job/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C",
            "Προμηθεύς",
        );
        check(
            "job/example/first_label@base64/=/second_label/foobar",
            r#"{job="example",second_label="foobar"}"#,
        );
        check("job@base64/ZGlyL2pvYg==", r#"{job="dir/job"}"#);
        check("job/j/", r#"{job="j"}"#);
        check("job/", "must begin with");
        check("job", "no value");
        check("instance/x", "must begin with");
        check("job/j/instance", "`instance` has no value");
        check("job/j/__name__/x", "no name");
        check("job/j/a/1/a/2", "given twice");
        check("job/j/a@base64/***", "cannot be decoded");
        check("job/%ff", "cannot be decoded");
    }
}
