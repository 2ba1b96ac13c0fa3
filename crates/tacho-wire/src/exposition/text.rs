//! The text formats 0.0.4 and 1.0.0.
//!
//! Blanks may stand between all parts of a line, and lines that begin with `#` and say neither
//! `HELP` nor `TYPE` are comments. The last line need not be ended.

use super::cursor::Cursor;
use super::family::{Families, Said};
use super::{Exposed, ExpositionError, Sample, Sink, Stop, number};

/// Walks a body.
pub(super) fn walk(body: &[u8], sink: &mut impl Sink) -> Result<(), ExpositionError> {
    let mut cursor = Cursor::new(body)?;
    let mut families = Families::default();
    loop {
        let start = cursor.at;
        let taken = match cursor.peek() {
            None => break,
            Some(b'\n') => {
                cursor.at += 1;
                Ok(())
            }
            Some(b' ' | b'\t') => {
                blanks(&mut cursor);
                Ok(())
            }
            Some(b'#') => comment(&mut cursor, &mut families, sink),
            Some(_) => {
                families.flush(sink);
                sample(&mut cursor, sink)
            }
        };
        taken.map_err(|stop| cursor.error(start, stop))?;
    }
    families.flush(sink);
    Ok(())
}

#[inline]
fn blanks(cursor: &mut Cursor<'_>) {
    while let Some(b' ' | b'\t') = cursor.peek() {
        cursor.at += 1;
    }
}

#[inline]
fn sample(cursor: &mut Cursor<'_>, sink: &mut impl Sink) -> Result<(), Stop> {
    let start = cursor.at;
    if !cursor.expected(sink) {
        series(cursor)?;
    }
    let series = cursor.since(start);
    blanks(cursor);
    let value = number::value(cursor.until(|byte| matches!(byte, b' ' | b'\t' | b'\n')))?;
    blanks(cursor);
    let timestamp = match cursor.peek() {
        Some(b'\n') | None => None,
        Some(_) => {
            let text = cursor.until(|byte| matches!(byte, b' ' | b'\t' | b'\n'));
            blanks(cursor);
            Some(number::millis(text)?)
        }
    };
    if !cursor.take(b'\n') && cursor.peek().is_some() {
        return Err(Stop::Syntax("there is more after the timestamp"));
    }
    sink.sample(Sample {
        series,
        value: Exposed::Float(value),
        timestamp,
        exemplars: &[],
    })
}

/// Passes over a name and labels.
fn series(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    if cursor.peek() != Some(b'{') {
        cursor.name()?;
        let end = cursor.at;
        blanks(cursor);
        if cursor.peek() != Some(b'{') {
            cursor.at = end;
            return Ok(());
        }
    }
    cursor.braces()
}

fn comment<'a>(
    cursor: &mut Cursor<'a>,
    families: &mut Families<'a>,
    sink: &mut impl Sink,
) -> Result<(), Stop> {
    cursor.at += 1;
    blanks(cursor);
    let word = cursor.until(|byte| matches!(byte, b' ' | b'\t' | b'\n'));
    if !matches!(word, "HELP" | "TYPE") || cursor.peek() == Some(b'\n') {
        cursor.until(|byte| byte == b'\n');
        cursor.take(b'\n');
        return Ok(());
    }
    blanks(cursor);
    let name = cursor.name()?;
    blanks(cursor);
    let text = cursor.until(|byte| byte == b'\n');
    cursor.take(b'\n');
    let said = match word {
        "HELP" => Said::Help(text),
        _ => Said::text_type(text.trim_end_matches([' ', '\t']))?,
    };
    families.say(name, said, sink);
    Ok(())
}
