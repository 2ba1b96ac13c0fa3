//! How records lie in a file of the queue, and how they are found again in a damaged one.
//!
//! A file is a header and records back to back. Each record's head checks itself and says how many
//! items are in it, so that what is lost can be counted, and after damage the next whole record is
//! found by looking for one at every byte. Nothing here does I/O.

/// Bytes of a file's header.
pub(crate) const HEADER: [u8; 16] = *b"TACHOFWD\x01\0\0\0\0\0\0\0";
/// Bytes before a record's payload.
pub(crate) const FRAME_BYTES: usize = 24;
/// Largest payload.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 2 << 20;
/// First byte of a record.
const MARK: u8 = 0xf7;

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Samples and exemplars: a snappy block of `prometheus.WriteRequest`.
    Samples,
    /// Spans: a snappy block of OTLP's `ExportTraceServiceRequest`.
    Spans,
    /// Log records: a snappy block of OTLP's `ExportLogsServiceRequest`.
    Logs,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Samples, Self::Spans, Self::Logs];

    /// Its name in labels.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Spans => "spans",
            Self::Logs => "logs",
        }
    }
}

/// How many items of each kind, in the order of [`Kind::ALL`].
pub(crate) type Items = [u64; 3];

/// The head of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    /// Items in the payload.
    pub(crate) items: u32,
    /// When it was put here, milliseconds since the epoch.
    pub(crate) millis: u64,
    /// Bytes of the payload.
    pub(crate) length: usize,
    crc: u32,
}

impl Head {
    /// Bytes of the record.
    pub(crate) fn record_bytes(&self) -> usize {
        FRAME_BYTES + self.length
    }
}

/// A record as it is written.
pub(crate) fn frame(kind: Kind, items: u32, millis: u64, payload: &[u8]) -> Vec<u8> {
    debug_assert!(payload.len() <= PAYLOAD_BYTES_MAX);
    let mut record = Vec::with_capacity(FRAME_BYTES + payload.len());
    record.extend_from_slice(&[MARK, kind as u8]);
    record.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    record.extend_from_slice(&items.to_le_bytes());
    record.extend_from_slice(&millis.to_le_bytes());
    record.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let check = crc32c::crc32c(&record) as u16;
    record.extend_from_slice(&check.to_le_bytes());
    record.extend_from_slice(payload);
    record
}

/// The head that `bytes` begin with; its payload may be missing or damaged.
pub(crate) fn head(bytes: &[u8]) -> Option<Head> {
    let head = bytes.first_chunk::<FRAME_BYTES>()?;
    let (checked, check) = head.split_last_chunk::<2>()?;
    let (&[mark, kind], rest) = checked.split_first_chunk::<2>()?;
    if mark != MARK || u16::from_le_bytes(*check) != crc32c::crc32c(checked) as u16 {
        return None;
    }
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (items, rest) = rest.split_first_chunk::<4>()?;
    let (millis, rest) = rest.split_first_chunk::<8>()?;
    let crc = rest.first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    (length <= PAYLOAD_BYTES_MAX).then_some(Head {
        kind: *Kind::ALL.get(usize::from(kind))?,
        items: u32::from_le_bytes(*items),
        millis: u64::from_le_bytes(*millis),
        length,
        crc: u32::from_le_bytes(*crc),
    })
}

/// What lies at a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A whole record.
    Record(Head, &'a [u8]),
    /// Damage of so many bytes; so many items are known to be lost in it.
    Damage(usize, Option<Head>),
    /// The beginning of what may be a record, or nothing.
    End,
}

/// What `bytes` begin with.
pub(crate) fn at(bytes: &[u8]) -> Found<'_> {
    if let Some(head) = head(bytes) {
        return match bytes.get(FRAME_BYTES..head.record_bytes()) {
            None => Found::End,
            Some(payload) if crc32c::crc32c(payload) == head.crc => Found::Record(head, payload),
            Some(_) => Found::Damage(head.record_bytes(), Some(head)),
        };
    }
    let next = (1..bytes.len()).find(|at| bytes[*at] == MARK && head(&bytes[*at..]).is_some());
    next.map_or(Found::End, |next| Found::Damage(next, None))
}

/// Everything that heads say is in the records of `bytes`, which follow a header: each record's
/// place and head. Payloads are not looked at.
pub(crate) fn heads(bytes: &[u8]) -> impl Iterator<Item = (usize, Head)> {
    let mut place = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = bytes.get(place..)?;
            if let Some(head) = head(rest) {
                let at = place;
                place += head.record_bytes();
                return Some((at, head));
            }
            let next =
                (1..rest.len()).find(|at| rest[*at] == MARK && self::head(&rest[*at..]).is_some());
            place += next?;
        }
    })
}
