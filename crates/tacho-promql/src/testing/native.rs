//! The notation of native histograms: `{{schema:1 sum:-0.3 count:3.1 buckets:[5.1 10 7]}}`.

use std::sync::Arc;

use tacho_model::histogram::{Bucket, CUSTOM_SCHEMA, HistogramParts, Temporality};

use super::points::HintSaid;
use super::series::{Cursor, number};
use crate::FloatHistogram;
use crate::histogram::CounterResetHint;

type Parsed<T> = Result<T, String>;

#[derive(Default)]
struct Fields {
    schema: i8,
    sum: f64,
    count: f64,
    zero_count: f64,
    zero_threshold: f64,
    positive: Vec<f64>,
    positive_offset: i32,
    negative: Vec<f64>,
    negative_offset: i32,
    custom_values: Option<Vec<f64>>,
    hint: Option<CounterResetHint>,
}

/// Reads one; whether it says what is known of resets comes with it.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Parsed<(FloatHistogram, HintSaid)> {
    cursor.expect("{{")?;
    let mut fields = Fields::default();
    loop {
        cursor.skip_space();
        if cursor.eat("}}") {
            break;
        }
        let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        cursor.expect(":")?;
        cursor.skip_space();
        fields.set(name, cursor)?;
    }
    fields.finish()
}

impl Fields {
    fn set(&mut self, name: &str, cursor: &mut Cursor<'_>) -> Parsed<()> {
        match name {
            "schema" => self.schema = integer(cursor)?,
            "sum" => self.sum = float(cursor)?,
            "count" => self.count = float(cursor)?,
            "z_bucket" => self.zero_count = float(cursor)?,
            "z_bucket_w" => self.zero_threshold = float(cursor)?,
            "buckets" => self.positive = list(cursor)?,
            "offset" => self.positive_offset = integer(cursor)?,
            "n_buckets" => self.negative = list(cursor)?,
            "n_offset" => self.negative_offset = integer(cursor)?,
            "custom_values" => self.custom_values = Some(list(cursor)?),
            "counter_reset_hint" => {
                self.hint = Some(match word(cursor) {
                    "unknown" => CounterResetHint::Unknown,
                    "reset" => CounterResetHint::Reset,
                    "not_reset" => CounterResetHint::NotReset,
                    "gauge" => CounterResetHint::Gauge,
                    other => return Err(format!("`{other}` is no counter_reset_hint")),
                });
            }
            other => return Err(format!("a histogram has no property `{other}`")),
        }
        Ok(())
    }

    fn finish(self) -> Parsed<(FloatHistogram, HintSaid)> {
        let parts = HistogramParts {
            temporality: Temporality::Cumulative,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: buckets(self.positive_offset, &self.positive)?,
            negative: buckets(self.negative_offset, &self.negative)?,
        };
        let bounds: Option<Arc<[f64]>> = match (self.schema, self.custom_values) {
            (CUSTOM_SCHEMA, bounds) => Some(bounds.unwrap_or_default().into()),
            (_, None) => None,
            _ => return Err("custom_values are for schema -53".to_owned()),
        };
        let histogram =
            FloatHistogram::from_parts(parts, bounds).map_err(|error| error.to_string())?;
        let said = match self.hint {
            Some(_) => HintSaid::Yes,
            None => HintSaid::No,
        };
        Ok((histogram.hinted(self.hint.unwrap_or_default()), said))
    }
}

fn buckets(offset: i32, counts: &[f64]) -> Parsed<Vec<Bucket>> {
    let bucket = |(at, count): (usize, &f64)| {
        let index = i32::try_from(at).ok().and_then(|at| offset.checked_add(at));
        index.map(|index| Bucket {
            index,
            count: *count,
        })
    };
    let made: Option<_> = counts.iter().enumerate().map(bucket).collect();
    made.ok_or_else(|| "a bucket is beyond all indices".to_owned())
}

fn word<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.take_while(|c| !c.is_whitespace() && !matches!(c, '}' | ']' | '['))
}

fn float(cursor: &mut Cursor<'_>) -> Parsed<f64> {
    let text = word(cursor);
    number(text).ok_or_else(|| format!("`{text}` is no number"))
}

fn integer<T: std::str::FromStr>(cursor: &mut Cursor<'_>) -> Parsed<T> {
    let text = word(cursor);
    text.parse()
        .map_err(|_| format!("`{text}` is no whole number that fits"))
}

/// `[1 2 3]`.
fn list(cursor: &mut Cursor<'_>) -> Parsed<Vec<f64>> {
    cursor.expect("[")?;
    let mut numbers = Vec::new();
    while !cursor.eat("]") {
        numbers.push(float(cursor)?);
        cursor.skip_space();
    }
    Ok(numbers)
}
