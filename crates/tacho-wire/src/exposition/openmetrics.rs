//! OpenMetrics 1.0: one blank between parts, no empty line, and `# EOF` at the end.

use tacho_model::Timestamp;

use super::cursor::Cursor;
use super::family::{Families, Said};
use super::{Exposed, ExpositionError, NO_EXEMPLAR, Sample, Sink, Stop, number, series};
use crate::exemplar;

/// Walks a body.
pub(super) fn walk(body: &[u8], sink: &mut impl Sink) -> Result<(), ExpositionError> {
    let mut cursor = Cursor::new(body)?;
    let mut families = Families::default();
    loop {
        let start = cursor.at;
        let taken = match cursor.peek() {
            None => Err(Stop::Syntax("the text does not end with `# EOF`")),
            Some(b'#') => match comment(&mut cursor, &mut families, sink) {
                Ok(End::Reached) if cursor.peek().is_none() => break,
                Ok(End::Reached) => Err(Stop::Syntax("there is more after `# EOF`")),
                Ok(End::Not) => Ok(()),
                Err(stop) => Err(stop),
            },
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

/// Whether a comment is the last line.
enum End {
    Reached,
    Not,
}

#[inline]
fn sample(cursor: &mut Cursor<'_>, sink: &mut impl Sink) -> Result<(), Stop> {
    let start = cursor.at;
    if !cursor.expected(sink) {
        if cursor.peek() != Some(b'{') {
            cursor.name()?;
        }
        if cursor.peek() == Some(b'{') {
            cursor.braces()?;
        }
    }
    let series = cursor.since(start);
    blank(cursor, "a blank and a value must follow the series")?;
    let value = number::value(word(cursor))?;
    let (mut timestamp, mut exemplars) = (None, None);
    if cursor.peek() == Some(b' ') && !cursor.rest().starts_with(b" # ") {
        cursor.at += 1;
        timestamp = Some(number::seconds(word(cursor))?);
    }
    if cursor.rest().starts_with(b" # ") {
        cursor.at += 3;
        exemplars = Some(exemplar(cursor)?);
    }
    if !cursor.take(b'\n') {
        return Err(Stop::Syntax("the line does not end after the sample"));
    }
    sink.sample(Sample {
        series,
        value: Exposed::Float(value),
        timestamp,
        exemplars: exemplars.as_slice(),
    })
}

/// `{labels} value [time]`.
#[cold]
fn exemplar(cursor: &mut Cursor<'_>) -> Result<tacho_model::Exemplar, Stop> {
    let start = cursor.at;
    if cursor.peek() != Some(b'{') {
        return Err(Stop::Syntax("an exemplar begins with labels in braces"));
    }
    cursor.braces()?;
    let pairs = series::pairs(cursor.since(start))?;
    blank(cursor, "a value must follow an exemplar's labels")?;
    let value = number::value(word(cursor))?;
    let mut timestamp = Timestamp::MIN;
    if cursor.take(b' ') {
        timestamp = number::seconds(word(cursor))?;
    }
    let pairs = pairs.iter().map(|(name, value)| (&**name, &**value));
    exemplar::of(pairs, timestamp, value).map_err(|_| NO_EXEMPLAR)
}

fn word<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.until(|byte| matches!(byte, b' ' | b'\n'))
}

fn blank(cursor: &mut Cursor<'_>, reason: &'static str) -> Result<(), Stop> {
    if cursor.take(b' ') {
        return Ok(());
    }
    Err(Stop::Syntax(reason))
}

fn comment<'a>(
    cursor: &mut Cursor<'a>,
    families: &mut Families<'a>,
    sink: &mut impl Sink,
) -> Result<End, Stop> {
    cursor.at += 1;
    blank(cursor, "only TYPE, HELP, UNIT and EOF may follow `# `")?;
    let keyword = word(cursor);
    if keyword == "EOF" {
        cursor.take(b'\n');
        return Ok(End::Reached);
    }
    if !matches!(keyword, "TYPE" | "HELP" | "UNIT") {
        return Err(Stop::Syntax(
            "only TYPE, HELP, UNIT and EOF may follow `# `",
        ));
    }
    blank(cursor, "a metric name is missing or not valid")?;
    let name = cursor.name()?;
    // Of a unit or a help that is empty, the blank before it may be missing as well.
    if !cursor.take(b' ') && cursor.peek() != Some(b'\n') {
        return Err(Stop::Syntax("a blank must follow the metric name"));
    }
    let text = cursor.until(|byte| byte == b'\n');
    if !cursor.take(b'\n') {
        return Err(Stop::Syntax("the text does not end with `# EOF`"));
    }
    let said = match keyword {
        "HELP" => Said::Help(text),
        "UNIT" => Said::unit(name, text)?,
        _ => Said::openmetrics_type(text)?,
    };
    families.say(name, said, sink);
    Ok(End::Not)
}
