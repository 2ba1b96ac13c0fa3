//! `orders`: who ordered what. Release 1.4.0 of it is the incident.
//!
//! 1.3.9 asks for the items of all orders at once. 1.4.0 asks for those of each order by themselves
//! (N+1 queries, and without the index), and holds a lock meanwhile: few visitors notice that it is
//! slow for them, all of them that they wait for each other; who waits too long gets an error.

use std::time::Duration;

use super::database::{CUSTOMERS, GOODS};
use super::{Reply, error, json, parameter};
use crate::context::Context;
use crate::schedule::Release;
use crate::span::Service;

const SELECT_ORDERS: &str =
    "SELECT id, sku FROM orders WHERE customer = $1 ORDER BY id DESC LIMIT 20";
const SELECT_ALL_ITEMS: &str = "SELECT * FROM order_items WHERE order_id = ANY($1)";
const SELECT_ITEMS: &str = "SELECT * FROM order_items WHERE order_id = $1";
const INSERT_ORDER: &str = "INSERT INTO orders (customer, sku) VALUES ($1, $2) RETURNING id";
/// One of the queries of 1.4.0.
const WITHOUT_INDEX: Duration = Duration::from_millis(12);
/// How often the database cannot put an order between the others (SQLSTATE 40001).
const CONFLICTS: f64 = 0.004;

pub(super) fn serve(ctx: &mut Context<'_>, method: &'static str, path: &str) -> Reply {
    let customer = parameter(path, "customer").unwrap_or(0) % CUSTOMERS;
    match (method, super::route(path)) {
        ("GET", "/orders") => list(ctx, customer),
        ("POST", "/orders") => place(ctx, customer, parameter(path, "product").unwrap_or(0)),
        _ => error(404, "not_found"),
    }
}

fn list(ctx: &mut Context<'_>, customer: u32) -> Reply {
    let orders = ctx.world.database.orders_of(customer);
    ctx.query(
        ("SELECT", "orders"),
        SELECT_ORDERS,
        Duration::from_millis(3),
        None,
    );
    match ctx.world.schedule.release(ctx.now()) {
        Release::Good => {
            let median = Duration::from_millis(5);
            ctx.query(("SELECT", "order_items"), SELECT_ALL_ITEMS, median, None);
        }
        Release::Bad => {
            let holds = WITHOUT_INDEX * orders.len() as u32;
            match ctx.world.database.wait_for_lock(ctx.now(), holds) {
                Ok(wait) => ctx.take(wait),
                Err(patience) => {
                    ctx.take(patience);
                    return error(503, "lock_timeout");
                }
            }
            for _ in &orders {
                ctx.query(("SELECT", "order_items"), SELECT_ITEMS, WITHOUT_INDEX, None);
            }
        }
    }
    let orders = orders.iter();
    let orders = orders.map(|(id, sku)| format!(r#"{{"id":{id},"sku":"{sku}"}}"#));
    json(format!("[{}]", orders.collect::<Vec<_>>().join(",")))
}

fn place(ctx: &mut Context<'_>, customer: u32, product: u32) -> Reply {
    let sku = GOODS[product as usize % GOODS.len()];
    let aside = ctx.call(Service::Inventory, "POST", &format!("/stock/{sku}"));
    if aside.status != 200 {
        return aside;
    }
    let conflict = ctx.draw.happens(CONFLICTS).then_some("40001");
    let median = Duration::from_millis(6);
    ctx.query(("INSERT", "orders"), INSERT_ORDER, median, conflict);
    if conflict.is_some() {
        return error(500, "serialization_failure");
    }
    let id = ctx.world.database.insert(customer, sku);
    json(format!(r#"{{"id":{id},"sku":"{sku}"}}"#))
}
