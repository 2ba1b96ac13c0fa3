//! Where OTLP is listened for, and which log records become events.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tacho_model::span::Severity;

/// The port that SDKs send OTLP over HTTP to.
pub const HTTP_PORT: u16 = 4318;
/// The port that SDKs send OTLP over gRPC to.
pub const GRPC_PORT: u16 = 4317;

/// Where OTLP is listened for, beside the main port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtlpSettings {
    /// For OTLP over HTTP.
    pub http: Listen,
    /// For OTLP over gRPC.
    pub grpc: Listen,
    /// The least severity of a log record that is kept as an event.
    pub event_severity: Severity,
}

/// Whether and where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Not at all.
    Off,
    /// There, unless another program does: nobody asked for it.
    Usual(SocketAddr),
    /// There, and nowhere else.
    At(SocketAddr),
}

impl Listen {
    /// Where, if at all.
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::Usual(address) | Self::At(address) => Some(address),
        }
    }
}

impl Default for OtlpSettings {
    fn default() -> Self {
        let usual = |port| Listen::Usual(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        Self {
            http: usual(HTTP_PORT),
            grpc: usual(GRPC_PORT),
            event_severity: Severity::Warn,
        }
    }
}
