//! Messages of DNS: a question out, an answer in. Pure. Source: RFC 1035, section 4; RFC 3596.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::targets::TargetError;

/// Records that are read of an answer; more are counted.
const RECORDS_MAX: usize = 200;
/// Longest name, in bytes (RFC 1035, 2.3.4).
const NAME_BYTES_MAX: usize = 255;
/// Jumps that one name may take.
const JUMPS_MAX: usize = 32;

/// A type of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// An address of IPv4.
    A,
    /// An address of IPv6.
    Aaaa,
    /// Another name.
    Cname,
    /// Where mail goes.
    Mx,
    /// Who knows the zone.
    Ns,
    /// The name of an address.
    Ptr,
    /// The zone itself.
    Soa,
    /// Where a service is.
    Srv,
    /// Text.
    Txt,
}

impl RecordType {
    const ALL: [(Self, u16, &'static str); 9] = [
        (Self::A, 1, "A"),
        (Self::Aaaa, 28, "AAAA"),
        (Self::Cname, 5, "CNAME"),
        (Self::Mx, 15, "MX"),
        (Self::Ns, 2, "NS"),
        (Self::Ptr, 12, "PTR"),
        (Self::Soa, 6, "SOA"),
        (Self::Srv, 33, "SRV"),
        (Self::Txt, 16, "TXT"),
    ];

    /// The type of that name.
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find_map(|(kind, _, name)| name.eq_ignore_ascii_case(text).then_some(kind))
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find_map(|(kind, _, name)| (kind == self).then_some(name))
            .unwrap_or("A")
    }

    fn number(self) -> u16 {
        let mut all = Self::ALL.into_iter();
        all.find_map(|(kind, number, _)| (kind == self).then_some(number))
            .unwrap_or(1)
    }
}

/// A question; `None` where the name is none.
pub(super) fn question(id: u16, name: &str, kind: RecordType) -> Option<Vec<u8>> {
    let mut message = id.to_be_bytes().to_vec();
    // Wants the server to ask others; one question.
    message.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > NAME_BYTES_MAX - 2 {
        return None;
    }
    for label in name.split('.').filter(|_| !name.is_empty()) {
        if label.is_empty() || label.len() > 63 {
            return None;
        }
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&kind.number().to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    Some(message)
}

/// An answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// How it went; 0 is well.
    pub(super) code: u8,
    /// Whether there is more than fits.
    pub(super) is_cut: bool,
    /// Records that answer, that say who knows, and others.
    pub(super) counts: [u16; 3],
    /// What the records that answer say.
    pub(super) records: Vec<String>,
    /// The serial number of a zone among them.
    pub(super) serial: Option<u32>,
}

impl Answer {
    /// Reads an answer to the question of that number.
    pub(super) fn parse(bytes: &[u8], id: u16) -> Result<Self, TargetError> {
        let wrong = |reason: &str| TargetError::malformed("a question of DNS", reason);
        Self::read(bytes, id).ok_or_else(|| wrong("it is no message of DNS, or not whole"))
    }

    fn read(bytes: &[u8], id: u16) -> Option<Self> {
        let mut reader = Reader { bytes, at: 0 };
        let [own, flags, questions, answers, authority, additional] =
            [(); 6].map(|()| reader.u16());
        let flags = flags?;
        if own? != id || flags & 0x8000 == 0 {
            return None;
        }
        let answers = answers?;
        let mut answer = Self {
            code: (flags & 15) as u8,
            is_cut: flags & 0x0200 != 0,
            counts: [answers, authority?, additional?],
            ..Self::default()
        };
        if answer.is_cut {
            return Some(answer);
        }
        for _ in 0..questions? {
            reader.name()?;
            reader.skip(4)?;
        }
        for _ in 0..usize::from(answers).min(RECORDS_MAX) {
            reader.name()?;
            let kind = reader.u16()?;
            reader.skip(6)?;
            let length = usize::from(reader.u16()?);
            let end = reader
                .at
                .checked_add(length)
                .filter(|end| *end <= bytes.len())?;
            let (text, serial) = record(&mut reader, kind, end)?;
            answer.records.push(text);
            answer.serial = answer.serial.or(serial);
            reader.at = end;
        }
        Some(answer)
    }
}

