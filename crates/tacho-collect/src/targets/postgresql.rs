//! PostgreSQL, 11 and newer: what its statistics views say, with `postgres_exporter`'s names.
//!
//! 1. One connection, kept; it can only read, and the server ends what takes longer than the
//!    target's timeout.
//! 2. All of a run is one transaction, so that what it adds to the figures is one commit.
//! 3. A view that this user may not read, or this version does not have, is left out and said; the
//!    rest goes on.
//!
//! What is asked is the table in `queries`. Not for the host that it runs on.

mod client;
mod derived;
mod queries;
mod scram;
mod statements;

use std::io::{Read as _, Write as _};

use tacho_model::Unit;
use url::Url;

use self::client::{Client, Login, QueryError, ROWS_MAX, Row, SSL_REQUEST};
use self::derived::Derived;
use self::queries::{QUERIES, Query};
use super::{Make, Secret, Target, TargetError, Turn};
use crate::emit::{Emitter, Family};
use crate::net::{Address, Deadline, NetError, Resolver, Stream, Timed, Tls, dial};

/// Statements that are told apart where nothing is said.
pub const STATEMENTS: usize = 20;
/// Most statements that are told apart.
pub const STATEMENTS_MAX: usize = 200;
/// The oldest version whose views are known, as `server_version_num`.
const OLDEST: u32 = 110_000;

static UP: Family = Family::gauge("pg_up", Unit::NONE, "Whether PostgreSQL could be asked.");

/// Where a server is and who asks it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where.
    pub address: Address,
    /// The user; its name and its database's.
    pub user: String,
    /// The database to connect to. All of them are told of.
    pub database: String,
    /// The user's password; none where nothing asks for it.
    pub password: Option<Secret>,
    /// Whether the connection is made safe.
    pub ssl: SslMode,
    /// How it is made safe, where it must be.
    pub tls: Option<Tls>,
    /// How it is made safe where anybody may answer.
    pub tls_unverified: Tls,
    /// How many statements are told apart, the most costly first.
    pub statements: usize,
}

/// Whether a connection is made safe (libpq's `sslmode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// It is not.
    Disable,
    /// It is where the server offers it; anybody may answer.
    Prefer,
    /// It must be; anybody may answer, where nothing says whom to trust.
    Require,
    /// It must be, and the certificate is looked at.
    VerifyFull,
}

impl SslMode {
    /// The mode of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" | "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

/// What a connection string says. The password is the caller's to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// Where.
    pub address: Address,
    /// The user.
    pub user: String,
    /// The database.
    pub database: String,
    /// The password.
    pub password: Option<Secret>,
    /// `sslmode`.
    pub ssl: Option<SslMode>,
}

impl Parsed {
    /// Reads `postgresql://user:password@host:port/database?sslmode=require`; a folder of Unix
    /// sockets is `?host=/run/postgresql`. The error reads well after a colon and has no secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = "write it like postgresql://user@host:5432/database";
        let url = Url::parse(text).map_err(|error| format!("no URL ({error}); {expected}"))?;
        if !matches!(url.scheme(), "postgresql" | "postgres") {
            return Err(expected.to_owned());
        }
        let plain = |text: &str| {
            let pairs = format!("x={}", text.replace('+', "%2B"));
            let mut pairs = url::form_urlencoded::parse(pairs.as_bytes());
            pairs
                .next()
                .map_or(String::new(), |(_, text)| text.into_owned())
        };
        let mut host = plain(url.host_str().unwrap_or_default());
        host = host.trim_matches(['[', ']']).to_owned();
        let mut port = url.port().unwrap_or(5432);
        let mut user = plain(url.username());
        let mut password = url.password().map(|text| Secret::Text(plain(text)));
        let mut database = plain(url.path().trim_start_matches('/'));
        let mut ssl = None;
        for (name, value) in url.query_pairs() {
            match &*name {
                "host" => host = value.into_owned(),
                "port" => port = value.parse().map_err(|_| "its port is no number")?,
                "user" => user = value.into_owned(),
                "password" => password = Some(Secret::Text(value.into_owned())),
                "dbname" => database = value.into_owned(),
                "sslmode" => {
                    let mode = SslMode::parse(&value);
                    ssl = Some(mode.ok_or("sslmode is disable, prefer, require or verify-full")?);
                }
                // What others put there, and what changes nothing here.
                "application_name" | "connect_timeout" | "client_encoding" => {}
                _ => return Err(format!("the parameter `{name}` is not known")),
            }
        }
        if user.is_empty() {
            return Err(format!("it names no user; {expected}"));
        }
        if database.is_empty() {
            database.clone_from(&user);
        }
        let address = match host.as_str() {
            "" => Address::Tcp("localhost".to_owned(), port),
            folder if folder.starts_with('/') => {
                Address::Unix(format!("{folder}/.s.PGSQL.{port}").into())
            }
            host => Address::Tcp(host.to_owned(), port),
        };
        Ok(Self {
            address,
            user,
            database,
            password,
            ssl,
        })
    }
}

