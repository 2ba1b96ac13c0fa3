//! Tables of records on the engine's log, flushing, compaction and retention.
//!
//! Files of a table carry the generations of the log that their rows came from, as blocks do: what
//! of the log is in no file yet is told apart by table, so that a crash between the files of one
//! generation loses nothing and repeats nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tacho_model::append::Rejected;
use tacho_model::{AppendError, AppendOutcome, QueryError, Refusal, Timestamp};

use super::append::{HEAD_OVERLOAD, refused};
use super::maintain::Maintenance;
use super::merge::{mergeable, merged_level, stretches};
use super::retain::{Held, surplus};
use super::{Engine, Memory};
use crate::block::format::Footer;
use crate::codec::Effort;
use crate::error::StoreError;
use crate::options::Table;
use crate::records::file::RecordFile;
use crate::records::head::{Added, RecordHead};
use crate::records::merge::{Run, merge};
use crate::records::schema::Schema;
use crate::records::select::View;
use crate::records::write::RecordWriter;
use crate::records::{RecordQuery, Records, RecordsError, logged};
use crate::stats::TableStats;
use crate::wal::record::RECORDS;
use crate::wal::segment::{FRAME_BYTES, put_record};

/// The folder of the files of all tables.
pub(crate) fn folder(dir: &Path) -> PathBuf {
    dir.join("records")
}

/// Rows that are ready for the log and the head.
pub(super) struct Rows {
    pub(super) payload: Vec<u8>,
    pub(super) added: Added,
}

/// Rows of a table, decided about and encoded: see [`crate::Store::prepare_records`].
pub struct PreparedRecords {
    /// Those that the table takes, where it takes any.
    pub(super) rows: Option<Rows>,
    pub(super) outcome: AppendOutcome,
}

/// What readers see of tables.
pub(super) struct RecordTables {
    pub(super) head: Arc<RecordHead>,
    pub(super) frozen: Option<Arc<RecordHead>>,
    /// By table, in order of their sequence.
    pub(super) files: BTreeMap<String, Vec<Arc<RecordFile>>>,
}

impl RecordTables {
    fn files(&self, table: &str) -> &[Arc<RecordFile>] {
        self.files.get(table).map_or(&[], Vec::as_slice)
    }

    fn heads(&self) -> impl Iterator<Item = &Arc<RecordHead>> {
        self.frozen.iter().chain([&self.head])
    }

    /// The heads whose rows of a table are in no file yet: while the tables of a frozen head become
    /// files one by one, it has rows of some that are.
    fn heads_of(&self, table: &str) -> impl Iterator<Item = &Arc<RecordHead>> {
        let newest = self.files(table).last();
        let covered = newest.map_or(0, |file| file.footer.sequence.1);
        self.heads().filter(move |head| head.generation > covered)
    }

    /// From the oldest writes to the newest.
    fn runs(&self, table: &str) -> Vec<Run> {
        let files = self.files(table).iter().cloned().map(Run::File);
        let chunks = self.heads_of(table).flat_map(|head| head.chunks(table));
        files.chain(chunks.map(Run::Chunk)).collect()
    }

    pub(super) fn file_bytes(&self) -> u64 {
        self.files.values().flatten().map(|file| file.bytes).sum()
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.heads().map(|head| head.bytes()).sum()
    }

    pub(super) fn stats(&self) -> Vec<TableStats> {
        let in_memory = self.heads().flat_map(|head| head.tables());
        let names: BTreeSet<String> = self.files.keys().cloned().chain(in_memory).collect();
        let of = |name: String| {
            let files = self.files(&name);
            TableStats {
                records_in_memory: self.heads_of(&name).map(|head| head.rows(&name)).sum(),
                records_in_files: files.iter().map(|file| file.footer.samples).sum(),
                files: files.len() as u64,
                bytes: files.iter().map(|file| file.bytes).sum(),
                oldest: files.iter().map(|file| file.footer.range.start).min(),
                newest: files.iter().map(|file| file.footer.range.end).max(),
                name,
            }
        };
        names.into_iter().map(of).collect()
    }
}

impl Engine {
    fn table(&self, name: &str) -> Result<&Table, RecordsError> {
        let mut tables = self.options.tables.iter();
        let table = tables.find(|table| table.schema.name() == name);
        table.ok_or_else(|| RecordsError::NoTable {
            name: name.to_owned(),
        })
    }

