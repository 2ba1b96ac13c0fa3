//! Tables that fit the terminal, and the same rows as CSV and Markdown.

use std::fmt::Write as _;

use crate::term::{self, Colour};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// The same object as the API's.
    Json,
    /// Comma-separated values with a header.
    Csv,
    /// A Markdown table.
    Markdown,
}

/// One cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    colour: Option<Colour>,
}

impl Cell {
    /// A cell in colour on a terminal.
    pub(crate) fn coloured(text: impl Into<String>, colour: Option<Colour>) -> Self {
        Self {
            text: text.into(),
            colour,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            colour: None,
        }
    }
}

/// Rows under headings. Columns whose heading starts with `>` are right-aligned.
#[derive(Debug, Default)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self {
            headings: headings.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a row where there is one.
    pub(crate) fn extend<const N: usize>(&mut self, row: Option<[Cell; N]>) {
        if let Some(row) = row {
            self.row(row);
        }
    }

    /// The table as text; JSON is the caller's.
    pub(crate) fn render(&self, format: Format) -> String {
        match format {
            Format::Table | Format::Json => self.columns(term::width(), term::colour()),
            Format::Csv => self.csv(),
            Format::Markdown => self.markdown(),
        }
    }

    fn titles(&self) -> impl Iterator<Item = &str> {
        self.headings
            .iter()
            .map(|heading| heading.trim_start_matches('>'))
    }

    /// Cuts the widest left-aligned columns first where the terminal is too narrow.
    fn columns(&self, fit: Option<usize>, colour: bool) -> String {
        let mut widths: Vec<usize> = self.titles().map(width_of).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(width_of(&cell.text));
            }
        }
        if let Some(fit) = fit {
            let gaps = 2 * widths.len().saturating_sub(1);
            while widths.iter().sum::<usize>() + gaps > fit {
                let cuttable = self.headings.iter().zip(&mut widths);
                let widest = cuttable
                    .filter(|(heading, width)| !heading.starts_with('>') && **width > 8)
                    .max_by_key(|(_, width)| **width);
                let Some((_, width)) = widest else { break };
                *width -= 1;
            }
        }
        let mut out = String::new();
        let titles: Vec<Cell> = self
            .titles()
            .map(|t| Cell::coloured(t, Some(Colour::Soft)))
            .collect();
        // A table of facts needs no headings.
        let headed = self.titles().any(|title| !title.is_empty());
        let titles = headed.then_some(&titles);
        for row in titles.into_iter().chain(&self.rows) {
            let mut line = String::new();
            for ((cell, width), heading) in row.iter().zip(&widths).zip(&self.headings) {
                let text = cut(&cell.text, *width);
                let padding = " ".repeat(width.saturating_sub(width_of(&text)));
                let text = match cell.colour {
                    Some(hue) if colour => term::paint(&text, hue),
                    _ => text,
                };
                let cell = if heading.starts_with('>') {
                    format!("{padding}{text}  ")
                } else {
                    format!("{text}{padding}  ")
                };
                line.push_str(&cell);
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
        out
    }

    fn csv(&self) -> String {
        let mut out = String::new();
        let line = |cells: Vec<&str>| {
            let quoted = cells.into_iter().map(|cell| {
                if cell.contains(['"', ',', '\n', '\r']) {
                    format!("\"{}\"", cell.replace('"', "\"\""))
                } else {
                    cell.to_owned()
                }
            });
            quoted.collect::<Vec<_>>().join(",")
        };
        let _ = writeln!(out, "{}", line(self.titles().collect()));
        for row in &self.rows {
            let _ = writeln!(
                out,
                "{}",
                line(row.iter().map(|cell| cell.text.as_str()).collect())
            );
        }
        out
    }

    fn markdown(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "| {} |", self.titles().collect::<Vec<_>>().join(" | "));
        let align = |heading: &&str| {
            if heading.starts_with('>') {
                "---:"
            } else {
                "---"
            }
        };
        let _ = writeln!(
            out,
            "| {} |",
            self.headings
                .iter()
                .map(align)
                .collect::<Vec<_>>()
                .join(" | ")
        );
        for row in &self.rows {
            let cells: Vec<_> = row
                .iter()
                .map(|c| c.text.replace('|', "\\|").replace('\n', " "))
                .collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        out
    }
}

fn width_of(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str, width: usize) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["series", ">value"]);
        table.row([
            "node_load1{instance=\"a-very-long-host-name\"}".into(),
            "1.25".into(),
        ]);
        table.row(["a,\"b\"".into(), "10".into()]);
        table
    }

    #[test]
    fn narrow_terminals_cut_the_widest_text_never_a_number() {
        let text = table().columns(Some(24), false);
        assert!(text.lines().all(|line| width_of(line) <= 24), "{text}");
        assert!(text.contains("1.25") && text.contains('…'), "{text}");
    }

    #[test]
    fn csv_quotes_and_markdown_aligns() {
        assert_eq!(table().csv().lines().nth(2), Some("\"a,\"\"b\"\"\",10"));
        assert!(table().markdown().contains("| --- | ---: |"));
    }
}
