//! Text from outside, made fit to be read beside ours.
//!
//! Invariant: what comes out of [`clean`] is one line of at most [`TEXT_MAX`] characters without
//! control characters and without those that reorder the text around them (Unicode TR 36, §2.9).
//! Not an escape: each format still writes it in its own way.

/// Longest text from outside that is shown; more is cut and marked.
pub(crate) const TEXT_MAX: usize = 400;

/// One readable line.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(TEXT_MAX));
    for (i, c) in text.chars().enumerate() {
        if i == TEXT_MAX {
            out.push('…');
            break;
        }
        out.push(match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            c if c.is_control() || reorders(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        });
    }
    out
}

fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// The first letter large, unless the first word is a name as programs write them.
pub(crate) fn capital(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    if word.contains(['_', '.', ':', '/']) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// `1 alert`, `2 alerts`.
pub(crate) fn counted(n: usize, one: &str) -> String {
    let space = crate::number::SPACE;
    let plural = if n == 1 { "" } else { "s" };
    format!("{}{space}{one}{plural}", crate::number::count(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_is_one_readable_line() {
        let check = |raw: &str, expected: &str| assert_eq!(clean(raw), expected);
        check("plain Ünïcödé", "plain Ünïcödé");
        check("two\r\nlines\there", "two  lines here");
        check("\u{1b}[31mred\u{7}", "\u{fffd}[31mred\u{fffd}");
        check("a\u{202e}b\u{2066}c", "a\u{fffd}b\u{fffd}c");
        assert_eq!(clean(&"x".repeat(10_000)).chars().count(), TEXT_MAX + 1);
    }

    #[test]
    fn names_keep_their_small_letter() {
        assert_eq!(capital("memory is full"), "Memory is full");
        assert_eq!(capital("node_load1 regressed"), "node_load1 regressed");
        assert_eq!(capital(""), "");
    }
}