/// What a record says, and its serial number.
fn record(reader: &mut Reader<'_>, kind: u16, end: usize) -> Option<(String, Option<u32>)> {
    let data = reader.bytes.get(reader.at..end)?;
    let text = match kind {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).to_string(),
        28 => Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).to_string(),
        2 | 5 | 12 => reader.name()?,
        15 => format!("{} {}", reader.u16()?, reader.name()?),
        33 => {
            let [priority, weight, port] = [(); 3].map(|()| reader.u16());
            format!("{} {} {} {}", priority?, weight?, port?, reader.name()?)
        }
        6 => {
            let (server, mail) = (reader.name()?, reader.name()?);
            let serial = (u32::from(reader.u16()?) << 16) | u32::from(reader.u16()?);
            return Some((format!("{server} {mail} {serial}"), Some(serial)));
        }
        16 => {
            let (mut rest, mut text) = (data, Vec::new());
            while let Some((length, behind)) = rest.split_first() {
                let (part, behind) = behind.split_at_checked(usize::from(*length))?;
                text.extend_from_slice(part);
                rest = behind;
            }
            String::from_utf8_lossy(&text).into_owned()
        }
        other => format!("type {other}"),
    };
    Some((text, None))
}

/// The name of a code, for people (RFC 1035, 4.1.1).
pub(super) fn code_name(code: u8) -> String {
    let known = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
    ];
    match known.get(usize::from(code)) {
        Some(name) => (*name).to_owned(),
        None => format!("code {code}"),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn u16(&mut self) -> Option<u16> {
        let bytes = self.bytes.get(self.at..)?.first_chunk::<2>()?;
        self.at += 2;
        Some(u16::from_be_bytes(*bytes))
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self
            .at
            .checked_add(count)
            .filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    /// A name, which may jump back into the message for its end.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let (mut at, mut jumps) = (self.at, 0);
        loop {
            let length = *self.bytes.get(at)?;
            match length {
                0 => {
                    if jumps == 0 {
                        self.at = at + 1;
                    }
                    return Some(name);
                }
                1..=63 => {
                    let label = self.bytes.get(at + 1..=at + usize::from(length))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name += &String::from_utf8_lossy(label);
                    if name.len() > 4 * NAME_BYTES_MAX {
                        return None;
                    }
                    at += 1 + usize::from(length);
                }
                192.. => {
                    let low = *self.bytes.get(at + 1)?;
                    if jumps == 0 {
                        self.at = at + 2;
                    }
                    jumps += 1;
                    if jumps > JUMPS_MAX {
                        return None;
                    }
                    at = (usize::from(length & 63) << 8) | usize::from(low);
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer to a question for `a.b` with records of this type and data, their names pointing at
    /// the question's.
    fn answer(kind: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = question(7, "a.b", RecordType::A).unwrap();
        bytes[2] |= 0x80;
        bytes[7] = 1;
        bytes.extend_from_slice(&[192, 12]);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        bytes.extend_from_slice(&(data.len() as u16).to_be_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    #[test]
    fn records_are_read() {
        let check = |kind, data: &[u8], expected: &str| {
            let read = Answer::parse(&answer(kind, data), 7).unwrap();
            assert_eq!(read.records, [expected]);
            assert_eq!((read.code, read.counts), (0, [1, 0, 0]));
            read.serial
        };
        check(1, &[10, 0, 0, 1], "10.0.0.1");
        check(28, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "::1");
        check(5, &[1, b'x', 192, 12], "x.a.b");
        check(15, &[0, 5, 192, 12], "5 a.b");
        check(16, &[2, b'h', b'i', 1, b'!'], "hi!");
        check(99, &[1], "type 99");
        let soa = check(6, &[192, 12, 0, 0, 0, 1, 0, 9, 9], "a.b  256");
        assert_eq!(soa, Some(256));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let real = answer(1, &[10, 0, 0, 1]);
        assert!(Answer::parse(&real, 8).is_err());
        assert!(Answer::parse(&question(7, "a.b", RecordType::A).unwrap(), 7).is_err());
        for cut in 0..real.len() {
            assert!(Answer::parse(&real[..cut], 7).is_err(), "{cut}");
        }
        // A name that jumps to itself.
        let mut circle = real;
        let at = circle.len() - 16;
        circle[at + 1] = at as u8;
        assert!(Answer::parse(&circle, 7).is_err());
        for bad in ["a..b", ".a", &"x".repeat(64), &"a.".repeat(200)] {
            assert_eq!(question(1, bad, RecordType::A), None, "{bad}");
        }
        assert!(question(1, "", RecordType::A).is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = Answer::read(&bytes, 7);
            let _ = Answer::read(&answer(16, &bytes), 7);
            let _ = Answer::read(&answer(6, &bytes), 7);
        }
    }
}
