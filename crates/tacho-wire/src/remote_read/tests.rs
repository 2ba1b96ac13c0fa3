//! Requests as clients write them, and answers as they read them: the decoders here are those of
//! the formats' descriptions, written apart from the encoders.

use proptest::collection::vec;
use proptest::prelude::*;
use tacho_model::histogram::{Bucket, HistogramParts, Temporality};
use tacho_model::{Columns, Histogram, Labels};

use super::chunk::{Chunk, Encoding, SAMPLES_MAX};
use super::*;
use crate::protobuf::write::{force_bytes, put_bytes, put_varint};
use crate::protobuf::zigzag;

fn message(fields: &[(u32, u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, value) in fields {
        put_varint(*number, *value, &mut out);
    }
    out
}

fn asked(matchers: &[(u64, &str, &str)], start: i64, end: i64) -> Vec<u8> {
    let mut out = message(&[(1, start as u64), (2, end as u64)]);
    for (number, name, value) in matchers {
        let mut one = message(&[(1, *number)]);
        put_bytes(2, name.as_bytes(), &mut one);
        put_bytes(3, value.as_bytes(), &mut one);
        force_bytes(3, &one, &mut out);
    }
    // Hints.
    force_bytes(4, &message(&[(1, 15_000), (7, 60_000)]), &mut out);
    out
}

fn request(queries: &[Vec<u8>], accepted: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for query in queries {
        force_bytes(1, query, &mut out);
    }
    put_bytes(2, accepted, &mut out);
    packed(&out)
}

fn packed(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).unwrap()
}

#[test]
fn a_request_is_read_as_it_was_meant() {
    let all = [
        (0, "__name__", "up"),
        (1, "a", ""),
        (2, "b", "x|y"),
        (3, "c", "z.*"),
    ];
    let body = request(&[asked(&all, -5, 7), asked(&[], 9, 8)], &[7, 1, 0]);
    let read = decode(&body).unwrap();
    assert_eq!(read.answer, AnswerType::StreamedChunks);
    let shown: Vec<String> = read.queries[0]
        .matchers
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        shown,
        [r#"__name__="up""#, r#"a!="""#, r#"b=~"x|y""#, r#"c!~"z.*""#]
    );
    let range = read.queries[0].range.unwrap();
    assert_eq!(range.start.as_nanos(), -5_000_000);
    assert_eq!(range.end.as_nanos(), 7_999_999);
    assert_eq!(read.queries[1].range, None);
    assert_eq!(
        decode(&request(&[], &[])).unwrap().answer,
        AnswerType::Samples
    );
    // One by one instead of packed.
    let single = packed(&message(&[(2, 1)]));
    assert_eq!(decode(&single).unwrap().answer, AnswerType::StreamedChunks);
}

