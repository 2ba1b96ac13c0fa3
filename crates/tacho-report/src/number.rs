//! Numbers, units and times as people read them, the same in every format and on the page.
//!
//! Three significant digits, two below one; thousands parted by a narrow space; bytes in binary
//! units; a no-break space before the unit; a true minus. What is unknown is a dash. Times are
//! UTC, and whoever shows them says so.

use std::time::Duration;

use tacho_model::{TimeRange, Timestamp};

/// Parts thousands.
const THIN: char = '\u{202f}';
/// Parts a number from its unit.
pub(crate) const SPACE: char = '\u{a0}';
/// What is unknown.
pub(crate) const DASH: &str = "–";
const MINUS: char = '\u{2212}';
/// From here on digits say nothing, and the power of ten is written.
const LARGE: f64 = 1e15;
/// Below this too.
const SMALL: f64 = 1e-4;
const BYTES: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const PREFIXES: [&str; 5] = ["", "k", "M", "G", "T"];

/// A number and its unit, apart, because the unit is written softer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// The number; a dash where it is not known.
    pub value: String,
    /// Its unit, scaled to fit; may be empty.
    pub unit: String,
}

/// A number without unit.
///
/// ```
/// use tacho_report::number::number;
/// assert_eq!(number(0.1234), "0.12");
/// assert_eq!(number(-12.34), "\u{2212}12.3");
/// assert_eq!(number(18432.4), "18\u{202f}432");
/// assert_eq!(number(f64::NAN), "–");
/// ```
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return DASH.to_owned();
    }
    if size >= LARGE || (size > 0.0 && size < SMALL) {
        return power(value);
    }
    let decimals = match size {
        0.0 => 0,
        s if s >= 99.95 => 0,
        s if s >= 9.995 => 1,
        s if s >= 0.0995 => 2,
        s => 1 - s.log10().floor() as i32,
    };
    fixed(value, decimals as usize)
}

/// With so many decimals; never a minus before zeros.
fn fixed(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = digits
        .split_once('.')
        .map_or((digits.as_str(), None), |(whole, part)| (whole, Some(part)));
    let mut out = String::new();
    if value < 0.0 && digits.contains(|c| matches!(c, '1'..='9')) {
        out.push(MINUS);
    }
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(THIN);
        }
        out.push(c);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out += fraction;
    }
    out
}

/// `1.2e−7`.
fn power(value: f64) -> String {
    format!("{value:.1e}").replace('-', &MINUS.to_string())
}

/// A whole number.
pub fn count(value: usize) -> String {
    fixed(value as f64, 0)
}

/// A value scaled to a readable size, apart from its unit.
pub fn quantity(value: f64, unit: &str) -> Quantity {
    let (base, suffix) = match unit.strip_suffix("/s") {
        Some(base) => (base, "/s"),
        None => (unit, ""),
    };
    match (base, suffix) {
        ("By" | "B" | "bytes", suffix) => scaled(value, &BYTES, 1024.0, suffix),
        ("s" | "seconds", "") => seconds(value),
        ("%", "") => plain(value, "%"),
        ("" | "1", "") => plain(value, ""),
        ("" | "1", suffix) => scaled(value, &PREFIXES, 1000.0, suffix),
        _ => {
            let name = unit.replace(['{', '}'], "");
            if value.abs() >= 10_000.0 {
                scaled(value, &PREFIXES, 1000.0, &format!("{SPACE}{name}"))
            } else {
                plain(value, &name)
            }
        }
    }
}

/// The same as one string: `9.10 GiB`.
pub fn text(value: f64, unit: &str) -> String {
    let Quantity { value, unit } = quantity(value, unit);
    if unit.is_empty() || value == DASH {
        value
    } else {
        format!("{value}{SPACE}{unit}")
    }
}

fn plain(value: f64, unit: &str) -> Quantity {
    Quantity {
        value: number(value),
        unit: unit.to_owned(),
    }
}

