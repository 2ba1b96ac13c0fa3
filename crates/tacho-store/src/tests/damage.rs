//! Bits flip and files end early: found, set aside, reported, and never in the way of opening.

use std::collections::BTreeMap;
use std::path::Path;

use tacho_model::{Batch, Histogram, Kind, Metadata, TimeRange, Unit};

use super::{Contents, at, contents, everything, only, open, options};
use crate::disk::fake::FakeDisk;
use crate::engine::Engine;

fn batch(time: i64) -> Batch {
    let mut batch = Batch::new();
    for number in 0..4 {
        let labels = [("__name__", format!("m{number}"))];
        let series = batch.series(labels).unwrap();
        batch.push(series, at(time), (time * 7 % 13) as f64 + 0.1);
    }
    let series = batch.series([("__name__", "took")]).unwrap();
    let mut histogram = Histogram::new();
    histogram.observe(time as f64);
    batch.push_histogram(series, at(time), histogram);
    if time == 0 {
        let metadata = Metadata {
            kind: Kind::Timing,
            unit: Unit::SECONDS,
            help: "How long.".into(),
        };
        batch.describe("took", metadata);
    }
    batch
}

/// A disk with a closed store that had `count` batches; whether they are in a block.
fn written(count: i64, flushed: bool) -> (FakeDisk, Contents) {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    for time in 0..count {
        // Irregular, so that there are shared pages of timestamps.
        engine.append(&batch(time * time)).unwrap();
    }
    if flushed {
        engine.flush().unwrap();
    }
    let all = everything(&engine);
    drop(engine);
    (disk, all)
}

/// Nothing is there that was not written; how many samples are missing.
fn missing(engine: &Engine, all: &Contents) -> usize {
    let found = everything(engine);
    for (name, samples) in &found {
        for (time, value) in samples {
            assert_eq!(all[name].get(time), Some(value), "{name} at {time}");
        }
    }
    let count = |contents: &Contents| contents.values().map(BTreeMap::len).sum::<usize>();
    count(all) - count(&found)
}

#[test]
fn k2_any_prefix_of_the_log_opens() {
    let (disk, all) = written(12, false);
    let path = only(&disk, "wal");
    let bytes = disk.bytes(&path);
    let mut lost = usize::MAX;
    for end in 0..=bytes.len() {
        let copy = disk.copy();
        copy.set_bytes(&path, bytes[..end].to_vec());
        let engine = open(&copy);
        let now = missing(&engine, &all);
        assert!(now <= lost, "a longer prefix never holds less");
        // Whole batches: each has a sample of five series.
        assert_eq!(now % 5, 0, "prefix of {end}");
        lost = now;
        engine.append(&batch(200)).unwrap();
    }
    assert_eq!(lost, 0);
}

#[test]
fn k2_a_flipped_bit_in_the_log_costs_one_record() {
    let (disk, all) = written(12, false);
    let path = only(&disk, "wal");
    let bytes = disk.bytes(&path);
    for offset in 0..bytes.len() {
        let copy = disk.copy();
        let mut flipped = bytes.clone();
        flipped[offset] ^= 1 << (offset % 8);
        copy.set_bytes(&path, flipped);
        let engine = open(&copy);
        assert!(missing(&engine, &all) <= 5, "flipped at {offset}");
        let reported = engine.stats().quarantined;
        assert_eq!(reported.len(), 1, "flipped at {offset}: {reported:?}");
        drop(engine);
        let kept = Path::new(super::DIR).join("quarantine");
        assert!(copy.paths().iter().any(|path| path.starts_with(&kept)));
    }
}

#[test]
fn k2_a_flipped_bit_in_a_block_is_found_and_set_aside() {
    let (disk, all) = written(40, true);
    let path = only(&disk, "block");
    let bytes = disk.bytes(&path);
    let total: usize = all.values().map(BTreeMap::len).sum();
    let mut costs = std::collections::BTreeSet::new();
    for offset in 0..bytes.len() {
        let copy = disk.copy();
        let mut flipped = bytes.clone();
        flipped[offset] ^= 1 << (offset % 8);
        copy.set_bytes(&path, flipped);
        let engine = open(&copy);
        let lost = missing(&engine, &all);
        costs.insert(lost);
        // The rest of the index: finding by label costs nothing more.
        let took = [tacho_model::Matcher::metric("took")];
        let found = contents(&engine, &took, TimeRange::ALL).remove("took");
        let known = |(time, value)| all["took"].get(time) == Some(value);
        assert!(found.iter().flatten().all(known), "flipped at {offset}");
        let reported = engine.stats().quarantined;
        assert!(
            !reported.is_empty(),
            "flipped at {offset}: nothing is reported"
        );
        engine.append(&batch(2000)).unwrap();
        engine.flush().unwrap();
        assert_eq!(missing_before(&engine, &all, 2000), lost);
    }
    // Header and postings cost nothing, the page of histograms and its table 40, the page that four
    // series of numbers share 160, what all need everything.
    let costs: Vec<usize> = costs.into_iter().collect();
    assert_eq!(costs, [0, 40, 160, total]);
}

