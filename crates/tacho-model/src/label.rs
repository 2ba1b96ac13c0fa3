//! The identity of a series: a sorted set of label names and values.
//!
//! Invariants of every [`Labels`] and [`LabelsRef`]:
//! 1. names are sorted by their bytes and unique;
//! 2. no name and no value is empty (an empty value means *absent*, as in Prometheus);
//! 3. the bytes are the canonical encoding: for each pair, what protobuf makes of a repeated
//!    field 1 of messages `Label { 1: name, 2: value }`, in shortest form, both in UTF-8.
//!
//! Together they make equality, hashing and storing a matter of comparing one run of bytes, so a
//! series can be found without decoding its labels. The encoding is the one that Prometheus'
//! remote write puts on the wire, so that a series is found by the very bytes that arrived: most
//! samples come that way, and copying the labels of each would cost more than storing it.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// Most labels one set may have.
pub const LABELS_MAX: usize = 128;
/// Most bytes one name or value may have.
pub const LABEL_BYTES_MAX: usize = 4096;

/// An owned label set; cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<[u8]>);

/// A borrowed label set, in its canonical encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LabelsRef<'a>(&'a [u8]);

/// Why a label set was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// A name is empty.
    #[error("a label name is empty")]
    EmptyName,
    /// The same name twice.
    #[error("label `{name}` is given twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// More labels than [`LABELS_MAX`].
    #[error("{count} labels are more than the {LABELS_MAX} allowed")]
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// A name or value longer than [`LABEL_BYTES_MAX`].
    #[error("label `{name}` has {bytes} bytes, more than the {LABEL_BYTES_MAX} allowed")]
    TooLong {
        /// The label's name, its first 64 characters.
        name: String,
        /// The length of the name or value that is too long.
        bytes: usize,
    },
    /// The bytes are not a canonical encoding.
    #[error("the encoded label set is corrupt at byte {offset}")]
    Corrupt {
        /// Where.
        offset: usize,
    },
}

impl Default for Labels {
    /// No label at all.
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

impl Labels {
    /// Sorts and encodes pairs; pairs with an empty value are left out.
    ///
    /// ```
    /// use tacho_model::Labels;
    /// let labels = Labels::new([("__name__", "up"), ("job", "api"), ("gone", "")]).unwrap();
    /// assert_eq!(labels.to_string(), r#"up{job="api"}"#);
    /// assert_eq!(labels.get("job"), Some("api"));
    /// assert_eq!(labels.get("gone"), None);
    /// ```
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, LabelError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let pairs: Vec<(N, V)> = pairs.into_iter().collect();
        let mut sorted: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(n, v)| (n.as_ref(), v.as_ref()))
            .collect();
        let mut bytes = Vec::new();
        encode(&mut sorted, &mut bytes)?;
        Ok(Self(bytes.into()))
    }

    /// A set of nothing but a metric name.
    pub fn metric(name: &str) -> Result<Self, LabelError> {
        Self::new([(METRIC_NAME, name)])
    }

    /// This set with `name` set to `value`, or removed when `value` is empty.
    pub fn with(&self, name: &str, value: &str) -> Result<Self, LabelError> {
        let kept = self.iter().filter(|(n, _)| *n != name);
        Self::new(kept.chain([(name, value)]))
    }

    /// Only the labels named in `names`.
    pub fn only(&self, names: &[impl AsRef<str>]) -> Self {
        let mut bytes = Vec::new();
        for (name, value) in self
            .iter()
            .filter(|(n, _)| names.iter().any(|k| k.as_ref() == *n))
        {
            put(&mut bytes, name, value);
        }
        Self(bytes.into())
    }

    /// The borrowed form.
    pub fn as_ref(&self) -> LabelsRef<'_> {
        LabelsRef(&self.0)
    }

    /// The value of `name`, if present.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.as_ref().get(name)
    }

    /// The metric's name, or an empty string.
    pub fn name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// All pairs in order of name.
    pub fn iter(&self) -> LabelsIter<'_> {
        self.as_ref().iter()
    }
}

impl<'a> LabelsRef<'a> {
    /// Takes canonical bytes, checking every invariant and limit.
    pub fn from_encoded(bytes: &'a [u8]) -> Result<Self, LabelError> {
        let mut offset = 0;
        let mut last: Option<&str> = None;
        let mut count = 0;
        while offset < bytes.len() {
            let corrupt = LabelError::Corrupt { offset };
            let (name, value, next) = take(bytes, offset).ok_or_else(|| corrupt.clone())?;
            let sorted = last.is_none_or(|last| last < name);
            if name.is_empty() || value.is_empty() || !sorted {
                return Err(corrupt);
            }
            check_length(name, value)?;
            last = Some(name);
            offset = next;
            count += 1;
        }
        check_count(count)?;
        Ok(Self(bytes))
    }