impl Make for Settings {
    fn make(&self) -> Box<dyn Target> {
        Box::new(Postgresql {
            settings: self.clone(),
            resolver: Resolver::default(),
            session: None,
            derived: Derived::default(),
        })
    }

    fn about(&self) -> String {
        let Self {
            address,
            user,
            database,
            ..
        } = self;
        format!("postgresql://{user}@{address}/{database}")
    }
}

/// A server that is asked.
struct Postgresql {
    settings: Settings,
    resolver: Resolver,
    session: Option<Session>,
    derived: Derived,
}

/// A connection that is kept.
struct Session {
    client: Client,
    /// `server_version_num`.
    version: u32,
}

impl Target for Postgresql {
    fn collect(&mut self, turn: &mut Turn<'_>) -> Result<(), TargetError> {
        let mut session = match self.session.take() {
            Some(mut session) => {
                session.client.stream().set_deadline(turn.deadline.clone());
                // A server that was restarted meanwhile is asked anew at once.
                match session.client.query("ask", BEGIN) {
                    Ok(_) => session,
                    Err(_) => self.connect(&turn.deadline)?,
                }
            }
            None => self.connect(&turn.deadline)?,
        };
        self.ask_all(&mut session, turn)?;
        self.session = Some(session);
        Ok(())
    }

    fn up(&self) -> Option<&'static Family> {
        Some(&UP)
    }
}

/// Begins the one transaction of a run.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";

/// What holds for the connection, as a query of its own: statements in one message are one
/// transaction with what follows, and a `ROLLBACK` would undo them.
fn settings_sql(timeout_ms: u128) -> String {
    format!(
        "SET default_transaction_read_only = on; SET statement_timeout = {timeout_ms}; \
         SET lock_timeout = {timeout_ms}"
    )
}

impl Postgresql {
    /// Connects and begins a transaction.
    fn connect(&mut self, deadline: &Deadline) -> Result<Session, TargetError> {
        let address = &self.settings.address;
        let dialled = dial(address, &mut self.resolver, deadline)?;
        let stream = self.secure(dialled.stream, deadline)?;
        let settings = &self.settings;
        let password = || match &settings.password {
            Some(secret) => secret.read(),
            None => Err(TargetError::Unusable(
                "log in: the server asks for a password, and none is configured; give \
                 password_file or password_env"
                    .to_owned(),
            )),
        };
        let mut client = Client::login(
            stream,
            &Login {
                user: &settings.user,
                database: &settings.database,
                password: &password,
            },
        )?;
        let timeout = deadline.timeout().as_millis();
        plain(client.query("prepare the connection", &settings_sql(timeout)))?;
        let sql = format!("{BEGIN}; SELECT current_setting('server_version_num')");
        let rows = plain(client.query("begin", &sql))?;
        let version = rows
            .first()
            .and_then(|row| row.first()?.as_ref()?.parse().ok());
        let version = version
            .ok_or_else(|| TargetError::malformed("server_version_num", "it is no number"))?;
        if version < OLDEST {
            return Err(TargetError::Unusable(format!(
                "understand version {version} of PostgreSQL; 11 is the oldest that is known"
            )));
        }
        Ok(Session { client, version })
    }

    fn secure(&mut self, mut stream: Timed, deadline: &Deadline) -> Result<Stream, TargetError> {
        let settings = &mut self.settings;
        if settings.ssl == SslMode::Disable || matches!(settings.address, Address::Unix(_)) {
            return Ok(Stream::Plain(stream));
        }
        let mut answer = [0];
        let asked = stream.write_all(&SSL_REQUEST);
        let asked = asked.and_then(|()| stream.read_exact(&mut answer));
        asked.map_err(|error| NetError::of("ask for TLS", deadline, error))?;
        match (answer, settings.ssl) {
            ([b'S'], mode) => {
                let tls = match (mode, &mut settings.tls) {
                    (SslMode::VerifyFull, Some(tls)) => tls,
                    _ => &mut settings.tls_unverified,
                };
                Ok(tls.secure(stream, &settings.address, deadline)?.0)
            }
            ([b'N'], SslMode::Prefer) => Ok(Stream::Plain(stream)),
            ([b'N'], _) => Err(TargetError::Unusable(
                "speak TLS: the server has none; sslmode=prefer goes on without".to_owned(),
            )),
            _ => Err(TargetError::malformed(
                "ask for TLS",
                "this is no PostgreSQL server",
            )),
        }
    }

