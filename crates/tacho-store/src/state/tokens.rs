//! Tokens: who may ask for what, and when they last did.
//!
//! Invariants:
//! 1. the secret of a token is never here, only its SHA-256: a secret is 256 random bits, so that
//!    a hash which is quick to compute is as far from it as a slow one;
//! 2. of the tokens that are not revoked, no two have one name;
//! 3. a token never changes but for its last use, and for being revoked, which is for ever.
//!
//! What scopes mean, and whether a token counts at a time, is the server's to say.

use rusqlite::{ErrorCode, Row, Transaction, params};
use tacho_model::Timestamp;

use super::{State, limit_of, limits, nanos, time};
use crate::error::StoreError;

/// Most tokens that are not revoked. One more is refused.
pub const TOKENS_MAX: usize = 1000;
/// Most revoked tokens that are remembered. The oldest one makes room for the next.
const REVOKED_MAX: usize = 1000;
/// What the records here are called in errors.
const WHAT: &str = "token";

/// A token that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDraft {
    /// What people call it.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// The first characters of the secret, by which its owner knows it again.
    pub prefix: String,
    /// What it is good for, as the server writes it.
    pub scopes: String,
    /// From when on it is worth nothing; never when absent.
    pub expires_at: Option<Timestamp>,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its number; never used twice.
    pub id: i64,
    /// What was asked for.
    pub asked: TokenDraft,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// When somebody revoked it.
    pub revoked_at: Option<Timestamp>,
}

/// Tokens that were revoked. One that is only over stays: where the last of them has run out,
/// nobody may come in, and that must not be forgotten.
pub(super) const PRUNE: &str = "DELETE FROM token WHERE revoked_at < ?1";

const SELECT: &str = "SELECT id, name, hash, prefix, scopes, created_at, expires_at, last_used_at,
     revoked_at FROM token";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Token> {
    let optional = |index| {
        let nanos = row.get::<_, Option<i64>>(index)?;
        Ok::<_, rusqlite::Error>(nanos.map(Timestamp::from_nanos))
    };
    Ok(Token {
        id: row.get(0)?,
        asked: TokenDraft {
            name: row.get(1)?,
            hash: row.get(2)?,
            prefix: row.get(3)?,
            scopes: row.get(4)?,
            expires_at: optional(6)?,
        },
        created_at: time(row, 5)?,
        last_used_at: optional(7)?,
        revoked_at: optional(8)?,
    })
}

impl State {
    /// Stores a token; its id.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when one that is not revoked has the name, [`StoreError::Full`]
    /// when there are [`TOKENS_MAX`].
    pub fn create_token(&self, draft: &TokenDraft, at: Timestamp) -> Result<i64, StoreError> {
        limits::name(WHAT, &draft.name)?;
        limits::text(WHAT, "prefix", &draft.prefix)?;
        limits::text(WHAT, "list of scopes", &draft.scopes)?;
        self.write(|transaction| {
            room(transaction)?;
            let sql = "INSERT INTO token (name, hash, prefix, scopes, created_at, expires_at)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let inserted = transaction.prepare_cached(sql)?.execute(params![
                draft.name,
                draft.hash,
                draft.prefix,
                draft.scopes,
                nanos(at),
                draft.expires_at.map(nanos),
            ]);
            inserted.map_err(|error| exists(error, &draft.name))?;
            Ok(transaction.last_insert_rowid())
        })
    }

    /// Revokes a token; it stays in the history.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, or it is revoked already.
    pub fn revoke_token(&self, id: i64, at: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| {
            let sql = "UPDATE token SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";
            let changed = transaction
                .prepare_cached(sql)?
                .execute(params![id, nanos(at)])?;
            super::found(changed, WHAT, &id.to_string())?;
            let sql = "DELETE FROM token WHERE id IN (SELECT id FROM token
                       WHERE revoked_at IS NOT NULL ORDER BY revoked_at DESC, id DESC
                       LIMIT -1 OFFSET ?1)";
            transaction
                .prepare_cached(sql)?
                .execute([limit_of(REVOKED_MAX)])?;
            Ok(())
        })
    }

    /// All tokens, revoked ones too, in the order in which they were made.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.read(|connection| {
            let sql = format!("{SELECT} ORDER BY id");
            let mut statement = connection.prepare_cached(&sql)?;
            let tokens = statement.query_map([], from_row)?;
            Ok(tokens.collect::<Result<_, _>>()?)
        })
    }

    /// Keeps when tokens were last used. Never goes back.
    pub fn note_token_uses(&self, uses: &[(i64, Timestamp)]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            let sql = "UPDATE token SET last_used_at = max(ifnull(last_used_at, ?2), ?2)
                       WHERE id = ?1";
            let mut update = transaction.prepare_cached(sql)?;
            for (id, at) in uses {
                update.execute(params![id, nanos(*at)])?;
            }
            Ok(())
        })
    }
}

