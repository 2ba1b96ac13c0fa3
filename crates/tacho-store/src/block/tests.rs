//! Blocks against a plain map, damaged, cut short and crafted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tacho_model::{Columns, Histogram, Labels, MatchOp, Matcher, Selection, TimeRange, Timestamp};

use super::{Block, BlockWriter, Part};
use crate::cache::Cache;
use crate::chunk::{Chunk, Sealer};
use crate::codec::{Effort, PAGE_SAMPLES_MAX};
use crate::disk::fake::{FakeDisk, Random};
use crate::error::StoreError;
use crate::matching::Filter;
use crate::quarantine::Reports;
use crate::select::{Found, Older};

const PATH: &str = "/data/blocks/a.block";

type Model = BTreeMap<Labels, Columns>;

fn write(model: &Model, random: &mut Random, effort: Effort) -> FakeDisk {
    let disk = FakeDisk::default();
    let mut writer = BlockWriter::create(Arc::new(disk.clone()), Path::new(PATH), effort).unwrap();
    for (labels, columns) in model {
        let (chunks, rest) = sealed(columns, random);
        let mut parts: Vec<Part<'_>> = chunks.iter().map(Part::Chunk).collect();
        parts.push(Part::Columns(&rest));
        writer.add(labels.as_ref(), &parts).unwrap();
    }
    writer.finish([].into_iter(), (3, 5), 2, 0).unwrap();
    disk
}

/// Some of the first samples as chunks, and the rest.
fn sealed(columns: &Columns, random: &mut Random) -> (Vec<Chunk>, Columns) {
    let mut rest = columns.clone();
    let mut chunks = Vec::new();
    let mut sealer = Sealer::default();
    while random.chance(40) && rest.values.len() > 20 {
        let most = rest.values.len().min(2 * PAGE_SAMPLES_MAX) as u64 / 2;
        let count = 1 + random.below(most) as usize;
        let times: Vec<Timestamp> = rest.timestamps.drain(..count).collect();
        let values: Vec<f64> = rest.values.drain(..count).collect();
        chunks.push(sealer.floats(times, &values).unwrap());
    }
    if random.chance(40) && rest.histograms.len() > 2 {
        let count = 1 + random.below(rest.histograms.len() as u64 - 1) as usize;
        let times: Vec<Timestamp> = rest.histogram_timestamps.drain(..count).collect();
        let held: Vec<Histogram> = rest.histograms.drain(..count).collect();
        chunks.push(sealer.histograms(&times, &held).unwrap());
    }
    (chunks, rest)
}

fn open(disk: &FakeDisk) -> Result<(Arc<Block>, Arc<Reports>), StoreError> {
    let reports = Arc::new(Reports::default());
    let cache = Arc::new(Cache::new(1 << 20));
    let block = Block::open(disk, Path::new(PATH), reports.clone(), cache)?;
    Ok((Arc::new(block), reports))
}

fn select(block: &Arc<Block>, matchers: &[Matcher], range: TimeRange) -> Model {
    let older = Older {
        blocks: vec![block.clone()],
        frozen: None,
        tombstones: [].into(),
    };
    let filter = Filter::new(matchers);
    let found = Found::new(u64::MAX);
    let selected = older.select(found, &filter, range, u64::MAX).unwrap();
    let mut model = Model::new();
    for index in 0..selected.len() {
        let mut columns = Columns::new();
        selected.read(index, &mut columns).unwrap();
        model.insert(selected.labels(index).clone(), columns);
    }
    model
}

fn labels(random: &mut Random) -> Labels {
    let values = ["a", "ab", "abc", "b", "b.c", "é", "x|y", "\n"];
    let mut pairs = vec![("__name__", format!("m{}", random.below(9)))];
    for name in ["job", "instance", "le"] {
        if random.chance(70) {
            let value = values[random.below(8) as usize];
            let value = match random.below(3) {
                0 => format!("{value}{}", random.below(400)),
                _ => value.to_owned(),
            };
            pairs.push((name, value));
        }
    }
    Labels::new(pairs).unwrap()
}

fn columns(random: &mut Random, floats: u64, histograms: u64) -> Columns {
    let mut columns = Columns::new();
    let late = random.chance(50);
    let mut time = 1_000_000 + random.below(40) as i64;
    let constant = random.chance(30);
    let mut value = random.below(1000) as f64;
    for _ in 0..floats {
        time += 15_000 + if late { random.below(20) as i64 } else { 0 };
        columns.timestamps.push(Timestamp::from_millis(time));
        if !constant {
            value += random.below(50) as f64 / 10.0;
        }
        columns.values.push(if random.chance(1) {
            f64::INFINITY
        } else {
            value
        });
    }
    let mut histogram = Histogram::new();
    for _ in 0..histograms {
        time += 15_000;
        for _ in 0..random.below(9) {
            histogram.observe(random.below(1000) as f64 / 77.0);
        }
        columns
            .histogram_timestamps
            .push(Timestamp::from_millis(time));
        columns.histograms.push(histogram.clone());
    }
    columns
}

