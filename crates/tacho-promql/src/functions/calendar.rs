//! Parts of dates, in UTC.
//!
//! Source: Howard Hinnant, "chrono-compatible low-level date algorithms" (2013), for years,
//! months and days from days since the epoch.

use super::{Error, Evaluator, Expr, Output, Steps, scalars};
use crate::eval::column::Column;

/// A date of the Gregorian calendar.
struct Date {
    year: i64,
    month: i64,
    day: i64,
    /// Since the epoch.
    days: i64,
}

macro_rules! parts {
    ($($name:ident: $of:expr;)*) => {$(
        pub(super) fn $name(
            evaluator: &Evaluator<'_>,
            _: &Expr,
            arguments: &[Expr],
            steps: Steps,
        ) -> Result<Output, Error> {
            parts(evaluator, arguments, steps, $of)
        }
    )*};
}

parts! {
    minute: |seconds| seconds.div_euclid(60).rem_euclid(60) as i64;
    hour: |seconds| seconds.div_euclid(3600).rem_euclid(24) as i64;
    day_of_month: |seconds| date(seconds).day;
    // The epoch was a Thursday; Sunday is 0.
    day_of_week: |seconds| (date(seconds).days + 4).rem_euclid(7);
    day_of_year: |seconds| {
        let date = date(seconds);
        date.days - days_before(date.year) + 1
    };
    days_in_month: |seconds| {
        let date = date(seconds);
        match date.month {
            2 => 28 + i64::from(days_before(date.year + 1) - days_before(date.year) == 366),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    };
    month: |seconds| date(seconds).month;
    year: |seconds| date(seconds).year;
}

fn parts(
    evaluator: &Evaluator<'_>,
    arguments: &[Expr],
    steps: Steps,
    of: fn(i128) -> i64,
) -> Result<Output, Error> {
    let mut columns = match arguments.first() {
        Some(vector) => evaluator.vector(vector, steps)?,
        None => vec![Column::of(
            tacho_model::Labels::default(),
            scalars::times(steps),
        )],
    };
    for column in &mut columns {
        column.map(|_, seconds| of(whole(seconds)) as f64);
    }
    columns.retain(|column| !column.is_empty());
    Ok(Output::Vector(evaluator.unnamed(columns)?))
}

/// Seconds of the first of January of the year -292277022399, from which Go counts without sign.
const GO_ZERO: u64 = 9_223_372_028_715_321_600;

/// Whole seconds. What is no time (NaN, infinities) is one nevertheless, as Prometheus has it: the
/// least integer, which Go's calendar takes for one in the year 292277026596.
fn whole(seconds: f64) -> i128 {
    let in_range = seconds >= -(2f64.powi(63)) && seconds < 2f64.powi(63);
    let seconds = if in_range { seconds as i64 } else { i64::MIN };
    i128::from((seconds as u64).wrapping_add(GO_ZERO)) - i128::from(GO_ZERO)
}

fn date(seconds: i128) -> Date {
    // A day count of 64-bit seconds fits easily.
    let days = seconds.div_euclid(86_400) as i64;
    // Years begin in March there, so that a leap day is the last of its year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    Date {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month,
        day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        days,
    }
}

/// Days from the epoch to the first of January.
fn days_before(year: i64) -> i64 {
    let past = year - 1;
    past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400) - 719_162
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let check = |seconds: i128, expected: (i64, i64, i64)| {
            let date = date(seconds);
            assert_eq!((date.year, date.month, date.day), expected, "{seconds}");
        };
        check(0, (1970, 1, 1));
        check(-1, (1969, 12, 31));
        check(951_782_400, (2000, 2, 29));
        check(4_107_542_400, (2100, 3, 1));
        check(1_795_269_720, (2026, 11, 21));
        // What 2.42 answers for `vector(NaN)`.
        check(whole(f64::NAN), (292_277_026_596, 12, 4));
        check(whole(-1.5), (1969, 12, 31));
        assert_eq!(days_before(1970), 0);
        assert_eq!(days_before(2001) - days_before(2000), 366);
        assert_eq!(days_before(1901) - days_before(1900), 365);
    }
}
