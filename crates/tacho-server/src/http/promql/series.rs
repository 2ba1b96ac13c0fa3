//! `/api/v1/series`, `/api/v1/labels` and `/api/v1/label/{name}/values`: which series there are; and
//! their end, `/api/v1/admin/tsdb/delete_series`.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use tacho_model::{Labels, Matcher, Querier as _, QueryError, TimeRange};

use super::encode::put_labels;
use super::form::Form;
use super::{begin, invalid, refused, success, told};
use crate::app::SharedApp;
use crate::http::problem::Answer;
use crate::query::QueryCtx;

/// Most series of an answer without a limit of its own.
pub(super) const SERIES_MAX: usize = 1_000_000;

/// The label sets that selectors find.
pub(super) async fn series(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    let (selectors, range, limit) = (form.selectors()?, form.range()?, form.limit("limit")?);
    if selectors.is_empty() {
        return Err(invalid("match[]", "no match[] parameter provided"));
    }
    app.blocking(move |ctx| {
        let mut found: BTreeSet<Labels> = BTreeSet::new();
        for matchers in &selectors.parse(ctx)? {
            let querier = ctx.querier();
            let selection = querier.select(matchers, range)?;
            found.extend((0..selection.len()).map(|index| selection.labels(index).clone()));
            if found.len() > SERIES_MAX {
                let (what, limit) = ("series", SERIES_MAX as u64);
                return Err(refused(QueryError::TooMuch { what, limit }.into()));
            }
        }
        let limit = limit.unwrap_or(usize::MAX);
        let mut data = begin();
        data.push('[');
        for (number, labels) in found.iter().take(limit).enumerate() {
            if number > 0 {
                data.push(',');
            }
            put_labels(labels, &mut data);
        }
        data.push(']');
        Ok(success(data, &truncated(found.len() > limit), &[]))
    })
    .await
}

/// The names of labels.
pub(super) async fn names(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    of_selectors(app, &form, |ctx, matchers, range| {
        ctx.querier().label_names(matchers, range)
    })
    .await
}

/// The values of a label.
pub(super) async fn values(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    form: Form,
) -> Answer<Response> {
    let name = unescaped(&name);
    of_selectors(app, &form, move |ctx, matchers, range| {
        ctx.querier().label_values(&name, matchers, range)
    })
    .await
}

/// Deletes what selectors find, of the whole time or a part of it.
pub(super) async fn delete(State(app): State<SharedApp>, form: Form) -> Answer<StatusCode> {
    let (selectors, range) = (form.selectors()?, form.range()?);
    if selectors.is_empty() {
        return Err(invalid("match[]", "no match[] parameter provided"));
    }
    app.blocking(move |ctx| {
        for matchers in &selectors.parse(ctx)? {
            ctx.store.delete(matchers, range)?;
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Texts that are found with each selector, or with none.
async fn of_selectors(
    app: SharedApp,
    form: &Form,
    find: impl Fn(&QueryCtx<'_>, &[Matcher], TimeRange) -> Result<Vec<String>, QueryError>
    + Send
    + 'static,
) -> Answer<Response> {
    let (selectors, range, limit) = (form.selectors()?, form.range()?, form.limit("limit")?);
    app.blocking(move |ctx| {
        let mut selectors = selectors.parse(ctx)?;
        if selectors.is_empty() {
            selectors.push(Vec::new());
        }
        let mut found = BTreeSet::new();
        for matchers in &selectors {
            found.extend(find(ctx, matchers, range)?);
        }
        let limit = limit.unwrap_or(usize::MAX);
        let kept: Vec<&String> = found.iter().take(limit).collect();
        told(&kept, &truncated(found.len() > limit))
    })
    .await
}

/// What is said of an answer that is not whole.
fn truncated(is_cut: bool) -> Vec<String> {
    let told = is_cut.then(|| "results truncated due to limit".to_owned());
    told.into_iter().collect()
}

/// A name as it is: `U__` before it says that what letters, digits and underscores cannot tell is
/// written as `_hex_`, and an underscore as two (Prometheus "UTF-8 guide", escaping of values).
fn unescaped(name: &str) -> String {
    let Some(mut rest) = name.strip_prefix("U__") else {
        return name.to_owned();
    };
    let mut out = String::new();
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let told = rest.split_once('_').and_then(|(hex, after)| {
            let code = u32::from_str_radix(hex, 16).ok()?;
            Some((char::from_u32(code)?, after))
        });
        let Some((character, after)) = told else {
            // Not escaped after all.
            return name.to_owned();
        };
        out.push(character);
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unescaped_where_they_are_escaped() {
        for (name, expected) in [
            ("job", "job"),
            ("U__http_2e_method", "http.method"),
            ("U__a__b", "a_b"),
            ("U___fc_", "ü"),
            ("U__a_zz_", "U__a_zz_"),
            ("U__a_", "U__a_"),
            ("U__", ""),
        ] {
            assert_eq!(unescaped(name), expected, "{name}");
        }
    }
}