    /// See [`crate::Store::append_records`].
    pub(crate) fn append_records(
        &self,
        table: &str,
        records: &Records,
    ) -> Result<AppendOutcome, AppendError> {
        let Some(writer) = &self.writer else {
            let reason = "it was opened read-only".to_owned();
            return Err(refused(StoreError::ReadOnly { reason }));
        };
        let now = (self.options.clock)();
        let prepared = self.prepare(table, &Arc::new(records.clone()))?;
        let Some(rows) = prepared.rows else {
            return Ok(prepared.outcome);
        };
        self.syncer.check().map_err(refused)?;
        // Held to the end, so that the head is not frozen before the rows are in it.
        let memory = self.memory.read();
        let head = &memory.records.head;
        self.room_for_rows(head)?;
        let mut record = Vec::with_capacity(rows.payload.len() + FRAME_BYTES);
        put_record(RECORDS, &rows.payload, &mut record);
        let ticket = {
            let writer = &mut *writer.lock();
            self.syncer.check().map_err(refused)?;
            writer
                .wal
                .reserve(record.len() as u64, now)
                .map_err(refused)?;
            let ticket = writer.wal.append(&record).map_err(refused)?;
            head.add(rows.added, now);
            ticket
        };
        if head.bytes() >= self.options.head_bytes_max {
            self.work.wake();
        }
        drop(memory);
        self.syncer.wait(ticket).map_err(refused)?;
        Ok(prepared.outcome)
    }

    /// Refuses rows while there is too much in memory.
    pub(super) fn room_for_rows(&self, head: &RecordHead) -> Result<(), AppendError> {
        if head.bytes() > self.options.head_bytes_max.saturating_mul(HEAD_OVERLOAD) {
            return Err(AppendError::Overloaded);
        }
        Ok(())
    }

    /// See [`crate::Store::prepare_records`].
    pub(crate) fn prepare(
        &self,
        table: &str,
        records: &Arc<Records>,
    ) -> Result<PreparedRecords, AppendError> {
        let failed = |error: RecordsError| AppendError::Failed(Box::new(error));
        let table = self.table(table).map_err(failed)?;
        if !table.schema.fits(records) {
            return Err(failed(RecordsError::Row { cell: 0 }));
        }
        let (kept, rejected) = self.admit(table, records, (self.options.clock)());
        let outcome = AppendOutcome {
            filtered: 0,
            accepted: kept.len(),
            rejected,
            culprit: None,
        };
        if kept.is_empty() {
            let rows = None;
            return Ok(PreparedRecords { rows, outcome });
        }
        let kept = if kept.len() == records.len() {
            Arc::clone(records)
        } else {
            Arc::new(records.gather(&kept))
        };
        let payload = logged::encode(&table.schema, &kept);
        let added = Added::new(table.schema.clone(), kept);
        let rows = Some(Rows { payload, added });
        Ok(PreparedRecords { rows, outcome })
    }

    /// The rows whose times are acceptable, and the others.
    fn admit(&self, table: &Table, records: &Records, now: Timestamp) -> (Vec<u32>, Vec<Rejected>) {
        let newest = now + self.options.future;
        let oldest = match table.retention.age {
            Duration::MAX => Timestamp::MIN,
            age => now - age,
        };
        let (mut kept, mut rejected) = (Vec::new(), Vec::new());
        for row in 0..records.len() {
            let time = records.time(row);
            let reason = match () {
                () if time > newest => Refusal::TooNew,
                () if time < oldest => Refusal::TooOld,
                () => {
                    kept.push(row as u32);
                    continue;
                }
            };
            rejected.push(Rejected { row, reason });
        }
        (kept, rejected)
    }

    /// A table as it is now.
    fn view(&self, table: &str) -> Result<View, QueryError> {
        let table = self.table(table);
        let table = table.map_err(|error| QueryError::Failed(Box::new(error)))?;
        Ok(View {
            schema: table.schema.clone(),
            runs: self.memory.read().records.runs(table.schema.name()),
            rows_max: self.options.query_samples_max,
        })
    }

    /// See [`crate::Store::select_records`].
    pub(crate) fn select_records(
        &self,
        table: &str,
        query: &RecordQuery<'_>,
    ) -> Result<Records, QueryError> {
        self.view(table)?.select(query)
    }

    /// See [`crate::Store::scan_records`].
    pub(crate) fn scan_records(
        &self,
        table: &str,
        query: &RecordQuery<'_>,
        each: impl FnMut(&Records) -> bool,
    ) -> Result<(), QueryError> {
        self.view(table)?.scan(query, each)
    }

    /// All files of all tables.
    pub(crate) fn record_files(&self) -> Vec<Arc<RecordFile>> {
        let memory = self.memory.read();
        memory.records.files.values().flatten().cloned().collect()
    }

    /// Writes the frozen records of every table that has some as a file.
    pub(super) fn write_frozen_records(&self, done: &mut Maintenance) -> Result<(), StoreError> {
        let Some(frozen) = self.memory.read().records.frozen.clone() else {
            return Ok(());
        };
        for table in frozen.tables() {
            let chunks: Vec<Run> = frozen.chunks(&table).into_iter().map(Run::Chunk).collect();
            let files = self.memory.read().records.files(&table).to_vec();
            let before = files.last().map_or(0, |file| file.footer.sequence.1);
            if before >= frozen.generation {
                // Another table's file could not be written, and this is the next try.
                continue;
            }
            let sequence = (before + 1, frozen.generation);
            // It is read again before long, to be merged.
            let effort = Effort::Least;
            let file = self.write_records(&table, &chunks, (sequence, 0), effort)?;
            done.records_flushed += file.footer.samples;
            let mut memory = self.memory.write();
            memory.records.files.entry(table).or_default().push(file);
        }
        self.memory.write().records.frozen = None;
        Ok(())
    }

