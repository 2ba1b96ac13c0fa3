//! Visitors: who comes when, and what they want.
//!
//! An open loop: visitors come by their own clock, whether the shop is fast or not, so that a slow
//! shop makes a queue and not fewer visitors. Numbers swell and ebb by a sixth in half an hour, a day
//! in short. Of visitors that nobody has time for, all [`VISITORS`] being busy and [`WAITING_MAX`]
//! waiting, it is counted how many went away.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::Timestamp;

use crate::context::Context;
use crate::draw::Draw;
use crate::shop::{CUSTOMERS, GOODS, STACK_BYTES, World};
use crate::span::Service;
use crate::{agents, chat};

/// Most visitors at once.
const VISITORS: u64 = 24;
/// Most who wait to become one.
const WAITING_MAX: usize = 256;
/// A day in short.
const DAY: Duration = Duration::from_mins(30);
/// The dice of visitors are none of the programs'.
const ACTORS: u64 = 10_000;
/// Those of the past are none of the present's.
const PAST: u64 = 20_000;

/// What a visitor wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Browse,
    LookAtOrders,
    Order,
    Help,
    Plan,
}

impl Wish {
    fn of(draw: &mut Draw) -> Self {
        match draw.between(0, 99) {
            0..=46 => Self::Browse,
            47..=73 => Self::LookAtOrders,
            74..=94 => Self::Order,
            95..=98 => Self::Help,
            _ => Self::Plan,
        }
    }

    /// The program that it begins in.
    fn service(self) -> Service {
        match self {
            Self::Help | Self::Plan => Service::Agents,
            Self::Browse | Self::LookAtOrders | Self::Order => Service::Gateway,
        }
    }

    fn fulfil(self, ctx: &mut Context<'_>) {
        let customer = ctx.draw.between(0, u64::from(CUSTOMERS) - 1);
        // Visitors read the answer and say nothing of it.
        let mut visit = |method, path: &str| drop(ctx.pass(Service::Gateway, method, path));
        match self {
            Self::Browse => visit("GET", "/products"),
            Self::LookAtOrders => visit("GET", &format!("/orders?customer={customer}")),
            Self::Order => {
                let product = customer as usize % GOODS.len();
                visit(
                    "POST",
                    &format!("/orders?customer={customer}&product={product}"),
                );
            }
            Self::Help => agents::support(ctx),
            Self::Plan => agents::planner(ctx),
        }
    }
}

/// How many come, a second, at a time when `rate` is the mean.
fn rate_at(rate: f64, at: Timestamp) -> f64 {
    let turn = std::f64::consts::TAU / DAY.as_secs_f64();
    rate * (1.0 + (at.as_secs_f64() * turn).sin() / 6.0)
}

/// All that happened between these times, without waiting; `tell` hears how far it is. Every round
/// of a seed has dice of its own.
pub(crate) fn replay(
    world: &Arc<World>,
    (seed, round): (u64, u64),
    rate: f64,
    (begin, end): (Timestamp, Timestamp),
    mut tell: impl FnMut(Timestamp),
) {
    let seats = (0..chat::SEATS).map(|seat| {
        let draw = Draw::new(seed, PAST * (round + 1) + 1 + seat);
        (draw, begin)
    });
    let mut seats: Vec<(Draw, Timestamp)> = seats.collect();
    // Who still talks then has left when the present begins.
    let last = end - chat::LASTS_MAX;
    let mut draw = Draw::new(seed, PAST * (round + 1));
    let mut now = begin;
    loop {
        now = now + draw.gap(rate_at(rate, now));
        if now >= end || world.stop.is_stopped() {
            return;
        }
        // All of them in the order of time, as spans of what happens come.
        for (draw, until) in &mut seats {
            while *until < now.min(last) {
                let mut ctx = Context::past(world, Service::Gateway, draw, *until);
                chat::come_and_go(&mut ctx);
                *until = ctx.now();
            }
        }
        let wish = Wish::of(&mut draw);
        wish.fulfil(&mut Context::past(world, wish.service(), &mut draw, now));
        tell(now);
    }
}

/// Visitors of now.
pub(crate) struct Crowd {
    threads: Vec<JoinHandle<()>>,
    turned_away: Arc<AtomicU64>,
}

impl Crowd {
    /// Lets them come until the demo stops.
    pub(crate) fn start(world: &Arc<World>, seed: u64, rate: f64) -> io::Result<Self> {
        let (bring, wishes) = sync_channel(WAITING_MAX);
        let wishes = Arc::new(Mutex::new(wishes));
        let turned_away = Arc::new(AtomicU64::new(0));
        let mut threads = Vec::new();
        let spawn = |work: Box<dyn FnOnce() + Send>| {
            let thread = Builder::new().name("visitor".to_owned());
            thread.stack_size(STACK_BYTES).spawn(work)
        };
        for visitor in 0..VISITORS {
            let (world, wishes) = (Arc::clone(world), Arc::clone(&wishes));
            let draw = Draw::new(seed, ACTORS + visitor);
            threads.push(spawn(Box::new(move || visit(&world, &wishes, draw)))?);
        }
        for seat in 0..chat::SEATS {
            let world = Arc::clone(world);
            let mut draw = Draw::new(seed, ACTORS + 100 + seat);
            threads.push(spawn(Box::new(move || {
                let mut ctx = Context::live(&world, Service::Gateway, &mut draw, None);
                chat::sit(&mut ctx);
            }))?);
        }
        let (world, counter) = (Arc::clone(world), Arc::clone(&turned_away));
        let draw = Draw::new(seed, ACTORS + 200);
        threads.push(spawn(Box::new(move || {
            come(&world, rate, &bring, &counter, draw);
        }))?);
        Ok(Self {
            threads,
            turned_away,
        })
    }

    /// Waits until all have gone, after the demo was told to stop; how many nobody had time for.
    pub(crate) fn join(self) -> u64 {
        for thread in self.threads {
            // One that panicked has said so.
            let _ = thread.join();
        }
        self.turned_away.load(Relaxed)
    }
}

fn come(
    world: &World,
    rate: f64,
    bring: &SyncSender<Wish>,
    turned_away: &AtomicU64,
    mut draw: Draw,
) {
    let mut next = Timestamp::now();
    while !world.stop.is_stopped() {
        next = next + draw.gap(rate_at(rate, next));
        world.stop.rest(next.since(Timestamp::now()));
        match bring.try_send(Wish::of(&mut draw)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                turned_away.fetch_add(1, Relaxed);
            }
            Err(TrySendError::Disconnected(_)) => return,
        }
    }
}

fn visit(world: &Arc<World>, wishes: &Mutex<Receiver<Wish>>, mut draw: Draw) {
    loop {
        let wish = wishes.lock().recv();
        let Ok(wish) = wish else { return };
        if world.stop.is_stopped() {
            return;
        }
        wish.fulfil(&mut Context::live(world, wish.service(), &mut draw, None));
    }
}
