//! `POST /api/performance/stats/test` and `stats/power`: statistics on the sender's own numbers.

use axum::Json;
use axum::extract::State;

use super::body::{Whole, json};
use super::params::Params;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::statistics::{
    self, PowerAnswer, PowerRequest, StatisticsError, TestAnswer, TestRequest,
};

/// Tests whether two samples differ, and says by how much.
#[utoipa::path(post, path = "/api/performance/stats/test", tag = "statistics",
    request_body = TestRequest,
    responses((status = 200, body = TestAnswer), (status = 400, body = Problem),
        (status = 413, body = Problem), (status = 429, body = Problem)))]
pub(crate) async fn test(
    State(app): State<SharedApp>,
    params: Params,
    body: Whole,
) -> Answer<Json<TestAnswer>> {
    params.finish()?;
    let request: TestRequest = json(&body)?;
    let answer = app
        .blocking(move |_| Ok(statistics::test(&request)?))
        .await?;
    Ok(Json(answer))
}

/// How many observations a test needs, what it would find, or how sure it would be.
#[utoipa::path(post, path = "/api/performance/stats/power", tag = "statistics",
    request_body = PowerRequest,
    responses((status = 200, body = PowerAnswer), (status = 400, body = Problem),
        (status = 429, body = Problem)))]
pub(crate) async fn power(
    State(app): State<SharedApp>,
    params: Params,
    body: Whole,
) -> Answer<Json<PowerAnswer>> {
    params.finish()?;
    let request: PowerRequest = json(&body)?;
    let answer = app
        .blocking(move |_| Ok(statistics::power(&request)?))
        .await?;
    Ok(Json(answer))
}

impl From<StatisticsError> for Problem {
    fn from(error: StatisticsError) -> Self {
        Self::bad_request(error.to_string())
    }
}
