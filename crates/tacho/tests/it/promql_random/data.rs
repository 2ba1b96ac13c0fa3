//! What the random queries are asked about, as one body of remote write.
//!
//! Invariants: samples lie at odd milliseconds, queries are evaluated at halves of seconds, and steps
//! of sub-queries lie at whole ones, so that no range or look-back has anything on its boundary (they
//! are open on the left since Prometheus 3.0, and were closed before). All finite values are eighths of whole numbers, so that sums are exact in whatever order
//! they are added up. A counter is zero after a reset, or far above what it grows by in a
//! range: between the two, Prometheus 2 extrapolates otherwise than 3. The times are those of a
//! leap day, always the same.

use super::answer::When;
use super::random::Random;
use crate::remote_write::{put, varint};

/// 2024-02-28 23:30:00 UTC: dates change in the middle.
pub(crate) const FIRST: i64 = 1_709_163_000;
/// Seconds from the first sample to the last.
pub(crate) const SPAN: i64 = 2_400;
/// Seconds from a sample to the next.
pub(crate) const INTERVAL: i64 = 10;

pub(crate) const JOBS: [&str; 3] = ["api", "db", "web"];
pub(crate) const INSTANCES: [&str; 3] = ["a:80", "b:80", "c:81"];
pub(crate) const CODES: [&str; 3] = ["200", "404", "500"];

/// What a Prometheus writes where a series ends.
pub(crate) const STALE: u64 = 0x7ff0_0000_0000_0002;
/// An ordinary value that is no number.
const NAN: u64 = 0x7ff8_0000_0000_0001;

type Labels<'a> = [(&'a str, &'a str)];

/// Everything.
pub(crate) fn body(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut all = Vec::new();
    for (j, job) in JOBS.into_iter().enumerate() {
        let of_job = [("job", job)];
        all.extend(floats("limit_bytes", &of_job, &mut random, |n, r| {
            Some((64_000 + 1_000 * j as i64 + n * r.within(0, 1)) as f64)
        }));
        buckets(job, &mut random, &mut all);
        for (i, instance) in INSTANCES.into_iter().enumerate() {
            let labels = [("instance", instance), ("job", job)];
            let number = (j * INSTANCES.len() + i) as i64;
            gauges(&labels, number, &mut random, &mut all);
            counters(&labels, number, &mut random, &mut all);
            sizes(&labels, number, &mut random, &mut all);
        }
    }
    all
}

/// Half a second later, in milliseconds: neither samples nor steps of sub-queries lie at such times.
pub(crate) fn half(seconds: i64) -> i64 {
    seconds * 1_000 + 500
}

/// An instant and a range to ask about: nearly always where there is data, sometimes as it ends.
pub(crate) fn times(random: &mut Random) -> [When; 2] {
    let start = half(FIRST + random.within(300, SPAN - 600));
    let step = random.pick(&[7_000, 15_000, 31_000, 60_000, 61_000]);
    [
        When::At(half(FIRST + random.within(700, SPAN + 120))),
        When::Over {
            start,
            end: start + step * random.within(3, 16),
            step,
        },
    ]
}

fn gauges(labels: &Labels<'_>, number: i64, random: &mut Random, all: &mut Vec<u8>) {
    all.extend(floats("load", labels, random, |_, r| {
        Some(r.within(-4_000, 16_000) as f64 / 8.0)
    }));
    all.extend(floats("memory_bytes", labels, random, |n, r| {
        Some((1_000_000 + 7_000 * number + 64 * (n % 40) + r.within(0, 40)) as f64)
    }));
    all.extend(floats("alive", labels, random, |_, r| {
        Some(if r.percent(90) { 1.0 } else { 0.0 })
    }));
    // Many pauses, some of them marked, some longer than the look-back.
    all.extend(floats("flappy", labels, random, |n, r| {
        match (n + 17 * number) % 90 {
            0..40 => Some(r.within(-80, 80) as f64 / 8.0),
            40 if number % 2 == 0 => Some(f64::from_bits(STALE)),
            75..80 => Some(5.5),
            _ => None,
        }
    }));
    let odd = [
        f64::from_bits(NAN),
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
    ];
    all.extend(floats("special", labels, random, |n, r| {
        match (n / 30 + number) % 3 {
            0 => Some(odd[(number % 5) as usize]),
            1 if r.percent(20) => Some(r.pick(&odd)),
            _ => Some(r.within(-40, 40) as f64 / 8.0),
        }
    }));
    let version = if number % 2 == 0 { "1.0" } else { "1.1" };
    let about = [labels, &[("version", version)]].concat();
    all.extend(floats("build_info", &about, random, |_, _| Some(1.0)));
    all.extend(floats("started_seconds", labels, random, |n, _| {
        Some((FIRST - 86_400 * 13 * number + n / 80 * 2_000) as f64)
    }));
}

fn counters(labels: &Labels<'_>, number: i64, random: &mut Random, all: &mut Vec<u8>) {
    for (c, code) in CODES.into_iter().enumerate() {
        let labels = [&[("code", code)], labels].concat();
        let mut value = 1_000_000;
        let every = 70 + 9 * number;
        all.extend(floats("requests_total", &labels, random, |n, r| {
            value += r.within(0, 400 >> (3 * c));
            if (n + 1) % every == 0 {
                value = if r.percent(50) { 0 } else { 500_000 };
            }
            Some(value as f64 / 8.0)
        }));
    }
    // Begins late, with a pause before which it is 0 again.
    let mut value = 0;
    all.extend(floats("errors_total", labels, random, |n, r| match n {
        0..20 => None,
        100..150 if number % 3 == 0 => {
            value = 0;
            None
        }
        20 | 150 => Some(value as f64),
        _ => {
            value += r.within(0, 3);
            Some(value as f64)
        }
    }));
}