#[test]
fn what_is_no_request_is_refused_with_its_reason() {
    let check = |body: &[u8], expected: &str| {
        let error = decode(body).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(b"", "snappy");
    check(b"no snappy at all", "snappy");
    check(&packed(&[0x0a, 0x05]), "breaks off");
    check(&packed(&vec![0; REQUEST_BYTES_MAX + 1]), "4194304");
    check(&request(&[], &[9]), "none of the accepted");
    check(&request(&[asked(&[(4, "a", "b")], 0, 1)], &[]), "type 4");
    check(
        &request(&[asked(&[(2, "a", "(")], 0, 1)], &[]),
        "regular expression",
    );
    let many = vec![(2, "a", "b"); PATTERNS_MAX + 1];
    check(&request(&[asked(&many, 0, 1)], &[]), "regular expressions");
    check(
        &request(&vec![Vec::new(); QUERIES_MAX + 1], &[]),
        "1000 queries",
    );
}

/// Bits, the highest first.
struct Unpacked<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Unpacked<'_> {
    fn bit(&mut self) -> u64 {
        let byte = self.bytes[self.at / 8];
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        u64::from(bit)
    }

    fn bits(&mut self, count: u32) -> u64 {
        (0..count).fold(0, |bits, _| bits << 1 | self.bit())
    }

    fn float(&mut self) -> f64 {
        f64::from_bits(self.bits(64))
    }

    fn uvarint(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.bits(8);
            value |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    /// The bits of a number of one of these widths, and which it was.
    fn width(&mut self, widths: &[u32]) -> (u64, u32) {
        let mut ones = 0;
        while ones <= widths.len() && self.bit() == 1 {
            ones += 1;
        }
        let width = match ones {
            0 => 0,
            ones if ones > widths.len() => 64,
            ones => widths[ones - 1],
        };
        (self.bits(width), width)
    }

    fn signed(&mut self, widths: &[u32]) -> i64 {
        let (bits, width) = self.width(widths);
        if width > 0 && width < 64 && bits > 1 << (width - 1) {
            return bits as i64 - (1 << width);
        }
        bits as i64
    }
}

/// The value of before, and where the last that differed had its bits.
#[derive(Clone, Copy)]
struct Before {
    value: u64,
    leading: u32,
    trailing: u32,
}

impl Before {
    fn next(&mut self, from: &mut Unpacked<'_>) -> f64 {
        if from.bit() == 1 {
            if from.bit() == 1 {
                self.leading = from.bits(5) as u32;
                let significant = match from.bits(6) as u32 {
                    0 => 64,
                    some => some,
                };
                self.trailing = 64 - self.leading - significant;
            }
            let bits = from.bits(64 - self.leading - self.trailing);
            self.value ^= bits << self.trailing;
        }
        f64::from_bits(self.value)
    }

    fn first(value: f64) -> Self {
        let (leading, trailing) = (0xff, 0);
        let value = value.to_bits();
        Self {
            value,
            leading,
            trailing,
        }
    }
}

/// Times in milliseconds and the bits of values.
fn unpack(chunk: &Chunk) -> Vec<(i64, u64)> {
    assert_eq!(chunk.encoding, Encoding::Xor);
    let mut from = Unpacked {
        bytes: &chunk.data,
        at: 0,
    };
    let count = from.bits(16);
    let mut time = zigzag(from.uvarint());
    let mut before = Before::first(from.float());
    let mut out = vec![(time, before.value)];
    let mut step = 0;
    for place in 1..count {
        if place == 1 {
            step = from.uvarint() as i64;
        } else {
            step += from.signed(&[14, 17, 20]);
        }
        time += step;
        let value = before.next(&mut from);
        out.push((time, value.to_bits()));
    }
    assert_eq!(from.at.div_ceil(8), chunk.data.len());
    let ends = (out[0].0, out[out.len() - 1].0);
    assert_eq!(ends, (chunk.first, chunk.last));
    out
}

const WIDTHS: [u32; 7] = [3, 6, 9, 12, 18, 25, 56];

fn unpack_indices(from: &mut Unpacked<'_>) -> Vec<i32> {
    let spans = from.width(&WIDTHS).0;
    let (mut next, mut indices) = (0, Vec::new());
    for _ in 0..spans {
        let length = from.width(&WIDTHS).0 as i64;
        next += from.signed(&WIDTHS);
        indices.extend((next..next + length).map(|index| index as i32));
        next += length;
    }
    indices
}

fn unpack_histograms(chunk: &Chunk) -> Vec<(i64, Histogram)> {
    assert_eq!(chunk.encoding, Encoding::FloatHistogram);
    let mut from = Unpacked {
        bytes: &chunk.data,
        at: 0,
    };
    let count = from.bits(16);
    let temporality = match from.bits(8) {
        0xc0 => Temporality::Delta,
        _ => Temporality::Cumulative,
    };
    let zero_threshold = match from.bits(8) {
        0 => 0.0,
        0xff => from.float(),
        code => (code as f64 - 244.0).exp2(),
    };
    let schema = from.signed(&WIDTHS) as i8;
    let sides = [unpack_indices(&mut from), unpack_indices(&mut from)];
    let numbers = 3 + sides[0].len() + sides[1].len();
    let (mut time, mut step) = (0, 0);
    let mut before: Vec<Before> = Vec::new();
    let mut out = Vec::new();
    for place in 0..count {
        let change = from.signed(&WIDTHS);
        if place == 0 {
            time = change;
            before = (0..numbers).map(|_| Before::first(from.float())).collect();
        } else {
            step += change;
            time += step;
            for one in &mut before {
                one.next(&mut from);
            }
        }
        let mut values = before.iter().map(|one| f64::from_bits(one.value));
        let mut next = || values.next().unwrap();
        let [count, zero_count, sum] = [next(), next(), next()];
        let [positive, negative] = sides.each_ref().map(|indices| {
            let indices = indices.iter();
            let buckets = indices.map(|index| (*index, next()));
            let filled = buckets.filter(|(_, count)| *count != 0.0);
            filled
                .map(|(index, count)| Bucket { index, count })
                .collect()
        });
        let parts = HistogramParts {
            temporality,
            schema,
            zero_threshold,
            zero_count,
            count,
            sum,
            positive,
            negative,
        };
        out.push((time, Histogram::from_parts(parts).unwrap()));
    }
    out
}

fn round_trip(samples: &[(i64, f64)]) {
    let times = samples
        .iter()
        .map(|(time, value)| (Timestamp::from_millis(*time), *value));
    let chunk = chunk::encode(&times.collect::<Vec<_>>()).unwrap();
    let expected: Vec<_> = samples.iter().map(|(t, v)| (*t, v.to_bits())).collect();
    assert_eq!(unpack(&chunk), expected);
}

#[test]
fn values_and_times_at_the_edges_of_their_widths_come_back() {
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let values = [
        1.0,
        1.0,
        f64::NAN,
        stale,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        1.000_000_000_000_000_2,
        -1e-300,
    ];
    let mut samples = Vec::new();
    let mut time = -1_700_000_000_123i64;
    // Steps whose differences lie at both ends of each width.
    let edges = [
        0i64,
        1,
        8191,
        8192,
        8193,
        65_535,
        65_536,
        65_537,
        524_287,
        524_288,
        524_289,
        1 << 40,
    ];
    for (place, edge) in edges.iter().enumerate() {
        for step in [1 + edge, 1, 1 + edge] {
            time += step;
            let value = values[(place * 3 + samples.len()) % values.len()];
            samples.push((time, value));
        }
    }
    round_trip(&samples);
    round_trip(&samples[..1]);
    round_trip(&samples[..2]);
    assert!(chunk::encode(&[]).is_none());
}

#[test]
fn a_chunk_begins_with_what_is_whole() {
    let samples = [(1000, 1.0), (2000, 1.0), (3000, 2.5), (4001, 2.5)];
    let samples = samples.map(|(time, value)| (Timestamp::from_millis(time), value));
    let chunk = chunk::encode(&samples).unwrap();
    // How many, the first time, the first value, the first step.
    let expected = [
        0x00, 0x04, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xe8, 0x07,
    ];
    assert_eq!(chunk.data[..14], expected);
}

fn histogram(schema: i8, temporality: Temporality, buckets: &[(i32, u16)]) -> Histogram {
    let buckets = buckets.iter().map(|(index, count)| Bucket {
        index: *index,
        count: f64::from(*count) + 0.5,
    });
    let positive: Vec<Bucket> = buckets.collect();
    let count = positive.iter().map(|bucket| bucket.count).sum::<f64>() + 2.0;
    Histogram::from_parts(HistogramParts {
        temporality,
        schema,
        zero_threshold: tacho_model::histogram::ZERO_THRESHOLD,
        zero_count: 2.0,
        count,
        sum: 1.5 * count,
        negative: positive.iter().take(1).copied().collect(),
        positive: positive.iter().skip(1).copied().collect(),
    })
    .unwrap()
}

#[test]
fn histograms_of_other_resolution_begin_another_chunk() {
    let made = [
        histogram(3, Temporality::Delta, &[(1, 5), (2, 7)]),
        histogram(3, Temporality::Delta, &[(-3, 5), (2, 7), (90, 1)]),
        histogram(2, Temporality::Delta, &[(1, 5)]),
        histogram(2, Temporality::Cumulative, &[(1, 5)]),
    ];
    let samples: Vec<_> = made
        .iter()
        .zip(0..)
        .map(|(one, second)| (Timestamp::from_secs(second), one))
        .collect();
    let mut left = &samples[..];
    let mut sizes = Vec::new();
    while let Some((_, taken)) = histogram_chunk::encode(left) {
        sizes.push(taken);
        left = &left[taken..];
    }
    assert_eq!(sizes, [2, 1, 1]);
}

/// The chunks of a series in frames, each of which is whole.
fn unframe(frames: &[Vec<u8>]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for frame in frames {
        let mut reader = Reader::new(frame, 0..frame.len());
        let length = reader.varint().unwrap() as usize;
        let (sum, message) = reader.rest().split_at(4);
        assert_eq!(message.len(), length);
        assert_eq!(sum, crc32c::crc32c(message).to_be_bytes());
        let whole = Reader::new(message, 0..message.len());
        let read = whole.each::<ProtobufError>(1, |series| {
            series.each(2, |mut fields| {
                let (mut ends, mut encoding, mut data) = ([0; 2], 0, Vec::new());
                while !fields.is_done() {
                    let key = fields.key()?;
                    match key.number {
                        number @ (1 | 2) => ends[number as usize - 1] = fields.integer(key)? as i64,
                        3 => encoding = fields.integer(key)?,
                        _ => data = fields.bytes_of(key)?.to_vec(),
                    }
                }
                let encoding = match encoding {
                    1 => Encoding::Xor,
                    3 => Encoding::FloatHistogram,
                    other => panic!("encoding {other}"),
                };
                chunks.push(Chunk {
                    first: ends[0],
                    last: ends[1],
                    encoding,
                    data,
                });
                Ok(())
            })
        });
        read.unwrap();
    }
    chunks
}

fn framed(columns: &Columns) -> Vec<Vec<u8>> {
    let labels = Labels::metric("a").unwrap();
    let mut out = Vec::new();
    let taken = frames::encode(7, &labels, columns, |frame| {
        out.push(frame);
        Ok::<(), ()>(())
    });
    assert_eq!(taken, Ok(()));
    out
}

#[test]
fn a_long_series_comes_in_several_frames_of_whole_chunks() {
    let mut columns = Columns::new();
    assert!(framed(&columns).is_empty());
    let mut state = 1u64;
    for number in 0..300_000 {
        // Twice in a millisecond each: the last of them counts.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        columns
            .timestamps
            .push(Timestamp::from_nanos(number * 500_000));
        columns.values.push(f64::from_bits(state >> 2));
    }
    let frames = framed(&columns);
    assert!(frames.len() > 1, "{}", frames.len());
    let chunks = unframe(&frames);
    let samples: Vec<_> = chunks.iter().flat_map(unpack).collect();
    assert!(chunks.iter().all(|chunk| chunk.last - chunk.first <= 119));
    let expected: Vec<_> = (0..150_000)
        .map(|ms| (ms as i64, columns.values[ms * 2 + 1].to_bits()))
        .collect();
    assert_eq!(samples, expected);
    let refused = frames::encode(0, &Labels::metric("a").unwrap(), &columns, |_| {
        Err("enough")
    });
    assert_eq!(refused, Err("enough"));
}

#[test]
fn samples_are_answered_as_one_message() {
    let mut columns = Columns::new();
    columns.timestamps.push(Timestamp::from_millis(5));
    columns.values.push(2.5);
    let mut result = samples::QueryResult::default();
    assert_eq!(result.push(&Labels::metric("up").unwrap(), &columns), 1);
    assert_eq!(
        result.push(&Labels::metric("no").unwrap(), &Columns::new()),
        0
    );
    let body = samples::encode(&[result, samples::QueryResult::default()]).unwrap();
    let message = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let sample = [0x09, 0, 0, 0, 0, 0, 0, 4, 0x40, 0x10, 5];
    let label = [
        b"\x0a\x0e\x0a\x08__name__\x12\x02up".as_slice(),
        &[0x12, 11],
        &sample,
    ]
    .concat();
    let series = [&[0x0a, label.len() as u8], &label[..]].concat();
    let expected = [&[0x0a, series.len() as u8], &series[..], &[0x0a, 0]].concat();
    assert_eq!(message, expected);
}

/// Steps of all sizes, so that their differences need every width.
fn any_step() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => Just(15_000i64),
        2 => 1i64..20_000,
        1 => 1i64..2_000_000,
        1 => 1i64..10_000_000_000
    ]
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (0i32..10).prop_map(f64::from),
        (0i32..1000).prop_map(|number| f64::from(number) / 10.0),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let _ = decode(&packed(&bytes));
        // Near enough to a request to be read on.
        let query = asked(&[(0, "a", "b")], 0, 1);
        let cut = bytes.len().min(query.len());
        let mixed = [&query[..cut], &bytes].concat();
        let _ = decode(&request(&[mixed], &bytes));
    }

    #[test]
    fn numbers_come_back(
        start in -2_000_000_000_000i64..2_000_000_000_000,
        samples in vec((any_step(), any_value()), 1..=SAMPLES_MAX),
    ) {
        let mut time = start;
        let samples: Vec<_> = samples
            .into_iter()
            .map(|(step, value)| {
                time += step;
                (time, value)
            })
            .collect();
        round_trip(&samples);
    }

    #[test]
    fn histograms_come_back(
        samples in vec(
            (any_step(), 0i8..3, vec((-40i32..40, 0u16..9), 0..12)),
            1..150,
        ),
    ) {
        let mut columns = Columns::new();
        let mut time = 0;
        for (step, schema, mut buckets) in samples {
            time += step;
            buckets.sort_unstable();
            buckets.dedup_by_key(|(index, _)| *index);
            columns.histogram_timestamps.push(Timestamp::from_millis(time));
            columns.histograms.push(histogram(schema / 2, Temporality::Delta, &buckets));
        }
        let read: Vec<_> = unframe(&framed(&columns))
            .iter()
            .flat_map(unpack_histograms)
            .collect();
        let times = columns.histogram_timestamps.iter().map(|time| time.as_millis());
        let expected: Vec<_> = times.zip(columns.histograms).collect();
        prop_assert_eq!(read, expected);
    }
}
