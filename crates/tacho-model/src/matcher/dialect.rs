//! Regular expressions of Prometheus, which are RE2's, put into words of the `regex` crate.
//!
//! The two languages are the same but for a few corners, in which one and the same pattern would
//! mean something else or nothing: `{id}` is text, `[[a]` a set with a bracket in it, `\d` and
//! `\w` are of ASCII, `\Q…\E` quotes, and an operator of repetition may not follow another. Not for
//! patterns of configuration other than Prometheus' own. Source: RE2 wiki, "Syntax", and the
//! documentation of Go's `regexp/syntax`.

use std::borrow::Cow;

/// The pattern in the other dialect, or what is wrong with it.
pub(super) fn translated(pattern: &str) -> Result<Cow<'_, str>, &'static str> {
    // Most patterns have none of what differs.
    let is_plain = |text: &str| {
        !text.contains(['\\', '[', '{'])
            && !["**", "*+", "+*", "++", "??", "?*", "?+"]
                .iter()
                .any(|two| text.contains(two))
    };
    if is_plain(pattern) {
        return Ok(Cow::Borrowed(pattern));
    }
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut is_repeated = false;
    while let Some(first) = rest.chars().next() {
        let operator = repetition(rest);
        if operator > 0 {
            if is_repeated {
                return Err("an operator of repetition follows another");
            }
            let lazy = usize::from(rest[operator..].starts_with('?'));
            out.push_str(&rest[..operator + lazy]);
            rest = &rest[operator + lazy..];
            is_repeated = true;
            continue;
        }
        is_repeated = false;
        rest = match first {
            '\\' => escape(rest, &mut out, Place::Outside),
            '[' => set(rest, &mut out),
            '{' => {
                out.push_str(r"\{");
                &rest[1..]
            }
            _ => {
                out.push(first);
                &rest[first.len_utf8()..]
            }
        };
    }
    Ok(Cow::Owned(out))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    InSet,
}

/// How long the operator of repetition is that stands here: `*`, `+`, `?`, `{2}`, `{2,}`, `{2,3}`.
fn repetition(text: &str) -> usize {
    let Some(inner) = text.strip_prefix('{') else {
        return usize::from(text.starts_with(['*', '+', '?']));
    };
    let Some((inner, _)) = inner.split_once('}') else {
        return 0;
    };
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !least.is_empty() && is_number(least) && is_number(most) {
        inner.len() + 2
    } else {
        0
    }
}

/// Writes what begins with a backslash; gives back what follows it.
fn escape<'a>(text: &'a str, out: &mut String, place: Place) -> &'a str {
    let mut chars = text.chars();
    chars.next();
    let Some(escaped) = chars.next() else {
        out.push('\\');
        return "";
    };
    let rest = chars.as_str();
    let within = match escaped {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => r"\t\n\x0C\r ",
        'D' => r"\x00-/:-\x{10FFFF}",
        'W' => r"\x00-/:-@\[-\^`\{-\x{10FFFF}",
        'S' => r"\x00-\x08\x0B\x0E-\x1F!-\x{10FFFF}",
        _ => "",
    };
    match (escaped, place) {
        (_, Place::InSet) if !within.is_empty() => out.push_str(within),
        (_, Place::Outside) if !within.is_empty() => {
            out.push('[');
            out.push_str(within);
            out.push(']');
        }
        ('Q', Place::Outside) => {
            let (quoted, rest) = rest.split_once(r"\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(quoted));
            return rest;
        }
        ('b', Place::Outside) => out.push_str(r"(?-u:\b)"),
        ('<' | '>', _) => out.push(escaped),
        _ => {
            out.push('\\');
            out.push(escaped);
        }
    }
    rest
}

/// Writes a set in brackets; gives back what follows it.
fn set<'a>(text: &'a str, out: &mut String) -> &'a str {
    let mut rest = &text[1..];
    out.push('[');
    for opening in ["^", "]"] {
        if let Some(after) = rest.strip_prefix(opening) {
            out.push_str(if opening == "]" { r"\]" } else { opening });
            rest = after;
        }
    }
    while let Some(first) = rest.chars().next() {
        let class = rest
            .strip_prefix("[:")
            .and_then(|after| after.split_once(":]"));
        rest = match (first, class) {
            (_, Some((name, after))) => {
                out.push_str(&format!("[:{name}:]"));
                after
            }
            ('\\', _) => escape(rest, out, Place::InSet),
            _ => {
                // What joins sets in the other dialect stands for itself in this one.
                if matches!(first, '[' | '&' | '~') {
                    out.push('\\');
                }
                out.push(first);
                &rest[first.len_utf8()..]
            }
        };
        if first == ']' {
            break;
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::super::compile;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], other: &[&str]) {
        let regex = compile(pattern).unwrap();
        for text in matching {
            assert!(regex.is_match(text), "{pattern} on {text}");
        }
        for text in other {
            assert!(!regex.is_match(text), "{pattern} on {text}");
        }
    }

    #[test]
    fn braces_that_repeat_nothing_are_text() {
        check("/api/{id}", &["/api/{id}"], &["/api/", "/api/id"]);
        check("a{,2}", &["a{,2}"], &["aa"]);
        check("x{2}|y{1,}|z{1,2}", &["xx", "yyy", "zz"], &["x", "zzz"]);
        check("{a}+", &["{a}", "{a}}"], &["{a"]);
    }

    #[test]
    fn sets_hold_brackets_and_ampersands() {
        check("[[a-c]x", &["[x", "bx"], &["dx"]);
        check("[a&&b]", &["a", "b", "&"], &["c"]);
        check("[]^]", &["]", "^"], &["a"]);
        check("[^]a]", &["b"], &["]", "a"]);
        check("[[:alpha:]_-]+", &["ab_-"], &["1"]);
        check(r"[\d\]]+", &["12]"], &["٣", "a"]);
        check(r"[^\D]", &["7"], &["a"]);
    }

    #[test]
    fn classes_are_of_ascii() {
        check(r"\d+", &["12"], &["٣"]);
        check(r"\w\W\s\S\D", &["a- bc"], &["é- bc", "a- b1"]);
        check(r"\S\W", &["é["], &["éa", " ["]);
        check(r"\bab\b", &["ab"], &[]);
    }

    #[test]
    fn what_is_quoted_is_text() {
        check(r"\Qa.b*\E+", &["a.b*", "a.b**"], &["axb"]);
        check(r"a\Q.{", &["a.{"], &["ab{"]);
        check(r"\<a\>\.\/\-", &["<a>./-"], &[]);
    }

    #[test]
    fn repetitions_are_not_repeated() {
        for pattern in ["a**", "a*+", "a{2}*", "a+?*", "a???", "a{2}{3}"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        check("a*?b+?c??", &["aabb", "bc"], &["a"]);
        check(r"\**", &["", "**"], &["a"]);
        check("[*][*]*", &["***"], &[""]);
    }
}
