//! What a query that is being typed could go on with: names of metrics and labels, and values of
//! labels, as the running server has them.
//!
//! Whoever types does not wait and reads no errors: a server that does not answer at once knows
//! nothing.

use tacho_model::METRIC_NAME;

use crate::client::{Client, Remote};

/// Most that is offered.
const OFFERED_MAX: usize = 500;

/// What the end of a text is the beginning of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted<'a> {
    Metric,
    /// A label of a metric, where one was named.
    Label {
        metric: &'a str,
    },
    Value {
        metric: &'a str,
        label: &'a str,
    },
}

/// All that the word could become, each the whole of it without the quote that it begins with.
pub(super) fn offered(word: &str, remote: &Remote) -> Vec<String> {
    let text = word.strip_prefix(['\'', '"']).unwrap_or(word);
    let Some((wanted, begun)) = wanted(text) else {
        return Vec::new();
    };
    let head = &text[..text.len() - begun.len()];
    let known = ask(&wanted, begun, remote).unwrap_or_default();
    let fitting = known.into_iter().filter(|one| one.starts_with(begun));
    let behind = match wanted {
        Wanted::Metric => "",
        Wanted::Label { .. } => "=\"",
        Wanted::Value { .. } => "\"",
    };
    fitting.map(|one| format!("{head}{one}{behind}")).collect()
}

/// What the server has; nothing where it says why not.
fn ask(wanted: &Wanted<'_>, begun: &str, remote: &Remote) -> Option<Vec<String>> {
    let (path, selector) = match wanted {
        // What is begun is of letters, digits and underscores.
        Wanted::Metric => (
            values_of(METRIC_NAME),
            format!("{{{METRIC_NAME}=~\"{begun}.+|{begun}\"}}"),
        ),
        Wanted::Label { metric } => ("/api/v1/labels".to_owned(), (*metric).to_owned()),
        Wanted::Value { metric, label } => (values_of(label), (*metric).to_owned()),
    };
    let limit = OFFERED_MAX.to_string();
    let mut query = vec![("limit", limit.as_str())];
    if !selector.is_empty() {
        query.push(("match[]", &selector));
    }
    let client = Client::at_once(remote).ok()?;
    let body = client.get(&path, &query).ok()?.json().ok()?;
    let found = body["data"].as_array()?.iter();
    let found = found.filter_map(|one| Some(one.as_str()?.to_owned()));
    Some(found.filter(|one| one != METRIC_NAME).collect())
}

fn values_of(label: &str) -> String {
    format!("/api/v1/label/{label}/values")
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':')
}

/// The word at the end of a text, empty where something else is.
fn last_word(text: &str) -> &str {
    let end = text.trim_end_matches(is_of_name).len();
    &text[end..]
}

/// What is to be completed, and what of it is there already.
fn wanted(text: &str) -> Option<(Wanted<'_>, &str)> {
    let mut quote: Option<(char, usize)> = None;
    let mut braces: Option<usize> = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some((open, _)) if c == '\\' && open != '`' => is_escaped = true,
            Some((open, _)) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' | '`' => quote = Some((c, at)),
                '{' => braces = Some(at),
                '}' => braces = None,
                _ => {}
            },
        }
    }
    let metric = braces.map(|at| last_word(&text[..at]));
    match (metric, quote) {
        (Some(metric), Some((_, at))) => {
            let label = last_word(text[..at].trim_end_matches(['=', '~', '!', ' ']));
            let begun = &text[at + 1..];
            (!label.is_empty()).then_some((Wanted::Value { metric, label }, begun))
        }
        (Some(metric), None) => Some((Wanted::Label { metric }, last_word(text))),
        (None, Some(_)) => None,
        (None, None) => {
            let begun = last_word(text);
            let is_name = !begun.starts_with(|c: char| c.is_ascii_digit());
            let before = text[..text.len() - begun.len()].trim_end();
            // In brackets there are durations, behind them nothing that has a name.
            let is_operand = !before.ends_with(['[', ']', ')', '}', ':', '@']);
            (is_name && is_operand).then_some((Wanted::Metric, begun))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Wanted<'_>, &str)>) {
        assert_eq!(wanted(text), expected, "{text}");
    }

    #[test]
    fn k9_what_is_typed_says_what_comes_next() {
        let label = |metric| Wanted::Label { metric };
        let value = |metric, label| Wanted::Value { metric, label };
        check("", Some((Wanted::Metric, "")));
        check("node_lo", Some((Wanted::Metric, "node_lo")));
        check("sum(rate(node_cpu", Some((Wanted::Metric, "node_cpu")));
        check("a{x=\"y\"} / b", Some((Wanted::Metric, "b")));
        check("job:rate", Some((Wanted::Metric, "job:rate")));
        check("node_cpu{", Some((label("node_cpu"), "")));
        check(
            "rate(node_cpu{mode=\"x\",cp",
            Some((label("node_cpu"), "cp")),
        );
        check("{jo", Some((label(""), "jo")));
        check("a{mode=~\"us", Some((value("a", "mode"), "us")));
        check("a{mode != \"", Some((value("a", "mode"), "")));
        check("a{b=\"}\",c=\"d", Some((value("a", "c"), "d")));
        for nothing in ["a[5", "a[", "5", "a[5m:1", "label_replace(a, \"b", "a @ "] {
            check(nothing, None);
        }
    }
}
