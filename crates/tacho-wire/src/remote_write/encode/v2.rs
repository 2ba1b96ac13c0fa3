//! `io.prometheus.write.v2.Request`: each text once.

use std::collections::HashMap;

use tacho_model::{METRIC_NAME, Metadata, Value};

use super::{Group, exemplar_labels, histogram, millis, plain};
use crate::protobuf::write::{force_bytes, put_bytes, put_double, put_varint, raw_varint};

/// Texts and their numbers.
struct Symbols {
    numbers: HashMap<String, u32>,
    /// The field of each, end to end.
    encoded: Vec<u8>,
}

impl Symbols {
    fn new() -> Self {
        let mut symbols = Self {
            numbers: HashMap::new(),
            encoded: Vec::new(),
        };
        symbols.number("");
        symbols
    }

    fn number(&mut self, text: &str) -> u32 {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(text.to_owned(), number);
        force_bytes(4, text.as_bytes(), &mut self.encoded);
        number
    }

    fn references<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
        into: &mut Vec<u8>,
    ) {
        let mut packed = Vec::new();
        for (name, value) in pairs {
            raw_varint(u64::from(self.number(name)), &mut packed);
            raw_varint(u64::from(self.number(value)), &mut packed);
        }
        put_bytes(1, &packed, into);
    }
}

/// The message.
pub(super) fn message(
    groups: &[Group<'_>],
    described: &HashMap<&str, Option<Metadata>>,
) -> Vec<u8> {
    let mut symbols = Symbols::new();
    let mut all = Vec::new();
    let (mut series, mut part) = (Vec::new(), Vec::new());
    for group in groups {
        series.clear();
        symbols.references(group.labels.iter(), &mut series);
        for (time, value) in &group.samples {
            part.clear();
            match value {
                Value::Float(value) => {
                    plain::sample(*time, *value, &mut part);
                    force_bytes(2, &part, &mut series);
                }
                Value::Histogram(value) => {
                    histogram::put(value, *time, &mut part);
                    force_bytes(3, &part, &mut series);
                }
            }
        }
        for exemplar in &group.exemplars {
            part.clear();
            let labels = exemplar_labels(exemplar);
            let pairs = labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            symbols.references(pairs, &mut part);
            put_double(2, exemplar.value, &mut part);
            put_varint(3, millis(exemplar.timestamp), &mut part);
            force_bytes(4, &part, &mut series);
        }
        let name = group.labels.get(METRIC_NAME).unwrap_or("");
        if let Some(Some(metadata)) = described.get(name) {
            part.clear();
            put_varint(1, super::kind(metadata.kind), &mut part);
            put_varint(3, u64::from(symbols.number(&metadata.help)), &mut part);
            let unit = super::unit(metadata.unit.as_str());
            put_varint(4, u64::from(symbols.number(unit)), &mut part);
            put_bytes(5, &part, &mut series);
        }
        force_bytes(5, &series, &mut all);
    }
    let mut message = symbols.encoded;
    message.append(&mut all);
    message
}
