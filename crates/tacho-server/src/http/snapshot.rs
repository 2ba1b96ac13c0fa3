//! `POST /-/snapshot`: a consistent copy of the store, made by the server on its own machine.
//!
//! The caller names a new folder, so this only ever creates, and only where the server's user may.
//! A server that others reach and that asks nobody for a token refuses: it cannot tell who asks.

use std::path::{Path, PathBuf};

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tacho_store::StoreError;

use super::body::Whole;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::auth::Caller;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Absolute, and not there yet.
    dir: PathBuf,
}

/// What was made.
#[derive(Serialize)]
pub(crate) struct Made {
    schema: u32,
    dir: PathBuf,
    blocks: usize,
    segments: usize,
    bytes: u64,
    /// The others are shared with the original by hard links.
    bytes_copied: u64,
}

/// `POST /-/snapshot` with `{"dir": "/absolute/path"}`: answered when the copy is on disk.
pub(crate) async fn post(
    State(app): State<SharedApp>,
    caller: Option<Extension<Caller>>,
    body: Whole,
) -> Answer<Json<Made>> {
    if caller.is_none() && !app.settings.server.listen.ip().is_loopback() {
        let detail = "this server is reachable by others and cannot tell who asks; make a \
                      token with `tacho token create`, or stop it and use `tacho export \
                      --snapshot DIR --data-dir`";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let Wanted { dir } = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("the body: {error}")))?;
    if !dir.is_absolute() {
        return Err(Problem::bad_request("`dir` is not an absolute path"));
    }
    app.blocking(move |app| {
        let taken = app.store.snapshot(&dir);
        let taken = taken.map_err(|error| problem(error, &dir))?;
        Ok(Json(Made {
            schema: super::SCHEMA,
            dir,
            blocks: taken.blocks,
            segments: taken.segments,
            bytes: taken.bytes,
            bytes_copied: taken.bytes_copied,
        }))
    })
    .await
}

/// What is wrong with the folder that was asked for is the caller's to mend.
fn problem(error: StoreError, dir: &Path) -> Problem {
    match error {
        StoreError::Occupied { .. } => Problem::new(StatusCode::CONFLICT, error.to_string()),
        StoreError::NoSpace { .. } => Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            format!(
                "no space left for {}; nothing of it was kept",
                dir.display()
            ),
        ),
        // The only thing that is created under that verb beside a store's files is the folder.
        StoreError::Io {
            verb: "create",
            ref path,
            ref source,
        } => Problem::bad_request(format!("cannot create {}: {source}", path.display())),
        other => Problem::from(other),
    }
}
