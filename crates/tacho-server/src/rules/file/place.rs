//! Where in a file something stands, down to the place in an expression.

use serde_saphyr::Spanned;
use tacho_promql::Error;

use super::{Problem, RuleFileError};

/// A line and a column, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    line: usize,
    column: usize,
}

impl Place {
    pub(super) fn of<T>(spanned: &Spanned<T>) -> Self {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            line: number(spanned.referenced.line()),
            column: number(spanned.referenced.column()),
        }
    }

    pub(super) fn content(self, what: String, problem: Problem) -> RuleFileError {
        RuleFileError::Content {
            line: self.line,
            column: self.column,
            what,
            problem,
        }
    }

    /// The place in the file of what is wrong in an expression that begins here. Where the file
    /// has the expression in another form (folded, escaped), where it begins.
    pub(super) fn within(self, text: &str, expr: &str, error: &Error) -> Self {
        let Error::Parse { position, .. } = error else {
            return self;
        };
        let line_of = |line: usize| text.lines().nth(line.saturating_sub(1)).unwrap_or("");
        // Columns are characters, and expressions count bytes.
        let after = |line: usize, skip: usize| line_of(line).chars().skip(skip);
        let mut indent = self.column.saturating_sub(1);
        let first: Option<char> = after(self.line, indent).next();
        indent += usize::from(matches!(first, Some('"' | '\'')));
        // A block begins with its text, and its lines stand below each other.
        let mut lines = expr.lines().take(position.line).enumerate();
        let is_verbatim = lines.all(|(number, wanted)| {
            let written: String = after(self.line + number, indent).collect();
            written.starts_with(wanted)
        });
        if is_verbatim {
            return Self {
                line: self.line + position.line - 1,
                column: indent + position.column,
            };
        }
        self
    }
}
