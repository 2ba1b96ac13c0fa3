//! Instant vector selectors: `node_cpu_seconds_total{mode!="idle"}`.
//!
//! Only the selector itself is taken; anything that would need evaluation (functions, operators,
//! ranges, offsets) is refused by name, so that nothing is silently ignored. Source: Prometheus
//! documentation, "Querying basics", time series selectors.

use promql_parser::label::MatchOp as ParsedOp;
use promql_parser::parser::{Expr, VectorSelector};
use tacho_model::{MatchOp, Matcher, MatcherError};

/// Longest selector that is parsed.
pub const SELECTOR_BYTES_MAX: usize = 16 * 1024;

/// Why a selector was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Not PromQL.
    #[error("`{text}` is no selector: {reason}; write it like node_load1 or up{{job=\"api\"}}")]
    Syntax {
        /// What was given, shortened.
        text: String,
        /// What the parser says.
        reason: String,
    },
    /// PromQL, but more than a selector.
    #[error("`{text}` is {what}, but only a selector such as up{{job=\"api\"}} is taken here")]
    NotASelector {
        /// What was given, shortened.
        text: String,
        /// What it is instead.
        what: &'static str,
    },
    /// A pattern that cannot be used.
    #[error(transparent)]
    Matcher(#[from] MatcherError),
}

/// Parses an instant vector selector into its matchers.
///
/// ```
/// let matchers = tacho_promql::parse_selector(r#"up{job=~"api|web"}"#).unwrap();
/// assert_eq!(matchers.len(), 2);
/// assert!(tacho_promql::parse_selector("rate(up[5m])").is_err());
/// ```
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, SelectorError> {
    let shown = || text.chars().take(80).collect::<String>();
    let syntax = |reason: String| SelectorError::Syntax {
        text: shown(),
        reason,
    };
    if text.len() > SELECTOR_BYTES_MAX {
        return Err(syntax(format!("longer than {SELECTOR_BYTES_MAX} bytes")));
    }
    match promql_parser::parser::parse(text).map_err(syntax)? {
        Expr::VectorSelector(selector) => matchers_of(&selector, shown),
        Expr::MatrixSelector(_) => Err(SelectorError::NotASelector {
            text: shown(),
            what: "a range selector",
        }),
        _ => Err(SelectorError::NotASelector {
            text: shown(),
            what: "an expression",
        }),
    }
}

fn matchers_of(
    selector: &VectorSelector,
    shown: impl Fn() -> String,
) -> Result<Vec<Matcher>, SelectorError> {
    if selector.offset.is_some() || selector.at.is_some() {
        let what = "a selector with a time modifier";
        return Err(SelectorError::NotASelector {
            text: shown(),
            what,
        });
    }
    if !selector.matchers.or_matchers.is_empty() {
        let what = "a selector with `or`";
        return Err(SelectorError::NotASelector {
            text: shown(),
            what,
        });
    }
    let mut matchers: Vec<Matcher> = selector
        .name
        .as_deref()
        .map(Matcher::metric)
        .into_iter()
        .collect();
    for parsed in &selector.matchers.matchers {
        let op = match parsed.op {
            ParsedOp::Equal => MatchOp::Equal,
            ParsedOp::NotEqual => MatchOp::NotEqual,
            ParsedOp::Re(_) => MatchOp::Regex,
            ParsedOp::NotRe(_) => MatchOp::NotRegex,
        };
        matchers.push(Matcher::new(&parsed.name, op, &parsed.value)?);
    }
    Ok(matchers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let matchers = parse_selector(text).unwrap();
        let shown: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn selectors_become_matchers() {
        check("up", &[r#"__name__="up""#]);
        check(
            r#"up{job="api",mode!="idle"}"#,
            &[r#"__name__="up""#, r#"job="api""#, r#"mode!="idle""#],
        );
        check(
            r#"{__name__=~"node_.*",a!~"b|c"}"#,
            &[r#"__name__=~"node_.*""#, r#"a!~"b|c""#],
        );
        check(
            r#"{"http.server.duration"}"#,
            &[r#"__name__="http.server.duration""#],
        );
    }

    #[test]
    fn whatever_is_more_or_less_than_a_selector_says_so() {
        for bad in [
            "",
            "{}",
            "up{",
            "up[5m]",
            "up offset 5m",
            "up @ 1",
            "1 + 1",
            "rate(up[5m])",
            "up{a=~\"(\"}",
        ] {
            let error = parse_selector(bad).unwrap_err().to_string();
            assert!(!error.is_empty(), "{bad}");
        }
        assert!(parse_selector(&"a".repeat(SELECTOR_BYTES_MAX + 1)).is_err());
    }
}