fn scaled(value: f64, units: &[&str], base: f64, suffix: &str) -> Quantity {
    let mut size = value;
    let mut index = 0;
    // From 1000 on in either base: 1015 KiB would need a fourth digit, 0.99 MiB does not.
    while size.is_finite() && size.abs() >= 999.5 && index + 1 < units.len() {
        size /= base;
        index += 1;
    }
    let whole = index == 0 && base == 1024.0 && (size == 0.0 || size.abs() >= 1.0);
    Quantity {
        value: if whole {
            fixed_or_dash(size)
        } else {
            number(size)
        },
        unit: format!("{}{suffix}", units[index]),
    }
}

fn fixed_or_dash(value: f64) -> String {
    if value.is_finite() {
        fixed(value, 0)
    } else {
        DASH.to_owned()
    }
}

fn seconds(value: f64) -> Quantity {
    match value.abs() {
        0.0 => plain(0.0, "s"),
        s if s < 1e-6 => plain(value * 1e9, "ns"),
        s if s < 1e-3 => plain(value * 1e6, "µs"),
        s if s < 1.0 => plain(value * 1e3, "ms"),
        _ => plain(value, "s"),
    }
}

/// A change in percent with its interval, all with the same decimals:
/// `+18 % (12 to 24)`.
///
/// ```
/// use tacho_report::number::change_percent;
/// let text = change_percent(18.1, Some((12.4, 23.8)));
/// assert_eq!(text.replace('\u{a0}', " "), "+18 % (12 to 24)");
/// ```
pub fn change_percent(change: f64, interval: Option<(f64, f64)>) -> String {
    let interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
    let words = percent(change, interval);
    let Some((low, high)) = interval else {
        return words;
    };
    let decimals = interval_decimals(change, low, high);
    format!(
        "{words} ({} to {})",
        rounded(low, decimals),
        rounded(high, decimals)
    )
}

/// A change in percent alone, with the decimals that its interval needs: `+18 %`.
pub(crate) fn percent(change: f64, interval: Option<(f64, f64)>) -> String {
    let decimals = interval.map_or_else(
        || decimals_for(change),
        |(low, high)| interval_decimals(change, low, high),
    );
    format!("{}{SPACE}%", signed(change, decimals))
}

/// An interval in percent alone: `12 to 24 %`.
pub(crate) fn percent_interval(change: f64, (low, high): (f64, f64)) -> String {
    let decimals = interval_decimals(change, low, high);
    format!(
        "{} to {}{SPACE}%",
        rounded(low, decimals),
        rounded(high, decimals)
    )
}

/// As few as the widest number needs, unless the ends would then look the same.
fn interval_decimals(change: f64, low: f64, high: f64) -> usize {
    let by_size = decimals_for(change.abs().max(low.abs()).max(high.abs()));
    let by_width = match high - low {
        w if w >= 2.0 => 0,
        w if w >= 0.2 => 1,
        _ => 2,
    };
    by_size.max(by_width)
}

fn decimals_for(percent: f64) -> usize {
    match percent.abs() {
        p if p >= 9.95 => 0,
        p if p >= 0.995 => 1,
        _ => 2,
    }
}

fn rounded(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        DASH.to_owned()
    } else if value.abs() >= LARGE {
        power(value)
    } else {
        fixed(value, decimals)
    }
}

fn signed(value: f64, decimals: usize) -> String {
    let digits = rounded(value, decimals);
    let positive = value > 0.0 && digits.contains(|c| matches!(c, '1'..='9'));
    if positive {
        format!("+{digits}")
    } else {
        digits
    }
}

/// A change in the metric's unit with its sign: `+42.0 ms`.
pub(crate) fn signed_text(value: f64, unit: &str) -> String {
    let digits = text(value, unit);
    let sign = if value.is_finite() && value > 0.0 {
        "+"
    } else {
        ""
    };
    format!("{sign}{digits}")
}

