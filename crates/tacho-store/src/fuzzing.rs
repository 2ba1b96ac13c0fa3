//! What a fuzzer calls: every decoder of stored bytes, past the checksums that guard them.
//!
//! Behind the feature `fuzzing`, for the crate in `fuzz/` alone; no part of the interface. Each
//! function takes any bytes and must return: no panic, and no memory out of proportion. What an
//! encoder here made is decoded to what went in, which the property tests check. Whole files, whose
//! checksums stop a fuzzer at the door, are read by [`file()`].

mod file;
mod records;

pub use file::{file, file_seeds};
pub use records::{records, records_seeds};

use tacho_model::{Histogram, Timestamp, Value};

use crate::block::format::{Directory, Footer};
use crate::block::postings::{Ordinals, PostingsBuilder, PostingsPage};
use crate::block::series::SeriesPage;
use crate::block::symbols::{self, SymbolPage};
use crate::block::table::TablePage;
use crate::codec::bytes::Reader;
use crate::codec::{Effort, distributions, times, values};
use crate::wal::record::{self, BATCH, BatchEncoder, Definitions, METADATA, SERIES};
use crate::wal::segment::{Header, put_record, scan};

/// More rows than this no page has.
const ROWS_MAX: usize = 1 << 13;

/// A log: its header, its records found again, and each record's payload.
pub fn log(bytes: &[u8]) {
    let _ = Header::decode(bytes);
    for found in scan(bytes).records {
        if let Some(payload) = bytes.get(found.payload) {
            record_of(found.kind, payload);
        }
    }
    // And as the payload of a record whose checksum is right.
    if let Some((kind, payload)) = bytes.split_first() {
        record_of(kind % 4, payload);
    }
}

fn record_of(kind: u8, payload: &[u8]) {
    match kind {
        SERIES => {
            let _ = record::decode_definitions(payload, |_, _, _| {});
        }
        BATCH => {
            let Ok(batch) = record::decode_batch(payload) else {
                return;
            };
            for section in batch.sections().flatten() {
                let _ = batch.rows(&section, |_, _, _| {});
            }
        }
        METADATA => {
            let mut reader = Reader::new(payload);
            while !reader.is_empty() && record::decode_metadata(&mut reader).is_ok() {}
        }
        _ => {}
    }
}

/// A data page of a block: its sort, its count of rows, its bytes.
pub fn block(bytes: &[u8]) {
    let Some((head, page)) = bytes.split_at_checked(3) else {
        return;
    };
    let count = usize::from(u16::from_le_bytes([head[1], head[2]])) % ROWS_MAX;
    match head[0] % 3 {
        0 => {
            let _ = times::decode(page, count, &mut Vec::new());
        }
        1 => {
            let _ = values::decode(page, count, &mut Vec::new());
        }
        _ => {
            let _ = distributions::decode(page, count, &mut Vec::new());
        }
    }
}

/// A page of a block's index, and what it points at.
pub fn index(bytes: &[u8]) {
    let Some((sort, page)) = bytes.split_first() else {
        return;
    };
    match sort % 6 {
        0 => {
            let Ok(symbols) = SymbolPage::decode(page) else {
                return;
            };
            for place in 0..symbols.len() {
                let _ = symbols.get(place).map(|text| symbols.below(text));
            }
        }
        1 => {
            let Ok(series) = SeriesPage::decode(page) else {
                return;
            };
            for number in 0..series.len() {
                let _ = (series.rows(number, 0), series.rows(number, 1));
                series.labels(number).for_each(drop);
            }
        }
        2 => {
            let Ok(postings) = PostingsPage::decode(page) else {
                return;
            };
            for place in 0..postings.values.len() {
                let _ = postings.add(place, &mut Ordinals::none(1 << 16));
            }
        }
        3 => {
            let Ok(table) = TablePage::decode(page) else {
                return;
            };
            let places = (0..).take_while(|place| table.get(*place).is_some());
            for place in places {
                let _ = (table.rows(place), table.find(place as u64));
            }
        }
        4 => drop(Directory::decode(page)),
        _ => drop(Footer::decode(page)),
    }
}

