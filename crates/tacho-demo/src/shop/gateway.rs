//! `gateway`: knows its visitors, and passes on what they want.

use std::time::Duration;

use super::{Reply, error};
use crate::context::Context;
use crate::span::Service;

/// Templates, compression and the like.
const OWN_WORK: Duration = Duration::from_millis(2);

pub(super) fn serve(ctx: &mut Context<'_>, method: &'static str, path: &str) -> Reply {
    ctx.cached("GET");
    let reply = match super::route(path) {
        "/products" => ctx.call(Service::Inventory, method, path),
        "/orders" => ctx.call(Service::Orders, method, path),
        _ => error(404, "not_found"),
    };
    let lasts = ctx.draw.latency(OWN_WORK, 0.4);
    ctx.take(lasts);
    reply
}
