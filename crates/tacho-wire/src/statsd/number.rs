//! Numbers as clients write them.

/// Most digits whose number fits into 53 bits whatever they are.
const EXACT_DIGITS: usize = 15;

/// A finite number. Whole numbers of up to 15 digits, which most values are, take a short way.
#[inline]
pub(super) fn number(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    if bytes.len() <= EXACT_DIGITS && !bytes.is_empty() {
        let mut whole = 0_u64;
        for byte in bytes {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return slow(text);
            }
            whole = whole * 10 + u64::from(digit);
        }
        return Some(whole as f64);
    }
    slow(text)
}

fn slow(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        for text in [
            "0",
            "1",
            "007",
            "999999999999999",
            "9007199254740993",
            "12.5",
            "-3",
            "+4",
            "1e3",
            ".5",
        ] {
            assert_eq!(number(text), text.parse().ok(), "{text}");
        }
        for bad in [
            "",
            "x",
            "1x",
            "NaN",
            "inf",
            "-infinity",
            "1e999",
            " 1",
            "1 ",
            "0x10",
            "١",
        ] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }
}
