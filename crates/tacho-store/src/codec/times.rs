//! Timestamps of one page or chunk.
//!
//! The first byte says how; the encoder takes what is smallest:
//! - [`STEPS`]: start, step and exceptions. `start` (signed varint), `step` (signed varint; only
//!   from two on), then alternately how many timestamps follow the step that holds (varint) and,
//!   unless that was the last of them, by how much the step changes (signed varint). Regular
//!   timestamps take a handful of bytes whatever their number.
//! - [`LINE`]: start, step, and how far each timestamp is from `start + i * step`, as integers:
//!   what a scraper that comes a little late each time leaves.
//! - [`ROWS`]: the timestamps as integers: irregular ones, and those of several series in a row.
//!
//! Arithmetic wraps, so that any `i64`s round-trip. Only a page of several series may hold
//! timestamps that do not increase; its reader cuts it by series.

use tacho_model::Timestamp;

use super::bytes::{Reader, put_signed, put_varint};
use super::{Effort, ints};
use crate::error::CodecError;

const STEPS: u8 = 1;
const LINE: u8 = 2;
const ROWS: u8 = 3;

/// Steps that take no more bytes than this are not worth competing with.
const SMALL: usize = 24;
/// Round numbers of nanoseconds of which a step may be a multiple.
const UNITS: [i64; 6] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 1_000, 1];

/// Appends increasing timestamps if a handful of bytes is enough; whether it was.
pub(crate) fn encode_regular(times: &[Timestamp], into: &mut Vec<u8>) -> bool {
    let start = into.len();
    if times.is_empty() || !times.is_sorted_by(|a, b| a < b) {
        return times.is_empty();
    }
    into.push(STEPS);
    let small = put_steps(times, start + SMALL, into);
    if !small {
        into.truncate(start);
    }
    small
}

/// Appends timestamps; their number is not written.
pub(crate) fn encode(times: &[Timestamp], effort: Effort, into: &mut Vec<u8>) {
    if times.is_empty() {
        return;
    }
    let start = into.len();
    let increasing = times.is_sorted_by(|a, b| a < b);
    if increasing {
        into.push(STEPS);
        put_steps(times, usize::MAX, into);
        if into.len() - start <= SMALL {
            return;
        }
    }
    let mut other = vec![ROWS];
    let nanos: Vec<u64> = times.iter().map(|t| t.as_nanos() as u64).collect();
    ints::encode(&nanos, effort, &mut other);
    if !increasing {
        into.extend_from_slice(&other);
        return;
    }
    let mut line = vec![LINE];
    put_line(times, effort, &mut line);
    let smaller = if line.len() < other.len() {
        line
    } else {
        other
    };
    if smaller.len() < into.len() - start {
        into.truncate(start);
        into.extend_from_slice(&smaller);
    }
}

/// Appends steps, or gives up when `into` becomes longer than `longest`; whether it is whole.
fn put_steps(times: &[Timestamp], longest: usize, into: &mut Vec<u8>) -> bool {
    let nanos = |i: usize| times[i].as_nanos();
    put_signed(into, nanos(0));
    if times.len() == 1 {
        return into.len() <= longest;
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
        if into.len() > longest {
            return false;
        }
    }
    if regular > 0 {
        put_varint(into, regular);
    }
    into.len() <= longest
}

/// How far each timestamp is from the line.
fn residuals(times: &[Timestamp], step: i64) -> impl Iterator<Item = i64> {
    let start = times.first().map_or(0, |t| t.as_nanos());
    times.iter().enumerate().map(move |(i, time)| {
        let on_line = start.wrapping_add(step.wrapping_mul(i as i64));
        time.as_nanos().wrapping_sub(on_line)
    })
}

fn put_line(times: &[Timestamp], effort: Effort, into: &mut Vec<u8>) {
    let (first, last) = (times[0].as_nanos(), times[times.len() - 1].as_nanos());
    let mean = (i128::from(last) - i128::from(first)) / (times.len() as i128 - 1).max(1);
    // The step that was meant is a round number near the mean: the one that leaves least.
    let rounded = UNITS.map(|unit| {
        let unit = i128::from(unit);
        ((mean + unit / 2) / unit * unit).min(i128::from(i64::MAX)) as i64
    });
    let spread = |step: i64| {
        let (low, high) =
            residuals(times, step).fold((0, 0), |(low, high), r: i64| (r.min(low), r.max(high)));
        i128::from(high) - i128::from(low)
    };
    let step = rounded.into_iter().min_by_key(|step| spread(*step));
    let step = step.unwrap_or(1);
    put_signed(into, first);
    put_signed(into, step);
    let residuals: Vec<i64> = residuals(times, step).collect();
    ints::encode_signed(&residuals, effort, into);
}

