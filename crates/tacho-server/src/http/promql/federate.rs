//! `GET /federate`: the newest values of selected series, for another Prometheus to scrape.
//!
//! 1. Each value has the time at which it was sampled, so that reading it twice keeps it once.
//! 2. Series that have ended are left out, and so are native histograms, which the text formats do
//!    not know; for both the newest sample counts.
//! 3. Families come sorted by name, and have no type: what is selected need not be all of one.
//!
//! Source: Prometheus documentation, "Federation". Not for protobuf, which Prometheus prefers only
//! where it scrapes native histograms.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tacho_model::append::is_stale;
use tacho_model::{Columns, Labels, Querier as _, QueryError, TimeRange, Timestamp};
use tacho_wire::openmetrics::{Exposition, finish, write_selected};

use super::encode::BYTES_MAX;
use super::form::Form;
use super::series::SERIES_MAX;
use crate::app::SharedApp;
use crate::exposition::FRESH;
use crate::http::problem::{Answer, Problem};
use crate::query::QueryCtx;
use crate::reading::{SeriesAt, map_in_order};
use crate::scrape::client::is_own;

/// The newest sample of a series.
type Newest = (Timestamp, f64);

/// By the name under which they are written, then by labels.
type Families = BTreeMap<String, BTreeMap<Labels, Newest>>;

/// The newest values of what `match[]` selects.
pub(super) async fn get(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    form: Form,
) -> Answer<Response> {
    if is_own(&headers) {
        let detail = "a server does not federate itself: what it tells is in its store already";
        return Err(Problem::new(StatusCode::LOOP_DETECTED, detail));
    }
    let selectors = form.selectors()?;
    let accept = headers.get(header::ACCEPT);
    let how = Exposition::negotiate(accept.and_then(|value| value.to_str().ok()));
    let write = move |ctx: &QueryCtx<'_>| {
        let over = TimeRange::last(FRESH, Timestamp::now());
        let mut families = Families::new();
        for matchers in &selectors.parse(ctx)? {
            let querier = ctx.querier();
            let selection = querier.select(matchers, over)?;
            gather(&SeriesAt::all(selection.as_ref()), over, how, &mut families)?;
        }
        text(ctx, how, &families)
    };
    let text = app.blocking(write).await?;
    Ok(([(header::CONTENT_TYPE, how.content_type())], text).into_response())
}

/// Adds series that have a newest value.
fn gather(
    wanted: &[SeriesAt<'_>],
    over: TimeRange,
    how: Exposition,
    families: &mut Families,
) -> Result<(), QueryError> {
    let mut count: usize = families.values().map(BTreeMap::len).sum();
    map_in_order(
        wanted,
        over,
        |_, columns| newest(columns),
        |index, found| {
            let labels = wanted[index].labels();
            // A series without a name has no place in an exposition.
            let Some(found) = found.filter(|_| !labels.name().is_empty()) else {
                return Ok(());
            };
            count += 1;
            if count > SERIES_MAX {
                let (what, limit) = ("series", SERIES_MAX as u64);
                return Err(QueryError::TooMuch { what, limit });
            }
            let family = families.entry(how.name(labels.name()).into_owned());
            family.or_default().insert(labels.clone(), found);
            Ok(())
        },
    )
}

fn newest(columns: &Columns) -> Option<Newest> {
    let (time, value) = (*columns.timestamps.last()?, *columns.values.last()?);
    let later = columns.histogram_timestamps.last();
    (!is_stale(value) && later.is_none_or(|later| *later < time)).then_some((time, value))
}

fn text(ctx: &QueryCtx<'_>, how: Exposition, families: &Families) -> Answer<String> {
    let mut out = String::new();
    for (name, series) in families {
        ctx.check()?;
        let series = series.iter().map(|(labels, (time, v))| (labels, *time, *v));
        write_selected(how, name, series, &mut out);
        if out.len() > BYTES_MAX {
            let (what, limit) = ("bytes of an answer", BYTES_MAX as u64);
            return Err(Problem::from(QueryError::TooMuch { what, limit }));
        }
    }
    finish(how.format, &mut out);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_model::Histogram;
    use tacho_model::append::STALE_NAN_BITS;

    fn check(floats: &[(i64, f64)], histograms: &[i64], expected: Option<(i64, f64)>) {
        let mut columns = Columns::new();
        for (time, value) in floats {
            columns.timestamps.push(Timestamp::from_secs(*time));
            columns.values.push(*value);
        }
        for time in histograms {
            let time = Timestamp::from_secs(*time);
            columns.histogram_timestamps.push(time);
            columns.histograms.push(Histogram::new());
        }
        let expected = expected.map(|(time, value)| (Timestamp::from_secs(time), value));
        assert_eq!(newest(&columns), expected);
    }

    #[test]
    fn the_newest_sample_is_told_unless_it_ended_or_is_a_histogram() {
        check(&[], &[], None);
        check(&[(1, 5.0), (2, 7.0)], &[], Some((2, 7.0)));
        check(&[(1, 5.0), (2, f64::from_bits(STALE_NAN_BITS))], &[], None);
        check(&[(1, 5.0)], &[2], None);
        check(&[(3, 5.0)], &[2], Some((3, 5.0)));
        check(&[], &[2], None);
    }
}
