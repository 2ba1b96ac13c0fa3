//! The parameters that all of these share.

use std::time::Duration;

use tacho_model::time::parse_duration;
use tacho_model::{TimeRange, Timestamp};
use utoipa::IntoParams;

use crate::http::params::Params;
use crate::http::problem::{Answer, Problem};
use crate::services::Scope;
use crate::services::window::{LIMIT_DEFAULT, LIMIT_MAX};

const WINDOW_DEFAULT: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

/// As the description of the API tells them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by hand; this is how they are described")]
pub(crate) struct Shared {
    /// Length of the window, which is open at its beginning; 1h by default
    window: Option<String>,
    /// RFC 3339 or unix seconds
    from: Option<String>,
    /// RFC 3339 or unix seconds; the end of this second by default
    to: Option<String>,
    /// What to compare with: `previous`, the window just before; a duration such as `24h`, the
    /// same window that long ago; or FROM/TO
    compare: Option<String>,
    /// Most entries of each list; 100 by default, at most 10000
    limit: Option<usize>,
}

/// The window, what it is compared with, and the limit.
pub(crate) fn scope(params: &mut Params) -> Answer<Scope> {
    // Observations of a second have its end as their time: those of this one belong to now.
    let now = Timestamp::now().align_down(SECOND) + SECOND;
    let range = params.range(WINDOW_DEFAULT, now)?;
    if range.start == range.end {
        return Err(Problem::bad_request(
            "the window is empty; make it longer, such as 1h",
        ));
    }
    let previous = params.parsed("compare", |text| compared(text, range))?;
    let limit = params.number::<usize>("limit")?.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let detail = format!("limit must lie between 1 and {LIMIT_MAX}");
        return Err(Problem::bad_request(detail));
    }
    Ok(Scope {
        range,
        previous,
        limit,
    })
}

/// The service that is asked for, if only one is, and the scope; there may be nothing else.
pub(crate) fn of_service(mut params: Params) -> Answer<(Option<String>, Scope)> {
    // The service without a name may be asked for as well.
    let service = params.raw("service");
    let scope = scope(&mut params)?;
    params.finish()?;
    Ok((service, scope))
}

/// The window to compare with.
fn compared(text: &str, range: TimeRange) -> Result<TimeRange, String> {
    let length = range.duration();
    if text == "previous" {
        return Ok(TimeRange::new(range.start - length, range.start));
    }
    if let Some((from, to)) = text.split_once('/') {
        let time = |text| Timestamp::parse(text).map_err(|error| error.to_string());
        let other = TimeRange::new(time(from)?, time(to)?);
        if other.start >= other.end {
            return Err("the window to compare with ends before it starts".to_owned());
        }
        return Ok(other);
    }
    match parse_duration(text) {
        Ok(ago) if !ago.is_zero() => Ok(TimeRange::new(range.start - ago, range.end - ago)),
        _ => Err(format!(
            "`{text}` is neither `previous`, a duration such as 24h, nor FROM/TO"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(i64, i64)>) {
        let range =
            |(from, to)| TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to));
        let found = compared(text, range((100_000, 103_600))).ok();
        assert_eq!(found, expected.map(range), "{text}");
    }

    #[test]
    fn what_a_window_is_compared_with() {
        check("previous", Some((96_400, 100_000)));
        check("24h", Some((13_600, 17_200)));
        check("1970-01-01T00:00:10Z/1970-01-01T00:00:20Z", Some((10, 20)));
        check("10/20", Some((10, 20)));
        for nonsense in ["20/10", "10/10", "/", "yesterday", "0s", "10/"] {
            check(nonsense, None);
        }
    }
}
