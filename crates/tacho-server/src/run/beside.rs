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
use crate::tls::{self, Certificate};

/// What is served beside the main port.
pub(super) struct Beside(Vec<JoinHandle<()>>);

/// Begins to serve; ends when `closed` turns true.
pub(super) fn serve(
    listeners: Listeners,
    app: &Arc<App>,
    certificate: Option<&Arc<Certificate>>,
    closed: &watch::Receiver<bool>,
) -> Beside {
    let http = listeners.http.map(|listener| {
        (
            listener,
            http::otlp_router(app.clone()),
            [tls::HTTP_1, tls::HTTP_2],
        )
    });
    let grpc = listeners.grpc.map(|listener| {
        (
            listener,
            http::grpc_router(app.clone()),
            [tls::HTTP_2, tls::HTTP_1],
        )
    });
    let both = [http, grpc].into_iter().flatten();
    let connections_max = app.settings.server.connections_max;
    let start = |(listener, router, protocols): (TcpListener, _, [_; 2])| {
        // On this machine SDKs speak plain HTTP, and nobody listens in.
        let beyond = listener.local_addr().is_ok_and(|a| !a.ip().is_loopback());
        let certificate = certificate.filter(|_| beyond);
        let tls = certificate.map(|certificate| certificate.config(&protocols));
        let listener = Limited::new(listener, connections_max).secured(tls);
        one(listener, router, closed.clone())
    };
    Beside(both.map(start).collect())
}

fn one(listener: Limited, router: Router, mut closed: watch::Receiver<bool>) -> JoinHandle<()> {
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
