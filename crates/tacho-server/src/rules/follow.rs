//! The task of each group, which takes its slots one after the other, and the task above them,
//! which starts those and keeps how far they came.
//!
//! Slots wait their turn in one queue, first come first: a group that makes good what it missed
//! queues again after each slot, so it keeps no other one waiting for longer than that. A slot
//! takes a place among the queries too. Everything ends when the server does: what is being
//! read is left, what is being written is finished.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use tacho_model::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use xxhash_rust::xxh3::xxh3_64;

use super::evaluate::{Evaluated, Given, evaluate};
use super::group::Group;
use super::schedule::{Due, Schedule};
use super::status::GroupStatus;
use crate::app::{SharedApp, closed};

/// How often it is kept how far groups came: what a crash loses of it is evaluated again.
const KEEP_EVERY: Duration = Duration::from_mins(1);
/// The same after groups came: those of which nothing is kept would begin anew.
const KEEP_FIRST: Duration = Duration::from_secs(5);
/// How long a task sleeps at most: a clock that was set forward is noticed then.
const NAP_MAX: Duration = Duration::from_secs(5);

/// Why a group is no longer evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retired {
    /// Another one took its place, and ends what it gave.
    Replaced,
    /// It is gone, and its series end.
    Removed,
}

/// A group, for as long as it is evaluated.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) group: Arc<Group>,
    schedule: Schedule,
    shown: Mutex<GroupStatus>,
    /// Up to when it was evaluated, as it was kept.
    kept: Option<Timestamp>,
    retired: watch::Sender<Option<Retired>>,
    /// Whether it has a task.
    started: AtomicBool,
    /// The one whose place it took, until it has taken over.
    before: Mutex<Option<Arc<Entry>>>,
    /// What its rules gave, once it is no longer evaluated.
    left: watch::Sender<Option<Arc<Mutex<Given>>>>,
}

impl Entry {
    pub(super) fn new(group: Group, kept: Option<Timestamp>, before: Option<Arc<Self>>) -> Self {
        let group = Arc::new(group);
        let hash = xxh3_64(group.identity().as_bytes());
        Self {
            schedule: Schedule::new(group.interval, hash),
            shown: Mutex::new(GroupStatus::new(Arc::clone(&group))),
            group,
            kept,
            retired: watch::Sender::new(None),
            started: AtomicBool::new(false),
            before: Mutex::new(before),
            left: watch::Sender::new(None),
        }
    }

    /// How it goes, while this is held.
    pub(super) fn shown(&self) -> MutexGuard<'_, GroupStatus> {
        self.shown.lock()
    }

    /// Up to when it was evaluated.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.shown().last_slot.or(self.kept)
    }

    pub(super) fn retire(&self, why: Retired) {
        self.retired.send_replace(Some(why));
    }

    /// The slot after which it begins. One that was kept is taken once more, with the same
    /// result, unless it is too long ago: then it is known which series are to end.
    fn begin(&self, now: Timestamp, catch_up: Duration) -> Timestamp {
        match self.kept {
            Some(kept) if now.since(kept) <= catch_up => kept - self.group.interval,
            Some(kept) => kept,
            None => self.schedule.at_or_before(now),
        }
    }

    fn note(&self, slot: Timestamp, missed: u64, began: Began, evaluated: Option<Vec<Evaluated>>) {
        let Some(evaluated) = evaluated else {
            return;
        };
        let mut shown = self.shown();
        if missed > 0 {
            let group = &self.group.name;
            tracing::info!(
                group,
                missed,
                "evaluations of rules were missed for good: they are further back than \
                 rules.catch_up"
            );
        }
        shown.missed += missed;
        shown.last_slot = Some(slot);
        shown.note(began.at, began.by.elapsed(), evaluated);
    }
}

/// When an evaluation began, by both clocks.
#[derive(Clone, Copy)]
struct Began {
    at: Timestamp,
    by: Instant,
}

impl Began {
    fn now() -> Self {
        Self {
            at: Timestamp::now(),
            by: Instant::now(),
        }
    }
}

