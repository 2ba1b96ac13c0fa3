//! OpenTelemetry's protocol (OTLP 1.x): what SDKs and collectors send, as protobuf.
//!
//! - [`resource`]: attributes, and who a sender is; shared by all signals
//!
//! The messages are walked where they lie. A body is either walked to its end or refused whole, and
//! no input makes that panic. Source: `opentelemetry-proto`, version 1.

pub mod resource;
