//! Who may ask for what: tokens with scopes, asked for on every listener.
//!
//! 1. As soon as one token exists that nobody revoked, every request needs one. A token that has
//!    run out keeps the door shut: otherwise the last one's last second would open it.
//! 2. Where others than this machine can connect, requests need a token even when there is none,
//!    unless `--insecure` says that the network itself is trusted.
//! 3. Secrets are nowhere: not in the database, not in memory beyond a request, not in a record of
//!    the log, not in an answer but the one that made them. What is looked up is their SHA-256,
//!    so how long a look-up takes says nothing about a secret.
//!
//! `routes` says what each request needs, `credentials` in which forms a token may come,
//! `secret` how one is made, `failures` what becomes of those that fail. Not for Host and
//! Origin, which `http::guard` checks first.

pub(crate) mod credentials;
mod failures;
pub mod offline;
pub(crate) mod routes;
pub(crate) mod secret;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tacho_model::Timestamp;
use tacho_store::StoreError;
use tacho_store::state::{State, Token, TokenDraft};

use self::failures::Failures;
use self::secret::{Hash, Secret};

/// How exactly the last use of a token is known, and how often it is written.
const USE_PRECISION: Duration = Duration::from_mins(1);

/// What a token is good for. Reading and writing are independent of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every question.
    Read,
    /// Sending data, and making baselines, snapshots and the like.
    Write,
    /// Everything, tokens and deletion among it.
    Admin,
}

impl Scope {
    const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// Some scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes {
    read: bool,
    write: bool,
    admin: bool,
}

impl Scopes {
    /// These names, separated by commas or blanks; an error names what is none.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let mut scopes = Self::default();
        let names = text.split([',', ' ']).filter(|name| !name.is_empty());
        for name in names {
            match name {
                "read" => scopes.read = true,
                "write" => scopes.write = true,
                "admin" => scopes.admin = true,
                _ => return Err(TokenError::Scope(name.chars().take(40).collect())),
            }
        }
        if scopes == Self::default() {
            return Err(TokenError::NoScope);
        }
        Ok(scopes)
    }

    /// Whether they suffice. `admin` does for everything.
    pub fn allow(self, scope: Scope) -> bool {
        self.admin
            || match scope {
                Scope::Read => self.read,
                Scope::Write => self.write,
                Scope::Admin => false,
            }
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        let held = [self.read, self.write, self.admin];
        let named = Scope::ALL.into_iter().zip(held);
        named
            .filter(|(_, held)| *held)
            .map(|(scope, _)| scope.name())
            .collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: whether the server lives is no secret.
    Nothing,
    /// Any token.
    Token,
    /// A token of this scope.
    Scope(Scope),
}

/// Why a token is not made or not revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No such scope.
    #[error("`{0}` is no scope; use read, write or admin")]
    Scope(String),
    /// Good for nothing.
    #[error("a token needs a scope: read, write or admin")]
    NoScope,
    /// It would have run out before it is made.
    #[error("the token would have expired before it is made")]
    Past,
    /// Nobody could make the next one.
    #[error("the first token needs the scope admin, or nobody could make the next one here")]
    FirstNotAdmin,
    /// Nobody could make or revoke tokens any more.
    #[error(
        "`{0}` is the last token with the scope admin; make another one first, or nobody could \
         make or revoke tokens here"
    )]
    LastAdmin(String),
    /// Nobody could ask anything any more.
    #[error(
        "`{0}` is the last token, and the server can be reached from other machines; make another \
         one first, or stop the server"
    )]
    Last(String),
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The state database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a request may not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It has no token.
    Missing,
    /// It has one that is none of ours.
    Unknown,
    /// Its token has run out.
    Expired { name: Arc<str>, at: Timestamp },
    /// Its token is good for something else.
    Scope {
        name: Arc<str>,
        held: Scopes,
        needed: Scope,
    },
    /// Too many that were none of ours came from there.
    TooMany,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "this server asks for a token, and the request has none; send it as \
                 `Authorization: Bearer TOKEN`, or as the password of any user",
            ),
            Self::Unknown => f.write_str("the token is not known here, or was revoked"),
            Self::Expired { name, at } => {
                write!(f, "the token `{name}` expired at {}", at.to_rfc3339())
            }
            Self::Scope { name, held, needed } => write!(
                f,
                "this needs a token with the scope {}; `{name}` has {held}",
                needed.name()
            ),
            Self::TooMany => f.write_str(
                "too many requests from this address had a token that is not known here; try \
                 again in a minute",
            ),
        }
    }
}

/// A token that may be used, as requests see it.
#[derive(Debug)]
struct Held {
    id: i64,
    name: Arc<str>,
    hash: Hash,
    scopes: Scopes,
    expires_at: Option<Timestamp>,
    /// Nanoseconds; `i64::MIN` for never.
    last_used: AtomicI64,
    /// What of it is in the database.
    written: AtomicI64,
}

