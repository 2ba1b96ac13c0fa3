//! Tokens of a data folder that no server has: how the first one is made.
//!
//! The answers have the bodies of `/api/performance/tokens`, so that a command shows the same
//! whichever way it took. Here every token may be made and revoked: who can write to the folder
//! owns what is in it.

use std::path::Path;

use serde_json::{Value, json};
use tacho_model::Timestamp;
use tacho_store::state::StateFolder;

use super::{Draft, TokenError};
use crate::http::tokens::{MadeBody, OneBody, TokensBody};

/// All tokens of the folder.
pub fn list(dir: &Path) -> Result<Value, TokenError> {
    let folder = StateFolder::open(dir)?;
    let tokens = folder.state().tokens()?;
    Ok(json!(TokensBody::new(&tokens, Timestamp::now())))
}

/// Makes a token; the answer has the secret.
pub fn create(dir: &Path, draft: &Draft) -> Result<Value, TokenError> {
    let folder = StateFolder::open(dir)?;
    let now = Timestamp::now();
    let (token, secret) = draft.store(folder.state(), now)?;
    Ok(json!(MadeBody::new(&token, &secret, now)))
}

/// Revokes the token of that id or name.
pub fn revoke(dir: &Path, which: &str) -> Result<Value, TokenError> {
    let folder = StateFolder::open(dir)?;
    let now = Timestamp::now();
    let token = super::find(folder.state(), which)?;
    let token = super::revoke(folder.state(), token, now)?;
    Ok(json!(OneBody::new(&token, now)))
}
