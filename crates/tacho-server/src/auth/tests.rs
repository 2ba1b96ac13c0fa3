//! Who comes in, when, and for what.

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + secs)
}

fn state() -> (tempfile::TempDir, tacho_store::state::StateFolder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = tacho_store::state::StateFolder::open(dir.path()).unwrap();
    (dir, folder)
}

fn draft(name: &str, scopes: &str, expires_at: Option<Timestamp>) -> Draft {
    Draft {
        name: name.to_owned(),
        scopes: Scopes::parse(scopes).unwrap(),
        expires_at,
    }
}

fn bearer(secret: &Secret) -> Vec<u8> {
    format!("Bearer {}", secret.reveal()).into_bytes()
}

const READ: Need = Need::Scope(Scope::Read);
const ADMIN: Need = Need::Scope(Scope::Admin);

#[test]
fn nothing_is_asked_for_before_the_first_token_and_everything_after() {
    let (_dir, folder) = state();
    let auth = Auth::load(folder.state(), true).unwrap();
    assert!(auth.check(None, ADMIN, None, at(0)).unwrap().is_none());
    let first = auth.create(folder.state(), &draft("r", "read", None), at(0));
    assert!(matches!(first, Err(TokenError::FirstNotAdmin)));
    let (_, admin) = auth
        .create(folder.state(), &draft("a", "admin", None), at(0))
        .unwrap();
    let (_, read) = auth
        .create(folder.state(), &draft("r", "read", Some(at(60))), at(0))
        .unwrap();
    let check = |sent: Option<&[u8]>, need, now| auth.check(sent, need, None, now);
    assert_eq!(check(None, READ, at(1)).unwrap_err(), Refusal::Missing);
    assert_eq!(check(Some(b""), READ, at(1)).unwrap_err(), Refusal::Missing);
    let other = bearer(&Secret::random().unwrap());
    assert_eq!(
        check(Some(&other), READ, at(1)).unwrap_err(),
        Refusal::Unknown
    );
    assert!(check(None, Need::Nothing, at(1)).is_ok());
    let caller = check(Some(&bearer(&read)), READ, at(1)).unwrap().unwrap();
    assert_eq!(caller.name(), "r");
    for need in [ADMIN, Need::Scope(Scope::Write)] {
        let refused = check(Some(&bearer(&read)), need, at(1)).unwrap_err();
        assert!(refused.to_string().contains("`r` has read"), "{refused}");
        assert!(check(Some(&bearer(&admin)), need, at(1)).is_ok());
    }
    // From its last moment on it is worth nothing, and who came in by it has to go.
    assert!(auth.still(Some(&caller), at(59)));
    assert!(!auth.still(Some(&caller), at(60)));
    assert!(!auth.still(None, at(1)));
    let over = check(Some(&bearer(&read)), READ, at(60)).unwrap_err();
    assert!(over.to_string().contains("expired at 2027"), "{over}");
    // The same after a start.
    let again = Auth::load(folder.state(), true).unwrap();
    assert!(
        again
            .check(Some(&bearer(&read)), READ, None, at(59))
            .is_ok()
    );
    assert!(again.check(None, READ, None, at(59)).is_err());
}

#[test]
fn the_last_token_neither_opens_the_door_nor_locks_everybody_out() {
    for open in [true, false] {
        let (_dir, folder) = state();
        let auth = Auth::load(folder.state(), open).unwrap();
        assert_eq!(auth.asks(), !open);
        let make = |name, scopes, until| {
            let draft = draft(name, scopes, until);
            auth.create(folder.state(), &draft, at(0)).unwrap()
        };
        let revoke = |which: &str| auth.revoke(folder.state(), which, at(1));
        let (_, secret) = make("a", "admin", None);
        let caller = auth.check(Some(&bearer(&secret)), ADMIN, None, at(0));
        let caller = caller.unwrap().unwrap();
        make("w", "write", None);
        let last = revoke("a");
        assert!(matches!(last, Err(TokenError::LastAdmin(_))), "{last:?}");
        make("b", "admin,read", None);
        assert!(revoke("a").unwrap().revoked_at.is_some());
        assert!(!auth.still(Some(&caller), at(1)), "revoked is at once");
        revoke("w").unwrap();
        assert!(matches!(
            revoke("w"),
            Err(TokenError::Store(StoreError::NotFound { .. }))
        ));
        match revoke("b") {
            Ok(_) => assert!(open && !auth.asks()),
            Err(error) => assert!(!open && matches!(error, TokenError::Last(_)), "{error}"),
        }
    }
}

#[test]
fn a_token_that_ran_out_keeps_the_door_shut() {
    let (_dir, folder) = state();
    let auth = Auth::load(folder.state(), true).unwrap();
    let brief = draft("a", "admin", Some(at(5)));
    auth.create(folder.state(), &brief, at(0)).unwrap();
    assert!(auth.has_live(at(4)) && !auth.has_live(at(5)));
    assert!(auth.asks());
    assert_eq!(
        auth.check(None, READ, None, at(9)).unwrap_err(),
        Refusal::Missing
    );
    let past = auth.create(folder.state(), &draft("b", "admin", Some(at(5))), at(5));
    assert!(matches!(past, Err(TokenError::Past)));
}

#[test]
fn the_last_use_is_kept_to_a_minute() {
    let (_dir, folder) = state();
    let auth = Auth::load(folder.state(), true).unwrap();
    let (_, secret) = auth
        .create(folder.state(), &draft("a", "admin", None), at(0))
        .unwrap();
    let used = || auth.tokens(folder.state()).unwrap()[0].last_used_at;
    let held = || folder.state().tokens().unwrap()[0].last_used_at;
    assert_eq!(used(), None);
    for (now, known) in [(10, 10), (69, 10), (70, 70)] {
        auth.check(Some(&bearer(&secret)), READ, None, at(now))
            .unwrap();
        assert_eq!(used(), Some(at(known)));
    }
    // A refused request is no use.
    auth.check(None, READ, None, at(500)).unwrap_err();
    auth.note_uses(folder.state(), false).unwrap();
    assert_eq!(held(), None, "not within the first minute");
    auth.note_uses(folder.state(), true).unwrap();
    assert_eq!(held(), Some(at(70)));
}

#[test]
fn scopes_are_read_and_written_alike() {
    for (text, written) in [
        ("read", "read"),
        ("admin, read,read", "read,admin"),
        ("write read", "read,write"),
    ] {
        assert_eq!(Scopes::parse(text).unwrap().to_string(), written);
    }
    assert!(matches!(Scopes::parse("own"), Err(TokenError::Scope(_))));
    assert!(matches!(Scopes::parse(" ,"), Err(TokenError::NoScope)));
    let write = Scopes::parse("write").unwrap();
    assert!(!write.allow(Scope::Read) && !write.allow(Scope::Admin));
}
