//! What system this is: `node_uname_info`, and the clock as this host sees it.
//!
//! Every 15 s: it hardly ever changes. Source: uname(2), whose fields procfs shows as files.

use std::path::PathBuf;
use std::time::Duration;

use tacho_model::Unit;

use crate::collector::{Collector, Context};
use crate::emit::Family;
use crate::error::CollectError;
use crate::host::HostOptions;
use crate::source::read_line;
use crate::sys;

static INFO: Family = Family::gauge(
    "node_uname_info",
    Unit::NONE,
    "Labeled system information as provided by the uname system call.",
);
static TIME: Family = Family::gauge(
    "node_time_seconds",
    Unit::SECONDS,
    "System time in seconds since epoch (1970).",
);

/// Label and file, in the order of uname(2).
const FIELDS: [(&str, &str); 5] = [
    ("sysname", "ostype"),
    ("nodename", "hostname"),
    ("release", "osrelease"),
    ("version", "version"),
    ("domainname", "domainname"),
];

/// Reads the files anew each time: there is nothing to keep.
#[derive(Debug)]
pub struct Uname {
    folder: PathBuf,
}

impl Uname {
    /// Reads below `options.procfs`.
    pub fn new(options: &HostOptions) -> Self {
        Self {
            folder: options.procfs.join("sys/kernel"),
        }
    }
}

impl Collector for Uname {
    fn name(&self) -> &'static str {
        "uname"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        let time = ctx.now.as_secs_f64();
        ctx.emit.push(&TIME, &[], time);
        let values = FIELDS.map(|(_, file)| read_line(&self.folder.join(file)));
        if values.iter().all(Option::is_none) {
            return Err(CollectError::Read {
                path: self.folder.clone(),
                source: std::io::ErrorKind::NotFound.into(),
            });
        }
        let machine = sys::machine();
        let mut labels = vec![("machine", machine.as_str())];
        for ((label, _), value) in FIELDS.iter().zip(&values) {
            labels.push((label, value.as_deref().unwrap_or_default()));
        }
        ctx.emit.push(&INFO, &labels, 1.0);
        Ok(())
    }
}