impl Held {
    fn expired(&self, now: Timestamp) -> Option<Timestamp> {
        self.expires_at.filter(|at| *at <= now)
    }
}

/// Who asks: a token that was good when it was looked at.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Arc<Held>);

impl Caller {
    /// The token's name.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }
}

/// All tokens that nobody revoked.
type View = HashMap<Hash, Arc<Held>>;

/// The tokens, in memory.
pub struct Auth {
    /// Whether nothing is asked for while there is no token.
    open: bool,
    view: RwLock<Arc<View>>,
    /// Held while tokens change, so that two changes cannot each see the other's token.
    changing: Mutex<()>,
    failures: Failures,
    written: Mutex<Instant>,
}

impl Auth {
    /// Nobody may come in.
    pub fn shut() -> Self {
        Self {
            open: false,
            view: RwLock::default(),
            changing: Mutex::default(),
            failures: Failures::default(),
            written: Mutex::new(Instant::now()),
        }
    }

    /// The tokens of a store. `open` says whether nothing is asked for while there is none.
    pub fn load(state: &State, open: bool) -> Result<Self, StoreError> {
        let auth = Self {
            open,
            ..Self::shut()
        };
        auth.reload(state)?;
        Ok(auth)
    }

    /// Only who has this secret may come in.
    pub(crate) fn only(secret: &Secret) -> Self {
        let held = Arc::new(Held {
            id: 0,
            name: "this command".into(),
            hash: secret.hash(),
            scopes: Scopes {
                admin: true,
                ..Scopes::default()
            },
            expires_at: None,
            last_used: AtomicI64::new(0),
            written: AtomicI64::new(0),
        });
        let auth = Self::shut();
        *auth.view.write() = Arc::new(HashMap::from([(held.hash, held)]));
        auth
    }

    /// Whether a token of any kind is there that can be used now.
    pub fn has_live(&self, now: Timestamp) -> bool {
        self.view.read().values().any(|t| t.expired(now).is_none())
    }

    /// Whether requests need a token.
    pub fn asks(&self) -> bool {
        !self.open || !self.view.read().is_empty()
    }

