//! Exemplars of either version of remote write, within their limits. Source: `prompb/types.proto`.

use tacho_model::Timestamp;
use tacho_model::append::Exemplar;

use super::{Reason, RemoteWriteError};
use crate::exemplar;
use crate::protobuf::Reader;

/// Most labels of an exemplar.
pub(super) const LABELS_MAX: usize = 64;

/// Makes an exemplar of its labels.
pub(super) fn of(
    pairs: &[(&str, &str)],
    timestamp: Timestamp,
    value: f64,
) -> Result<Exemplar, Reason> {
    if pairs.len() > LABELS_MAX {
        return Err(Reason::Exemplar);
    }
    exemplar::of(pairs.iter().copied(), timestamp, value).map_err(|_| Reason::Exemplar)
}

/// What an exemplar of version 1 says: `labels: 1, value: 2, timestamp: 3`.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) pairs: Vec<(&'a str, &'a str)>,
    pub(super) value: f64,
    pub(super) millis: i64,
}

impl<'a> Said<'a> {
    /// Reads an exemplar of version 1; of its labels at most one more than it may have.
    pub(super) fn read(mut reader: Reader<'a>) -> Result<Self, RemoteWriteError> {
        let mut said = Self::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => {
                    let inside = reader.nested(key)?;
                    let pair = reader.inner(inside).pair()?;
                    if said.pairs.len() <= LABELS_MAX {
                        said.pairs.push(pair);
                    }
                }
                2 => said.value = reader.double(key)?,
                3 => said.millis = reader.integer(key)? as i64,
                _ => reader.skip(key)?,
            }
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_sets_that_are_none_are_refused() {
        let made = |pairs: &[(&str, &str)]| of(pairs, Timestamp::from_secs(1), 0.5);
        assert_eq!(made(&[("a", "1"), ("a", "2")]), Err(Reason::Exemplar));
        assert_eq!(made(&[("", "1")]), Err(Reason::Exemplar));
        assert_eq!(made(&[("a", ""); LABELS_MAX + 1]), Err(Reason::Exemplar));
    }
}