/// A classic histogram of a job, with its sum and its count.
fn buckets(job: &str, random: &mut Random, all: &mut Vec<u8>) {
    let bounds = ["0.1", "0.25", "0.5", "1", "2.5", "+Inf"];
    let mut counts = [80_000_i64; 6];
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); bounds.len()];
    for _ in 0..=SPAN / INTERVAL {
        let mut grown = 0;
        for (count, row) in counts.iter_mut().zip(&mut rows) {
            grown += random.within(0, 16);
            *count += grown;
            row.push(*count as f64);
        }
    }
    for (le, row) in bounds.into_iter().zip(&rows) {
        let labels = [("job", job), ("le", le)];
        let at = |n: i64, _: &mut Random| row.get(n as usize).copied();
        all.extend(floats("took_seconds_bucket", &labels, random, at));
    }
    let last = &rows[bounds.len() - 1];
    let labels = [("job", job)];
    let at = |n: i64, _: &mut Random| last.get(n as usize).copied();
    all.extend(floats("took_seconds_count", &labels, random, at));
    let at = |n: i64, _: &mut Random| last.get(n as usize).map(|count| count / 2.0);
    all.extend(floats("took_seconds_sum", &labels, random, at));
}

/// A native histogram that counts up, and begins anew now and then.
fn sizes(labels: &Labels<'_>, number: i64, random: &mut Random, all: &mut Vec<u8>) {
    let mut series = named("sizes", labels);
    let mut counts = [4_000_i64; 8];
    let mut zeros = 1_000;
    for n in 0..=SPAN / INTERVAL {
        if (n + 13 * number) % 97 == 96 {
            (counts, zeros) = ([2_000; 8], 500);
        }
        for count in &mut counts {
            *count += random.within(0, 5);
        }
        zeros += random.within(0, 2);
        // The larger half of the scales is the finer; sums merge them into the coarser.
        let schema = if number % 2 == 0 { 1 } else { 2 };
        let message = histogram(schema, zeros, &counts, at(n, random));
        put(4, &message, &mut series);
    }
    put(1, &series, all);
}

/// A series of numbers, where `value` has one, in the shape of the protocol.
pub(crate) fn floats(
    name: &str,
    labels: &Labels<'_>,
    random: &mut Random,
    mut value: impl FnMut(i64, &mut Random) -> Option<f64>,
) -> Vec<u8> {
    let mut series = named(name, labels);
    for n in 0..=SPAN / INTERVAL {
        let Some(value) = value(n, random) else {
            continue;
        };
        let mut sample = vec![0x09];
        sample.extend_from_slice(&value.to_le_bytes());
        sample.push(0x10);
        varint(at(n, random) as u64, &mut sample);
        put(2, &sample, &mut series);
    }
    let mut out = Vec::new();
    put(1, &series, &mut out);
    out
}

/// When the sample of this number is taken, in milliseconds; never at a whole second.
fn at(n: i64, random: &mut Random) -> i64 {
    (FIRST + n * INTERVAL) * 1_000 + 137 + 2 * random.within(0, 400)
}

/// A series' labels, sorted by name.
fn named(name: &str, labels: &Labels<'_>) -> Vec<u8> {
    let mut sorted = [&[("__name__", name)], labels].concat();
    sorted.sort_unstable();
    let mut series = Vec::new();
    for (name, value) in sorted {
        let mut label = Vec::new();
        put(1, name.as_bytes(), &mut label);
        put(2, value.as_bytes(), &mut label);
        put(1, &label, &mut series);
    }
    series
}

/// A native histogram with as many buckets below zero as above, and a hole in the middle.
fn histogram(schema: i64, zeros: i64, counts: &[i64; 8], millis: i64) -> Vec<u8> {
    let zigzag = |value: i64| ((value << 1) ^ (value >> 63)) as u64;
    let total = zeros + counts.iter().sum::<i64>();
    let mut out = vec![1 << 3];
    varint(total as u64, &mut out);
    out.push(3 << 3 | 1);
    out.extend_from_slice(&((total / 2) as f64).to_le_bytes());
    out.push(4 << 3);
    varint(zigzag(schema), &mut out);
    out.push(5 << 3 | 1);
    out.extend_from_slice(&0.125_f64.to_le_bytes());
    out.push(6 << 3);
    varint(zeros as u64, &mut out);
    let (below, above) = counts.split_at(3);
    for (spans, deltas, counts, first) in [(8, 9, below, 2), (11, 12, above, -1)] {
        let (head, tail) = (counts.len() - 1, 1);
        for (offset, length) in [(first, head), (2, tail)] {
            let mut span = vec![0x08];
            varint(zigzag(offset), &mut span);
            span.push(0x10);
            varint(length as u64, &mut span);
            put(spans, &span, &mut out);
        }
        let mut before = 0;
        let mut packed = Vec::new();
        for count in counts {
            varint(zigzag(count - before), &mut packed);
            before = *count;
        }
        put(deltas, &packed, &mut out);
    }
    out.push(15 << 3);
    varint(millis as u64, &mut out);
    out
}