/// Evaluates all groups until `closing` turns true.
pub(crate) async fn run(app: SharedApp, mut closing: watch::Receiver<bool>) {
    app.rules.tell();
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut wait = KEEP_FIRST;
    loop {
        // Marked while nobody else has the groups: who takes its place knows whether to wait for it.
        let is_new = |entry: &&Arc<Entry>| !entry.started.swap(true, Relaxed);
        let entries: Vec<Arc<Entry>> = {
            let groups = app.rules.groups.lock();
            groups.values().filter(is_new).cloned().collect()
        };
        for entry in entries {
            tasks.spawn(follow(SharedApp::clone(&app), entry, closing.clone()));
        }
        while tasks.try_join_next().is_some() {}
        tokio::select! {
            () = closed(&mut closing) => break,
            () = app.rules.changed.notified() => wait = KEEP_FIRST,
            () = tokio::time::sleep(wait) => {
                keep(&app).await;
                wait = KEEP_EVERY;
            }
        }
    }
    while tasks.join_next().await.is_some() {}
    keep(&app).await;
}

async fn keep(app: &SharedApp) {
    let app = SharedApp::clone(app);
    let kept = tokio::task::spawn_blocking(move || app.rules.keep_slots(&app.store));
    // One that panicked has said so.
    let _ = kept.await;
}

/// Takes the slots of a group until it is retired or the server ends.
async fn follow(app: SharedApp, entry: Arc<Entry>, mut closing: watch::Receiver<bool>) {
    let mut given = taken_over(&entry).await;
    let mut retired = entry.retired.subscribe();
    let mut last = entry.begin(Timestamp::now(), app.rules.catch_up);
    while entry.retired.borrow().is_none() && !*closing.borrow() {
        let now = Timestamp::now();
        last = entry.schedule.settled(last, now);
        let (slot, missed) = match entry.schedule.due(last, now, app.rules.catch_up) {
            Due::At(time) => {
                let nap = time.since(now).min(NAP_MAX);
                tokio::select! {
                    () = closed(&mut closing) => {}
                    _ = retired.wait_for(Option::is_some) => {}
                    () = tokio::time::sleep(nap) => {}
                }
                continue;
            }
            Due::Slot { slot, missed } => (slot, missed),
        };
        let Ok(_turn) = app.rules.turns.acquire().await else {
            break;
        };
        let group = Arc::clone(&entry.group);
        let mut taken = given;
        let began = Began::now();
        let work = move |ctx: &crate::query::QueryCtx<'_>| {
            let evaluated = evaluate(ctx, &group, slot, &mut taken);
            (taken, evaluated)
        };
        // One that panicked has said so; the next slot may do better.
        let done = app.background(&mut closing, work).await;
        let evaluated;
        (given, evaluated) = done.unwrap_or_default();
        entry.note(slot, missed, began, evaluated);
        last = slot;
    }
    let why = *entry.retired.borrow();
    match why {
        Some(Retired::Removed) => {
            let group = Arc::clone(&entry.group);
            let end = move |ctx: &crate::query::QueryCtx<'_>| {
                given.end(ctx, &group, Timestamp::now());
            };
            app.background(&mut closing, end).await;
        }
        Some(Retired::Replaced) => {
            entry.left.send_replace(Some(Arc::new(Mutex::new(given))));
        }
        None => {}
    }
}

/// What the group before gave, once that has come to its end.
async fn taken_over(entry: &Entry) -> Given {
    let mut before = entry.before.lock().take();
    // One that was replaced before it had a task has given nothing; those before it may have.
    while let Some(idle) = before.take_if(|before| !before.started.load(Relaxed)) {
        before = idle.before.lock().take();
    }
    let Some(before) = before else {
        return Given::default();
    };
    let mut left = before.left.subscribe();
    // Its task waits for nothing but a slot, and ends with the server.
    let ended = tokio::time::timeout(KEEP_EVERY, left.wait_for(Option::is_some)).await;
    match ended {
        Ok(Ok(left)) => {
            let given = left
                .as_ref()
                .map(|given| std::mem::take(&mut *given.lock()));
            Given::former(given.unwrap_or_default())
        }
        _ => Given::default(),
    }
}