    /// Takes bytes that are known to be canonical: they came from [`Self::as_bytes`], or
    /// [`Self::from_encoded`] took them before. Checked in debug builds only.
    pub fn trusted(bytes: &'a [u8]) -> Self {
        debug_assert!(
            Self::from_encoded(bytes).is_ok(),
            "label bytes are canonical"
        );
        Self(bytes)
    }

    /// The canonical bytes.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// An owned copy.
    pub fn to_owned(self) -> Labels {
        Labels(self.0.into())
    }

    /// The value of `name`, if present.
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// All pairs in order of name.
    pub fn iter(self) -> LabelsIter<'a> {
        LabelsIter {
            bytes: self.0,
            offset: 0,
        }
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = LabelsIter<'a>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for LabelsRef<'a> {
    type Item = (&'a str, &'a str);
    type IntoIter = LabelsIter<'a>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Walks the pairs of a label set in order of name.
pub struct LabelsIter<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for LabelsIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value, next) = take(self.bytes, self.offset)?;
        self.offset = next;
        Some((name, value))
    }
}

/// Sorts `pairs` and appends their canonical encoding to `into`; on error `into` is as before.
/// Pairs with an empty value are left out.
pub fn encode(pairs: &mut [(&str, &str)], into: &mut Vec<u8>) -> Result<(), LabelError> {
    pairs.sort_unstable();
    check_count(pairs.iter().filter(|(_, value)| !value.is_empty()).count())?;
    for (i, (name, value)) in pairs.iter().enumerate() {
        if name.is_empty() {
            return Err(LabelError::EmptyName);
        }
        check_length(name, value)?;
        if pairs.get(i + 1).is_some_and(|(next, _)| next == name) {
            return Err(LabelError::Duplicate {
                name: (*name).to_owned(),
            });
        }
    }
    let kept = || pairs.iter().filter(|(_, value)| !value.is_empty());
    into.reserve(kept().map(|(name, value)| put_bytes(name, value)).sum());
    for (name, value) in kept() {
        put(into, name, value);
    }
    Ok(())
}

/// Appends the canonical encoding of labels that came as protobuf from outside: in any order,
/// with lengths in any form, empty values and unknown fields among them.
pub fn canonicalize(bytes: &[u8], into: &mut Vec<u8>) -> Result<(), LabelError> {
    let mut pairs = Vec::new();
    let mut offset = 0;
    while offset < bytes.len() {
        let label = wire::field(bytes, &mut offset).ok_or(LabelError::Corrupt { offset })?;
        let (LABEL_TAG, wire::Value::Bytes(label)) = label else {
            continue;
        };
        let (mut name, mut value) = ("", "");
        let mut at = 0;
        while at < label.len() {
            let corrupt = LabelError::Corrupt { offset };
            let field = wire::field(label, &mut at).ok_or_else(|| corrupt.clone())?;
            let (tag, wire::Value::Bytes(text)) = field else {
                continue;
            };
            let text = std::str::from_utf8(text).map_err(|_| corrupt)?;
            match tag {
                NAME_TAG => name = text,
                VALUE_TAG => value = text,
                _ => {}
            }
        }
        if pairs.len() == LABELS_MAX && !value.is_empty() {
            return check_count(LABELS_MAX + 1);
        }
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    encode(&mut pairs, into)
}

fn check_count(count: usize) -> Result<(), LabelError> {
    if count > LABELS_MAX {
        return Err(LabelError::TooMany { count });
    }
    Ok(())
}

fn check_length(name: &str, value: &str) -> Result<(), LabelError> {
    let bytes = name.len().max(value.len());
    if bytes > LABEL_BYTES_MAX {
        return Err(LabelError::TooLong {
            name: name.chars().take(64).collect(),
            bytes,
        });
    }
    Ok(())
}

/// Protobuf's tag of a label in its series.
const LABEL_TAG: u8 = 0x0a;
/// Of the name in its label.
const NAME_TAG: u8 = 0x0a;
/// Of the value in its label.
const VALUE_TAG: u8 = 0x12;

/// Appends the canonical encoding of one pair. To make a set of them, the caller puts pairs in
/// order of their names, each once, none empty; [`LabelsRef::from_encoded`] checks.
pub fn put(into: &mut Vec<u8>, name: &str, value: &str) {
    let inside = 2 + length_bytes(name.len()) + length_bytes(value.len());
    into.push(LABEL_TAG);
    put_length(into, inside + name.len() + value.len());
    for (tag, text) in [(NAME_TAG, name), (VALUE_TAG, value)] {
        into.push(tag);
        put_length(into, text.len());
        into.extend_from_slice(text.as_bytes());
    }
}

/// Bytes that [`put`] appends.
fn put_bytes(name: &str, value: &str) -> usize {
    let inside = 2 + length_bytes(name.len()) + length_bytes(value.len());
    let label = inside + name.len() + value.len();
    1 + length_bytes(label) + label
}

/// Bytes that a length takes in its shortest form.
fn length_bytes(length: usize) -> usize {
    match length {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        _ => 3,
    }
}

fn put_length(into: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        into.push(length as u8 | 0x80);
        length >>= 7;
    }
    into.push(length as u8);
}

