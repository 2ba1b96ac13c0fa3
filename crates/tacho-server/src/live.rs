//! Live subscriptions: what a WebSocket client asked to be kept up to date about.
//!
//! A subscription to series first gets its whole window, then, at each tick, the steps that were
//! completed since. Nothing is queued: a client that reads slowly gets the next state later, not
//! a backlog. Synchronous; the socket itself is in [`crate::http`].

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tacho_model::time::parse_duration;
use tacho_model::{TimeRange, Timestamp};
use utoipa::ToSchema;

use crate::app::App;
use crate::http::dashboard::{self, DashboardBody};
use crate::http::metrics::{SeriesBody, parse_function};
use crate::query::QueryCtx;
use crate::series::{self, PAGE_MAX, SeriesQuery};

/// Most subscriptions a connection may have.
pub const SUBSCRIPTIONS_MAX: usize = 64;
/// Longest id a client may give a subscription.
const ID_BYTES_MAX: usize = 64;
const WINDOW_DEFAULT: Duration = Duration::from_mins(5);

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum ClientMessage {
    /// Keep me up to date about this.
    Subscribe {
        /// The client's own name for it.
        id: String,
        /// Series.
        query: Option<LiveQuery>,
        /// The dashboard's summary.
        dashboard: Option<LiveDashboard>,
    },
    /// No longer.
    Unsubscribe {
        /// The name given before.
        id: String,
    },
}

/// Series to follow; the words of `GET /api/performance/metrics`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveQuery {
    #[serde(rename = "match")]
    selector: String,
    agg: Option<String>,
    by: Option<Vec<String>>,
    window: Option<String>,
    step: Option<String>,
}

/// The summary to follow.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveDashboard {
    window: Option<String>,
}

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ServerMessage {
    Hello {
        version: &'static str,
        interval: f64,
        time: String,
    },
    Data {
        id: String,
        series: Vec<SeriesBody>,
    },
    Append {
        id: String,
        series: Vec<SeriesBody>,
    },
    Dashboard {
        id: String,
        body: Box<DashboardBody>,
    },
    Error {
        id: String,
        detail: String,
    },
}

/// The subscriptions of one connection.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(Vec<Subscription>);

#[derive(Debug)]
struct Subscription {
    id: String,
    topic: Topic,
}

#[derive(Debug)]
enum Topic {
    Series(Box<Following>),
    Dashboard(Duration),
}

/// Series being followed.
#[derive(Debug)]
struct Following {
    query: SeriesQuery,
    window: Duration,
    step: Duration,
    /// The end of the newest step that was sent; nothing was sent yet when absent.
    sent: Option<Timestamp>,
}

impl Subscriptions {
    /// Takes a client's message; the id of a new subscription, if it made one. An error is
    /// answered, and the connection goes on.
    pub(crate) fn handle(
        &mut self,
        text: &str,
        app: &App,
    ) -> Result<Option<String>, ServerMessage> {
        let error = |id: String, detail: String| Err(ServerMessage::Error { id, detail });
        let message = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(reason) => return error(String::new(), format!("not understood: {reason}")),
        };
        match message {
            ClientMessage::Unsubscribe { id } => {
                self.0.retain(|known| known.id != id);
                Ok(None)
            }
            ClientMessage::Subscribe {
                id,
                query,
                dashboard,
            } => {
                self.0.retain(|known| known.id != id);
                if id.len() > ID_BYTES_MAX || self.0.len() >= SUBSCRIPTIONS_MAX {
                    let detail = format!(
                        "a connection has at most {SUBSCRIPTIONS_MAX} subscriptions, with ids of \
                         at most {ID_BYTES_MAX} bytes"
                    );
                    return error(id.chars().take(ID_BYTES_MAX).collect(), detail);
                }
                match topic(query, dashboard, app) {
                    Ok(topic) => {
                        let new = Some(id.clone());
                        self.0.push(Subscription { id, topic });
                        Ok(new)
                    }
                    Err(detail) => error(id, detail),
                }
            }
        }
    }

    /// What is new at the newest tick, in all subscriptions or in `only` one.
    pub(crate) fn updates(&mut self, app: &QueryCtx<'_>, only: Option<&str>) -> Vec<ServerMessage> {
        let now = app.last_tick();
        let wanted = |known: &&mut Subscription| only.is_none_or(|id| known.id == id);
        let wanted = self.0.iter_mut().filter(wanted);
        wanted
            .filter_map(|subscription| subscription.update(app, now))
            .collect()
    }
}

fn topic(
    query: Option<LiveQuery>,
    dashboard: Option<LiveDashboard>,
    app: &App,
) -> Result<Topic, String> {
    let duration = |text: Option<String>, default: Duration| {
        text.map_or(Ok(default), |text| parse_duration(&text))
            .map_err(|error| error.to_string())
    };
    match (query, dashboard) {
        (None, Some(dashboard)) => Ok(Topic::Dashboard(duration(
            dashboard.window,
            WINDOW_DEFAULT,
        )?)),
        (Some(live), None) => {
            let window = duration(live.window, WINDOW_DEFAULT)?;
            let step = duration(live.step, app.settings.collect.interval)?;
            if step.is_zero() {
                return Err("a step of zero has no points".to_owned());
            }
            let selectors = series::selectors(&[live.selector], &[]).map_err(|e| e.to_string())?;
            let mut query = SeriesQuery::new(selectors, TimeRange::ALL);
            query.step = Some(step);
            query.function = live.agg.as_deref().map(parse_function).transpose()?;
            query.by = live.by;
            query.limit = PAGE_MAX;
            Ok(Topic::Series(Box::new(Following {
                query,
                window,
                step,
                sent: None,
            })))
        }
        _ => Err("say either `query` or `dashboard`".to_owned()),
    }
}

impl Subscription {
    fn update(&mut self, app: &QueryCtx<'_>, now: Timestamp) -> Option<ServerMessage> {
        let id = self.id.clone();
        match &mut self.topic {
            Topic::Dashboard(window) => {
                let body = dashboard::body(app, *window, now).map(Box::new);
                Some(match body {
                    Ok(body) => ServerMessage::Dashboard { id, body },
                    Err(error) => ServerMessage::Error {
                        id,
                        detail: error.to_string(),
                    },
                })
            }
            Topic::Series(following) => {
                let first = following.sent.is_none();
                match following.read(app, now) {
                    Ok(None) => None,
                    Ok(Some(series)) if first => Some(ServerMessage::Data { id, series }),
                    Ok(Some(series)) if series.is_empty() => None,
                    Ok(Some(series)) => Some(ServerMessage::Append { id, series }),
                    Err(error) => Some(ServerMessage::Error {
                        id,
                        detail: error.to_string(),
                    }),
                }
            }
        }
    }
}

impl Following {
    /// The steps completed since the last call; `None` when there cannot be one.
    fn read(
        &mut self,
        app: &QueryCtx<'_>,
        now: Timestamp,
    ) -> Result<Option<Vec<SeriesBody>>, series::SeriesError> {
        let end = now.align_down(self.step);
        let start = match self.sent {
            // The clock went back: what was sent as new is the future now.
            Some(sent) if sent > end + self.step => end - self.window,
            Some(sent) if sent >= end => return Ok(None),
            // The window's first step is the one that ends inside it.
            Some(sent) => sent + Duration::from_nanos(1),
            None => end - self.window,
        };
        self.query.range = TimeRange::new(start.max(end - self.window), end);
        let page = series::read(&app.querier(), &self.query)?;
        self.sent = Some(end);
        Ok(Some(
            page.series.into_iter().map(SeriesBody::from).collect(),
        ))
    }
}