/// Short and long series, some of histograms, some of both.
fn model(random: &mut Random) -> Model {
    let mut model = Model::new();
    let series = [3, 40, 600][random.below(3) as usize];
    let long = random.chance(30);
    for _ in 0..series {
        let floats = match random.below(20) {
            0 if long => random.below(20_000),
            1..4 => random.below(700),
            _ => random.below(6),
        };
        let histograms = if random.chance(10) {
            random.below(90)
        } else {
            0
        };
        let floats = if histograms > 0 && random.chance(80) {
            0
        } else {
            floats
        };
        let columns = columns(random, floats, histograms);
        model.insert(labels(random), columns);
    }
    model.retain(|_, columns| !columns.is_empty());
    model
}

fn cut(columns: &Columns, range: TimeRange) -> Columns {
    let mut cut = Columns::new();
    for (time, value) in columns.timestamps.iter().zip(&columns.values) {
        if range.contains(*time) {
            cut.timestamps.push(*time);
            cut.values.push(*value);
        }
    }
    for (time, value) in columns.histogram_timestamps.iter().zip(&columns.histograms) {
        if range.contains(*time) {
            cut.histogram_timestamps.push(*time);
            cut.histograms.push(value.clone());
        }
    }
    cut
}

fn matchers(random: &mut Random) -> Vec<Matcher> {
    let patterns = [
        "", "a", "b", "m1", "m[12]", "a|b", "a|", "ab.*", "ab.+", ".*", ".+", "a.c", "é", "x\\|y",
        "(?i)A.*", "b\\.c", "nothing", "m1|m2|m7",
    ];
    let ops = [
        MatchOp::Equal,
        MatchOp::NotEqual,
        MatchOp::Regex,
        MatchOp::NotRegex,
    ];
    let names = ["__name__", "job", "instance", "le", "none"];
    let mut matchers = Vec::new();
    for _ in 0..random.below(4) {
        let name = names[random.below(5) as usize];
        let op = ops[random.below(4) as usize];
        let pattern = patterns[random.below(patterns.len() as u64) as usize];
        matchers.push(Matcher::new(name, op, pattern).unwrap());
    }
    matchers
}

#[test]
fn k2_blocks_agree_with_a_map() {
    for seed in 0..12 {
        let random = &mut Random(seed);
        let model = model(random);
        let effort = [Effort::Quick, Effort::Final][random.below(2) as usize];
        let disk = write(&model, random, effort);
        let (block, reports) = open(&disk).unwrap();
        let samples: usize = model.values().map(Columns::len).sum();
        assert_eq!(block.footer.series, model.len() as u64, "seed {seed}");
        assert_eq!(block.footer.samples, samples as u64);
        assert_eq!((block.footer.sequence, block.footer.level), ((3, 5), 2));
        assert!(
            select(&block, &[], TimeRange::ALL) == model,
            "seed {seed}: {:?}",
            reports.list()
        );
        for _ in 0..30 {
            let matchers = matchers(random);
            let mut time = || Timestamp::from_secs(1000 + random.below(9000) as i64);
            let (a, b) = (time(), time());
            let range = if a < b {
                TimeRange::new(a, b)
            } else {
                TimeRange::ALL
            };
            let mut found = select(&block, &matchers, range);
            found.retain(|_, columns| !columns.is_empty());
            let mut expected = Model::new();
            for (labels, columns) in &model {
                let cut = cut(columns, range);
                let matches = matchers.iter().all(|m| m.matches_set(labels.as_ref()));
                if matches && !cut.is_empty() {
                    expected.insert(labels.clone(), cut);
                }
            }
            assert!(found == expected, "seed {seed}, {matchers:?}, {range:?}");
        }
        let mut values = Vec::new();
        let read = block.values_of("job", |value| values.push(value.to_owned()));
        assert!(read.unwrap().is_some());
        let mut expected: Vec<_> = model.keys().filter_map(|l| l.get("job")).collect();
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(values, expected);
        block.verify().unwrap();
        assert_eq!(reports.list(), [], "seed {seed}");
    }
}

