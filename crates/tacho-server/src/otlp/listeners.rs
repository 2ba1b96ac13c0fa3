//! The ports that OTLP is usually sent to, 4318 for HTTP and 4317 for gRPC.
//!
//! A usual port that another program has is no reason not to start: it is said, and the main port
//! takes the same. One that was asked for is.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::settings::{Listen, OtlpSettings};

/// Ports that are listened on.
#[derive(Debug, Default)]
pub struct Listeners {
    /// For OTLP over HTTP.
    pub http: Option<TcpListener>,
    /// For OTLP over gRPC.
    pub grpc: Option<TcpListener>,
    /// What is said of them.
    pub listening: Listening,
}

/// Where OTLP is listened for, beside the main port.
#[derive(Debug, Clone, Default)]
pub struct Listening {
    /// For OTLP over HTTP.
    pub http: Option<SocketAddr>,
    /// For OTLP over gRPC.
    pub grpc: Option<SocketAddr>,
    /// Usual ports that are not listened on, and why.
    pub taken: Vec<String>,
}

impl Listening {
    /// In words: `HTTP on 127.0.0.1:4318, gRPC on 127.0.0.1:4317`; `None` when there is nothing.
    pub fn sentence(&self) -> Option<String> {
        let known = [("HTTP", self.http), ("gRPC", self.grpc)];
        let parts = known
            .iter()
            .filter_map(|(name, address)| Some(format!("{name} on {}", (*address)?)));
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Listens where the settings say.
///
/// # Errors
/// The key and the address of a port that was asked for and cannot be had, and why.
pub async fn listen(
    settings: &OtlpSettings,
) -> Result<Listeners, (&'static str, SocketAddr, io::Error)> {
    let mut listening = Listening::default();
    let http = bind("ingest.otlp.http", settings.http, &mut listening).await?;
    let grpc = bind("ingest.otlp.grpc", settings.grpc, &mut listening).await?;
    let address = |listener: &Option<TcpListener>| listener.as_ref()?.local_addr().ok();
    listening.http = address(&http);
    listening.grpc = address(&grpc);
    Ok(Listeners {
        http,
        grpc,
        listening,
    })
}

async fn bind(
    key: &'static str,
    listen: Listen,
    listening: &mut Listening,
) -> Result<Option<TcpListener>, (&'static str, SocketAddr, io::Error)> {
    match listen {
        Listen::Off => Ok(None),
        Listen::At(address) => match TcpListener::bind(address).await {
            Ok(listener) => Ok(Some(listener)),
            Err(error) => Err((key, address, error)),
        },
        Listen::Usual(address) => match TcpListener::bind(address).await {
            Ok(listener) => Ok(Some(listener)),
            Err(error) => {
                let taken = format!("nothing listens on {address} for OTLP ({error})");
                tracing::warn!(
                    "{taken}; the main port takes OTLP too, and {key} sets another or false"
                );
                listening.taken.push(taken);
                Ok(None)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_port_may_be_taken_and_one_asked_for_may_not() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        runtime.block_on(async {
            let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let taken = other.local_addr().unwrap();
            let mut settings = OtlpSettings {
                http: Listen::Usual(taken),
                grpc: Listen::At("127.0.0.1:0".parse().unwrap()),
                ..OtlpSettings::default()
            };
            let listeners = listen(&settings).await.unwrap();
            assert!(listeners.http.is_none() && listeners.grpc.is_some());
            assert_eq!(listeners.listening.taken.len(), 1);
            let sentence = listeners.listening.sentence().unwrap();
            assert!(sentence.starts_with("gRPC on 127.0.0.1:"), "{sentence}");
            settings.grpc = Listen::At(taken);
            let (key, address, _) = listen(&settings).await.unwrap_err();
            assert_eq!((key, address), ("ingest.otlp.grpc", taken));
            settings.http = Listen::Off;
            settings.grpc = Listen::Off;
            assert!(
                listen(&settings)
                    .await
                    .unwrap()
                    .listening
                    .sentence()
                    .is_none()
            );
        });
    }
}
