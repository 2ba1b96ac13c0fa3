//! `inventory`: what there is, and how much of it.

use std::time::Duration;

use super::{Reply, error, json};
use crate::context::Context;

pub(super) fn serve(ctx: &mut Context<'_>, method: &'static str, path: &str) -> Reply {
    match (method, super::route(path)) {
        ("GET", "/products") => list(ctx),
        ("POST", "/stock/{sku}") => take(ctx, path),
        _ => error(404, "not_found"),
    }
}

fn list(ctx: &mut Context<'_>) -> Reply {
    let statement = "SELECT sku, name, left_over FROM products ORDER BY name";
    let median = Duration::from_millis(4);
    ctx.query(("SELECT", "products"), statement, median, None);
    let goods = ctx.world.database.stock();
    let goods = goods.map(|(sku, count)| format!(r#"{{"sku":"{sku}","left_over":{count}}}"#));
    json(format!("[{}]", goods.collect::<Vec<_>>().join(",")))
}

/// Sets one aside; when there is none left, more is fetched, and who comes first has to come again.
fn take(ctx: &mut Context<'_>, path: &str) -> Reply {
    let statement = "UPDATE stock SET left_over = left_over - 1 WHERE sku = $1 AND left_over > 0";
    let median = Duration::from_millis(3);
    ctx.query(("UPDATE", "stock"), statement, median, None);
    match ctx
        .world
        .database
        .set_aside(path.rsplit('/').next().unwrap_or(""))
    {
        Some(count) => json(format!(r#"{{"left_over":{count}}}"#)),
        None => error(409, "out_of_stock"),
    }
}
