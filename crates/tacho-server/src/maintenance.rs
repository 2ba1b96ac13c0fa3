//! The thread that keeps the store tidy: memory into blocks, merging, retention.
//!
//! It has a thread of its own, because making a block takes longer than a tick of the sampler, and
//! is woken early when memory fills up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tacho_model::Timestamp;

use crate::app::App;

/// How often the store is kept tidy when memory does not fill up.
const EVERY: Duration = Duration::from_secs(10);

/// Keeps the store tidy until `stop` is set and the store woken.
pub fn run(app: &Arc<App>, stop: &AtomicBool) {
    while !stop.load(Relaxed) {
        maintain(app, Timestamp::now());
        app.store.wait_for_work(EVERY);
    }
}

fn maintain(app: &App, now: Timestamp) {
    match app.store.maintain(now) {
        Ok(_) => {}
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "maintenance failed"
            );
            // Memory may still be full, which would end the next wait at once.
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    // The history of alerts is kept as long as the samples that it is about.
    let before = now - app.settings.storage.options.retention;
    if let Err(error) = app.store.state().prune_alert_events(before) {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "alert history is not pruned"
        );
    }
}
