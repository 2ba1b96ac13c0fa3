//! Whose samples they are: the labels that become the resource and the scope.
//!
//! What [`crate::otlp::metrics`] makes of a resource and a scope, the other way round. A label that
//! would not come back the same stays an attribute of the point.

use tacho_model::{LabelsRef, METRIC_NAME};

use crate::otlp::metrics::names::label_name;
use crate::otlp::put;
use crate::otlp::resource::{SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_NAMESPACE};
use crate::protobuf::LENGTH_DELIMITED;

/// What the labels of a scope begin with.
const SCOPE: &str = "otel_scope_";

/// Who a label set says it is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who<'a> {
    job: &'a str,
    instance: &'a str,
    /// The labels of its scope, by what follows their common beginning.
    scope: Vec<(&'a str, &'a str)>,
}

impl<'a> Who<'a> {
    pub(super) fn of(labels: LabelsRef<'a>) -> Self {
        let mut who = Self::default();
        for (name, value) in labels {
            match name {
                "job" => who.job = value,
                "instance" => who.instance = value,
                name => who.scope.extend(of_scope(name).map(|name| (name, value))),
            }
        }
        who
    }

    pub(super) fn is_same_resource(&self, other: &Self) -> bool {
        (self.job, self.instance) == (other.job, other.instance)
    }

    /// The fields of `Resource`: a job of two parts is a service and what it is part of.
    pub(super) fn put_resource(&self, out: &mut Vec<u8>) {
        let parts = self.job.split_once('/').filter(|(namespace, name)| {
            !namespace.is_empty() && !name.is_empty() && !name.contains('/')
        });
        let (namespace, name) = parts.unwrap_or(("", self.job));
        for (key, value) in [
            (SERVICE_NAMESPACE, namespace),
            (SERVICE_NAME, name),
            (SERVICE_INSTANCE_ID, self.instance),
        ] {
            if !value.is_empty() {
                put_text(1, key, value, out);
            }
        }
    }

    /// `scope = 1` of `ScopeMetrics`, where there is one.
    pub(super) fn put_scope(&self, out: &mut Vec<u8>) {
        if self.scope.is_empty() {
            return;
        }
        put::message(1, out, |out| {
            for (name, value) in &self.scope {
                match *name {
                    "name" => put::bytes(1, value.as_bytes(), out),
                    "version" => put::bytes(2, value.as_bytes(), out),
                    name => put_text(3, name, value, out),
                }
            }
        });
    }

    /// The other labels, as fields of that number.
    pub(super) fn put_attributes(&self, number: u32, labels: LabelsRef<'_>, out: &mut Vec<u8>) {
        for (name, value) in labels {
            let is_elsewhere = matches!(name, METRIC_NAME | "job" | "instance")
                || (!self.scope.is_empty() && of_scope(name).is_some());
            if !is_elsewhere {
                put_text(number, name, value, out);
            }
        }
    }
}

/// What a label is called in the scope that it is of.
fn of_scope(label: &str) -> Option<&str> {
    let name = label.strip_prefix(SCOPE)?;
    (!name.is_empty() && label_name(name) == name).then_some(name)
}

/// A `KeyValue` whose value is a text.
pub(super) fn put_text(number: u32, name: &str, value: &str, out: &mut Vec<u8>) {
    put::message(number, out, |out| {
        put::bytes(1, name.as_bytes(), out);
        put::message(2, out, |out| {
            put::key(1, LENGTH_DELIMITED, out);
            put::varint(value.len() as u64, out);
            out.extend_from_slice(value.as_bytes());
        });
    });
}
