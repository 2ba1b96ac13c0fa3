//! Label sets: what a point, its scope and its resource say of themselves, as Prometheus' OTLP
//! receiver puts it together.
//!
//! Attributes of the point, then `otel_scope_*`, then `job` and `instance`, then the name; of two
//! labels of one name the later in that list counts, but attributes whose names become the same
//! are joined with `;`. The scope is part of the identity (OpenTelemetry data model): without its
//! labels two libraries that count the same thing would write one series in turn. Made on first
//! sight of a point only.

use tacho_model::label::{LABELS_MAX, LabelError, METRIC_NAME, encode};
use tacho_model::span::Attribute;

use super::names::{Naming, label_name};
use crate::otlp::resource::{
    Resource, SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_NAMESPACE, Scope, attribute, text_of,
};
use crate::protobuf::{ProtobufError, Reader};

/// Pairs on their way to a label set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Attributes by name; names that become the same are joined.
    pub(super) fn of(attributes: &[Attribute<'_>], prefix: &str) -> Self {
        Self::named(attributes, prefix, Naming::Translated)
    }

    /// The same, of names that are read so.
    pub(super) fn named(attributes: &[Attribute<'_>], prefix: &str, naming: Naming) -> Self {
        // One more than a label set may have shows that there are too many.
        let mut sorted: Vec<&Attribute<'_>> = attributes.iter().take(LABELS_MAX + 1).collect();
        // Stable, so that what is joined stands in the order that Prometheus has.
        sorted.sort_by_key(|a| a.name);
        let mut pairs = Self::default();
        for attribute in sorted {
            let value = text_of(&attribute.value);
            let name = match naming {
                Naming::Translated => label_name(attribute.name),
                Naming::AsIs => attribute.name.to_owned(),
            };
            if value.is_empty() || name.is_empty() {
                continue;
            }
            let name = format!("{prefix}{name}");
            match pairs.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => {
                    known.push(';');
                    known.push_str(&value);
                }
                None => pairs.0.push((name, value.into_owned())),
            }
        }
        pairs
    }

    /// Sets a label, whatever it was before.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    fn set_all(&mut self, others: &Self) {
        for (name, value) in &others.0 {
            self.set(name, value);
        }
    }

    /// Appends the label set's encoding.
    pub(super) fn encode(&self, into: &mut Vec<u8>) -> Result<(), LabelError> {
        let mut pairs: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        encode(&mut pairs, into)
    }
}

/// `job` and `instance`.
pub(super) fn of_resource(resource: &Resource<'_>) -> Pairs {
    let mut pairs = Pairs::default();
    for (name, value) in [
        ("job", resource.job().as_str()),
        ("instance", &*resource.instance()),
    ] {
        if !value.is_empty() {
            pairs.set(name, value);
        }
    }
    pairs
}

/// `otel_scope_name`, `otel_scope_version` and the scope's attributes.
pub(super) fn of_scope(scope: &Scope<'_>) -> Pairs {
    let mut pairs = Pairs::of(&scope.attributes, "otel_scope_");
    for (name, value) in [
        ("otel_scope_name", &scope.name),
        ("otel_scope_version", &scope.version),
    ] {
        if !value.is_empty() {
            pairs.set(name, value);
        }
    }
    pairs
}

/// The labels of a point but for its name. `attributes` holds fields that are the point's
/// attributes and nothing else.
pub(super) fn of_point(
    attributes: &[u8],
    naming: Naming,
    scope: &Pairs,
    resource: &Pairs,
) -> Result<Pairs, ProtobufError> {
    let mut list = Vec::new();
    let mut reader = Reader::new(attributes, 0..attributes.len());
    while !reader.is_done() {
        let key = reader.key()?;
        let inside = reader.nested(key)?;
        if list.len() <= LABELS_MAX {
            list.push(attribute(reader.inner(inside))?);
        }
    }
    let mut pairs = Pairs::named(&list, "", naming);
    pairs.set_all(scope);
    pairs.set_all(resource);
    Ok(pairs)
}

/// The labels of `target_info`: who the resource is, and what else it says; `None` where it is
/// nobody, or says nothing else.
pub(super) fn of_target(resource: &Resource<'_>) -> Option<Pairs> {
    let identity = of_resource(resource);
    let is_other = |a: &&Attribute<'_>| {
        ![SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_INSTANCE_ID].contains(&a.name)
    };
    let others: Vec<Attribute<'_>> = resource
        .attributes
        .iter()
        .filter(is_other)
        .cloned()
        .collect();
    let mut pairs = Pairs::of(&others, "");
    if identity.0.is_empty() || pairs.0.is_empty() {
        return None;
    }
    pairs.set_all(&identity);
    pairs.set(METRIC_NAME, "target_info");
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use tacho_model::span::AttributeValue;
    use tacho_model::{Labels, LabelsRef};

    use super::*;

    fn attributes<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<Attribute<'a>> {
        let one = |(name, value): &(&'a str, &'a str)| Attribute {
            name,
            value: AttributeValue::Text(Cow::Borrowed(value)),
        };
        pairs.iter().map(one).collect()
    }

    fn shown(pairs: &Pairs) -> String {
        let mut bytes = Vec::new();
        pairs.encode(&mut bytes).unwrap();
        LabelsRef::from_encoded(&bytes).unwrap().to_string()
    }

    #[test]
    fn names_that_become_the_same_are_joined() {
        let list = attributes(&[("a_b", "2"), ("a.b", "1"), ("c", ""), ("", "x")]);
        assert_eq!(shown(&Pairs::of(&list, "")), r#"{a_b="1;2"}"#);
    }

    #[test]
    fn who_sent_it_counts_more_than_what_a_point_says() {
        let mut pairs = Pairs::of(&attributes(&[("job", "mine"), ("x", "1")]), "");
        let resource = Resource {
            attributes: attributes(&[("service.name", "api"), ("service.namespace", "shop")]),
        };
        pairs.set_all(&of_resource(&resource));
        pairs.set(METRIC_NAME, "up");
        assert_eq!(shown(&pairs), r#"up{job="shop/api",x="1"}"#);
    }

    #[test]
    fn a_scope_is_told_by_name_version_and_attributes() {
        let scope = Scope {
            name: "lib".into(),
            version: "1".into(),
            attributes: attributes(&[("a.b", "x")]),
        };
        let expected = r#"{otel_scope_a_b="x",otel_scope_name="lib",otel_scope_version="1"}"#;
        assert_eq!(shown(&of_scope(&scope)), expected);
    }

    #[test]
    fn a_target_needs_a_name_and_something_to_say() {
        let check = |pairs: &[(&str, &str)], expected: Option<&str>| {
            let attributes = attributes(pairs);
            let target = of_target(&Resource { attributes });
            assert_eq!(target.map(|pairs| shown(&pairs)).as_deref(), expected);
        };
        let (name, host) = (("service.name", "api"), ("host.name", "a"));
        check(
            &[name, host],
            Some(r#"target_info{host_name="a",job="api"}"#),
        );
        check(&[name], None);
        check(&[host], None);
    }

    #[test]
    fn too_many_labels_are_refused_by_the_model() {
        let names: Vec<String> = (0..200).map(|i| format!("a{i}")).collect();
        let pairs: Vec<(&str, &str)> = names.iter().map(|n| (n.as_str(), "x")).collect();
        let made = Pairs::of(&attributes(&pairs), "").encode(&mut Vec::new());
        assert!(matches!(made, Err(LabelError::TooMany { .. })));
        assert!(Labels::new(pairs).is_err());
    }
}
