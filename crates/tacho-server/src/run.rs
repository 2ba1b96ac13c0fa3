//! Start, serve, stop.
//!
//! Everything that can fail for the user's reasons (a port taken, a folder not writable, another
//! server on it) fails before anything is started. Stopping is orderly: no new requests, live
//! connections closed, the sampler joined, the log synced.

mod beside;
mod files;

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tacho_model::{Querier as _, Timestamp};
use tacho_store::state::STATE_FILE;
use tacho_store::{Store, StoreError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::allocator;
use crate::app::App;
use crate::auth::secret::Secret;
use crate::auth::{Auth, TokenError};
use crate::collect::Collecting;
use crate::forward::{Describe, ForwardError, Forwarding};
use crate::maintenance::Maintenance;
use crate::otlp::listeners::Listening;
use crate::settings::Settings;
use crate::statsd::{Sockets, Statsd, StatsdError};
use crate::tls::{self, Certificate, TlsError};
use crate::{http, otlp, pushgateway, rules, sampler, scrape};

/// How long open requests may take to finish once the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// Why the server could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}{hint}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What to do about it.
        hint: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A socket for `StatsD` cannot be listened on.
    #[error(transparent)]
    Statsd(#[from] StatsdError),
    /// A port for OTLP that was asked for cannot be listened on.
    #[error(
        "cannot listen on {address} for OTLP: {source}\n  {key} names this address; take another \
         or false"
    )]
    Otlp {
        /// Where it was asked for.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Others could connect, and nothing would ask them who they are.
    #[error(
        "{address} can be reached from other machines, and there is no token to ask them for; make \
         one with `tacho token create admin --scope admin --data-dir {}`, listen on 127.0.0.1, or \
         say --insecure if the network itself is trusted",
        dir.display()
    )]
    Unguarded {
        /// The address.
        address: SocketAddr,
        /// The data folder.
        dir: PathBuf,
    },
    /// There is no certificate to show.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A token could not be made.
    #[error("cannot make a token: {0}")]
    Token(#[from] TokenError),
    /// The data folder cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is received cannot be forwarded.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// A thread or the runtime could not be started.
    #[error("cannot start: {0}")]
    Start(#[source] std::io::Error),
    /// Serving broke off.
    #[error("serving broke off: {0}")]
    Serve(#[source] std::io::Error),
}

/// Runs a server until it is told to stop (SIGINT or SIGTERM). `ready` is called once it listens,
/// with the address it got, and those for OTLP.
pub fn run(settings: Settings, ready: impl FnOnce(SocketAddr, &Listening)) -> Result<(), RunError> {
    run_beside(settings, Duration::MAX, |address, listening| {
        ready(address, listening);
        || ()
    })
}

/// The same, for at most `limit`, beside something that sends to the server. `ready` starts that
/// and must not wait; what it gives ends that, on a thread that may wait, and is called when the
/// server is told to stop and still takes what is sent.
pub fn run_beside<End: FnOnce() + Send + 'static>(
    mut settings: Settings,
    limit: Duration,
    ready: impl FnOnce(SocketAddr, &Listening) -> End,
) -> Result<(), RunError> {
    files::allow(&mut settings);
    allocator::limit_arenas();
    let runtime = runtime(&settings)?;
    let outcome = runtime.block_on(serve(settings, limit, ready));
    runtime.shutdown_timeout(GRACE);
    outcome
}

async fn serve<End: FnOnce() + Send + 'static>(
    settings: Settings,
    limit: Duration,
    ready: impl FnOnce(SocketAddr, &Listening) -> End,
) -> Result<(), RunError> {
    let tls = settings.server.tls.as_ref();
    let certificate = tls.map(Certificate::load).transpose()?;
    let listener = listen(settings.server.listen).await?;
    let address = listener.local_addr().map_err(RunError::Start)?;
    let statsd = Sockets::bind(&settings.statsd)?;
    let otlp = otlp::listeners::listen(&settings.otlp).await;
    let otlp = otlp.map_err(|(key, address, source)| RunError::Otlp {
        key,
        address,
        source,
    })?;
    if settings.storage.options.rollup_after == Duration::MAX {
        tracing::warn!("nothing is rolled up: storage.retention is too short for whole days");
    }
    let wide = wide(&settings)?;
    let store = Arc::new(Store::open(
        &settings.storage.dir,
        settings.storage.options.clone(),
    )?);
    // Replaying the log needs more memory than what it leaves.
    allocator::release();
    let now = Timestamp::now();
    let auth = Auth::load(store.state(), wide.is_none())?;
    if let Some(address) = wide
        && !auth.has_live(now)
    {
        return Err(unguarded(address, &settings));
    }
    let forward = forwarding(&settings, &store, address)?;
    let mut app = App::new(settings, Arc::clone(&store), now).guarded_by(auth);
    app.forward = forward;
    app.listening = otlp.listening.clone();
    let app = Arc::new(app);
    app.filters
        .restore(&app.settings.storage.dir)
        .map_err(RunError::Start)?;

    let (stop, stopped) = mpsc::channel();
    let sampler = sample(&app, stopped).map_err(RunError::Start)?;
    let collecting = Collecting::start(&app).map_err(RunError::Start)?;
    let maintenance = Maintenance::start(&app).map_err(RunError::Start)?;
    let statsd = Statsd::start(&app, statsd).map_err(RunError::Start)?;
    let (closing, closed) = tokio::sync::watch::channel(false);
    app.gateway.load();
    let mut scraping = scrape::start(&app, &closed);
    scraping.spawn(pushgateway::run(Arc::clone(&app), closed.clone()));
    let recording = tokio::spawn(rules::run(Arc::clone(&app), closed.clone()));
    let router = http::router(Arc::clone(&app), closed.clone());
    let beside = beside::serve(otlp, &app, certificate.as_ref(), &closed);
    let end_beside = ready(address, &app.listening);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Start)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Start)?;
    let told = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = tokio::time::sleep(limit) => {}
        }
        // One that panicked has said so.
        let _ = tokio::task::spawn_blocking(end_beside).await;
        // Live connections never end by themselves.
        closing.send_replace(true);
    };
    let secured = certificate.as_ref().map(|tls| tls.config(&[tls::HTTP_1]));
    let listener = http::limit::Limited::new(listener, app.settings.server.connections_max);
    let listener = listener.secured(secured);
    let renewing = certificate.map(|certificate| tokio::spawn(tls::keep_fresh(certificate)));
    let mut stopping = closed.clone();
    let router = router.into_make_service_with_connect_info::<http::peer::Peer>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(told);
    let overdue = async {
        let _ = stopping.wait_for(|stopping| *stopping).await;
        tokio::time::sleep(GRACE).await;
    };
    // A client that never finishes its request must not keep the server from stopping.
    let served = tokio::select! {
        served = serving.into_future() => served,
        () = overdue => Ok(()),
    };
    beside.end().await;

    if let Some(renewing) = renewing {
        renewing.abort();
    }
    scraping.shutdown().await;
    end(recording).await;
    drop(stop);
    let last = Arc::clone(&app);
    let joined = tokio::task::spawn_blocking(move || {
        let collected = collecting.stop();
        let statsd = statsd.is_none_or(Statsd::stop);
        let sampled = sampler.join().is_ok();
        let forwarded = last.forward.stop();
        maintenance.join() && sampled && statsd && forwarded && collected
    });
    if !matches!(joined.await, Ok(true)) {
        tracing::error!("a thread of the server ended abnormally");
    }
    if let Err(error) = app.auth.note_uses(store.state(), true) {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "when tokens were last used is not kept");
    }
    // The store syncs its log when the last of its users lets go of it.
    drop((app, store));
    served.map_err(RunError::Serve)
}