/// Reads `count` timestamps and appends them; whether they are strictly increasing.
pub(crate) fn decode(
    bytes: &[u8],
    count: usize,
    into: &mut Vec<Timestamp>,
) -> Result<bool, CodecError> {
    if count == 0 {
        return Ok(true);
    }
    let before = into.len();
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        STEPS => steps(&mut reader, count, into)?,
        LINE => {
            let (start, step) = (reader.signed()?, reader.signed()?);
            let residuals = ints::decode_signed(&mut reader, count)?;
            let mut on_line = start;
            into.extend(residuals.into_iter().map(|residual| {
                let time = Timestamp::from_nanos(on_line.wrapping_add(residual));
                on_line = on_line.wrapping_add(step);
                time
            }));
        }
        ROWS => {
            let nanos = ints::decode(&mut reader, count)?;
            into.extend(nanos.into_iter().map(|n| Timestamp::from_nanos(n as i64)));
        }
        other => return Err(CodecError::Unsupported(other)),
    }
    if !reader.is_empty() {
        return Err(CodecError::Corrupt("more timestamps than samples"));
    }
    Ok(into[before..].is_sorted_by(|a, b| a < b))
}

/// Reads `count` strictly increasing timestamps and appends them.
pub(crate) fn decode_increasing(
    bytes: &[u8],
    count: usize,
    into: &mut Vec<Timestamp>,
) -> Result<(), CodecError> {
    if decode(bytes, count, into)? {
        return Ok(());
    }
    Err(CodecError::Corrupt("timestamps do not increase"))
}

fn steps(
    reader: &mut Reader<'_>,
    count: usize,
    into: &mut Vec<Timestamp>,
) -> Result<(), CodecError> {
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
            last = last.wrapping_add(step);
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
    use proptest::prelude::*;

    fn check(nanos: &[i64]) -> usize {
        let times: Vec<_> = nanos.iter().map(|n| Timestamp::from_nanos(*n)).collect();
        let increasing = nanos.is_sorted_by(|a, b| a < b);
        let mut size = 0;
        for effort in [Effort::Quick, Effort::Final] {
            let mut bytes = Vec::new();
            encode(&times, effort, &mut bytes);
            let mut back = Vec::new();
            assert_eq!(decode(&bytes, times.len(), &mut back), Ok(increasing));
            assert_eq!(back, times);
            for end in 0..bytes.len() {
                assert!(decode(&bytes[..end], times.len(), &mut Vec::new()).is_err());
            }
            size = bytes.len();
        }
        size
    }

    #[test]
    fn round_trips_regular_jittered_and_hostile_times() {
        check(&[]);
        check(&[7]);
        check(&[i64::MIN, i64::MAX]);
        check(&[i64::MIN, -1, 0, 1, i64::MAX]);
        check(&[1, 2, 3, 10, 11, 12, 20, 21]);
        check(&[5, 6, 7, 5, 6, 7]);
        let spread: Vec<i64> = (0..90).map(|i| (i - 45) * (i64::MAX / 45)).collect();
        check(&spread);
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
    fn a_late_scraper_costs_its_lateness_only() {
        let start = 1_795_269_720_123_000_000;
        let late = |i: i64| (i.wrapping_mul(0x9e37_79b9) >> 7) % 21 * 1_000_000;
        let times: Vec<i64> = (0..5760)
            .map(|i| start + i * 15_000_000_000 + late(i))
            .collect();
        // Twenty-one equally likely delays are 4.4 bits.
        assert!(check(&times) < 5760 * 46 / 80);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_times_round_trip(mut nanos in prop::collection::vec(any::<i64>(), 0..200)) {
            check(&nanos);
            nanos.sort_unstable();
            nanos.dedup();
            check(&nanos);
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, 100, &mut Vec::new());
        }
    }
}