    fn ask_all(&mut self, session: &mut Session, turn: &mut Turn<'_>) -> Result<(), TargetError> {
        let version = session.version;
        for query in QUERIES
            .iter()
            .filter(|query| query.versions.contains(&version))
        {
            match session.ask(query) {
                Ok(rows) => push(query, &rows, &mut turn.emit),
                Err(QueryError::Broken(error)) => return Err(error),
                Err(QueryError::Refused(error)) => {
                    turn.missing.push(error.to_string());
                    session.begin_again()?;
                }
            }
        }
        self.derived.database(session, turn)?;
        if self.settings.statements > 0 {
            statements::collect(session, self.settings.statements, &mut self.derived, turn)?;
        }
        plain(session.client.query("end the transaction", "COMMIT")).map(drop)
    }
}

impl Session {
    fn ask(&mut self, query: &Query) -> Result<Vec<Row>, QueryError> {
        self.client.query(query.what, query.sql)
    }

    /// After a refusal the transaction is of no more use.
    fn begin_again(&mut self) -> Result<(), TargetError> {
        let sql = format!("ROLLBACK; {BEGIN}");
        plain(self.client.query("begin again", &sql)).map(drop)
    }
}

/// Where any error is the end.
fn plain(answer: Result<Vec<Row>, QueryError>) -> Result<Vec<Row>, TargetError> {
    answer.map_err(|error| match error {
        QueryError::Refused(error) | QueryError::Broken(error) => error,
    })
}

/// A row's first columns are labels, the others one metric each; null is absent.
fn push(query: &Query, rows: &[Row], emit: &mut Emitter<'_>) {
    let count = query.labels.len();
    for row in rows.iter().take(ROWS_MAX) {
        let labels: Vec<(&str, &str)> = query
            .labels
            .iter()
            .zip(row)
            .map(|(name, value)| (*name, value.as_deref().unwrap_or("")))
            .collect();
        for (family, value) in query.values.iter().zip(row.iter().skip(count)) {
            if let Some(value) = value.as_deref().and_then(number) {
                emit.push(family, &labels, value);
            }
        }
    }
}

/// A number in PostgreSQL's text form; truth values are 1 and 0.
fn number(text: &str) -> Option<f64> {
    match text {
        "t" => Some(1.0),
        "f" => Some(0.0),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_are_understood() {
        let read = |text: &str| Parsed::parse(text).map(|p| (p.address.to_string(), p.user));
        let check = |text: &str, address: &str, user: &str| {
            assert_eq!(
                read(text),
                Ok((address.to_owned(), user.to_owned())),
                "{text}"
            );
        };
        check("postgresql://me@db:5433/app", "db:5433", "me");
        check("postgres://me:p%40ss@db", "db:5432", "me");
        check("postgres://me@[::1]/x", "[::1]:5432", "me");
        check(
            "postgresql:///x?host=/run/pg&user=me",
            "/run/pg/.s.PGSQL.5432",
            "me",
        );
        check(
            "postgresql://me@%2Frun%2Fpg/x",
            "/run/pg/.s.PGSQL.5432",
            "me",
        );
        let parsed = Parsed::parse("postgres://me:p%40s+s@db?sslmode=require").unwrap();
        assert_eq!(parsed.password, Some(Secret::Text("p@s+s".to_owned())));
        assert_eq!(
            (parsed.ssl, &*parsed.database),
            (Some(SslMode::Require), "me")
        );
        assert!(!format!("{parsed:?}").contains("p@s"));
        for bad in [
            "",
            "db:5432",
            "mysql://me@db",
            "postgres://db/x",
            "postgres://me@db?sslmode=maybe",
            "postgres://me@db?port=x",
            "postgres://me@db?hosts=x",
        ] {
            let error = Parsed::parse(bad).unwrap_err();
            assert!(!error.is_empty(), "{bad}");
        }
    }

    #[test]
    fn a_rollback_undoes_no_setting() {
        let sql = settings_sql(2000);
        assert!(sql.contains("statement_timeout = 2000"), "{sql}");
        assert!(!sql.contains("BEGIN"), "{sql}");
    }

    #[test]
    fn each_query_has_a_name_of_its_own_for_each_column() {
        let mut names: Vec<(&str, u32)> = Vec::new();
        for query in QUERIES {
            assert!(!query.values.is_empty(), "{}", query.what);
            let own = query
                .values
                .iter()
                .map(|f| (f.name, *query.versions.start()));
            names.extend(own);
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert_eq!(number("t"), Some(1.0));
        assert_eq!(number("1e3"), Some(1000.0));
        assert_eq!(number(""), None);
    }
}