/// Waits for recording rules, which end by themselves: they were told so, and keep how far they came.
async fn end(recording: tokio::task::JoinHandle<()>) {
    if recording.await.is_err() {
        tracing::error!("recording rules ended abnormally");
    }
}

/// Starts the thread that ticks.
fn sample(app: &Arc<App>, stopped: mpsc::Receiver<()>) -> std::io::Result<JoinHandle<()>> {
    let app = Arc::clone(app);
    let thread = std::thread::Builder::new().name("tacho-sampler".to_owned());
    thread.spawn(move || sampler::run(&app, &stopped))
}

/// An address that others can reach, where the network itself is not trusted.
fn wide(settings: &Settings) -> Result<Option<SocketAddr>, RunError> {
    let mut listens = settings.listens().into_iter();
    let wide = listens.find(|address| !address.ip().is_loopback());
    let wide = wide.filter(|_| !settings.server.insecure);
    match wide {
        // Without records there is no token: a folder that is not there yet need not be made.
        Some(address) if !settings.storage.dir.join(STATE_FILE).exists() => {
            Err(unguarded(address, settings))
        }
        wide => Ok(wide),
    }
}

fn unguarded(address: SocketAddr, settings: &Settings) -> RunError {
    let dir = settings.storage.dir.clone();
    RunError::Unguarded { address, dir }
}

