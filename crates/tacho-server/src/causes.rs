//! An error and its causes in one line, nothing of it twice.
//!
//! Some errors tell their cause within their own sentence, because what to do about it stands
//! behind; others leave it to whoever prints them. Printed whole, the first kind would say it twice,
//! the second time behind the advice.

use std::error::Error;

/// The error, and each cause that the text before it does not tell yet, behind colons.
pub fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !tells(&text, &more) {
            text += ": ";
            text += &more;
        }
        source = cause.source();
    }
    text
}

/// Whether a text has these words, and not as a part of longer ones.
fn tells(text: &str, words: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric();
    text.match_indices(words).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + words.len()..)
            .and_then(|text| text.chars().next());
        words.is_empty() || !(before.is_some_and(is_word) || after.is_some_and(is_word))
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("cannot listen: {source}\n  choose another port")]
        Advised { source: io::Error },
        #[error("cannot use the pair")]
        Silent(#[source] Box<dyn Error>),
    }

    fn check(error: &Outer, expected: &str) {
        assert_eq!(in_one_line(error), expected);
    }

    #[test]
    fn each_cause_is_told_once() {
        let source = io::Error::other("in use (os error 98)");
        check(
            &Outer::Advised { source },
            "cannot listen: in use (os error 98)\n  choose another port",
        );
        let within = Outer::Advised {
            source: io::Error::other("in use"),
        };
        check(
            &Outer::Silent(Box::new(within)),
            "cannot use the pair: cannot listen: in use\n  choose another port",
        );
        // Words of the sentence are not the cause.
        check(&Outer::Silent("air".into()), "cannot use the pair: air");
        check(&Outer::Silent("".into()), "cannot use the pair");
    }
}
