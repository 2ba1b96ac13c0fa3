//! Decoded parts of blocks: pages that many series share, and parts of the index.
//!
//! One for all blocks of a store, bounded in bytes. Pages that belong to one series are not kept:
//! whoever reads a series once seldom reads it again before it was pushed out, and decoding it
//! straight into the reader's columns is as quick as copying. The policy (S3-FIFO in
//! `quick_cache`) keeps what is used often through a scan over everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use tacho_model::{Histogram, Timestamp};

use crate::block::postings::PostingsPage;
use crate::block::series::SeriesPage;
use crate::block::symbols::SymbolPage;
use crate::block::table::TablePage;
use crate::records::columns::ColumnData;
use crate::records::index::IndexPage;

/// Bytes kept unless told otherwise.
pub(crate) const BYTES_MAX: u64 = 32 << 20;
/// What a part weighs at the least, so that many small ones are bounded too.
const PART_BYTES: u64 = 128;
/// A large part's size. The cache is cut into shards that hold at least 32 of these, whatever the
/// number of processors: what does not fit into a shard is not kept.
const LARGE_BYTES: u64 = 128 << 10;

/// Decoded timestamps.
pub(crate) struct Times {
    pub(crate) times: Vec<Timestamp>,
    pub(crate) increasing: bool,
}

/// A decoded part.
#[derive(Clone)]
pub(crate) enum Part {
    Symbols(Arc<SymbolPage>),
    Series(Arc<SeriesPage>),
    Table(Arc<TablePage>),
    Postings(Arc<PostingsPage>),
    Times(Arc<Times>),
    Floats(Arc<Rows<f64>>),
    Histograms(Arc<Rows<Histogram>>),
    Column(Arc<ColumnData>),
    Index(Arc<IndexPage>),
}

/// The rows of a data page that several series share.
pub(crate) struct Rows<T> {
    pub(crate) times: Vec<Timestamp>,
    pub(crate) values: Vec<T>,
    /// An estimate of the memory taken.
    pub(crate) bytes: u64,
}

impl Part {
    fn bytes(&self) -> u64 {
        match self {
            Self::Symbols(page) => page.bytes(),
            Self::Series(page) => page.bytes(),
            Self::Table(page) => page.bytes(),
            Self::Postings(page) => page.bytes(),
            Self::Times(times) => times.times.len() as u64 * 8,
            Self::Floats(rows) => rows.bytes,
            Self::Histograms(rows) => rows.bytes,
            Self::Column(column) => column.bytes() as u64,
            Self::Index(page) => page.bytes(),
        }
    }
}

/// Which block, and where in its file.
type Key = (u64, u64);

#[derive(Clone)]
struct Weigh;

impl Weighter<Key, Part> for Weigh {
    fn weight(&self, _: &Key, part: &Part) -> u64 {
        part.bytes() + PART_BYTES
    }
}

/// The cache.
pub(crate) struct Cache {
    parts: quick_cache::sync::Cache<Key, Part, Weigh>,
    blocks: AtomicU64,
}

impl Cache {
    /// One that keeps about `bytes_max` bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let items = (bytes_max / LARGE_BYTES).max(1) as usize;
        Self {
            parts: quick_cache::sync::Cache::with_weighter(items, bytes_max, Weigh),
            blocks: AtomicU64::new(0),
        }
    }

    /// A number for a block that no other has.
    pub(crate) fn block(&self) -> u64 {
        self.blocks.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn get(&self, block: u64, offset: u64) -> Option<Part> {
        self.parts.get(&(block, offset))
    }

    pub(crate) fn insert(&self, block: u64, offset: u64, part: Part) {
        self.parts.insert((block, offset), part);
    }

    /// Bytes kept now.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> u64 {
        self.parts.weight()
    }
}
