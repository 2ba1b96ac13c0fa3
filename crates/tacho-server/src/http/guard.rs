//! Who may speak to the server: Host, Origin and token are checked on every request.
//!
//! A page on another site must not reach a server on loopback through the visitor's browser. Two
//! ways are closed: a foreign `Origin` (cross-site requests, `WebSockets`) and a foreign `Host`
//! (DNS rebinding, where the attacker's name points at 127.0.0.1). Requests without an `Origin`
//! come from programs, not from pages, and pass.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tacho_model::Timestamp;

use super::peer::Peer;
use super::problem::Problem;
use super::{body, grpc, influx, otlp, v1};
use crate::app::{App, SharedApp};
use crate::auth::{Refusal, routes};

/// The policy for what the page itself may load: nothing but what this server gives it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// In which ways a client may say who it is. The first is what browsers understand.
const CHALLENGES: [&str; 2] = [
    "Basic realm=\"Tachograph\", charset=\"UTF-8\"",
    "Bearer realm=\"Tachograph\"",
];

/// Refuses foreign hosts and origins and who has not the token that is needed, and adds the headers
/// that keep browsers careful. A layer around every router, whichever listener it is for; who asks
/// is an extension of the request then, a [`crate::auth::Caller`] where there is a token.
pub(crate) async fn check(
    State(app): State<SharedApp>,
    peer: Peer,
    mut request: Request,
    next: Next,
) -> Response {
    let allowed = &app.settings.server.allowed_hosts;
    let path = request.uri().path().to_owned();
    let otlp = otlp::error_encoding(&path, request.headers());
    let is_grpc = grpc::is_grpc(request.headers());
    let refused = match verify(request.headers(), request.uri().host(), allowed) {
        Err(problem) => Some(problem.into_response()),
        Ok(()) => refuse(&app, peer, &mut request),
    };
    let mut response = if let Some(refused) = refused {
        // One that waits to be asked for its body is not asked.
        if !request.headers().contains_key(header::EXPECT) {
            body::discard(request.into_body()).await;
        }
        refused
    } else {
        next.run(request).await
    };
    response = if v1::is_here(&path) {
        v1::reshape(response)
    } else if is_grpc {
        grpc::reshape(response)
    } else if let Some(encoding) = otlp {
        otlp::reshape(response, encoding)
    } else {
        influx::reshape(&path, response)
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A report brings its own, stricter in one point and wider in another.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    response
}

/// What to answer where the request's token does not suffice; else who asks is kept with it.
fn refuse(app: &App, peer: Peer, request: &mut Request) -> Option<Response> {
    let (need, what) = routes::need(request.method(), request.uri().path());
    let sent = request.headers().get(header::AUTHORIZATION);
    let sent = sent.map(HeaderValue::as_bytes);
    match app.auth.check(sent, need, peer.ip(), Timestamp::now()) {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            None
        }
        Err(refusal) => {
            app.auth.tell(&refusal, what, peer.ip());
            Some(refused(&refusal))
        }
    }
}

fn refused(refusal: &Refusal) -> Response {
    let detail = refusal.to_string();
    match refusal {
        Refusal::Scope { .. } => Problem::new(StatusCode::FORBIDDEN, detail).into_response(),
        Refusal::TooMany => {
            let mut response = Problem::overloaded(detail).into_response();
            let wait = HeaderValue::from_static("60");
            response.headers_mut().insert(header::RETRY_AFTER, wait);
            response
        }
        Refusal::Missing | Refusal::Unknown | Refusal::Expired { .. } => {
            let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
            for challenge in CHALLENGES {
                let challenge = HeaderValue::from_static(challenge);
                let headers = response.headers_mut();
                headers.append(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

fn verify(headers: &HeaderMap, uri_host: Option<&str>, allowed: &[String]) -> Result<(), Problem> {
    let text = |name| {
        headers
            .get(name)
            .map(|value: &HeaderValue| value.to_str().unwrap_or(""))
    };
    let host = text(header::HOST).or(uri_host).unwrap_or("");
    if !is_ours(host, allowed) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            format!(
                "the Host `{}` is not this server's; add it to server.allowed_hosts if it is",
                shown(host)
            ),
        ));
    }
    if let Some(origin) = text(header::ORIGIN) {
        let authority = origin.split_once("://").map_or("", |(_, rest)| rest);
        if !authority.eq_ignore_ascii_case(host)
            && !allowed
                .iter()
                .any(|name| name.eq_ignore_ascii_case(hostname(authority)))
        {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                format!("the Origin `{}` may not use this server", shown(origin)),
            ));
        }
    }
    Ok(())
}

/// Names and addresses under which a browser cannot be lured here: an address says itself where it
/// leads, `localhost` never leaves the machine, and the others were configured.
fn is_ours(host: &str, allowed: &[String]) -> bool {
    let name = hostname(host);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok()
        || is_named(name, allowed)
}

/// Whether a name was configured. Names know no case.
fn is_named(name: &str, allowed: &[String]) -> bool {
    allowed
        .iter()
        .any(|allowed| allowed.eq_ignore_ascii_case(name))
}

/// The name in `name:port`, `[v6]:port` or `name`.
fn hostname(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or("");
    }
    authority
        .rsplit_once(':')
        .map_or(authority, |(name, _)| name)
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(host: &str, origin: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        let allowed = ["tacho.example".to_owned()];
        match verify(&headers, None, &allowed) {
            Ok(()) => 200,
            Err(problem) => problem.into_response().status().as_u16(),
        }
    }

    #[test]
    fn loopback_names_addresses_and_configured_hosts_pass() {
        for host in [
            "localhost:8090",
            "127.0.0.1:8090",
            "[::1]:8090",
            "tacho.example",
            "10.0.0.1",
        ] {
            assert_eq!(status(host, None), 200, "{host}");
        }
        assert_eq!(status("127.0.0.1:8090", Some("http://127.0.0.1:8090")), 200);
    }

    #[test]
    fn a_rebound_name_and_a_foreign_page_are_refused() {
        for host in [
            "evil.example:8090",
            "",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
        ] {
            assert_eq!(status(host, None), 421, "{host}");
        }
        for origin in [
            "http://evil.example",
            "null",
            "",
            "http://127.0.0.1:9999",
            "http://localhost",
        ] {
            assert_eq!(status("127.0.0.1:8090", Some(origin)), 403, "{origin}");
        }
    }
}