fn missing_before(engine: &Engine, all: &Contents, secs: i64) -> usize {
    let mut found = everything(engine);
    for samples in found.values_mut() {
        samples.retain(|time, _| *time < at(secs).as_nanos());
    }
    let count = |contents: &Contents| contents.values().map(BTreeMap::len).sum::<usize>();
    count(all) - count(&found)
}

#[test]
fn k2_half_a_file_is_never_a_block() {
    let (disk, all) = written(20, true);
    let path = only(&disk, "block");
    let bytes = disk.bytes(&path);
    let total: usize = all.values().map(BTreeMap::len).sum();
    for end in 0..bytes.len() {
        let copy = disk.copy();
        copy.set_bytes(&path, bytes[..end].to_vec());
        let engine = open(&copy);
        assert_eq!(missing(&engine, &all), total, "cut at {end}");
        assert_eq!(engine.stats().quarantined.len(), 1, "cut at {end}");
        drop(engine);
        let kept = open(&copy).stats().quarantined;
        assert!(kept[0].reason.contains("earlier"), "{kept:?}");
    }
}

#[test]
fn a_flipped_bit_in_the_format_file_is_not_a_newer_version() {
    let (disk, all) = written(3, false);
    let path = Path::new(super::DIR).join("FORMAT");
    let bytes = disk.bytes(&path);
    for offset in 0..bytes.len() {
        for bit in 0..8 {
            let copy = disk.copy();
            let mut flipped = bytes.clone();
            flipped[offset] ^= 1 << bit;
            copy.set_bytes(&path, flipped);
            let engine = open(&copy);
            assert_eq!(missing(&engine, &all), 0);
            assert_eq!(engine.stats().quarantined.len(), 1);
        }
    }
}

#[test]
fn merging_a_damaged_block_keeps_its_bytes_aside() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    for time in 0..3 {
        engine.append(&batch(time)).unwrap();
        engine.flush().unwrap();
    }
    let first = disk
        .paths()
        .into_iter()
        .find(|p| p.extension().is_some_and(|e| e == "block"));
    let first = first.unwrap();
    let mut bytes = disk.bytes(&first);
    bytes[20] ^= 4;
    disk.set_bytes(&first, bytes.clone());
    engine.append(&batch(3)).unwrap();
    engine.flush().unwrap();
    let done = engine.maintain(at(3)).unwrap();
    assert_eq!((done.blocks_merged, engine.stats().blocks), (4, 1));
    let kept = disk
        .paths()
        .into_iter()
        .find(|p| p.starts_with("/data/quarantine"));
    assert_eq!(disk.bytes(&kept.unwrap()), bytes);
    // The page that was damaged held the numbers of all series.
    assert_eq!(everything(&engine)["m1"].len(), 3);
    assert_eq!(everything(&engine)["took"].len(), 4);
}

#[test]
fn a_read_only_store_leaves_damage_where_it_is() {
    let (disk, all) = written(5, false);
    let path = only(&disk, "wal");
    let mut bytes = disk.bytes(&path);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    disk.set_bytes(&path, bytes);
    let before = disk.paths();
    let arc = std::sync::Arc::new(disk.clone());
    let engine = Engine::open(arc, Path::new(super::DIR), options(), true).unwrap();
    assert!(missing(&engine, &all) <= 5);
    assert_eq!(engine.stats().quarantined.len(), 1);
    assert_eq!(disk.paths(), before);
}

#[test]
fn k2_a_damaged_header_does_not_make_the_log_superfluous() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    engine.append(&batch(0)).unwrap();
    engine.flush().unwrap();
    engine.append(&batch(1)).unwrap();
    let all = everything(&engine);
    drop(engine);
    let path = only(&disk, "wal");
    let bytes = disk.bytes(&path);
    for offset in 0..40 {
        let copy = disk.copy();
        let mut flipped = bytes.clone();
        flipped[offset] ^= 1;
        copy.set_bytes(&path, flipped);
        assert_eq!(missing(&open(&copy), &all), 0, "flipped at {offset}");
    }
}
