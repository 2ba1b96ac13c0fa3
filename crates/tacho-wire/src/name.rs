//! Names from other systems as Prometheus writes them: ASCII letters, digits and underscores.
//!
//! The rule is that of `statsd_exporter` and Telegraf: every other character becomes one
//! underscore, and a leading digit gets one before it. Two names may become one; what they carry
//! then shares a series. Not for names that came from Prometheus itself: those are kept.

use std::borrow::Cow;

use tacho_model::METRIC_NAME;
use tacho_model::label::{LABELS_MAX, LabelError, Labels};

/// A metric's or a label's name in the classic character set.
///
/// ```
/// use tacho_wire::name::escape;
/// assert_eq!(escape("app.req-time"), "app_req_time");
/// assert_eq!(escape("5xx"), "_5xx");
/// assert_eq!(escape("größe"), "gr__e");
/// ```
pub fn escape(name: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let leads = name.starts_with(|c: char| c.is_ascii_digit());
    if !leads && name.bytes().all(|b| is_plain(char::from(b))) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 1);
    if leads {
        out.push('_');
    }
    out.extend(name.chars().map(|c| if is_plain(c) { c } else { '_' }));
    Cow::Owned(out)
}

/// Why a metric and its tags make no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// A tag has the name under which the metric's own is kept.
    #[error("the tag name `{METRIC_NAME}` is reserved")]
    Reserved,
    /// The labels break a rule.
    #[error(transparent)]
    Labels(#[from] LabelError),
}

/// The series of a metric with tags, both escaped. Of tags whose names become the same, the last
/// one counts; a tag without a value is left out.
pub fn series<'a>(
    metric: &str,
    tags: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Labels, SeriesError> {
    let metric = escape(metric);
    let mut pairs: Vec<(Cow<'_, str>, &str)> = vec![(Cow::Borrowed(METRIC_NAME), &metric)];
    for (name, value) in tags {
        put_tag(&mut pairs, name, value)?;
    }
    Ok(Labels::new(pairs)?)
}

/// Adds a tag under its escaped name, instead of one of the same name.
pub(crate) fn put_tag<'a>(
    pairs: &mut Vec<(Cow<'a, str>, &'a str)>,
    name: &'a str,
    value: &'a str,
) -> Result<(), SeriesError> {
    let name = escape(name);
    if name == METRIC_NAME {
        return Err(SeriesError::Reserved);
    }
    if name.is_empty() {
        return Err(LabelError::EmptyName.into());
    }
    if let Some((_, known)) = pairs.iter_mut().find(|(known, _)| *known == name) {
        *known = value;
        return Ok(());
    }
    // What is beyond the limit is refused with its number; looking through more would cost a square.
    if pairs.len() > LABELS_MAX {
        let count = pairs.len();
        return Err(LabelError::TooMany { count }.into());
    }
    pairs.push((name, value));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metric: &str, tags: &[(&str, &str)], expected: &str) {
        let series = series(metric, tags.iter().copied());
        assert_eq!(series.unwrap().to_string(), expected);
    }

    #[test]
    fn names_are_escaped_and_values_are_kept() {
        check("app.req", &[], "app_req");
        check("a:b", &[("x-y", "é \"q\"")], r#"a_b{x_y="é \"q\""}"#);
        check("☃", &[("1st", "v")], r#"_{_1st="v"}"#);
    }

    #[test]
    fn of_two_tags_of_one_name_the_last_one_counts() {
        check("a", &[("x.y", "1"), ("x_y", "2")], r#"a{x_y="2"}"#);
        check("a", &[("x", "1"), ("x", "")], "a");
    }

    #[test]
    fn what_makes_no_series_is_refused() {
        let refused =
            |metric: &str, tags: &[(&str, &str)]| series(metric, tags.iter().copied()).unwrap_err();
        assert_eq!(refused("a", &[("__name__", "b")]), SeriesError::Reserved);
        let empty = SeriesError::Labels(LabelError::EmptyName);
        assert_eq!(refused("a", &[("", "b")]), empty);
        let names: Vec<String> = (0..10_000).map(|i| format!("t{i}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
        assert!(matches!(
            refused("a", &many),
            SeriesError::Labels(LabelError::TooMany { .. })
        ));
    }
}
