//! Reading the kernel's text: lines, fields and numbers, over bytes.
//!
//! Bytes and not `str`, because names in these files (processes, devices, mount points) need not
//! be UTF-8. Nothing here panics, whatever the bytes. Not for numbers with a sign or an exponent:
//! the kernel's counters have neither, so those are refused.

/// The lines of a file, without their ends.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n')
}

/// The fields of a line, which blanks separate.
pub fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
}

/// A non-negative whole number. `None` when it is anything else or does not fit.
pub fn unsigned(field: &[u8]) -> Option<u64> {
    if field.is_empty() {
        return None;
    }
    field.iter().try_fold(0u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A non-negative decimal number such as `0.25`.
pub fn decimal(field: &[u8]) -> Option<f64> {
    let plain = field.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    if !plain {
        return None;
    }
    let number: f64 = std::str::from_utf8(field).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

/// `before` and `after` the first `byte`.
pub fn split_once(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|b| *b == byte)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// A name for people and labels; bytes that are no UTF-8 become the replacement character.
pub fn name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_range_only() {
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "-1", "+1", "18446744073709551616", "1e3", "0x1", "1 "] {
            assert_eq!(unsigned(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(decimal(b"0.25"), Some(0.25));
        for bad in ["", "-1", "nan", "inf", "1e400", ".", "1.2.3"] {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn fields_skip_runs_of_blanks() {
        let parts: Vec<_> = fields(b"  a\t b  c ").collect();
        assert_eq!(parts, [b"a", b"b", b"c"]);
    }
}
