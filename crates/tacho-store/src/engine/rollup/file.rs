//! The file of a roll-up under construction.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tacho_model::{Columns, LabelsRef};

use crate::block::rows::TimesPool;
use crate::block::write::COPIED_FLOATS_MIN;
use crate::block::{Block, BlockWriter, Part};
use crate::chunk::Chunk;
use crate::codec::Effort;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::rollup::Resolution;

/// A roll-up under construction.
pub(super) struct File {
    pub(super) resolution: Resolution,
    path: PathBuf,
    writer: BlockWriter,
    pool: TimesPool,
    pub(super) is_empty: bool,
}

impl File {
    /// Begins a file that will be found at `path` once it is finished.
    pub(super) fn create(
        engine: &Engine,
        path: &Path,
        resolution: Resolution,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            resolution,
            path: path.to_owned(),
            writer: BlockWriter::create(engine.disk.clone(), path, Effort::Final)?,
            pool: TimesPool::default(),
            is_empty: true,
        })
    }

    /// Removes what was written.
    pub(super) fn abandon(self) {
        self.writer.abandon();
    }

    /// Adds a series, each aggregate on pages of its own where it has rows enough.
    pub(super) fn add(
        &mut self,
        labels: LabelsRef<'_>,
        rows: &[Columns],
    ) -> Result<(), StoreError> {
        self.is_empty &= rows.is_empty();
        let chunk = |columns: &Columns| {
            let long = columns.values.len() as u64 >= COPIED_FLOATS_MIN;
            let times = &columns.timestamps;
            long.then(|| self.pool.encode(times, Effort::Final))
                .and_then(|encoded| Chunk::floats(times, &columns.values, encoded, Effort::Final))
        };
        let chunks: Vec<Option<Chunk>> = rows.iter().map(chunk).collect();
        let parts = chunks.iter().zip(rows);
        let parts = parts.map(|(chunk, columns)| match chunk {
            Some(chunk) => Part::Chunk(chunk),
            None => Part::Columns(columns),
        });
        let parts: Vec<Part<'_>> = parts.collect();
        self.writer.add(labels, &parts)
    }

    /// Ends the file; `None`, and no file, when it holds nothing.
    pub(super) fn finish(
        mut self,
        engine: &Engine,
        sequence: (u64, u64),
        applied: u64,
    ) -> Result<Option<Arc<Block>>, StoreError> {
        if self.is_empty {
            self.writer.abandon();
            return Ok(None);
        }
        let finished = self.writer.finish(std::iter::empty(), sequence, 0, applied);
        if let Err(error) = finished {
            self.writer.abandon();
            return Err(error);
        }
        engine.open_block(&self.path).map(Arc::new).map(Some)
    }
}
