//! `/proc/sys/fs/file-nr`: open files of the whole host. Source: proc(5).

use tacho_model::Unit;

use crate::collector::{Collector, Context};
use crate::emit::Family;
use crate::error::{CollectError, ParseError};
use crate::host::HostOptions;
use crate::source::TextFile;
use crate::text;

static ALLOCATED: Family = Family::gauge(
    "node_filefd_allocated",
    Unit::NONE,
    "File descriptor statistics: allocated.",
);
static MAXIMUM: Family = Family::gauge(
    "node_filefd_maximum",
    Unit::NONE,
    "File descriptor statistics: maximum.",
);

/// Parses `/proc/sys/fs/file-nr` into allocated and maximum.
pub fn parse(bytes: &[u8]) -> Result<[u64; 2], ParseError> {
    let mut fields = text::fields(bytes);
    let mut next = |skip| {
        let field = fields.nth(skip).ok_or(ParseError::missing("a count"))?;
        text::unsigned(field).ok_or(ParseError::invalid("a count"))
    };
    // The middle column, free handles, has been zero since Linux 2.6.
    Ok([next(0)?, next(1)?])
}

/// Keeps the file open.
#[derive(Debug)]
pub struct Filefd {
    file: TextFile,
}

impl Filefd {
    /// Reads below `options.procfs`.
    pub fn new(options: &HostOptions) -> Self {
        Self {
            file: TextFile::new(options.procfs.join("sys/fs/file-nr")),
        }
    }
}

impl Collector for Filefd {
    fn name(&self) -> &'static str {
        "filefd"
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        let [allocated, maximum] = self.file.parse(parse)?;
        ctx.emit.push(&ALLOCATED, &[], allocated as f64);
        ctx.emit.push(&MAXIMUM, &[], maximum as f64);
        Ok(())
    }
}
