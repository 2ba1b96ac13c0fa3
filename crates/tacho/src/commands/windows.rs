//! What the commands share that show figures of a window: its arguments, and rows of figures.

use anyhow::Result;
use serde_json::Value;

use crate::client::{Client, Source};
use crate::table::{Cell, Format};
use crate::term::{self, Colour};

/// Headings of the figures of a row.
pub(super) const FIGURES: [&str; 6] = [">rate/s", ">errors", ">p50", ">p95", ">p99", ">p95 before"];

/// Which window, and how to show it.
#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    pub(super) source: Source,
    /// How much of the past to look at
    #[arg(
        long,
        default_value = "1h",
        value_name = "DURATION",
        conflicts_with = "from"
    )]
    window: String,
    /// Beginning of the window: RFC 3339 or unix seconds
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// End of the window; now unless told otherwise
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// What to compare with: previous, 24h ago, or FROM/TO
    #[arg(long, value_name = "WINDOW")]
    compare: Option<String>,
    /// Most rows
    #[arg(long, default_value = "100", value_name = "ROWS")]
    limit: String,
    /// How to write the answer
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

impl Asked {
    /// Asks, with these parameters besides.
    pub(super) fn get(&self, client: &Client, path: &str, more: &[(&str, &str)]) -> Result<Value> {
        let mut query = vec![("limit", self.limit.as_str())];
        let optional = [
            ("from", &self.from),
            ("to", &self.to),
            ("compare", &self.compare),
        ];
        let given = optional
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        query.extend(given);
        if self.from.is_none() {
            query.push(("window", &self.window));
        }
        query.extend(more);
        client.get(path, &query)?.json()
    }

    /// What was asked about, for a sentence.
    pub(super) fn when(&self) -> String {
        match &self.from {
            Some(from) => format!("since {from}"),
            None => format!("in {}", self.window),
        }
    }

    /// The headings of a table whose first columns are these.
    pub(super) fn headings(&self, first: &[&'static str]) -> Vec<&'static str> {
        let figures = match self.compare {
            Some(_) => &FIGURES[..],
            None => FIGURES.get(..5).unwrap_or(&[]),
        };
        [first, figures].concat()
    }

    /// The cells of `{stats, previous}`, as [`Self::headings`] names them.
    pub(super) fn figures(&self, row: &Value) -> Vec<Cell> {
        let stats = &row["stats"];
        let seconds = |value: &Value| self.number(value, "s").into();
        let failed = stats["errors"].as_u64().unwrap_or(0) > 0;
        let mut cells = vec![
            self.number(&stats["rate"], "").into(),
            Cell::coloured(
                self.share(&stats["error_rate"]),
                failed.then_some(Colour::Worse),
            ),
            seconds(&stats["p50"]),
            seconds(&stats["p95"]),
            seconds(&stats["p99"]),
        ];
        if self.compare.is_some() {
            cells.push(seconds(&row["previous"]["p95"]));
        }
        cells
    }

    /// A number for people, or as it is for programs.
    pub(super) fn number(&self, value: &Value, unit: &str) -> String {
        match (value.as_f64(), self.format) {
            (None, Format::Csv) => String::new(),
            (None, _) => "–".to_owned(),
            (Some(value), Format::Csv) => value.to_string(),
            (Some(value), _) => term::with_unit(value, unit),
        }
    }

    /// A share, likewise.
    pub(super) fn share(&self, value: &Value) -> String {
        match (value.as_f64(), self.format) {
            (Some(share), Format::Table | Format::Markdown) => term::with_unit(share * 100.0, "%"),
            _ => self.number(value, ""),
        }
    }
}

/// The elements of a list.
pub(super) fn list<'a>(body: &'a Value, key: &str) -> &'a [Value] {
    body[key].as_array().map_or(&[][..], Vec::as_slice)
}

/// A text; empty where there is none.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Says that a list was cut.
pub(super) fn tell_more(more: &Value) {
    if let Some(more) = more.as_u64().filter(|more| *more > 0) {
        eprintln!("there are {more} more; raise --limit");
    }
}