    /// Whether a request with these credentials may do what needs `need`; who asks, where a token
    /// says so. `authorization` is the header or the metadata of that name.
    pub(crate) fn check(
        &self,
        authorization: Option<&[u8]>,
        need: Need,
        client: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Caller>, Refusal> {
        if need == Need::Nothing || !self.asks() {
            return Ok(None);
        }
        let checked = self.known(authorization, need, now);
        match checked {
            Ok(caller) => Ok(Some(caller)),
            Err(Refusal::Unknown) if self.failures.is_too_many(client, Instant::now()) => {
                Err(Refusal::TooMany)
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn known(
        &self,
        authorization: Option<&[u8]>,
        need: Need,
        now: Timestamp,
    ) -> Result<Caller, Refusal> {
        let sent = authorization.filter(|sent| !sent.is_empty());
        let sent = sent.ok_or(Refusal::Missing)?;
        let hash = credentials::hash_of(sent).ok_or(Refusal::Unknown)?;
        let held = self.view.read().get(&hash).map(Arc::clone);
        let held = held.ok_or(Refusal::Unknown)?;
        let name = || Arc::clone(&held.name);
        if let Some(at) = held.expired(now) {
            return Err(Refusal::Expired { name: name(), at });
        }
        if let Need::Scope(needed) = need
            && !held.scopes.allow(needed)
        {
            let (name, held) = (name(), held.scopes);
            return Err(Refusal::Scope { name, held, needed });
        }
        let before = held.last_used.load(Relaxed);
        if now.as_nanos().saturating_sub(before) >= USE_PRECISION.as_nanos() as i64 {
            held.last_used.store(now.as_nanos(), Relaxed);
        }
        Ok(Caller(held))
    }

    /// Whether who was let in a while ago would be let in now: for connections that stay.
    pub(crate) fn still(&self, caller: Option<&Caller>, now: Timestamp) -> bool {
        match caller {
            None => !self.asks(),
            Some(Caller(held)) => {
                held.expired(now).is_none() && self.view.read().contains_key(&held.hash)
            }
        }
    }

    /// Writes a refusal to the log, at most one a minute and client.
    pub(crate) fn tell(&self, refusal: &Refusal, what: &str, client: Option<IpAddr>) {
        self.failures.tell(refusal, what, client, Instant::now());
    }

    /// Makes a token; its record, and the secret, which nothing knows afterwards.
    pub(crate) fn create(
        &self,
        state: &State,
        draft: &Draft,
        now: Timestamp,
    ) -> Result<(Token, Secret), TokenError> {
        let _changing = self.changing.lock();
        if self.view.read().is_empty() && !draft.scopes.allow(Scope::Admin) {
            return Err(TokenError::FirstNotAdmin);
        }
        let made = draft.store(state, now)?;
        self.reload(state)?;
        Ok(made)
    }

    /// Revokes a token, named by its id or its name. From then on it is worth nothing.
    pub(crate) fn revoke(
        &self,
        state: &State,
        which: &str,
        now: Timestamp,
    ) -> Result<Token, TokenError> {
        let _changing = self.changing.lock();
        let token = find(state, which)?;
        let view = Arc::clone(&self.view.read());
        let mut others = view.values().filter(|held| held.id != token.id);
        let name = || token.asked.name.clone();
        if view.len() <= 1 {
            if !self.open {
                return Err(TokenError::Last(name()));
            }
        } else if !others.any(|t| t.scopes.admin && t.expired(now).is_none()) {
            return Err(TokenError::LastAdmin(name()));
        }
        let token = revoke(state, token, now)?;
        self.reload(state)?;
        Ok(token)
    }

    /// All tokens, with what is known here of their last use.
    pub(crate) fn tokens(&self, state: &State) -> Result<Vec<Token>, StoreError> {
        let mut tokens = state.tokens()?;
        let view = Arc::clone(&self.view.read());
        for token in &mut tokens {
            let held = view.get(&token.asked.hash);
            let used = held.and_then(|held| last_used(held.last_used.load(Relaxed)));
            token.last_used_at = token.last_used_at.max(used);
        }
        Ok(tokens)
    }

    /// Keeps when tokens were last used, at most once a minute unless it is the end.
    pub(crate) fn note_uses(&self, state: &State, end: bool) -> Result<(), StoreError> {
        let mut written = self.written.lock();
        if !end && written.elapsed() < USE_PRECISION {
            return Ok(());
        }
        *written = Instant::now();
        let view = Arc::clone(&self.view.read());
        let uses: Vec<_> = view
            .values()
            .filter_map(|held| {
                let used = held.last_used.load(Relaxed);
                (held.written.swap(used, Relaxed) != used).then_some((held.id, last_used(used)?))
            })
            .collect();
        state.note_token_uses(&uses)
    }

    fn reload(&self, state: &State) -> Result<(), StoreError> {
        let before = Arc::clone(&self.view.read());
        let mut view = View::new();
        for token in state.tokens()? {
            if token.revoked_at.is_some() {
                continue;
            }
            let kept = before.get(&token.asked.hash).map(Arc::clone);
            let held = kept.unwrap_or_else(|| Arc::new(held(&token)));
            view.insert(held.hash, held);
        }
        *self.view.write() = Arc::new(view);
        Ok(())
    }
}

fn held(token: &Token) -> Held {
    let used = token.last_used_at.map_or(i64::MIN, Timestamp::as_nanos);
    Held {
        id: token.id,
        name: token.asked.name.as_str().into(),
        hash: token.asked.hash,
        // What this program does not know the meaning of is good for nothing.
        scopes: Scopes::parse(&token.asked.scopes).unwrap_or_default(),
        expires_at: token.asked.expires_at,
        last_used: AtomicI64::new(used),
        written: AtomicI64::new(used),
    }
}

fn last_used(nanos: i64) -> Option<Timestamp> {
    (nanos != i64::MIN).then(|| Timestamp::from_nanos(nanos))
}

/// A token that somebody wants.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What to call it.
    pub name: String,
    /// What it is to be good for.
    pub scopes: Scopes,
    /// Until when; for ever without.
    pub expires_at: Option<Timestamp>,
}

impl Draft {
    fn store(&self, state: &State, now: Timestamp) -> Result<(Token, Secret), TokenError> {
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(TokenError::Past);
        }
        if self.name.parse::<i64>().is_ok() {
            let reason = "a name that is a number would be taken for an id".to_owned();
            let what = "token";
            return Err(StoreError::Invalid { what, reason }.into());
        }
        let secret = Secret::random()?;
        let asked = TokenDraft {
            name: self.name.clone(),
            hash: secret.hash(),
            prefix: secret.prefix().to_owned(),
            scopes: self.scopes.to_string(),
            expires_at: self.expires_at,
        };
        let token = Token {
            id: state.create_token(&asked, now)?,
            asked,
            created_at: now,
            last_used_at: None,
            revoked_at: None,
        };
        Ok((token, secret))
    }
}

/// The token of that id or, not revoked, of that name.
fn find(state: &State, which: &str) -> Result<Token, StoreError> {
    let id: Option<i64> = which.parse().ok();
    let unrevoked = state
        .tokens()?
        .into_iter()
        .filter(|t| t.revoked_at.is_none());
    let (mut by_name, mut by_id) = (None, None);
    for token in unrevoked {
        if Some(token.id) == id {
            by_id = Some(token);
        } else if token.asked.name == which {
            by_name = Some(token);
        }
    }
    by_name.or(by_id).ok_or_else(|| StoreError::NotFound {
        what: "token",
        name: which.chars().take(100).collect(),
    })
}

fn revoke(state: &State, token: Token, now: Timestamp) -> Result<Token, StoreError> {
    state.revoke_token(token.id, now)?;
    Ok(Token {
        revoked_at: Some(now),
        ..token
    })
}
