//! A chat room on a `WebSocket` each: people who come, talk and leave, as `gateway` tells it in spans.
//!
//! There is no convention for them. A connection is a span of its server, from the opening
//! request to its end; messages are spans below it with `asgi.event.type`, as instrumentations of
//! Python's servers make them.

use std::time::Duration;

use tacho_model::span::SpanKind;

use crate::context::Context;
use crate::span::{number, text};

/// People in the room, with pauses.
pub(crate) const SEATS: u64 = 6;
/// Hardly anybody stays longer.
pub(crate) const LASTS_MAX: Duration = Duration::from_mins(1);
const ROUTE: &str = "/chat/{room}";
const ROOMS: [&str; 3] = ["help", "news", "offers"];
/// How often a connection breaks.
const BREAKS: f64 = 0.03;

/// Comes and goes until the demo ends.
pub(crate) fn sit(ctx: &mut Context<'_>) {
    while !ctx.world.stop.is_stopped() {
        come_and_go(ctx);
    }
}

/// Comes after a while, talks and goes.
pub(crate) fn come_and_go(ctx: &mut Context<'_>) {
    let pause = ctx.draw.gap(0.1);
    ctx.take(pause);
    talk(ctx);
}

fn talk(ctx: &mut Context<'_>) {
    let mut connection = ctx.open(SpanKind::Server, format!("GET {ROUTE}"));
    connection.put([
        text("http.request.method", "GET"),
        text("http.route", ROUTE),
        text("url.scheme", "ws"),
        text("url.path", format!("/chat/{}", ctx.draw.one_of(&ROOMS))),
        text("network.protocol.name", "websocket"),
        number("http.response.status_code", 101),
    ]);
    for _ in 0..ctx.draw.between(2, 16) {
        let pause = ctx.draw.gap(0.6);
        ctx.take(pause);
        if ctx.world.stop.is_stopped() {
            break;
        }
        message(
            ctx,
            "websocket.receive",
            "GET /chat/{room} websocket receive",
        );
        message(ctx, "websocket.send", "GET /chat/{room} websocket send");
    }
    if ctx.draw.happens(BREAKS) {
        // RFC 6455, 7.4.1: closed without a word.
        connection.fail("1006");
    }
    ctx.close(connection);
}

fn message(ctx: &mut Context<'_>, event: &'static str, name: &'static str) {
    let mut message = ctx.open(SpanKind::Internal, name);
    message.put([text("asgi.event.type", event), text("http.route", ROUTE)]);
    let lasts = ctx.draw.latency(Duration::from_micros(400), 0.5);
    ctx.take(lasts);
    ctx.close(message);
}