/// A small block that has every kind of page.
fn small() -> (FakeDisk, Model) {
    let random = &mut Random(7);
    let mut model = Model::new();
    for number in 0..12 {
        let labels = Labels::new([
            ("__name__", format!("m{}", number % 5)),
            ("i", number.to_string()),
        ]);
        let floats = [5, 140, 0][number % 3];
        let columns = columns(
            &mut Random(number as u64 % 2),
            floats,
            if floats == 0 { 20 } else { 0 },
        );
        model.insert(labels.unwrap(), columns);
    }
    (write(&model, random, Effort::Final), model)
}

/// What is found is what was written; how many samples are missing.
fn missing(found: &Model, model: &Model) -> usize {
    for (labels, columns) in found {
        let whole = &model[labels];
        let floats = whole.timestamps.iter().zip(&whole.values);
        let floats: BTreeMap<_, _> = floats.collect();
        for (time, value) in columns.timestamps.iter().zip(&columns.values) {
            assert_eq!(floats.get(time), Some(&value), "{labels}");
        }
        for held in &columns.histograms {
            assert!(whole.histograms.contains(held), "{labels}");
        }
    }
    let count = |model: &Model| model.values().map(Columns::len).sum::<usize>();
    count(model) - count(found)
}

#[test]
fn k2_every_flipped_bit_is_found_and_gives_no_wrong_sample() {
    let (disk, model) = small();
    let bytes = disk.bytes(Path::new(PATH));
    let some = [
        Matcher::metric("m1"),
        Matcher::new("i", MatchOp::NotRegex, "[23]|1").unwrap(),
    ];
    for offset in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[offset] ^= 1 << (offset % 8);
        disk.set_bytes(Path::new(PATH), flipped);
        let (block, reports) = match open(&disk) {
            Ok(opened) => opened,
            Err(StoreError::Damaged { .. }) => continue,
            Err(other) => panic!("flipped at {offset}: {other}"),
        };
        missing(&select(&block, &[], TimeRange::ALL), &model);
        let found = select(&block, &some, TimeRange::ALL);
        assert!(
            found
                .keys()
                .all(|l| some.iter().all(|m| m.matches_set(l.as_ref())))
        );
        missing(&found, &model);
        block.verify().unwrap();
        assert!(!reports.list().is_empty(), "flipped at {offset}");
    }
}

#[test]
fn k2_damaged_postings_cost_nothing() {
    let (disk, model) = small();
    let bytes = disk.bytes(Path::new(PATH));
    let (block, _) = open(&disk).unwrap();
    let matchers = [Matcher::metric("m1"), Matcher::equal("i", "6")];
    let expected = select(&block, &matchers, TimeRange::ALL);
    assert_eq!(expected.len(), 1);
    for at in block.directory.labels.iter().flat_map(|label| &label.pages) {
        let mut flipped = bytes.clone();
        flipped[at.at.offset as usize] ^= 0x40;
        disk.set_bytes(Path::new(PATH), flipped);
        let (block, reports) = open(&disk).unwrap();
        assert_eq!(select(&block, &matchers, TimeRange::ALL), expected);
        assert_eq!(missing(&select(&block, &[], TimeRange::ALL), &model), 0);
        assert_eq!(reports.list().len(), 1);
    }
}

#[test]
fn k2_no_shorter_file_is_a_block() {
    let (disk, _) = small();
    let bytes = disk.bytes(Path::new(PATH));
    for end in 0..bytes.len() {
        disk.set_bytes(Path::new(PATH), bytes[..end].to_vec());
        assert!(
            matches!(open(&disk), Err(StoreError::Damaged { .. })),
            "cut at {end}"
        );
    }
}

/// Every page of a block, by what its directory and tables say.
fn all_pages(block: &Block) -> Vec<super::format::PageAt> {
    let directory = &block.directory;
    let mut pages = block.time_pages();
    for table in directory.tables.iter().flatten() {
        pages.push(table.at);
        let table = block.table_page(table.at).unwrap().unwrap();
        pages.extend(table.entries().iter().map(|entry| entry.at));
    }
    pages.extend(directory.symbols.iter().map(|page| page.at));
    pages.extend(directory.series.iter().map(|page| page.at));
    pages.extend(
        directory
            .labels
            .iter()
            .flat_map(|l| l.pages.iter().map(|p| p.at)),
    );
    pages.extend([directory.metadata, block.footer.directory]);
    pages
}