    /// Makes one file of some runs of a table.
    fn write_records(
        &self,
        table: &str,
        runs: &[Run],
        (sequence, level): ((u64, u64), u32),
        effort: Effort,
    ) -> Result<Arc<RecordFile>, StoreError> {
        let name = format!("{table}-{:010}-{:010}.records", sequence.0, sequence.1);
        let path = folder(&self.dir).join(name);
        let schema = self.columns_of(table, runs);
        let mut writer = RecordWriter::create(self.disk.clone(), &path, &schema, effort)?;
        let merged = merge(runs, &schema, |stretch| writer.push(stretch));
        if let Err(error) = merged {
            writer.abandon();
            return Err(error);
        }
        writer.finish(sequence, level)?;
        let reports = self.quarantine.reports.clone();
        let file = RecordFile::open(&*self.disk, &path, reports, self.cache.clone())?;
        Ok(Arc::new(file))
    }

    /// The table's columns, and those of the runs that it does not have (any more).
    fn columns_of(&self, table: &str, runs: &[Run]) -> Schema {
        let mut schemas = runs.iter().map(Run::schema);
        let first = match self.table(table) {
            Ok(table) => Some((*table.schema).clone()),
            Err(_) => schemas.next().cloned(),
        };
        let first = first.unwrap_or_else(|| Schema::nothing(table));
        schemas.fold(first, |union, schema| union.union(schema))
    }

    /// Merges one run of neighbouring files of each table, if there is one that is worth it.
    pub(super) fn merge_records(&self, done: &mut Maintenance) -> Result<(), StoreError> {
        for (table, files) in self.tables_of_files() {
            if let Some(run) = mergeable(&footers(&files), self.options.merge_duration) {
                self.merge_files(&table, &files, run, done)?;
            }
        }
        Ok(())
    }

    /// Brings the files of every table into their final form.
    pub(super) fn merge_all_records(&self, done: &mut Maintenance) -> Result<(), StoreError> {
        for (table, files) in self.tables_of_files() {
            let runs = stretches(&footers(&files), self.options.merge_duration);
            // From the newest, so that the places of those before stay the same.
            for run in runs.into_iter().rev() {
                self.merge_files(&table, &files, run, done)?;
            }
        }
        Ok(())
    }

    fn tables_of_files(&self) -> BTreeMap<String, Vec<Arc<RecordFile>>> {
        self.memory.read().records.files.clone()
    }

    fn merge_files(
        &self,
        table: &str,
        files: &[Arc<RecordFile>],
        run: Range<usize>,
        done: &mut Maintenance,
    ) -> Result<(), StoreError> {
        let parts = files.get(run.clone()).unwrap_or_default();
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            return Ok(());
        };
        let sequence = (first.footer.sequence.0, last.footer.sequence.1);
        let level = merged_level(&footers(parts));
        let runs: Vec<Run> = parts.iter().cloned().map(Run::File).collect();
        if let [alone] = parts
            && (alone.is_damaged() || alone.verify()? < alone.footer.samples)
        {
            // It would take the name of the only copy of what is damaged.
            return Ok(());
        }
        let merged = self.write_records(table, &runs, (sequence, level), Effort::Final)?;
        let replace = |memory: &mut Memory| {
            if let Some(files) = memory.records.files.get_mut(table) {
                files.splice(run, [merged.clone()]);
            }
        };
        replace(&mut self.memory.write());
        self.drop_merged(parts.iter().map(|part| &***part), &merged.path)?;
        done.blocks_merged += parts.len();
        Ok(())
    }

    /// Removes files that are older than their table's retention, and the oldest ones while there
    /// is more than its limits allow. What no table claims is left alone: whoever does not know it
    /// does not know how long it is to be kept.
    pub(super) fn retain_records(
        &self,
        now: Timestamp,
        done: &mut Maintenance,
    ) -> Result<(), StoreError> {
        for (table, files) in self.tables_of_files() {
            let Ok(keep) = self.table(&table).map(|table| table.retention) else {
                continue;
            };
            let held: Vec<Held> = files.iter().map(|file| Held::of(file)).collect();
            let gone = surplus(&held, &keep, now);
            if !gone.is_empty() {
                // Segments that a power cut brought back would be replayed.
                self.sync_folder(&self.dir.join("wal"))?;
            }
            for place in gone {
                let file = &files[place];
                // Hidden first: whoever reads it now keeps it open.
                if let Some(files) = self.memory.write().records.files.get_mut(&table) {
                    files.retain(|other| !Arc::ptr_eq(other, file));
                }
                self.remove_for_good(file)?;
                done.blocks_removed += 1;
            }
        }
        Ok(())
    }
}

fn footers(files: &[Arc<RecordFile>]) -> Vec<Footer> {
    files.iter().map(|file| file.footer).collect()
}
