//! `/proc/loadavg`: the load averages. Source: proc(5); names of `node_exporter`'s *loadavg*.

use tacho_model::Unit;

use crate::collector::{Collector, Context};
use crate::emit::Family;
use crate::error::{CollectError, ParseError};
use crate::host::HostOptions;
use crate::source::TextFile;
use crate::text;

static FAMILIES: [Family; 3] = [
    Family::gauge("node_load1", Unit::NONE, "1m load average."),
    Family::gauge("node_load5", Unit::NONE, "5m load average."),
    Family::gauge("node_load15", Unit::NONE, "15m load average."),
];

/// Parses `/proc/loadavg` into the averages over 1, 5 and 15 minutes.
pub fn parse(bytes: &[u8]) -> Result<[f64; 3], ParseError> {
    let mut load = [0.0; 3];
    let mut fields = text::fields(bytes);
    for value in &mut load {
        let field = fields.next().ok_or(ParseError::missing("a load average"))?;
        *value = text::decimal(field).ok_or(ParseError::invalid("a load average"))?;
    }
    Ok(load)
}

/// Keeps `/proc/loadavg` open.
#[derive(Debug)]
pub struct Load {
    file: TextFile,
}

impl Load {
    /// Reads below `options.procfs`.
    pub fn new(options: &HostOptions) -> Self {
        Self {
            file: TextFile::new(options.procfs.join("loadavg")),
        }
    }
}

impl Collector for Load {
    fn name(&self) -> &'static str {
        "load"
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        ctx.readings.load = None;
        let load = self.file.parse(parse)?;
        for (family, value) in FAMILIES.iter().zip(load) {
            ctx.emit.push(family, &[], value);
        }
        ctx.readings.load = Some(load);
        Ok(())
    }
}
