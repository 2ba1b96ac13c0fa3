//! `/api/v1/format_query` and `/api/v1/parse_query`: a query as text in its one form, and as a tree.

use axum::extract::State;
use axum::response::Response;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use tacho_promql::{Query, Tree};

use super::form::Form;
use super::{invalid, told};
use crate::app::SharedApp;
use crate::http::problem::Answer;

/// The query as Prometheus would write it.
pub(super) async fn formatted(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    with_query(app, &form, |query| {
        let text = query.formatted();
        let text = text.ok_or_else(|| invalid("query", "too long to be formatted"))?;
        told(&text, &[])
    })
    .await
}

/// The parts of a query, in the fields that Prometheus has for them.
pub(super) async fn parsed(State(app): State<SharedApp>, form: Form) -> Answer<Response> {
    with_query(app, &form, |query| told(&Json(&query.tree()), &[])).await
}

async fn with_query(
    app: SharedApp,
    form: &Form,
    tell: impl FnOnce(&Query) -> Answer<Response> + Send + 'static,
) -> Answer<Response> {
    let text = form.one("query").unwrap_or("").to_owned();
    app.blocking(move |ctx| tell(&super::parsed(ctx, &text)?))
        .await
}

/// A tree as it is written in JSON.
struct Json<'a>(&'a Tree);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Tree::Nothing => to.serialize_unit(),
            Tree::Flag(flag) => to.serialize_bool(*flag),
            Tree::Integer(number) => to.serialize_i64(*number),
            Tree::Float(number) => to.serialize_f64(*number),
            Tree::Text(text) => to.serialize_str(text),
            Tree::List(all) => to.collect_seq(all.iter().map(Json)),
            Tree::Fields(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, &Json(value))?;
                }
                map.end()
            }
        }
    }
}