/// A label in shortest form, and where the next begins.
fn take(bytes: &[u8], offset: usize) -> Option<(&str, &str, usize)> {
    let (label, next) = take_bytes(bytes, offset, LABEL_TAG)?;
    let (name, at) = take_bytes(label, 0, NAME_TAG)?;
    let (value, end) = take_bytes(label, at, VALUE_TAG)?;
    let whole = end == label.len();
    let text = |bytes| std::str::from_utf8(bytes).ok();
    whole.then_some((text(name)?, text(value)?, next))
}

fn take_bytes(bytes: &[u8], offset: usize, tag: u8) -> Option<(&[u8], usize)> {
    if *bytes.get(offset)? != tag {
        return None;
    }
    let mut at = offset + 1;
    let mut length = 0usize;
    for shift in [0, 7, 14] {
        let byte = *bytes.get(at)?;
        at += 1;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            if length_bytes(length) != at - offset - 1 {
                return None;
            }
            return Some((bytes.get(at..at + length)?, at + length));
        }
    }
    None
}

/// As much of protobuf's wire format as is needed to skip what is not known.
/// (<https://protobuf.dev/programming-guides/encoding/>)
mod wire {
    pub(super) enum Value<'a> {
        Bytes(&'a [u8]),
        Other,
    }

    /// The next field: its tag where that is one byte (0 for others), and its value.
    pub(super) fn field<'a>(bytes: &'a [u8], at: &mut usize) -> Option<(u8, Value<'a>)> {
        let tag = varint(bytes, at)?;
        let value = match tag & 7 {
            0 => varint(bytes, at).map(|_| Value::Other)?,
            1 => take(bytes, at, 8).map(|_| Value::Other)?,
            2 => {
                let length = varint(bytes, at)?;
                Value::Bytes(take(bytes, at, usize::try_from(length).ok()?)?)
            }
            5 => take(bytes, at, 4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((u8::try_from(tag).unwrap_or(0), value))
    }

    fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *bytes.get(*at)?;
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take<'a>(bytes: &'a [u8], at: &mut usize, count: usize) -> Option<&'a [u8]> {
        let taken = bytes.get(*at..at.checked_add(count)?)?;
        *at += count;
        Some(taken)
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_ref().cmp(&other.as_ref())
    }
}

impl PartialOrd for LabelsRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LabelsRef<'_> {
    /// Pair by pair, name before value, each by its bytes. Text is compared without being decoded,
    /// and what two sets begin with in common is passed over a label at a time.
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (self.0, other.0);
        loop {
            let (Some((first, rest)), Some((second, others))) = (take_label(a), take_label(b))
            else {
                // Of two sets, one of which begins the other, the shorter comes first.
                return a.len().cmp(&b.len());
            };
            if first != second {
                let name = |label| take_bytes(label, 0, NAME_TAG);
                let (Some((x, x_end)), Some((y, y_end))) = (name(first), name(second)) else {
                    return first.cmp(second);
                };
                let value = |label, at| take_bytes(label, at, VALUE_TAG).map(|(value, _)| value);
                return x
                    .cmp(y)
                    .then_with(|| value(first, x_end).cmp(&value(second, y_end)));
            }
            (a, b) = (rest, others);
        }
    }
}

/// The first label and what follows it.
fn take_label(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (label, end) = take_bytes(bytes, 0, LABEL_TAG)?;
    Some((label, &bytes[end..]))
}

impl fmt::Display for LabelsRef<'_> {
    /// PromQL's notation: `name{label="value"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.get(METRIC_NAME);
        f.write_str(name.unwrap_or(""))?;
        let mut rest = self.iter().filter(|(n, _)| *n != METRIC_NAME).peekable();
        if rest.peek().is_none() && name.is_some() {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, (name, value)) in rest.enumerate() {
            let comma = if i > 0 { "," } else { "" };
            write!(f, "{comma}{name}=\"")?;
            for c in value.chars() {
                match c {
                    '"' => f.write_str("\\\"")?,
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    c => write!(f, "{c}")?,
                }
            }
            f.write_str("\"")?;
        }
        f.write_str("}")
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl fmt::Debug for LabelsRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
