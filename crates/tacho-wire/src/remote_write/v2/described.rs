//! `Metadata` of a series: what its metric means.
//!
//! A description is of a family, and comes with every one of its series: of a classic histogram or
//! summary the name's end says which part it is.

use tacho_model::{Kind, Metadata, Unit};

use super::super::RemoteWriteError;
use super::super::metadata::{HELP_BYTES_MAX, Type, UNIT_BYTES_MAX, unit_of};
use crate::protobuf::Reader;

/// What the message says; texts by their symbols.
pub(super) struct Said {
    pub(super) kind: Type,
    pub(super) help: u32,
    pub(super) unit: u32,
}

/// Reads `Metadata { type: 1, help_ref: 3, unit_ref: 4 }`.
pub(super) fn read(mut reader: Reader<'_>) -> Result<Said, RemoteWriteError> {
    let mut said = Said {
        kind: Type::Unknown,
        help: 0,
        unit: 0,
    };
    let symbol = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => said.kind = Type::of(reader.integer(key)?),
            3 => said.help = symbol(reader.integer(key)?),
            4 => said.unit = symbol(reader.integer(key)?),
            _ => reader.skip(key)?,
        }
    }
    Ok(said)
}

/// What is said of the metric `name`; `None` when it is nothing.
pub(super) fn metadata(name: &str, kind: Type, help: &str, unit: &str) -> Option<Metadata> {
    let ends: &[&str] = match kind {
        Type::Histogram | Type::GaugeHistogram => &["_bucket", "_count", "_sum"],
        Type::Summary => &["_count", "_sum"],
        _ => &[],
    };
    let part = ends.iter().find(|end| name.ends_with(**end));
    let family = part.map_or(name, |part| name.strip_suffix(*part).unwrap_or(name));
    let unit = match part {
        Some(&"_bucket" | &"_count") => Unit::NONE,
        _ => unit_of(family, cut(unit, UNIT_BYTES_MAX)),
    };
    let help = cut(help, HELP_BYTES_MAX);
    if kind == Type::Unknown && help.is_empty() && unit == Unit::NONE {
        return None;
    }
    let kind = part.map_or(kind.kind(), |_| Kind::Counter);
    let help = help.to_owned();
    Some(Metadata { kind, unit, help })
}

fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
