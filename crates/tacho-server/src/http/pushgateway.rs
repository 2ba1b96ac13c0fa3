//! `PUT`, `POST` and `DELETE /metrics/job/…`: Pushgateway's paths.
//!
//! Answers are Pushgateway's: 200 for a push, 202 for a deletion, 400 with the reason for a body
//! that cannot be taken.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tacho_model::Refusal;
use tacho_wire::exposition::Form;

use super::body;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::intake::Protocol;
use crate::pushgateway::{Push, PushError, group_of};
use crate::scrape::client::gunzip;

/// Takes a push or a deletion.
pub(crate) async fn any(State(app): State<SharedApp>, request: Request) -> Response {
    let answer = take(&app, request).await;
    let response = answer.map_or_else(Problem::into_response, IntoResponse::into_response);
    app.intake
        .answered(Protocol::Pushgateway, response.status().as_u16());
    response
}

async fn take(app: &SharedApp, request: Request) -> Answer<StatusCode> {
    let path = request.uri().path().strip_prefix("/metrics/").unwrap_or("");
    let group = group_of(path).map_err(|error| Problem::bad_request(error.to_string()))?;
    let how = match *request.method() {
        Method::PUT => Push::Group,
        Method::POST => Push::Metrics,
        Method::DELETE => {
            let deleted = app
                .blocking(move |ctx| ctx.gateway.delete(ctx, &group).map_err(problem))
                .await;
            return deleted.map(|()| StatusCode::ACCEPTED);
        }
        _ => {
            return Err(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "use PUT, POST or DELETE",
            ));
        }
    };
    let form = form(request.headers())?;
    let is_gzip = is_gzip(request.headers())?;
    let arrived = body::read(request, app).await?;
    let push = move |app: &SharedApp, body: &[u8]| {
        let mut unpacked = Vec::new();
        let body = if is_gzip {
            let bytes_max = app.settings.server.body_bytes_max;
            gunzip(body, bytes_max, &mut unpacked)
                .map_err(|error| Problem::bad_request(error.to_string()))?;
            &unpacked
        } else {
            body
        };
        let pushed = app.gateway.push(app, &group, how, form, body);
        pushed.map_err(problem)
    };
    arrived.work(app, push).await?.map(|()| StatusCode::OK)
}

fn problem(error: PushError) -> Problem {
    match error {
        PushError::Body(reason) => Problem::bad_request(reason),
        error @ (PushError::Full { .. }
        | PushError::Refused {
            reason: Refusal::SeriesRate,
            ..
        }) => Problem::overloaded(error.to_string()),
        error @ PushError::Keep { .. } => Problem::unavailable(error.to_string()),
        PushError::Append(error) => error.into(),
        error @ PushError::Refused { .. } => Problem::bad_request(error.to_string()),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    let value = headers.get(name);
    value.map_or("", |value| value.to_str().unwrap_or("?"))
}

/// What does not say what it is, is the classic text.
fn form(headers: &HeaderMap) -> Answer<Form> {
    let kind = text(headers, header::CONTENT_TYPE);
    let kind_only = kind.split(';').next().unwrap_or("").trim();
    // What HTTP clients send of themselves.
    let says_nothing = matches!(
        kind_only,
        "" | "application/x-www-form-urlencoded" | "application/octet-stream"
    );
    match Form::of(kind) {
        Some(form) => Ok(form),
        None if says_nothing => Ok(Form::Text),
        None => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!(
                "the Content-Type is `{}`; send text/plain, application/openmetrics-text or \
                 application/vnd.google.protobuf",
                kind.chars().take(80).collect::<String>()
            ),
        )),
    }
}

fn is_gzip(headers: &HeaderMap) -> Answer<bool> {
    match text(headers, header::CONTENT_ENCODING)
        .to_ascii_lowercase()
        .as_str()
    {
        "" | "identity" => Ok(false),
        "gzip" => Ok(true),
        other => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("the Content-Encoding is `{other}`; send gzip or none"),
        )),
    }
}
