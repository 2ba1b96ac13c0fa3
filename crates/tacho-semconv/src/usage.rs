//! Tokens as a model's maker tells them: the object `usage` of its answer, as JSON text.
//!
//! Logfire sends it as it came. Only the numbers under known keys are looked at, wherever in the
//! object they stand; what is in texts is not. Nothing is taken from what is not JSON. Not a
//! reader of JSON: what it does not need, it does not check. Source: the answers of `OpenAI`'s
//! "Chat completions" and "Responses" and of Anthropic's "Messages".

use crate::operation::Tokens;

/// Bytes beyond this many are not looked at; a usage has a few hundred.
const BYTES_MAX: usize = 4096;

/// The tokens that a usage tells; the first of each counts.
///
/// ```
/// use tacho_semconv::usage::tokens;
/// let told = tokens(r#"{"input_tokens": 33, "input_tokens_details": {"cached_tokens": 16}}"#);
/// assert_eq!((told.input, told.cache_read, told.output), (Some(33), Some(16), None));
/// ```
pub fn tokens(usage: &str) -> Tokens {
    let mut tokens = Tokens::default();
    // Anthropic's input is what was not in the cache; here it is all of it.
    let mut beside = 0u64;
    let mut rest = usage.as_bytes();
    rest = rest.get(..BYTES_MAX).unwrap_or(rest);
    while let Some((text, after)) = next_text(rest) {
        rest = after;
        let Some((count, after)) = count_after(rest) else {
            continue;
        };
        rest = after;
        let slot = match text {
            b"input_tokens" | b"prompt_tokens" => &mut tokens.input,
            b"output_tokens" | b"completion_tokens" => &mut tokens.output,
            b"cached_tokens" | b"cached_input_tokens" | b"cache_read_input_tokens" => {
                &mut tokens.cache_read
            }
            b"cache_write_tokens" | b"cache_creation_input_tokens" => &mut tokens.cache_write,
            b"reasoning_tokens" => &mut tokens.reasoning,
            _ => continue,
        };
        if slot.is_none()
            && matches!(
                text,
                b"cache_read_input_tokens" | b"cache_creation_input_tokens"
            )
        {
            beside = beside.saturating_add(count);
        }
        slot.get_or_insert(count);
    }
    tokens.input = tokens.input.map(|input| input.saturating_add(beside));
    tokens
}

/// The next text, without its quotes, and what comes after it.
fn next_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = bytes.iter().position(|byte| *byte == b'"')? + 1;
    let bytes = bytes.get(start..)?;
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some((&bytes[..at], &bytes[at + 1..])),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The whole number that a key is followed by, and what comes after it.
fn count_after(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let bytes = bytes.trim_ascii_start().strip_prefix(b":")?;
    let bytes = bytes.trim_ascii_start();
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (number, rest) = bytes.split_at(digits);
    // `1.5` and `1e3` are no counts.
    if matches!(rest.first(), Some(b'.' | b'e' | b'E')) {
        return None;
    }
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(usage: &str, expected: [Option<u64>; 5]) {
        let told = tokens(usage);
        let told = [
            told.input,
            told.output,
            told.cache_read,
            told.cache_write,
            told.reasoning,
        ];
        assert_eq!(told, expected, "{usage}");
    }

    #[test]
    fn makers_tell_tokens_in_their_ways() {
        check(
            r#"{"completion_tokens":4,"prompt_tokens":5,"total_tokens":9,
                "completion_tokens_details":{"reasoning_tokens":3},
                "prompt_tokens_details":{"cached_tokens":2}}"#,
            [Some(5), Some(4), Some(2), None, Some(3)],
        );
        check(
            r#"{"input_tokens":33,"output_tokens":2,"input_tokens_details":
                {"cache_write_tokens":0,"cached_tokens":16,"cache_write_tokens_details":null},
                "output_tokens_details":{"reasoning_tokens":0}}"#,
            [Some(33), Some(2), Some(16), Some(0), Some(0)],
        );
        check(
            r#"{"input_tokens": 1, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 8}"#,
            [Some(16), None, Some(8), Some(7), None],
        );
    }

    #[test]
    fn nonsense_tells_nothing() {
        for usage in [
            "",
            "null",
            r#"{"input_tokens": -3}"#,
            r#"{"input_tokens": 1.5}"#,
            r#"{"input_tokens": 1e3}"#,
            r#"{"input_tokens": "4"}"#,
            r#"{"input_tokens": 99999999999999999999}"#,
            r#"{"text": "\"input_tokens\": 4"}"#,
            r#"{"input_tokens"#,
            "\"\\",
        ] {
            check(usage, [None; 5]);
        }
    }

    proptest! {
        #[test]
        fn anything_may_come(usage in "[\"\\\\:{}a-z_0-9 é]{0,100}") {
            tokens(&usage);
        }

        #[test]
        fn what_is_told_is_found(count in any::<u64>(), space in " {0,3}") {
            let usage = format!("{{\"x\":\"y\",\"input_tokens\"{space}:{space}{count}}}");
            prop_assert_eq!(tokens(&usage).input, Some(count));
        }
    }
}
