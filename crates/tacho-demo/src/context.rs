//! Where something happens: in which program, below which span, at what time.
//!
//! An actor is written once and lives twice. Live, its clock is the wall's: [`Context::take`] rests,
//! and [`Context::call`] goes over a socket to the other program, with the trace in `traceparent`.
//! In the past, its clock moves on without waiting, and a call is one of a function. Both make the
//! same spans: a span ends after all that it caused, and is sent then.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tacho_model::Timestamp;
use tacho_model::span::{Attribute, SpanKind};

use crate::draw::Draw;
use crate::http;
use crate::shop::{self, World};
use crate::span::{Ended, Service, number, text};

/// From one program to the next, in the past; live, the sockets take what they take.
const HOP: Duration = Duration::from_micros(200);
/// What queries vary by.
const QUERY_SPREAD: f64 = 0.45;

/// Where something happens.
pub(crate) struct Context<'a> {
    pub(crate) world: &'a Arc<World>,
    pub(crate) service: Service,
    pub(crate) draw: &'a mut Draw,
    clock: Clock,
    trace: u128,
    /// The span that everything now is below; 0 where there is none.
    span: u64,
}

/// What time it is, and what waiting is.
#[derive(Debug, Clone, Copy)]
enum Clock {
    Wall,
    Past(Timestamp),
}

/// A span that has not ended.
pub(crate) struct Open {
    id: u64,
    parent: u64,
    kind: SpanKind,
    name: Cow<'static, str>,
    start: Timestamp,
    failed: bool,
    attributes: Vec<Attribute<'static>>,
}

impl Open {
    /// Adds what it says of itself.
    pub(crate) fn put(&mut self, attributes: impl IntoIterator<Item = Attribute<'static>>) {
        self.attributes.extend(attributes);
    }

    /// It failed, for this reason.
    pub(crate) fn fail(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.failed = true;
        self.put([text("error.type", reason)]);
    }
}

/// What a service answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// JSON.
    pub(crate) body: String,
}

impl<'a> Context<'a> {
    /// Now, in a program that was called by `caller`, or by nobody.
    pub(crate) fn live(
        world: &'a Arc<World>,
        service: Service,
        draw: &'a mut Draw,
        caller: Option<http::Caller>,
    ) -> Self {
        let (trace, span) = caller.unwrap_or_default();
        Self {
            world,
            service,
            draw,
            clock: Clock::Wall,
            trace,
            span,
        }
    }

    /// In the past, in a program that nobody called.
    pub(crate) fn past(
        world: &'a Arc<World>,
        service: Service,
        draw: &'a mut Draw,
        at: Timestamp,
    ) -> Self {
        let clock = Clock::Past(at);
        Self {
            clock,
            ..Self::live(world, service, draw, None)
        }
    }

    /// What time it is here.
    pub(crate) fn now(&self) -> Timestamp {
        match self.clock {
            Clock::Wall => Timestamp::now(),
            Clock::Past(now) => now,
        }
    }

    /// Lets time pass.
    pub(crate) fn take(&mut self, duration: Duration) {
        match &mut self.clock {
            Clock::Wall => self.world.stop.rest(duration),
            Clock::Past(now) => *now = *now + duration,
        }
    }

    /// Begins a span; all that happens until [`Self::close`] is below it.
    pub(crate) fn open(&mut self, kind: SpanKind, name: impl Into<Cow<'static, str>>) -> Open {
        if self.trace == 0 {
            self.trace = self.draw.trace_id();
        }
        let id = self.draw.span_id();
        Open {
            id,
            parent: std::mem::replace(&mut self.span, id),
            kind,
            name: name.into(),
            start: self.now(),
            failed: false,
            attributes: Vec::with_capacity(8),
        }
    }

    /// Ends it.
    pub(crate) fn close(&mut self, open: Open) {
        self.span = open.parent;
        self.emit(open);
        if self.span == 0 {
            // What comes next is another trace.
            self.trace = 0;
        }
    }

    fn emit(&self, open: Open) {
        let version = self.world.version(self.service, open.start);
        let ended = Ended {
            service: self.service,
            version,
            trace: self.trace,
            id: open.id,
            parent: open.parent,
            kind: open.kind,
            name: open.name,
            start: open.start,
            duration: self.now().since(open.start),
            failed: open.failed,
            attributes: open.attributes,
        };
        match self.clock {
            Clock::Wall => self.world.sink.offer(ended),
            Clock::Past(_) => self.world.sink.send(ended),
        }
    }

    /// Asks another program, and tells that in a span.
    pub(crate) fn call(&mut self, to: Service, method: &'static str, path: &str) -> Reply {
        let mut span = self.open(SpanKind::Client, method);
        span.put([
            text("http.request.method", method),
            text("url.full", format!("http://{}{path}", to.name())),
            text("url.template", shop::route(path)),
            text("server.address", to.name()),
        ]);
        let reply = self.pass(to, method, path);
        span.put([number("http.response.status_code", reply.status.into())]);
        if reply.status >= 400 {
            span.fail(reply.status.to_string());
        }
        self.close(span);
        reply
    }

    /// Asks another program, as somebody whom nobody watches.
    pub(crate) fn pass(&mut self, to: Service, method: &'static str, path: &str) -> Reply {
        let caller = (self.trace != 0).then_some((self.trace, self.span));
        if let Clock::Past(now) = self.clock {
            let mut there = Context {
                world: self.world,
                service: to,
                draw: &mut *self.draw,
                clock: Clock::Past(now + HOP),
                trace: self.trace,
                span: self.span,
            };
            let reply = shop::serve(&mut there, method, path);
            let back = there.now() + HOP;
            self.clock = Clock::Past(back);
            return reply;
        }
        let json = ("application/json", b"".as_slice());
        match http::ask(self.world.address(to), (method, path), caller, json) {
            Ok((status, body)) => Reply {
                status,
                body: String::from_utf8_lossy(&body).into_owned(),
            },
            Err(_) => Reply {
                status: 502,
                body: r#"{"error":"bad_gateway"}"#.to_owned(),
            },
        }
    }

    /// Asks the shop's PostgreSQL: so long, in the middle, and with this outcome.
    pub(crate) fn query(
        &mut self,
        (operation, table): (&'static str, &'static str),
        statement: &'static str,
        median: Duration,
        error: Option<&'static str>,
    ) {
        let mut span = self.open(SpanKind::Client, format!("{operation} {table}"));
        span.put([
            text("db.system.name", "postgresql"),
            text("db.namespace", "shop"),
            text("db.collection.name", table),
            text("db.operation.name", operation),
            text("db.query.text", statement),
            text("server.address", "postgres"),
        ]);
        let lasts = self.draw.latency(median, QUERY_SPREAD);
        self.take(lasts);
        if let Some(error) = error {
            span.fail(error);
        }
        self.close(span);
    }

    /// Asks the shop's Redis.
    pub(crate) fn cached(&mut self, operation: &'static str) {
        let mut span = self.open(SpanKind::Client, operation);
        span.put([
            text("db.system.name", "redis"),
            text("db.namespace", "0"),
            text("db.operation.name", operation),
            text("server.address", "redis"),
        ]);
        let lasts = self.draw.latency(Duration::from_micros(350), QUERY_SPREAD);
        self.take(lasts);
        self.close(span);
    }
}
