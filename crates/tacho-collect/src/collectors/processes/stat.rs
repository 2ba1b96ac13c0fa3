//! `/proc/PID/stat`: one process in a line. Source: proc(5).

use crate::error::ParseError;
use crate::text;

/// What is kept of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat<'a> {
    /// The program's name, as the kernel keeps it. Any bytes: a program may call itself anything.
    pub comm: &'a [u8],
    /// Its parent's number.
    pub parent: u64,
    /// CPU time in user and kernel mode, in ticks.
    pub cpu_ticks: u64,
    /// Threads.
    pub threads: u64,
    /// When it was started, in ticks since boot. With the number it makes a process' identity.
    pub start_ticks: u64,
    /// Address space, in bytes.
    pub virtual_bytes: u64,
    /// Memory it holds, in pages.
    pub resident_pages: u64,
}

/// The fields of interest, counted from the one after the name.
const PARENT: usize = 1;
const USER: usize = 11;
const SYSTEM: usize = 12;
const THREADS: usize = 17;
const START: usize = 19;
const VIRTUAL: usize = 20;
const RESIDENT: usize = 21;

/// Parses `/proc/PID/stat`.
pub fn parse(bytes: &[u8]) -> Result<Stat<'_>, ParseError> {
    // The name is in brackets and may itself hold brackets and blanks: the last one ends it.
    let open = bytes.iter().position(|byte| *byte == b'(');
    let close = bytes.iter().rposition(|byte| *byte == b')');
    let (Some(open), Some(close)) = (open, close) else {
        return Err(ParseError::missing("a process' name"));
    };
    let comm = bytes.get(open + 1..close);
    let comm = comm.ok_or(ParseError::missing("a process' name"))?;
    let mut found = [0u64; RESIDENT + 1];
    let mut fields = text::fields(bytes.get(close + 1..).unwrap_or_default());
    for (i, value) in found.iter_mut().enumerate() {
        let field = fields.next().ok_or(ParseError::missing("a column"))?;
        if matches!(
            i,
            PARENT | USER | SYSTEM | THREADS | START | VIRTUAL | RESIDENT
        ) {
            *value = text::unsigned(field).ok_or(ParseError::invalid("a column"))?;
        }
    }
    Ok(Stat {
        comm,
        parent: found[PARENT],
        cpu_ticks: found[USER].saturating_add(found[SYSTEM]),
        threads: found[THREADS],
        start_ticks: found[START],
        virtual_bytes: found[VIRTUAL],
        resident_pages: found[RESIDENT],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = b"7 (a) R 1 (b) S 3 7 7 0 -1 64 98 0 0 0 5 6 0 0 20 0 2 0 900 4096 12 1 2\n";
        let stat = parse(line).unwrap();
        assert_eq!(stat.comm, b"a) R 1 (b");
        assert_eq!((stat.parent, stat.cpu_ticks, stat.threads), (3, 11, 2));
        assert_eq!((stat.start_ticks, stat.virtual_bytes), (900, 4096));
        assert_eq!(stat.resident_pages, 12);
    }

    #[test]
    fn what_is_no_stat_is_refused() {
        for bad in [
            "",
            "7",
            "7 (a",
            "7 )a(",
            "7 (a)",
            "7 (a) R 1 2 3",
            "7 (a) R -1 2",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
