//! `MetricMetadata`: what a metric family means.
//!
//! Prometheus describes families, we describe names: a classic histogram or summary is several
//! names, and a counter's family may lack the `_total` of its samples. Units come as words, in
//! the message or at the end of the name, and are kept as UCUM codes.

use tacho_model::label::LABEL_BYTES_MAX;
use tacho_model::{Batch, Kind, Metadata, Unit};

use super::RemoteWriteError;
use crate::protobuf::Reader;

/// Longer help texts are cut.
pub(super) const HELP_BYTES_MAX: usize = 1024;
/// Longer units are cut.
pub(super) const UNIT_BYTES_MAX: usize = 256;

/// `MetricMetadata.MetricType`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) enum Type {
    #[default]
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
}

impl Type {
    /// The type of that number.
    pub(super) fn of(number: u64) -> Self {
        match number {
            1 => Self::Counter,
            // An info or a state set is a gauge of ones and zeros.
            2 | 6 | 7 => Self::Gauge,
            3 => Self::Histogram,
            4 => Self::GaugeHistogram,
            5 => Self::Summary,
            _ => Self::Unknown,
        }
    }

    /// The names that a family's samples may have beside its own, by what is added to it.
    fn parts(self, family: &str) -> &'static [&'static str] {
        match self {
            Self::Histogram => &["_bucket", "_count", "_sum"],
            Self::Summary => &["_count", "_sum"],
            Self::Counter if !family.ends_with("_total") => &["_total"],
            _ => &[],
        }
    }

    /// The kind that it is here.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Counter => Kind::Counter,
            Self::Histogram | Self::GaugeHistogram => Kind::Histogram,
            Self::Unknown | Self::Gauge | Self::Summary => Kind::Gauge,
        }
    }
}

/// A family as it was described.
#[derive(Debug)]
pub(crate) struct Described {
    family: String,
    kind: Type,
    unit: Unit,
    help: String,
}

impl Described {
    /// A family as a text describes it; what is too long is cut.
    pub(crate) fn new(family: &str, kind: Type, unit: &str, help: &str) -> Self {
        let unit = text(unit.as_bytes(), UNIT_BYTES_MAX);
        Self {
            family: text(family.as_bytes(), LABEL_BYTES_MAX),
            kind,
            unit: unit_of(family, &unit),
            help: text(help.as_bytes(), HELP_BYTES_MAX),
        }
    }
}

/// Reads a `MetricMetadata`. Text that is not UTF-8 is made so: it is for people.
pub(super) fn read(mut reader: Reader<'_>) -> Result<Described, RemoteWriteError> {
    let mut kind = Type::Unknown;
    let (mut family, mut help, mut unit) = (&[][..], &[][..], &[][..]);
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => kind = Type::of(reader.integer(key)?),
            2 => family = reader.bytes_of(key)?,
            4 => help = reader.bytes_of(key)?,
            5 => unit = reader.bytes_of(key)?,
            _ => reader.skip(key)?,
        }
    }
    let family = text(family, LABEL_BYTES_MAX);
    let unit = unit_of(&family, &text(unit, UNIT_BYTES_MAX));
    let help = text(help, HELP_BYTES_MAX);
    Ok(Described {
        family,
        kind,
        unit,
        help,
    })
}

/// The text in at most the first `bytes_max` bytes.
fn text(bytes: &[u8], bytes_max: usize) -> String {
    let kept = bytes.get(..bytes_max).unwrap_or(bytes);
    String::from_utf8_lossy(kept).into_owned()
}

/// Describes the names of a family.
pub(crate) fn describe(described: Described, batch: &mut Batch) {
    let Described {
        family,
        kind,
        unit,
        help,
    } = described;
    if family.is_empty() || (kind == Type::Unknown && help.is_empty() && unit == Unit::NONE) {
        return;
    }
    for part in kind.parts(&family) {
        let unit = match *part {
            "_bucket" | "_count" => Unit::NONE,
            _ => unit.clone(),
        };
        let metadata = Metadata {
            kind: Kind::Counter,
            unit,
            help: help.clone(),
        };
        batch.describe(&format!("{family}{part}"), metadata);
    }
    let kind = kind.kind();
    batch.describe(&family, Metadata { kind, unit, help });
}

/// The code of the unit that is said, or that the name ends in.
pub(super) fn unit_of(family: &str, said: &str) -> Unit {
    let word = if said.is_empty() {
        let stem = family.strip_suffix("_total").unwrap_or(family);
        stem.rsplit_once('_').map_or("", |(_, word)| word)
    } else {
        said
    };
    match word {
        "seconds" => Unit::SECONDS,
        "bytes" => Unit::BYTES,
        "ratio" => Unit::RATIO,
        "percent" => Unit::PERCENT,
        "celsius" => Unit::of("Cel"),
        "meters" => Unit::of("m"),
        "volts" => Unit::of("V"),
        "amperes" => Unit::of("A"),
        "joules" => Unit::of("J"),
        "watts" => Unit::of("W"),
        "grams" => Unit::of("g"),
        "hertz" => Unit::of("Hz"),
        _ => Unit::new(said),
    }
}
