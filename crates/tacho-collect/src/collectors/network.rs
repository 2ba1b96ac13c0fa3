//! `/proc/net/dev`: what each network interface received and sent.
//!
//! Names are those of `node_exporter`'s *netdev*. The host's end of a container's interface
//! (`veth…`) is left out, unlike there: it comes and goes with each container under a new random
//! name, and its traffic is counted on the bridge. Source: proc(5).

use tacho_model::Unit;

use crate::collector::{Collector, Context};
use crate::emit::Family;
use crate::error::{CollectError, ParseError};
use crate::host::HostOptions;
use crate::source::TextFile;
use crate::text;

/// Most interfaces that are reported.
pub const INTERFACES_MAX: usize = 128;
const COLUMNS: usize = 16;

/// Column, family.
static FAMILIES: [(usize, Family); 8] = [
    (
        0,
        Family::counter(
            "node_network_receive_bytes_total",
            Unit::BYTES,
            "Network device statistic receive_bytes.",
        ),
    ),
    (
        1,
        Family::counter(
            "node_network_receive_packets_total",
            Unit::NONE,
            "Network device statistic receive_packets.",
        ),
    ),
    (
        2,
        Family::counter(
            "node_network_receive_errs_total",
            Unit::NONE,
            "Network device statistic receive_errs.",
        ),
    ),
    (
        3,
        Family::counter(
            "node_network_receive_drop_total",
            Unit::NONE,
            "Network device statistic receive_drop.",
        ),
    ),
    (
        8,
        Family::counter(
            "node_network_transmit_bytes_total",
            Unit::BYTES,
            "Network device statistic transmit_bytes.",
        ),
    ),
    (
        9,
        Family::counter(
            "node_network_transmit_packets_total",
            Unit::NONE,
            "Network device statistic transmit_packets.",
        ),
    ),
    (
        10,
        Family::counter(
            "node_network_transmit_errs_total",
            Unit::NONE,
            "Network device statistic transmit_errs.",
        ),
    ),
    (
        11,
        Family::counter(
            "node_network_transmit_drop_total",
            Unit::NONE,
            "Network device statistic transmit_drop.",
        ),
    ),
];

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub device: String,
    /// Eight columns received, then eight sent.
    pub columns: [u64; COLUMNS],
}

/// Parses `/proc/net/dev`.
pub fn parse(bytes: &[u8]) -> Result<Vec<Interface>, ParseError> {
    let mut interfaces = Vec::new();
    // Two lines of headings.
    for line in text::lines(bytes).skip(2) {
        // The name may hold a colon (an alias): the last one ends it, as numbers hold none.
        let Some(colon) = line.iter().rposition(|byte| *byte == b':') else {
            continue;
        };
        let (device, rest) = line.split_at(colon);
        let device = device.trim_ascii();
        if device.starts_with(b"veth") || interfaces.len() == INTERFACES_MAX {
            continue;
        }
        let mut fields = text::fields(rest.get(1..).unwrap_or_default());
        let mut columns = [0; COLUMNS];
        for column in &mut columns {
            let field = fields.next().ok_or(ParseError::missing("a total"))?;
            *column = text::unsigned(field).ok_or(ParseError::invalid("a total"))?;
        }
        interfaces.push(Interface {
            device: text::name(device),
            columns,
        });
    }
    if interfaces.is_empty() {
        return Err(ParseError::missing("every interface"));
    }
    Ok(interfaces)
}

/// Keeps `/proc/net/dev` open.
#[derive(Debug)]
pub struct Network {
    file: TextFile,
}

impl Network {
    /// Reads below `options.procfs`.
    pub fn new(options: &HostOptions) -> Self {
        Self {
            file: TextFile::new(options.procfs.join("net/dev")),
        }
    }
}

impl Collector for Network {
    fn name(&self) -> &'static str {
        "network"
    }

    fn collect(&mut self, ctx: &mut Context<'_>) -> Result<(), CollectError> {
        for Interface { device, columns } in self.file.parse(parse)? {
            for (column, family) in &FAMILIES {
                let value = columns[*column] as f64;
                ctx.emit.push(family, &[("device", &device)], value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_colons_and_without_blanks() {
        let text = b"h\nh\neth0:1:5 0 0 0 0 0 0 0 7 0 0 0 0 0 0 0\nvethab: 1\n";
        let interfaces = parse(text).unwrap();
        assert_eq!(interfaces.len(), 1);
        assert_eq!(interfaces[0].device, "eth0:1");
        assert_eq!((interfaces[0].columns[0], interfaces[0].columns[8]), (5, 7));
    }

    #[test]
    fn what_is_no_netdev_is_refused() {
        assert_eq!(parse(b""), Err(ParseError::missing("every interface")));
        assert_eq!(parse(b"\n\nlo: 1 2\n"), Err(ParseError::missing("a total")));
        assert_eq!(
            parse(b"\n\nlo: -1 2\n"),
            Err(ParseError::invalid("a total"))
        );
    }
}
