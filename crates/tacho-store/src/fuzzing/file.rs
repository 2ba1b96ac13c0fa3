//! A whole block file: any bytes, and the same with checksums that fit.
//!
//! Almost no change of a file passes its checksums, so every input is read twice: as it is, and
//! [`resealed`], which is what an attacker, or a bug in the writer, would leave behind. Whatever is
//! in it, opening must answer, and reading must end with as many samples as a query may have.

use std::path::Path;
use std::sync::Arc;

use tacho_model::{Columns, Labels, MatchOp, Matcher, Selection, TimeRange, Timestamp};

use crate::block::find::Cursor;
use crate::block::format::{CRC_BYTES, Directory, FOOTER_BYTES, Footer, PageAt};
use crate::block::table::TablePage;
use crate::block::{Block, BlockWriter, Part};
use crate::cache::Cache;
use crate::codec::Effort;
use crate::disk::Disk;
use crate::disk::fake::FakeDisk;
use crate::error::StoreError;
use crate::matching::Filter;
use crate::select::{Found, Older};

const PATH: &str = "/blocks/a.block";
/// What one query may read of it; far more than an honest file of a fuzzer's length holds.
const SAMPLES_MAX: u64 = 1 << 18;
/// Bytes of the footer that its checksum covers.
const FOOTER_CHECKED: usize = FOOTER_BYTES - 12;

/// The file of a block, as it is and with its checksums put right.
pub fn file(bytes: &[u8]) {
    read(bytes.to_vec());
    read(resealed(bytes.to_vec()));
}

/// Opens a file as a block and asks it for everything that it can be asked for.
fn read(bytes: Vec<u8>) {
    let disk = FakeDisk::default();
    let path = Path::new(PATH);
    if disk.create(path).is_err() {
        return;
    }
    disk.set_bytes(path, bytes);
    let cache = Arc::new(Cache::new(1 << 20));
    let Ok(block) = Block::open(&disk, path, Arc::default(), cache) else {
        return;
    };
    let block = Arc::new(block);
    // A damaged page is nothing; an error there is of no other kind than the disk's own.
    let read = block.verify().and_then(|()| walk(&block));
    assert!(read.is_ok(), "a disk in memory does not fail");
    let _ = block.metadata();
    for label in &block.directory.labels {
        let _ = block.values_of(&label.name, |_| {});
    }
    let range = block.footer.range;
    let middle = TimeRange::new(range.start + std::time::Duration::from_secs(1), range.end);
    select(&block, &[], TimeRange::ALL);
    select(&block, &[Matcher::metric("m1")], middle);
    if let Ok(some) = Matcher::new("job", MatchOp::NotRegex, "0.*|b") {
        select(&block, &[some], TimeRange::ALL);
    }
}

/// All series one after another, as merging goes through them.
fn walk(block: &Block) -> Result<(), StoreError> {
    let mut cursor = Cursor::new(block)?;
    while cursor.current().is_some() {
        cursor.advance()?;
    }
    Ok(())
}

fn select(block: &Arc<Block>, matchers: &[Matcher], range: TimeRange) {
    let only = Older {
        blocks: vec![block.clone()],
        frozen: None,
        tombstones: [].into(),
    };
    let filter = Filter::new(matchers);
    let Ok(selected) = only.select(Found::new(1 << 16), &filter, range, SAMPLES_MAX) else {
        return;
    };
    let mut columns = Columns::new();
    for index in 0..selected.len() {
        assert!(
            matchers
                .iter()
                .all(|m| m.matches_set(selected.labels(index).as_ref()))
        );
        if selected.read(index, &mut columns).is_err() {
            return;
        }
        for times in [&columns.timestamps, &columns.histogram_timestamps] {
            assert!(times.is_sorted_by(|a, b| a < b), "times increase");
            assert!(times.iter().all(|time| range.contains(*time)));
        }
    }
}

/// Puts right every checksum that is found from the footer on.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let Some(start) = bytes.len().checked_sub(FOOTER_BYTES) else {
        return bytes;
    };
    let footer = &mut bytes[start..];
    let crc = crc32c::crc32c(&footer[..FOOTER_CHECKED]).to_le_bytes();
    footer[FOOTER_CHECKED..FOOTER_CHECKED + CRC_BYTES].copy_from_slice(&crc);
    let Ok(footer) = Footer::decode(footer) else {
        return bytes;
    };
    let Some(Ok(directory)) = reseal(&mut bytes, footer.directory, Directory::decode) else {
        return bytes;
    };
    let symbols = directory.symbols.iter().map(|page| page.at);
    let series = directory.series.iter().map(|page| page.at);
    let labels = directory.labels.iter().flat_map(|label| &label.pages);
    let index = symbols.chain(series).chain(labels.map(|page| page.at));
    for at in index.chain([directory.metadata]) {
        let _ = reseal(&mut bytes, at, |_| ());
    }
    let data = directory.tables.iter().flatten().map(|page| page.at);
    for at in data.chain(directory.times.iter().copied()) {
        let Some(Ok(table)) = reseal(&mut bytes, at, TablePage::decode) else {
            continue;
        };
        for entry in table.entries() {
            let _ = reseal(&mut bytes, entry.at, |_| ());
        }
    }
    bytes
}

/// Puts the checksum of a page right; what `decode` says of the page.
fn reseal<T>(bytes: &mut [u8], at: PageAt, decode: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let start = usize::try_from(at.offset).ok()?;
    let (page, rest) = bytes
        .get_mut(start..)?
        .split_at_mut_checked(at.bytes as usize)?;
    let crc = rest.first_chunk_mut::<CRC_BYTES>()?;
    *crc = crc32c::crc32c(page).to_le_bytes();
    Some(decode(page))
}

/// What a fuzzer of files may begin with: short series and long ones, both sorts of samples, many
/// labels, nothing at all.
pub fn file_seeds() -> Vec<Vec<u8>> {
    let sizes = [(0, 0), (1, 1), (3, 40), (40, 3), (300, 2), (2, 600)];
    let efforts = [Effort::Quick, Effort::Final];
    let all = sizes
        .into_iter()
        .flat_map(|size| efforts.map(|effort| (size, effort)));
    all.filter_map(|((series, samples), effort)| seed(series, samples, effort).ok())
        .collect()
}

fn seed(series: u32, samples: i64, effort: Effort) -> Result<Vec<u8>, StoreError> {
    let disk = FakeDisk::default();
    let mut writer = BlockWriter::create(Arc::new(disk.clone()), Path::new(PATH), effort)?;
    let histograms = super::histograms();
    for number in 0..series {
        let pairs = [
            ("__name__", "m1".to_owned()),
            ("job", format!("{number:03}")),
        ];
        let Ok(labels) = Labels::new(pairs) else {
            continue;
        };
        let mut columns = Columns::new();
        for i in 0..samples {
            let late = i64::from(number % 3) * (i % 7);
            let time = Timestamp::from_millis(i * 15_000 + late);
            if number % 5 == 4 && i < histograms.len() as i64 {
                columns.histogram_timestamps.push(time);
                columns.histograms.push(histograms[i as usize].clone());
            } else {
                columns.timestamps.push(time);
                columns.values.push((i * i64::from(number)) as f64 / 8.0);
            }
        }
        writer.add(labels.as_ref(), &[Part::Columns(&columns)])?;
    }
    writer.finish(std::iter::empty(), (1, 1), 0, 0)?;
    Ok(disk.bytes(Path::new(PATH)))
}
