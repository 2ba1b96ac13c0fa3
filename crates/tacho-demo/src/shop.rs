//! The shop: three programs that keep what they are told, and call each other.
//!
//! Visitors come to `gateway`, which asks `orders` and `inventory`; `orders` asks `inventory` to set
//! goods aside. Each listens on a free port of loopback, with [`WORKERS`] threads, so that a slow
//! program has a queue before its door, as real ones have.

mod database;
mod gateway;
mod inventory;
mod orders;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tacho_model::Timestamp;
use tacho_model::span::SpanKind;

pub(crate) use self::database::{CUSTOMERS, Database, GOODS};
use crate::context::{Context, Reply};
use crate::draw::Draw;
use crate::export::Sink;
use crate::http;
use crate::schedule::Schedule;
use crate::span::{Service, number, text};
use crate::stop::Stop;

/// Requests that a program works on at once.
const WORKERS: u64 = 12;
/// More than the deepest of the shop's functions needs.
pub(crate) const STACK_BYTES: usize = 512 << 10;
/// The programs that listen.
const LISTENING: [Service; 3] = [Service::Gateway, Service::Orders, Service::Inventory];

/// What all of the demo share.
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) schedule: Schedule,
    pub(crate) sink: Sink,
    pub(crate) stop: Arc<Stop>,
    addresses: [SocketAddr; 3],
}

impl World {
    /// With programs at these addresses.
    pub(crate) fn new(
        schedule: Schedule,
        sink: Sink,
        stop: Arc<Stop>,
        addresses: [SocketAddr; 3],
    ) -> Self {
        Self {
            database: Database::default(),
            schedule,
            sink,
            stop,
            addresses,
        }
    }

    /// Where a program listens; the gateway, for one that does not.
    pub(crate) fn address(&self, service: Service) -> SocketAddr {
        let place = LISTENING.iter().position(|known| *known == service);
        self.addresses[place.unwrap_or(0)]
    }

    /// Which release of a program is out then.
    pub(crate) fn version(&self, service: Service, at: Timestamp) -> &'static str {
        match service {
            Service::Gateway => "2.11.0",
            Service::Orders => self.schedule.release(at).version(),
            Service::Inventory => "1.0.7",
            Service::Agents => "0.6.2",
        }
    }
}

/// Answers a request to the program that `ctx` is in, and tells that in a span.
pub(crate) fn serve(ctx: &mut Context<'_>, method: &'static str, path: &str) -> Reply {
    let route = route(path);
    let mut span = ctx.open(SpanKind::Server, format!("{method} {route}"));
    span.put([
        text("http.request.method", method),
        text("http.route", route),
        text("url.path", path.split('?').next().unwrap_or("/").to_owned()),
        text("url.scheme", "http"),
    ]);
    let reply = match ctx.service {
        Service::Gateway => gateway::serve(ctx, method, path),
        Service::Orders => orders::serve(ctx, method, path),
        Service::Inventory => inventory::serve(ctx, method, path),
        Service::Agents => error(404, "not_found"),
    };
    span.put([
        number("http.response.status_code", reply.status.into()),
        number("http.response.body.size", reply.body.len() as u64),
    ]);
    if reply.status >= 500 {
        span.fail(reply.status.to_string());
    }
    ctx.close(span);
    reply
}

/// The route of a path: all of the shop's have one.
pub(crate) fn route(path: &str) -> &'static str {
    match path.split(['?', '/']).nth(1) {
        Some("products") => "/products",
        Some("orders") => "/orders",
        Some("stock") => "/stock/{sku}",
        _ => "/{path}",
    }
}

/// The value of a parameter that is a number.
fn parameter(path: &str, name: &str) -> Option<u32> {
    let (_, query) = path.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name)?.1.parse().ok()
}

fn error(status: u16, reason: &str) -> Reply {
    Reply {
        status,
        body: format!(r#"{{"error":"{reason}"}}"#),
    }
}

fn json(body: String) -> Reply {
    Reply { status: 200, body }
}

/// The doors of the three programs, open but not answered yet.
pub(crate) struct Doors([TcpListener; 3]);

impl Doors {
    /// Free ports of loopback.
    pub(crate) fn open() -> io::Result<Self> {
        let door = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        Ok(Self([door()?, door()?, door()?]))
    }

    /// Where they are.
    pub(crate) fn addresses(&self) -> io::Result<[SocketAddr; 3]> {
        let [gateway, orders, inventory] = &self.0;
        Ok([
            gateway.local_addr()?,
            orders.local_addr()?,
            inventory.local_addr()?,
        ])
    }

    /// Answers from now on.
    pub(crate) fn answer(self, world: &Arc<World>, seed: u64) -> io::Result<Vec<JoinHandle<()>>> {
        let mut workers = Vec::new();
        for (place, (door, service)) in self.0.into_iter().zip(LISTENING).enumerate() {
            let door = Arc::new(door);
            for worker in 0..WORKERS {
                let (door, world) = (Arc::clone(&door), Arc::clone(world));
                let draw = Draw::new(seed, 1000 * (place as u64 + 1) + worker);
                let thread = Builder::new().stack_size(STACK_BYTES);
                let thread = thread.name(service.name().to_owned());
                workers.push(thread.spawn(move || work(&door, &world, service, draw))?);
            }
        }
        Ok(workers)
    }
}

/// Makes the workers look whether to stop; one looks for each knock.
pub(crate) fn knock(world: &World) {
    for address in world.addresses {
        for _ in 0..WORKERS {
            drop(TcpStream::connect(address));
        }
    }
}

fn work(door: &TcpListener, world: &Arc<World>, service: Service, mut draw: Draw) {
    while let Ok((mut stream, _)) = door.accept() {
        if world.stop.is_stopped() {
            return;
        }
        // Whoever sends no request of HTTP gets no answer.
        let Ok(request) = http::take(&mut stream) else {
            continue;
        };
        let method = match request.method.as_str() {
            "GET" => "GET",
            "POST" => "POST",
            _ => "_OTHER",
        };
        let mut ctx = Context::live(world, service, &mut draw, request.caller);
        let reply = serve(&mut ctx, method, &request.path);
        // Who does not wait for the answer does not get it.
        let _ = http::answer(&mut stream, reply.status, &reply.body);
    }
}
