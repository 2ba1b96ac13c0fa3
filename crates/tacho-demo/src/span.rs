//! Spans as the shop's services make them, until they are sent.

use std::borrow::Cow;
use std::time::Duration;

use tacho_model::Timestamp;
use tacho_model::span::{Attribute, AttributeValue, Span, SpanKind, SpanStatus};

/// What says that it is the demo that made the spans.
const SCOPE: &str = "tacho-demo";

/// A program of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    /// Where visitors come in; the chat.
    Gateway,
    /// Who ordered what.
    Orders,
    /// What there is.
    Inventory,
    /// The program that the agents run in.
    Agents,
}

impl Service {
    /// Its `service.name`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Orders => "orders",
            Self::Inventory => "inventory",
            Self::Agents => "agents",
        }
    }
}

/// A span that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) service: Service,
    pub(crate) version: &'static str,
    pub(crate) trace: u128,
    pub(crate) id: u64,
    pub(crate) parent: u64,
    pub(crate) kind: SpanKind,
    pub(crate) name: Cow<'static, str>,
    pub(crate) start: Timestamp,
    pub(crate) duration: Duration,
    pub(crate) failed: bool,
    pub(crate) attributes: Vec<Attribute<'static>>,
}

impl Ended {
    /// Shows it in the model's words.
    pub(crate) fn show<R>(&self, look: impl FnOnce(&Span<'_>) -> R) -> R {
        let resource = [
            text("service.name", self.service.name()),
            text("service.namespace", "shop"),
            text("service.version", self.version),
            text("deployment.environment.name", "demo"),
        ];
        look(&Span {
            trace_id: self.trace,
            span_id: self.id,
            parent_id: self.parent,
            pending_of: 0,
            start: self.start,
            duration: self.duration,
            name: &self.name,
            service: self.service.name(),
            scope: SCOPE,
            kind: self.kind,
            status: if self.failed {
                SpanStatus::Error
            } else {
                SpanStatus::Unset
            },
            status_message: "",
            attributes: &self.attributes,
            resource: &resource,
            events: "",
            links: "",
        })
    }
}

/// An attribute of text.
pub(crate) fn text(name: &'static str, value: impl Into<Cow<'static, str>>) -> Attribute<'static> {
    let value = AttributeValue::Text(value.into());
    Attribute { name, value }
}

/// An attribute of a whole number.
pub(crate) fn number(name: &'static str, value: u64) -> Attribute<'static> {
    let value = AttributeValue::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    Attribute { name, value }
}

/// An attribute of seconds.
pub(crate) fn seconds(name: &'static str, value: Duration) -> Attribute<'static> {
    let value = AttributeValue::Float(value.as_secs_f64());
    Attribute { name, value }
}
