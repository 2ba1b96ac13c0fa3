//! OpenTelemetry's protocol (OTLP 1.x): what SDKs and collectors send, as protobuf.
//!
//! - [`metrics`]: requests to samples
//! - [`resource`]: attributes, and who a sender is; shared by all signals
//! - [`attributes`]: the same within the limits of what is stored
//! - [`traces`], [`logs`]: requests to spans and log records; [`taken`] is what became of them
//! - [`json`]: OTLP/JSON to protobuf, for all signals
//! - [`answer`]: what a request is answered with
//! - [`encode`]: spans, log records and samples to requests
//!
//! The messages are walked where they lie. A body is either walked to its end or refused whole, and
//! no input makes that panic. Source: `opentelemetry-proto`, version 1.

pub mod answer;
pub mod attributes;
pub mod encode;
pub mod json;
pub mod logs;
#[cfg(test)]
mod messages;
pub mod metrics;
mod put;
pub mod resource;
pub mod taken;
mod text;
pub mod traces;