/// What a fuzzer of the log may begin with.
pub fn log_seeds() -> Vec<Vec<u8>> {
    let mut definitions = Definitions::default();
    let labels = b"\x0a\x0e\x0a\x08__name__\x12\x02up\x0a\x0a\x0a\x03job\x12\x03api";
    (0..9).for_each(|local| definitions.push(local as u8 % 3, local, labels));
    let definitions = definitions.encode().unwrap_or_default();
    let mut encoder = BatchEncoder::default();
    let times: Vec<_> = (0..20).map(|i| Timestamp::from_secs(i * 15)).collect();
    encoder.begin(&times);
    let histograms = histograms();
    let rows = histograms.iter().enumerate().map(|(i, histogram)| {
        let value = match i % 2 {
            0 => Value::Histogram(histogram),
            _ => Value::Float(i as f64 / 3.0),
        };
        (i as u32 * 40, i as u32, value)
    });
    encoder.section(3, rows);
    let mut segment = Header {
        generation: 3,
        created: Timestamp::from_secs(5),
        seed: 77,
    }
    .encode();
    let mut seeds = Vec::new();
    for (kind, payload) in [(SERIES, definitions.as_slice()), (BATCH, encoder.payload())] {
        seeds.push([&[kind], payload].concat());
        put_record(kind, payload, &mut segment);
    }
    seeds.push(segment);
    seeds
}

/// What a fuzzer of data pages may begin with.
pub fn block_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let noise = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    for count in [1u64, 20, 300] {
        for jitter in [0, 7] {
            let time = |i| (i * 15_000_000_000 + noise(i) % (jitter * 999 + 1)) as i64;
            let column: Vec<_> = (0..count).map(|i| Timestamp::from_nanos(time(i))).collect();
            let mut page = head(0, count);
            times::encode(&column, Effort::Quick, &mut page);
            seeds.push(page);
        }
        for scale in [0.0, 0.01, 1e9] {
            let column: Vec<f64> = (0..count).map(|i| noise(i) as f64 * scale).collect();
            let mut page = head(1, count);
            values::encode(&column, Effort::Quick, &mut page);
            seeds.push(page);
        }
    }
    let column = histograms();
    let mut page = head(2, column.len() as u64);
    distributions::encode(&column, Effort::Quick, &mut page);
    seeds.push(page);
    seeds
}

fn head(sort: u8, count: u64) -> Vec<u8> {
    vec![sort, count as u8, (count >> 8) as u8]
}

fn histograms() -> Vec<Histogram> {
    let mut running = Histogram::new();
    let step = |i: i32| {
        running.observe(f64::from(i * i) / 7.0 - 9.0);
        running.clone()
    };
    (0..20).map(step).collect()
}

/// What a fuzzer of the index may begin with.
pub fn index_seeds() -> Vec<Vec<u8>> {
    let texts: Vec<String> = (0..90).map(|i| format!("host-{i:03}.example")).collect();
    let mut page = vec![0];
    symbols::encode(texts.iter().map(String::as_str), &mut page);
    let mut series = SeriesPage::default();
    for number in 0..40 {
        series.push(&[0, 1, 2], &[number, 7, number / 3], [20, 0]);
    }
    let mut page_of_series = vec![1];
    series.encode(Effort::Quick, &mut page_of_series);
    let mut postings = PostingsBuilder::default();
    for value in 0..30 {
        let ordinals: Vec<u32> = (value..900).step_by(1 + value as usize * 7).collect();
        postings.push(value, &ordinals, Effort::Quick);
    }
    let mut page_of_postings = vec![2];
    page_of_postings.extend(postings.finish(Effort::Quick));
    vec![page, page_of_series, page_of_postings]
}
