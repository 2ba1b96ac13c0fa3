//! Instant vector selectors: `node_cpu_seconds_total{mode!="idle"}`.
//!
//! Only the selector itself is taken; anything that would need evaluation (functions, operators,
//! ranges, offsets) is refused by name, so that nothing is silently ignored. Source: Prometheus
//! documentation, "Querying basics", time series selectors.

use tacho_model::Matcher;

use crate::error::Error;
use crate::options::Features;
use crate::syntax::ast::{Kind, When};
use crate::syntax::parse::expression;

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
    let not_a_selector = |what| SelectorError::NotASelector {
        text: shown(),
        what,
    };
    let expr = expression(text, Features::Experimental, None).map_err(|error| match error {
        Error::Parse { position, message } => syntax(format!("{position}: {message}")),
        other => syntax(other.to_string()),
    })?;
    match expr.expr.kind {
        Kind::Selector(selector) if selector.when == When::default() => Ok(selector.matchers),
        Kind::Selector(_) => Err(not_a_selector("a selector with a time modifier")),
        Kind::Range { .. } => Err(not_a_selector("a range selector")),
        _ => Err(not_a_selector("an expression")),
    }
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