/// Refuses one more token than there may be.
fn room(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let sql = "SELECT count(*) FROM token WHERE revoked_at IS NULL";
    let held: i64 = transaction
        .prepare_cached(sql)?
        .query_row([], |row| row.get(0))?;
    if held.unsigned_abs() < TOKENS_MAX as u64 {
        return Ok(());
    }
    let limit = TOKENS_MAX;
    Err(StoreError::Full { what: WHAT, limit })
}

/// A name that is taken, by its name. Two equal hashes do not happen.
fn exists(error: rusqlite::Error, name: &str) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => StoreError::Exists {
            what: WHAT,
            name: name.to_owned(),
        },
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn draft(name: &str, number: u16) -> TokenDraft {
        let mut hash = [7; 32];
        hash[..2].copy_from_slice(&number.to_le_bytes());
        TokenDraft {
            name: name.to_owned(),
            hash,
            prefix: "tacho_abc".to_owned(),
            scopes: "read".to_owned(),
            expires_at: Some(at(90)),
        }
    }

    #[test]
    fn tokens_are_kept_and_their_last_use_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let state = State::open(&path).unwrap();
        let id = state.create_token(&draft("ann", 1), at(5)).unwrap();
        for seconds in [70, 60] {
            state.note_token_uses(&[(id, at(seconds))]).unwrap();
        }
        drop(state);
        let tokens = State::open(&path).unwrap().tokens().unwrap();
        let expected = Token {
            id,
            asked: draft("ann", 1),
            created_at: at(5),
            last_used_at: Some(at(70)),
            revoked_at: None,
        };
        assert_eq!(tokens, [expected]);
    }

    #[test]
    fn a_name_is_taken_until_its_token_is_revoked_and_an_id_for_ever() {
        let state = State::in_memory().unwrap();
        let first = state.create_token(&draft("ann", 1), at(1)).unwrap();
        let again = state.create_token(&draft("ann", 2), at(2));
        assert!(matches!(again, Err(StoreError::Exists { .. })), "{again:?}");
        state.revoke_token(first, at(3)).unwrap();
        let twice = state.revoke_token(first, at(4));
        assert!(
            matches!(twice, Err(StoreError::NotFound { .. })),
            "{twice:?}"
        );
        let second = state.create_token(&draft("ann", 2), at(5)).unwrap();
        assert!(second > first);
        // What was revoked long ago goes; what has only run out stays.
        state.prune(at(1000)).unwrap();
        let ids: Vec<_> = state.tokens().unwrap().iter().map(|t| t.id).collect();
        assert_eq!(ids, [second]);
        for name in ["", "a\nb", &"x".repeat(201)] {
            let refused = state.create_token(&draft(name, 3), at(6));
            assert!(matches!(refused, Err(StoreError::Invalid { .. })));
        }
    }

    #[test]
    fn there_are_at_most_so_many() {
        let state = State::in_memory().unwrap();
        let fill = |from: u16| {
            for number in from..from + TOKENS_MAX as u16 {
                let draft = draft(&number.to_string(), number);
                state.create_token(&draft, at(1)).unwrap();
            }
        };
        fill(0);
        let full = state.create_token(&draft("more", 5000), at(1));
        assert!(
            matches!(full, Err(StoreError::Full { limit: 1000, .. })),
            "{full:?}"
        );
        for token in state.tokens().unwrap() {
            state.revoke_token(token.id, at(token.id)).unwrap();
        }
        fill(2000);
        let one_more = state.tokens().unwrap().pop().unwrap();
        state.revoke_token(one_more.id, at(9999)).unwrap();
        let tokens = state.tokens().unwrap();
        assert_eq!(tokens.len(), TOKENS_MAX - 1 + REVOKED_MAX);
        assert_eq!(tokens[0].id, 2, "the first to be revoked made room");
    }
}
