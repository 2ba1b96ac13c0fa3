//! Serving OTLP on its usual ports beside the main one.
//!
//! They stop with the main port: no new requests, open ones have the same grace, and nobody holds
//! the store when they have ended.

use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::GRACE;
use crate::app::App;
use crate::http;
use crate::http::limit::Limited;
use crate::http::peer::Peer;
use crate::otlp::listeners::Listeners;

/// What is served beside the main port.
pub(super) struct Beside(Vec<JoinHandle<()>>);

/// Begins to serve; ends when `closed` turns true.
pub(super) fn serve(
    listeners: Listeners,
    app: &Arc<App>,
    closed: &watch::Receiver<bool>,
) -> Beside {
    let http = listeners
        .http
        .map(|listener| (listener, http::otlp_router(app.clone())));
    let grpc = listeners
        .grpc
        .map(|listener| (listener, http::grpc_router(app.clone())));
    let both = [http, grpc].into_iter().flatten();
    let connections_max = app.settings.server.connections_max;
    let start = |(listener, router)| one(listener, router, connections_max, closed.clone());
    Beside(both.map(start).collect())
}

fn one(
    listener: TcpListener,
    router: Router,
    connections_max: usize,
    mut closed: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let listener = Limited::new(listener, connections_max);
    let service = router.into_make_service_with_connect_info::<Peer>();
    tokio::spawn(async move {
        let told = async move {
            let _ = closed.wait_for(|closed| *closed).await;
        };
        let served = axum::serve(listener, service).with_graceful_shutdown(told);
        if let Err(error) = served.await {
            tracing::error!(%error, "serving OTLP broke off");
        }
    })
}

impl Beside {
    /// Waits until all have ended, and ends those that take too long.
    pub(super) async fn end(self) {
        for mut task in self.0 {
            if timeout(GRACE, &mut task).await.is_err() {
                task.abort();
                let _ = task.await;
            }
        }
    }
}
