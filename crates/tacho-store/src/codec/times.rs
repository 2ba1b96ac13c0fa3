//! Timestamps as start, step and exceptions.
//!
//! `start` (signed varint), `step` (signed varint; only from two on), then alternately how many
//! timestamps follow the step that holds (varint) and, unless that was the last of them, by how
//! much the step changes (signed varint). Regular timestamps take a handful of bytes whatever
//! their number. Arithmetic wraps, so any strictly increasing `i64`s round-trip.

use tacho_model::Timestamp;

use super::bytes::{Reader, put_signed, put_varint};
use crate::error::CodecError;

/// Appends strictly increasing timestamps; their number is not written.
pub(crate) fn encode(times: &[Timestamp], into: &mut Vec<u8>) {
    let nanos = |i: usize| times[i].as_nanos();
    if times.is_empty() {
        return;
    }
    put_signed(into, nanos(0));
    if times.len() == 1 {
        return;
    }
    let mut step = nanos(1).wrapping_sub(nanos(0));
    put_signed(into, step);
    let mut regular = 0;
    for i in 2..times.len() {
        let next = nanos(i).wrapping_sub(nanos(i - 1));
        if next == step {
            regular += 1;
            continue;
        }
        put_varint(into, regular);
        put_signed(into, next.wrapping_sub(step));
        (step, regular) = (next, 0);
    }
    if regular > 0 {
        put_varint(into, regular);
    }
}

/// Reads `count` timestamps and appends them; they are strictly increasing.
pub(crate) fn decode(
    bytes: &[u8],
    count: usize,
    into: &mut Vec<Timestamp>,
) -> Result<(), CodecError> {
    let mut reader = Reader::new(bytes);
    if count == 0 {
        return Ok(());
    }
    into.reserve(count);
    let mut last = reader.signed()?;
    into.push(Timestamp::from_nanos(last));
    let mut left = count as u64 - 1;
    if left == 0 {
        return Ok(());
    }
    let mut step = reader.signed()?;
    let mut extend = |times: u64, step: i64, left: &mut u64| {
        *left = left
            .checked_sub(times)
            .ok_or(CodecError::Corrupt("more timestamps than samples"))?;
        for _ in 0..times {
            let next = last.wrapping_add(step);
            if next <= last {
                return Err(CodecError::Corrupt("timestamps do not increase"));
            }
            last = next;
            into.push(Timestamp::from_nanos(last));
        }
        Ok(())
    };
    extend(1, step, &mut left)?;
    while left > 0 {
        extend(reader.varint()?, step, &mut left)?;
        if left > 0 {
            step = step.wrapping_add(reader.signed()?);
            extend(1, step, &mut left)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(nanos: &[i64]) -> usize {
        let times: Vec<_> = nanos.iter().map(|n| Timestamp::from_nanos(*n)).collect();
        let mut bytes = Vec::new();
        encode(&times, &mut bytes);
        let mut back = Vec::new();
        decode(&bytes, times.len(), &mut back).unwrap();
        assert_eq!(back, times);
        bytes.len()
    }

    #[test]
    fn round_trips_regular_jittered_and_hostile_times() {
        check(&[]);
        check(&[7]);
        check(&[i64::MIN, i64::MAX]);
        check(&[i64::MIN, -1, 0, 1, i64::MAX]);
        check(&[1, 2, 3, 10, 11, 12, 20, 21]);
        let jittered: Vec<i64> = (0..500).map(|i| i * 1_000_000_000 + i * i % 977).collect();
        check(&jittered);
    }

    #[test]
    fn regular_times_take_a_handful_of_bytes() {
        let start = 1_795_269_720_000_000_000;
        let regular: Vec<i64> = (0..3600).map(|i| start + i * 1_000_000_000).collect();
        assert!(check(&regular) <= 20);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let times: Vec<_> = (0..9).map(|i| Timestamp::from_secs(i * i * i)).collect();
        let mut bytes = Vec::new();
        encode(&times, &mut bytes);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end], times.len(), &mut Vec::new()).is_err());
        }
    }
}
