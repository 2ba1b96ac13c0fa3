//! Spans of agents and models in a dialect that no row knows.
//!
//! They are kept as they came, and nothing is derived from them. So that nobody wonders where
//! their agents are, the dialect is named; telling it is for whoever counts spans.

use tacho_model::span::Span;

/// What attributes of dialects begin with that are not understood, and whose they are.
const PREFIXES: [(&str, &str); 9] = [
    ("ai.", "Vercel AI SDK"),
    ("braintrust.", "Braintrust"),
    ("gcp.vertex.agent.", "Google ADK"),
    ("genkit:", "Genkit"),
    ("langfuse.", "Langfuse"),
    ("langsmith.", "LangSmith"),
    ("lk.", "LiveKit"),
    ("mlflow.", "MLflow"),
    ("weave.", "Weights & Biases Weave"),
];

/// The dialect of a span whose operation is not known, if its attributes give it away.
pub fn unknown_dialect(span: &Span<'_>) -> Option<&'static str> {
    let of = |name: &str| {
        let found = PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix));
        found.map(|(_, dialect)| *dialect)
    };
    span.attributes
        .iter()
        .find_map(|attribute| of(attribute.name))
}

#[cfg(test)]
mod tests {
    use tacho_model::span::SpanKind;

    use super::*;
    use crate::reading::tests::with;

    #[test]
    fn dialects_are_told_by_how_their_names_begin() {
        let check = |attribute: &str, expected| {
            with(
                "x",
                SpanKind::Internal,
                &[("step", "1"), (attribute, "y")],
                |span| {
                    assert_eq!(unknown_dialect(span), expected, "{attribute}");
                },
            );
        };
        check("ai.model.id", Some("Vercel AI SDK"));
        check("genkit:type", Some("Genkit"));
        check("mlflow.spanType", Some("MLflow"));
        check("air.pressure", None);
        check("http.route", None);
    }

    #[test]
    fn no_row_of_the_table_is_of_an_unknown_dialect() {
        for row in crate::table::TABLE {
            let is_unknown = PREFIXES
                .iter()
                .any(|(prefix, _)| row.name.starts_with(prefix));
            assert!(!is_unknown, "{}", row.name);
        }
    }
}
