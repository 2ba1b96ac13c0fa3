//! The notation of points: `a+bxn`, `a-bxn`, `axn`, `_`, `_xn`, `stale`, histograms in `{{…}}`.
//!
//! What is written short is bounded: all points of a script together may take [`BYTES_MAX`].

use tacho_model::append::STALE_NAN_BITS;

use super::native;
use super::series::{Cursor, duration};
use crate::FloatHistogram;

/// Most bytes of all points of a script.
const BYTES_MAX: usize = 64 << 20;

/// What points may still take.
pub(super) struct Budget {
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: BYTES_MAX }
    }
}

impl Budget {
    fn take(&mut self, bytes: Option<usize>) -> Parsed<()> {
        let left = bytes.and_then(|bytes| self.bytes.checked_sub(bytes));
        self.bytes = left.ok_or("the points of this script take too much memory")?;
        Ok(())
    }
}

type Parsed<T> = Result<T, String>;

/// A point as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// There is none.
    Missing,
    /// A number, or the staleness marker.
    Float(f64),
    /// A distribution, and whether it says what is known of resets.
    Histogram(Box<FloatHistogram>, HintSaid),
}

/// Whether a histogram says what is known of resets; it is compared only then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HintSaid {
    Yes,
    No,
}

/// Points of one line while they are read.
pub(super) struct Points<'a> {
    items: Vec<Item>,
    budget: &'a mut Budget,
}

impl<'a> Points<'a> {
    pub(super) fn parse(text: &str, budget: &'a mut Budget) -> Parsed<Vec<Item>> {
        let mut points = Self {
            items: Vec::new(),
            budget,
        };
        let mut cursor = Cursor::new(text);
        loop {
            cursor.skip_space();
            if cursor.rest().is_empty() || cursor.rest().starts_with('#') {
                return Ok(points.items);
            }
            points.item(&mut cursor)?;
            let rest = cursor.rest();
            if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
                let found: String = rest.chars().take(20).collect();
                return Err(format!("a space is missing before `{found}`"));
            }
        }
    }

    fn item(&mut self, cursor: &mut Cursor<'_>) -> Parsed<()> {
        if cursor.eat("stale") {
            return self.push(1, |_| Ok(Item::Float(f64::from_bits(STALE_NAN_BITS))));
        }
        if cursor.eat("_") {
            let count = times(cursor)?.unwrap_or(1);
            return self.push(count, |_| Ok(Item::Missing));
        }
        if cursor.rest().starts_with("{{") {
            return self.histograms(cursor);
        }
        let first = prefix_number(cursor)?;
        if let Some(more) = times(cursor)? {
            return self.push(more.saturating_add(1), |_| Ok(Item::Float(first)));
        }
        if !cursor.rest().starts_with(['+', '-']) {
            return self.push(1, |_| Ok(Item::Float(first)));
        }
        let by = prefix_number(cursor)?;
        let more = times(cursor)?.ok_or("`a+b` needs to say how often: a+bxn")?;
        let mut value = first;
        self.push(more.saturating_add(1), |at| {
            // Added up as it is written, so that whole numbers stay whole.
            value = if at == 0 { first } else { value + by };
            Ok(Item::Float(value))
        })
    }

    fn histograms(&mut self, cursor: &mut Cursor<'_>) -> Parsed<()> {
        let (first, said) = native::parse(cursor)?;
        if let Some(more) = times(cursor)? {
            let item = Item::Histogram(Box::new(first), said);
            return self.push(more.saturating_add(1), |_| Ok(item.clone()));
        }
        let is_plus = cursor.rest().starts_with("+{{");
        if !is_plus && !cursor.rest().starts_with("-{{") {
            let item = Item::Histogram(Box::new(first), said);
            return self.push(1, |_| Ok(item.clone()));
        }
        cursor.take_while(|c| matches!(c, '+' | '-'));
        let (by, _) = native::parse(cursor)?;
        let more = times(cursor)?.ok_or("`{{…}}+{{…}}` needs to say how often: xn")?;
        let mut value = first;
        self.push(more.saturating_add(1), |at| {
            if at > 0 {
                let combined = if is_plus {
                    value.add(&by)
                } else {
                    value.sub(&by)
                };
                combined.map_err(|error| error.to_string())?;
            }
            Ok(Item::Histogram(Box::new(value.clone()), said))
        })
    }

    fn push(&mut self, count: usize, mut item: impl FnMut(usize) -> Parsed<Item>) -> Parsed<()> {
        self.budget.take(count.checked_mul(size_of::<Item>()))?;
        for at in 0..count {
            let item = item(at)?;
            if let Item::Histogram(value, _) = &item {
                self.budget.take(Some(value.size_bytes()))?;
            }
            self.items.push(item);
        }
        Ok(())
    }

    /// Checks the offsets of start times and counts them: `-1mx4`, `-30s-1mx2`, `_x3`, `*x3`.
    pub(super) fn start_times(text: &str) -> Parsed<usize> {
        let mut count = 0_usize;
        for word in text
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'))
        {
            let (offset, more) = match word.rsplit_once('x') {
                Some((offset, more)) => {
                    let more: usize = more.parse().map_err(|_| format!("`{word}` is no offset"))?;
                    (offset, Some(more))
                }
                None => (word, None),
            };
            count = count.saturating_add(match (offset, more) {
                ("_" | "*", more) => more.unwrap_or(1),
                (offset, more) => {
                    let by = offset.get(1..).and_then(|tail| tail.find(['+', '-']));
                    let (first, by) = offset.split_at(by.map_or(offset.len(), |at| at + 1));
                    duration(first)?;
                    duration(match by {
                        "" => "0",
                        by => by.trim_start_matches('+'),
                    })?;
                    more.map_or(1, |more| more.saturating_add(1))
                }
            });
        }
        Ok(count)
    }
}

/// `xN`.
fn times(cursor: &mut Cursor<'_>) -> Parsed<Option<usize>> {
    if !cursor.rest().starts_with('x') {
        return Ok(None);
    }
    cursor.take_while(|c| c == 'x');
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    let count = digits
        .parse()
        .map_err(|_| format!("`x{digits}` is no number of times"))?;
    Ok(Some(count))
}

/// A number at the beginning of what is left; `x` ends it, so `0x3` is three more zeros.
fn prefix_number(cursor: &mut Cursor<'_>) -> Parsed<f64> {
    let text = cursor.rest();
    let end = number_end(text.as_bytes());
    let number = text.get(..end).unwrap_or_default();
    let Ok(value) = number.parse() else {
        let found: String = text.chars().take(20).collect();
        return Err(format!("`{found}` is no point"));
    };
    cursor.eat(number);
    Ok(value)
}

fn number_end(text: &[u8]) -> usize {
    let mut end = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let word = |end: usize| text.get(end..end + 3).map(<[u8]>::to_ascii_lowercase);
    if word(end).is_some_and(|word| word == b"inf" || word == b"nan") {
        return end + 3;
    }
    let digits = |mut end: usize| {
        while text
            .get(end)
            .is_some_and(|b| b.is_ascii_digit() || *b == b'.')
        {
            end += 1;
        }
        end
    };
    end = digits(end);
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}
