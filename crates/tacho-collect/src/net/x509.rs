//! When certificates end: the one field of X.509 that a probe tells.
//!
//! Walks the structure by its lengths down to `notAfter` and reads no more; that the certificate
//! is good was seen to when the connection was made safe. Sources: RFC 5280 (4.1), X.690.

use tacho_model::Timestamp;

/// The last year that a [`Timestamp`] has all of; whatever ends later ends then.
const YEAR_MAX: &str = "2261";
const SEQUENCE: u8 = 0x30;
const CONTEXT_0: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When this certificate, in DER, ends.
pub fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate, _) = element(certificate)?;
    let (SEQUENCE, mut fields, _) = element(certificate)? else {
        return None;
    };
    if fields.first() == Some(&CONTEXT_0) {
        // The version, which version 1 leaves out.
        fields = element(fields)?.2;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        fields = element(fields)?.2;
    }
    let (SEQUENCE, validity, _) = element(fields)? else {
        return None;
    };
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    time(tag, text)
}

/// Tag, content and what comes behind it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let mut length = usize::from(*first);
    if length >= 0x80 {
        let count = length & 0x7f;
        if count == 0 || count > 4 {
            return None;
        }
        let (digits, behind) = rest.split_at_checked(count)?;
        length = digits.iter().fold(0, |sum, d| (sum << 8) | usize::from(*d));
        rest = behind;
    }
    let (content, behind) = rest.split_at_checked(length)?;
    Some((*tag, content, behind))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let (century, digits) = match tag {
        // Two digits of a year stand for 1950 to 2049 (RFC 5280, 4.1.2.5.1).
        UTC_TIME if *text.as_bytes().first()? < b'5' => ("20", text),
        UTC_TIME => ("19", text),
        GENERALIZED_TIME => ("", text),
        _ => return None,
    };
    let digits = format!("{century}{}", digits.strip_suffix('Z')?);
    if digits.len() != 14 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to);
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?.min(YEAR_MAX),
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    Timestamp::parse(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn certificate(tag: u8, not_after: &str) -> Vec<u8> {
        let of = |tag: u8, content: &[u8]| {
            let mut all = vec![tag, 0x82, (content.len() >> 8) as u8, content.len() as u8];
            all.extend_from_slice(content);
            all
        };
        let validity = [
            of(UTC_TIME, b"200101000000Z"),
            of(tag, not_after.as_bytes()),
        ]
        .concat();
        let fields = [
            of(CONTEXT_0, &of(2, &[2])),
            of(2, &[1]),
            of(SEQUENCE, &[]),
            of(SEQUENCE, b"issuer"),
            of(SEQUENCE, &validity),
        ];
        of(SEQUENCE, &of(SEQUENCE, &fields.concat()))
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let check = |tag, text, expected: Option<&str>| {
            let found = not_after(&certificate(tag, text)).map(Timestamp::to_rfc3339);
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check(UTC_TIME, "301231235959Z", Some("2030-12-31T23:59:59Z"));
        check(UTC_TIME, "991231235959Z", Some("1999-12-31T23:59:59Z"));
        check(
            GENERALIZED_TIME,
            "21000101000000Z",
            Some("2100-01-01T00:00:00Z"),
        );
        // What says that it never ends (RFC 5280, 4.1.2.5).
        let never = Some("2261-12-31T23:59:59Z");
        check(GENERALIZED_TIME, "99991231235959Z", never);
        check(GENERALIZED_TIME, "210001010000", None);
        check(UTC_TIME, "", None);
        check(4, "301231235959Z", None);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..99usize) {
            not_after(&bytes);
            let mut real = certificate(UTC_TIME, "301231235959Z");
            real.truncate(cut);
            not_after(&real);
        }
    }
}
