//! Bytes written as text, as OTLP/JSON has them: base64 and hexadecimal.
//!
//! Source: RFC 4648.

/// Appends the bytes of base64, of either alphabet, padded or not; `None` when it is none.
pub(crate) fn from_base64(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let text = text.trim_end_matches('=').as_bytes();
    for group in text.chunks(4) {
        let mut bits = 0u32;
        for place in 0..4 {
            let sextet = match group.get(place) {
                Some(byte) => sextet(*byte)?,
                None => 0,
            };
            bits = bits << 6 | sextet;
        }
        let [_, bytes @ ..] = bits.to_be_bytes();
        match group.len() {
            4 => out.extend(bytes),
            3 => out.extend(&bytes[..2]),
            2 => out.extend(&bytes[..1]),
            _ => return None,
        }
    }
    Some(())
}

fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// Appends the bytes of hexadecimal, of either case; `None` when it is none.
pub(crate) fn from_hex(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    for pair in digits.chunks(2) {
        let mut byte = 0;
        for digit in pair {
            byte = byte << 4 | char::from(*digit).to_digit(16)? as u8;
        }
        out.push(byte);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, base64: Option<&[u8]>, hex: Option<&[u8]>) {
        let (mut from_64, mut from_16) = (Vec::new(), Vec::new());
        let read = from_base64(text, &mut from_64).map(|()| from_64);
        assert_eq!(read.as_deref(), base64, "{text}");
        let read = from_hex(text, &mut from_16).map(|()| from_16);
        assert_eq!(read.as_deref(), hex, "{text}");
    }

    #[test]
    fn both_are_read() {
        check("", Some(b""), Some(b""));
        check("Zg==", Some(b"f"), None);
        check("Zm8", Some(b"fo"), None);
        check("Zm9v", Some(b"foo"), None);
        check("Zm9vYmFy", Some(b"foobar"), None);
        check("Z", None, None);
        check("Zm9v!g==", None, None);
        check("-_8", Some(&[0xfb, 0xff]), None);
        check("+/8=", Some(&[0xfb, 0xff]), None);
        check("0aFf", Some(&[0xd1, 0xa1, 0x5f]), Some(&[0x0a, 0xff]));
        check("0a0", Some(&[0xd1, 0xad]), None);
        check("é", None, None);
    }
}
