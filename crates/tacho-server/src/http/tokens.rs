//! Tokens: make, list, revoke. The secret is in the answer that makes one, and nowhere else.

use axum::Extension;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
use serde::{Deserialize, Serialize};
use tacho_model::Timestamp;
use tacho_model::time::parse_duration;
use tacho_store::state::Token;
use utoipa::ToSchema;

use super::SCHEMA;
use super::body::{Whole, json};
use super::params::Params;
use super::peer::Peer;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::auth::secret::Secret;
use crate::auth::{Caller, Draft, Scopes, TokenError};

/// The token that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedBody {
    /// What to call it.
    name: String,
    /// What it is to be good for: `read`, `write`, `admin`.
    scopes: Vec<String>,
    /// How long it is to be valid (`90d`), or until when (RFC 3339); for ever without.
    expires: Option<String>,
}

/// One token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenBody {
    id: i64,
    name: String,
    /// The first characters of the secret.
    prefix: String,
    scopes: Vec<String>,
    /// `live`, `expired` or `revoked`.
    state: &'static str,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    expires_at: Option<String>,
    /// When it was last used, to about a minute; RFC 3339.
    last_used_at: Option<String>,
    /// RFC 3339.
    revoked_at: Option<String>,
}

/// All tokens, revoked ones too.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokensBody {
    schema: u32,
    /// In the order in which they were made.
    tokens: Vec<TokenBody>,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeBody {
    schema: u32,
    token: TokenBody,
    /// What to send from now on. It is told here and never again.
    secret: String,
}

/// A token that was revoked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneBody {
    schema: u32,
    token: TokenBody,
}

impl TokenBody {
    fn new(token: &Token, now: Timestamp) -> Self {
        let asked = &token.asked;
        let over = asked.expires_at.is_some_and(|at| at <= now);
        Self {
            id: token.id,
            name: asked.name.clone(),
            prefix: asked.prefix.clone(),
            scopes: asked.scopes.split(',').map(str::to_owned).collect(),
            state: match token.revoked_at {
                Some(_) => "revoked",
                None if over => "expired",
                None => "live",
            },
            created_at: token.created_at.to_rfc3339(),
            expires_at: asked.expires_at.map(Timestamp::to_rfc3339),
            last_used_at: token.last_used_at.map(Timestamp::to_rfc3339),
            revoked_at: token.revoked_at.map(Timestamp::to_rfc3339),
        }
    }
}

impl TokensBody {
    pub(crate) fn new(tokens: &[Token], now: Timestamp) -> Self {
        let tokens = tokens.iter().map(|token| TokenBody::new(token, now));
        Self {
            schema: SCHEMA,
            tokens: tokens.collect(),
        }
    }
}

impl MadeBody {
    pub(crate) fn new(token: &Token, secret: &Secret, now: Timestamp) -> Self {
        Self {
            schema: SCHEMA,
            token: TokenBody::new(token, now),
            secret: secret.reveal().to_owned(),
        }
    }
}

impl OneBody {
    pub(crate) fn new(token: &Token, now: Timestamp) -> Self {
        Self {
            schema: SCHEMA,
            token: TokenBody::new(token, now),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Store(error) => error.into(),
            TokenError::Random => Self::internal(&error),
            TokenError::Scope(_) | TokenError::NoScope | TokenError::Past => {
                Self::bad_request(error.to_string())
            }
            TokenError::FirstNotAdmin | TokenError::LastAdmin(_) | TokenError::Last(_) => {
                Self::new(StatusCode::CONFLICT, error.to_string())
            }
        }
    }
}

/// All tokens, revoked ones too; never their secrets.
#[utoipa::path(get, path = "/api/performance/tokens", tag = "tokens",
    responses((status = 200, body = TokensBody)))]
pub(crate) async fn list(State(app): State<SharedApp>, params: Params) -> Answer<Json<TokensBody>> {
    params.finish()?;
    let tokens = app
        .blocking(|app| Ok(app.auth.tokens(app.store.state())?))
        .await?;
    Ok(Json(TokensBody::new(&tokens, Timestamp::now())))
}

/// Makes a token. The first one is made on the server's own machine, and has the scope admin.
#[utoipa::path(post, path = "/api/performance/tokens", tag = "tokens",
    request_body = WantedBody,
    responses((status = 201, body = MadeBody), (status = 400, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn create(
    State(app): State<SharedApp>,
    caller: Option<Extension<Caller>>,
    peer: Peer,
    headers: HeaderMap,
    params: Params,
    body: Whole,
) -> Answer<impl IntoResponse> {
    params.finish()?;
    let body: WantedBody = json(&body)?;
    if caller.is_none() && !is_this_machine(peer, &headers) {
        let detail = "the first token can only be made on the server's own machine, by `tacho \
                      token create` there";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let now = Timestamp::now();
    let draft = Draft {
        name: body.name,
        scopes: Scopes::parse(&body.scopes.join(","))?,
        expires_at: body.expires.map(|text| expiry(&text, now)).transpose()?,
    };
    let (token, secret) = app
        .blocking(move |app| Ok(app.auth.create(app.store.state(), &draft, now)?))
        .await?;
    tell("token made", &token, caller.as_deref(), peer);
    let headers = AppendHeaders([(header::CACHE_CONTROL, "no-store")]);
    let body = MadeBody::new(&token, &secret, now);
    Ok((StatusCode::CREATED, headers, Json(body)))
}

/// Revokes a token: from this answer on it is worth nothing.
#[utoipa::path(delete, path = "/api/performance/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "its id or its name")),
    responses((status = 200, body = OneBody), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn revoke(
    State(app): State<SharedApp>,
    caller: Option<Extension<Caller>>,
    peer: Peer,
    Path(id): Path<String>,
    params: Params,
) -> Answer<Json<OneBody>> {
    params.finish()?;
    let now = Timestamp::now();
    let token = app
        .blocking(move |app| Ok(app.auth.revoke(app.store.state(), &id, now)?))
        .await?;
    tell("token revoked", &token, caller.as_deref(), peer);
    Ok(Json(OneBody::new(&token, now)))
}

/// A duration from now, or a time.
pub(crate) fn expiry(text: &str, now: Timestamp) -> Answer<Timestamp> {
    if let Ok(length) = parse_duration(text) {
        return Ok(now + length);
    }
    Timestamp::parse(text).map_err(|_| {
        let text: String = text.chars().take(64).collect();
        Problem::bad_request(format!(
            "expires: `{text}` is neither a duration such as 90d nor a time (RFC 3339)"
        ))
    })
}

/// Whether a request comes from the server's own machine, as far as can be told: not through a
/// proxy that runs there.
fn is_this_machine(peer: Peer, headers: &HeaderMap) -> bool {
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip"];
    let is_forwarded = forwarded.iter().any(|name| headers.contains_key(*name));
    peer.ip().is_some_and(|ip| ip.is_loopback()) && !is_forwarded
}

fn tell(what: &str, token: &Token, caller: Option<&Caller>, peer: Peer) {
    let by = caller.map_or("nobody named", Caller::name);
    let (id, name, scopes) = (token.id, &token.asked.name, &token.asked.scopes);
    tracing::info!(target: "tacho::auth", id, name, scopes, by, client = %peer, "{what}");
}