#[test]
fn k2_pages_that_lie_with_a_right_checksum_are_survived() {
    let (disk, _) = small();
    let bytes = disk.bytes(Path::new(PATH));
    let pages = all_pages(&open(&disk).unwrap().0);
    let covered: u64 = pages.iter().map(|at| u64::from(at.bytes) + 4).sum();
    assert_eq!(
        covered + 16 + 88,
        bytes.len() as u64,
        "every byte belongs to a page"
    );
    let random = &mut Random(11);
    let some = [
        Matcher::metric("m1"),
        Matcher::new("i", MatchOp::NotRegex, "[23]|1").unwrap(),
    ];
    for round in 0..2000 {
        let at = pages[round % pages.len()];
        let (start, end) = (at.offset as usize, at.end() as usize - 4);
        if start == end {
            continue;
        }
        let mut crafted = bytes.clone();
        for _ in 0..=random.below(3) {
            let place = start + random.below(u64::from(at.bytes)) as usize;
            crafted[place] = random.next() as u8;
        }
        let crc = crc32c::crc32c(&crafted[start..end]).to_le_bytes();
        crafted[end..end + 4].copy_from_slice(&crc);
        disk.set_bytes(Path::new(PATH), crafted);
        let Ok((block, _)) = open(&disk) else {
            continue;
        };
        for matchers in [&[][..], &some] {
            for (labels, columns) in select(&block, matchers, TimeRange::ALL) {
                assert!(matchers.iter().all(|m| m.matches_set(labels.as_ref())));
                assert!(columns.timestamps.is_sorted_by(|a, b| a < b));
                assert!(columns.histogram_timestamps.is_sorted_by(|a, b| a < b));
            }
        }
        block.verify().unwrap();
    }
}

/// Encoded timestamps do not say how many they are, and both sorts share their pages: here each
/// series was measured a second before the one that precedes it.
#[test]
fn as_many_timestamps_are_read_as_were_written() {
    let random = &mut Random(5);
    for (floats, histograms) in [(3, 2), (2, 3), (9, 9), (1, 200), (300, 7)] {
        let mut model = Model::new();
        for number in 0..floats.max(histograms) {
            let time = Timestamp::from_secs(1_800_000_000 - number);
            let mut add = |sort: &str, columns| {
                let name = format!("{sort}{number:03}");
                model.insert(Labels::new([("__name__", name)]).unwrap(), columns);
            };
            if number < floats {
                let mut columns = Columns::new();
                columns.timestamps.push(time);
                columns.values.push(number as f64);
                add("float", columns);
            }
            if number < histograms {
                let mut columns = Columns::new();
                columns.histogram_timestamps.push(time);
                columns.histograms.push(Histogram::new());
                add("histogram", columns);
            }
        }
        let (block, reports) = open(&write(&model, random, Effort::Quick)).unwrap();
        assert_eq!(select(&block, &[], TimeRange::ALL), model);
        assert_eq!(reports.list(), []);
    }
}

#[test]
fn the_cache_is_bounded() {
    let random = &mut Random(3);
    let model: Model = (0..3000)
        .map(|i| {
            (
                Labels::new([("__name__", format!("m{i:04}"))]).unwrap(),
                columns(random, 9, 0),
            )
        })
        .collect();
    let disk = write(&model, random, Effort::Final);
    let cache = Arc::new(Cache::new(100_000));
    let reports = Arc::new(Reports::default());
    let block = Block::open(&disk, Path::new(PATH), reports, cache.clone()).unwrap();
    assert_eq!(cache.bytes(), 0, "opening reads no more than the directory");
    assert_eq!(select(&Arc::new(block), &[], TimeRange::ALL), model);
    assert!((1..=100_000).contains(&cache.bytes()), "{}", cache.bytes());
}

/// The small block, said to be of another version.
fn small_of_version(version: u8) -> (FakeDisk, Model) {
    let (disk, model) = small();
    let mut bytes = disk.bytes(Path::new(PATH));
    let footer = bytes.len() - 88;
    for (start, at) in [(0, 8), (footer, footer + 72)] {
        let crc_at = at + 4;
        bytes[at] = version;
        let crc = crc32c::crc32c(&bytes[start..crc_at]).to_le_bytes();
        bytes[crc_at..crc_at + 4].copy_from_slice(&crc);
    }
    disk.set_bytes(Path::new(PATH), bytes);
    (disk, model)
}

#[test]
fn the_version_before_is_read() {
    let (disk, model) = small_of_version(2);
    let (block, _) = open(&disk).unwrap();
    assert!(!block.is_damaged());
    assert_eq!(select(&block, &[], TimeRange::ALL), model);
}

#[test]
fn an_older_version_is_refused_by_name() {
    let (disk, _) = small_of_version(1);
    let refused = open(&disk).err();
    let older = matches!(
        refused,
        Some(StoreError::OlderFormat {
            found: 1,
            supported: 3,
            ..
        })
    );
    assert!(older, "{refused:?}");
}
