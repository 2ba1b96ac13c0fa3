//! Why a query has no answer: not PromQL, not computable, or too much.

use std::fmt;

use tacho_model::QueryError;

use crate::options::StepsError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not a valid expression.
    #[error("{position}: parse error: {message}")]
    Parse {
        /// Where in the text.
        position: Position,
        /// What is wrong there.
        message: String,
    },
    /// The steps of the query are not to be had.
    #[error(transparent)]
    Steps(#[from] StepsError),
    /// Only scalars and instant vectors have values over a range.
    #[error("invalid expression type {found:?} for range query, must be Scalar or instant Vector")]
    NoRange {
        /// What the expression is instead, as the documentation names it.
        found: &'static str,
    },
    /// The expression is valid but the data does not allow it, such as many matches where one
    /// is needed.
    #[error("{0}")]
    Execution(String),
    /// Too much, too long, cancelled, or unreadable.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// A place in the text of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Bytes before it.
    pub offset: usize,
    /// The line it is on, from 1.
    pub line: usize,
    /// The byte of that line, from 1.
    pub column: usize,
}

impl Position {
    /// The place after `offset` bytes of `text`.
    pub fn of(text: &str, offset: usize) -> Self {
        let offset = offset.min(text.len());
        let before = &text.as_bytes()[..offset];
        let line_start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        Self {
            offset,
            line: text[..text.floor_char_boundary(offset)]
                .matches('\n')
                .count()
                + 1,
            column: offset - line_start + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_bytes_from_one() {
        let check = |text, offset, expected: &str| {
            assert_eq!(Position::of(text, offset).to_string(), expected);
        };
        check("", 0, "1:1");
        check("a + b", 4, "1:5");
        check("a +\n b", 5, "2:2");
        check("a\n\n", 3, "3:1");
        check("a", 99, "1:2");
    }
}