/// A length of time in its two largest units: `3 d 4 h`, `5 min 12 s`.
///
/// ```
/// use std::time::Duration;
/// let text = tacho_report::number::duration(Duration::from_secs(312));
/// assert_eq!(text.replace('\u{a0}', " "), "5 min 12 s");
/// ```
pub fn duration(duration: Duration) -> String {
    if duration > Duration::ZERO && duration < Duration::from_secs(1) {
        return text(duration.as_secs_f64(), "s");
    }
    let mut rest = duration.as_secs();
    let mut parts: Vec<String> = Vec::new();
    for (size, unit) in [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")] {
        let whole = rest / size;
        rest -= whole * size;
        if whole > 0 {
            parts.push(format!("{}{SPACE}{unit}", count(whole as usize)));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() {
        format!("0{SPACE}s")
    } else {
        parts.join(" ")
    }
}

fn civil(time: Timestamp) -> Option<jiff::civil::DateTime> {
    let found = jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos())).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_datetime(found))
}

fn written(time: Timestamp, form: impl Fn(jiff::civil::DateTime) -> String) -> String {
    civil(time).map_or_else(|| time.to_rfc3339(), form)
}

/// `14:02`, UTC.
pub(crate) fn clock(time: Timestamp) -> String {
    written(time, |t| format!("{:02}:{:02}", t.hour(), t.minute()))
}

/// `14:02:05`, UTC.
pub(crate) fn clock_seconds(time: Timestamp) -> String {
    written(time, |t| {
        format!("{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second())
    })
}

/// `21 Nov`, UTC.
pub(crate) fn day(time: Timestamp) -> String {
    written(time, |t| format!("{}{SPACE}{}", t.day(), month(t)))
}

/// `21 Nov 2026`, UTC.
pub(crate) fn date(time: Timestamp) -> String {
    written(time, |t| {
        format!("{}{SPACE}{}{SPACE}{}", t.day(), month(t), t.year())
    })
}

fn month(time: jiff::civil::DateTime) -> &'static str {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let index = usize::try_from(time.month()).unwrap_or(1).saturating_sub(1);
    MONTHS.get(index).copied().unwrap_or("")
}

/// A moment as briefly as is clear beside `range`: the clock while that stays within a day, else
/// with the day before it.
pub(crate) fn moment(time: Timestamp, range: TimeRange) -> String {
    if one_day(&[time, range.start, range.end]) {
        clock_seconds(time)
    } else {
        format!("{} {}", day(time), clock(time))
    }
}

/// An end of `range`, to the minute.
pub(crate) fn end(time: Timestamp, range: TimeRange) -> String {
    if one_day(&[range.start, range.end]) {
        clock(time)
    } else {
        format!("{} {}", day(time), clock(time))
    }
}

fn one_day(times: &[Timestamp]) -> bool {
    let day = |time: &Timestamp| civil(*time).map(jiff::civil::DateTime::date);
    times.windows(2).all(|pair| day(&pair[0]) == day(&pair[1]))
}

/// A moment in full: `21 Nov 2026, 14:02 UTC`.
pub(crate) fn stamp(time: Timestamp) -> String {
    format!("{}, {} UTC", date(time), clock(time))
}

/// Both ends in UTC: `21 Nov 2026, 13:02 to 14:02 UTC`.
pub(crate) fn span(range: TimeRange) -> String {
    let (start, end) = (range.start, range.end);
    if date(start) == date(end) {
        let short = range.duration() < Duration::from_mins(10);
        let form = if short { clock_seconds } else { clock };
        return format!("{}, {} to {} UTC", date(start), form(start), form(end));
    }
    format!(
        "{}, {} to {}, {} UTC",
        date(start),
        clock(start),
        date(end),
        clock(end)
    )
}

#[cfg(test)]
mod tests;