/// Begins to forward what is configured.
fn forwarding(
    settings: &Settings,
    store: &Arc<Store>,
    address: SocketAddr,
) -> Result<Forwarding, RunError> {
    let known = Arc::clone(store);
    let describe: Describe = Arc::new(move |name| known.metadata(name));
    let dir = &settings.storage.dir;
    Ok(Forwarding::start(
        &settings.forward,
        dir,
        &[address],
        &describe,
    )?)
}

/// A read-only server over a data folder, inside this process, on a free loopback port: how
/// commands read a folder when no server runs. It ends when dropped.
#[derive(Debug)]
pub struct LocalServer {
    address: SocketAddr,
    secret: Secret,
    // Dropping the runtime ends the server.
    _runtime: tokio::runtime::Runtime,
}

impl LocalServer {
    /// Opens `dir` for reading and serves it.
    pub fn read_only(dir: &std::path::Path) -> Result<Self, RunError> {
        let mut settings = Settings::default();
        dir.clone_into(&mut settings.storage.dir);
        settings.collect.host = false;
        // Its only client is the command that waits for it.
        settings.server.query_timeout = Duration::MAX;
        settings.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let runtime = runtime(&settings)?;
        let listener = runtime.block_on(listen(settings.server.listen))?;
        let address = listener.local_addr().map_err(RunError::Start)?;
        let store = Store::open_read_only(dir, settings.storage.options.clone())?;
        // The port is open to everybody on this machine, the folder may not be.
        let secret = Secret::random()?;
        let app = App::new(settings, Arc::new(store), Timestamp::now());
        let app = Arc::new(app.guarded_by(Auth::only(&secret)));
        app.name_host();
        // Nothing is closing before the runtime is dropped, sender and all.
        let (_, closed) = tokio::sync::watch::channel(false);
        let router = http::router(app, closed);
        let router = router.into_make_service_with_connect_info::<http::peer::Peer>();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            secret,
            _runtime: runtime,
        })
    }

    /// The token it asks for.
    pub fn token(&self) -> &str {
        self.secret.reveal()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn runtime(settings: &Settings) -> Result<tokio::runtime::Runtime, RunError> {
    tokio::runtime::Builder::new_multi_thread()
        // Handlers only hand work on; one thread parses requests, the other keeps accepting.
        .worker_threads(2)
        // Rules wait for a place among queries; that they keep how far they came is one more.
        .max_blocking_threads(settings.server.queries_max + 2 * settings.server.writes_max + 5)
        .thread_name("tacho-http")
        .enable_all()
        .build()
        .map_err(RunError::Start)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| {
        let hint = match source.kind() {
            std::io::ErrorKind::AddrInUse => {
                "\n  another program has this port; choose one with --port, or see which with: \
                 ss -ltnp"
            }
            std::io::ErrorKind::PermissionDenied => {
                "\n  ports below 1024 need privileges; choose another with --port"
            }
            _ => "",
        };
        RunError::Listen {
            address,
            hint,
            source,
        }
    })
}
