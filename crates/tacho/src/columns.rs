//! Numbers from a user's own file: one column of it.
//!
//! A file is a table with commas, semicolons, tabs or blanks between the cells, with or without a
//! line of headings; a plain list of numbers is a table of one column. The column is named by its
//! heading or counted from 1. Nothing is guessed about a cell that is no number: it is an error
//! with its line, and only empty cells can be skipped, when asked for.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// What to do with an empty cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Say where it is.
    Refuse,
    /// Leave it out.
    Skip,
}

/// The numbers of a column of the file at `path` (`-` is standard input); of the only column where
/// none is named.
pub(crate) fn read(path: &Path, column: Option<&str>, missing: Missing) -> Result<Vec<f64>> {
    let name = path.display();
    let mut text = String::new();
    let reader: Box<dyn std::io::Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("cannot open {name}"))?)
    };
    let read = reader.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {name} as text"))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        bail!("{name} is larger than 1 GiB; take a sample of it");
    }
    parse(&text, column, missing).with_context(|| format!("in {name}"))
}

fn parse(text: &str, column: Option<&str>, missing: Missing) -> Result<Vec<f64>> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().find(|line| !line.trim().is_empty());
    let Some(first) = first else {
        bail!("there are no numbers");
    };
    let delimiter = delimiter(first);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let mut index = None;
    let mut numbers = Vec::new();
    for record in &mut records {
        let record = record.context("this is no table")?;
        let line = record.position().map_or(0, csv::Position::line);
        let at = if let Some(at) = index {
            at
        } else {
            let (at, heading) = place(&record, column)?;
            index = Some(at);
            if heading {
                continue;
            }
            at
        };
        match record.get(at).filter(|cell| !cell.is_empty()) {
            Some(cell) => numbers.push(number(cell).with_context(|| format!("line {line}"))?),
            None if missing == Missing::Skip => {}
            None => bail!("line {line}: the value is missing (--skip-missing leaves it out)"),
        }
    }
    if numbers.is_empty() {
        bail!("there are no numbers");
    }
    Ok(numbers)
}

/// What stands between the cells of a line.
fn delimiter(line: &str) -> u8 {
    let candidates = [b'\t', b';', b',', b' '];
    let found = candidates
        .into_iter()
        .find(|d| line.trim().as_bytes().contains(d));
    found.unwrap_or(b',')
}

/// The wanted column, and whether the first line is one of headings.
fn place(first: &csv::StringRecord, column: Option<&str>) -> Result<(usize, bool)> {
    let heading = !first.iter().any(|cell| number(cell).is_ok());
    let names = || first.iter().collect::<Vec<_>>().join(", ");
    let Some(column) = column else {
        return match first.len() {
            1 => Ok((0, heading)),
            n if heading => bail!("choose one of the {n} columns with --column: {}", names()),
            n => bail!("choose one of the {n} columns with --column 1 to {n}"),
        };
    };
    if heading && let Some(at) = first.iter().position(|name| name == column) {
        return Ok((at, true));
    }
    match column.parse::<usize>() {
        Ok(n) if (1..=first.len()).contains(&n) => Ok((n - 1, heading)),
        _ if heading => bail!("there is no column {column}; there are: {}", names()),
        _ => bail!(
            "there is no column {column}; columns are counted from 1 to {}",
            first.len()
        ),
    }
}

fn number(cell: &str) -> Result<f64> {
    let value: f64 = cell
        .parse()
        .map_err(|_| anyhow::anyhow!("{cell:?} is no number"))?;
    if value.is_finite() {
        Ok(value)
    } else {
        bail!("{cell:?} is not a finite number")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, column: Option<&str>, want: &[f64]) {
        assert_eq!(parse(text, column, Missing::Refuse).unwrap(), want);
    }

    #[track_caller]
    fn refuse(text: &str, column: Option<&str>, why: &str) {
        let error = parse(text, column, Missing::Refuse).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn a3_lists_and_tables_are_read() {
        check("1\n2.5\n-3e2\n", None, &[1.0, 2.5, -300.0]);
        check("\u{feff}ms\r\n1\r\n2\r\n", None, &[1.0, 2.0]);
        check("a,ms\nx,1\ny,2\n", Some("ms"), &[1.0, 2.0]);
        check("a;ms\nx;1\ny;2\n", Some("2"), &[1.0, 2.0]);
        check("1 10\n2 20\n", Some("2"), &[10.0, 20.0]);
        check("1\t10\n2\t20\n", Some("1"), &[1.0, 2.0]);
        check("\"the, time\"\n\"3\"\n", None, &[3.0]);
        check("2024,p95\n1,7\n", Some("1"), &[2024.0, 1.0]);
    }

    #[test]
    fn a3_what_is_no_number_is_named() {
        refuse("", None, "no numbers");
        refuse("ms\n", None, "no numbers");
        refuse("1\nfast\n", None, "line 2: \"fast\" is no number");
        refuse("1\nNaN\n", None, "line 2: \"NaN\" is not a finite number");
        refuse("1\ninf\n", None, "not a finite number");
        refuse(
            "a,b\n1,2\n",
            None,
            "choose one of the 2 columns with --column: a, b",
        );
        refuse("1,2\n", None, "--column 1 to 2");
        refuse(
            "a,b\n1,2\n",
            Some("c"),
            "there is no column c; there are: a, b",
        );
        refuse("1,2\n", Some("3"), "counted from 1 to 2");
        refuse("a,b\n1,2\n3,\n", Some("b"), "line 3: the value is missing");
        refuse("a,b\n1,2\n3\n", Some("b"), "line 3: the value is missing");
        let kept = parse("a,b\n1,2\n3,\n4,5\n", Some("b"), Missing::Skip).unwrap();
        assert_eq!(kept, [2.0, 5.0]);
    }
}
