//! Verdicts on a terminal: a row each, and what they come to.

use serde_json::Value;

use crate::exit::Outcome;
use crate::table::{Cell, Table};
use crate::term::{self, Colour};

/// A row a verdict, those that ask for attention first.
pub(crate) fn table(verdicts: &[Value]) -> Table {
    let mut sorted: Vec<&Value> = verdicts.iter().collect();
    sorted.sort_by_key(|verdict| match answer(verdict) {
        "regressed" => 0,
        "improved" => 1,
        "inconclusive" => 2,
        _ => 3,
    });
    let headings = [
        "metric",
        "answer",
        ">change",
        ">95 % interval",
        ">margin",
        ">effective n",
        "note",
    ];
    let mut table = Table::new(&headings);
    for verdict in sorted {
        let answer = answer(verdict);
        let severity = verdict["severity"].as_str();
        let said = severity.map_or_else(|| answer.to_owned(), |s| format!("{answer}, {s}"));
        table.row([
            metric(verdict).into(),
            Cell::coloured(said, Colour::of_answer(answer)),
            change(verdict).into(),
            interval(verdict).into(),
            verdict["margin_percent"]
                .as_f64()
                .map_or_else(|| "–".to_owned(), |m| format!("{} %", term::number(m)))
                .into(),
            effective(verdict).into(),
            Cell::coloured(note(verdict), Some(Colour::Soft)),
        ]);
    }
    table
}

/// One line: how many of which.
pub(crate) fn conclusion(verdicts: &[Value]) -> String {
    let count = |what: &str| verdicts.iter().filter(|v| answer(v) == what).count();
    let words = ["regressed", "improved", "stable", "inconclusive"];
    let counted = words
        .iter()
        .map(|word| (count(word), *word))
        .filter(|(n, _)| *n > 0);
    let told: Vec<String> = counted
        .map(|(n, word)| {
            let text = format!("{n} {word}");
            Colour::of_answer(word).map_or(text.clone(), |colour| term::paint(&text, colour))
        })
        .collect();
    format!("\n{}\n", told.join(", "))
}

/// What a script learns: bad news when anything regressed; inconclusive when nothing was decided.
/// One metric that needs longer does not undo what the others say.
pub(crate) fn outcome(verdicts: &[Value]) -> Outcome {
    if verdicts.iter().any(|v| answer(v) == "regressed") {
        Outcome::BadNews
    } else if verdicts
        .iter()
        .any(|v| matches!(answer(v), "stable" | "improved"))
    {
        Outcome::Fine
    } else {
        Outcome::Inconclusive
    }
}

fn answer(verdict: &Value) -> &str {
    verdict["answer"].as_str().unwrap_or("")
}

fn metric(verdict: &Value) -> String {
    let name = verdict["metric"].as_str().unwrap_or("");
    match verdict["labels"]["service"].as_str() {
        Some(service) => format!("{name} {service}"),
        None => name.to_owned(),
    }
}

fn change(verdict: &Value) -> String {
    if let Some(percent) = verdict["change_percent"].as_f64() {
        return format!("{} %", signed(percent));
    }
    let unit = verdict["unit"].as_str().unwrap_or("");
    let change = verdict["change"].as_f64();
    change.map_or_else(|| "–".to_owned(), |c| term::with_unit(c, unit))
}

fn interval(verdict: &Value) -> String {
    let bound = |i: usize| verdict["interval"][i].as_f64();
    match (bound(0), bound(1)) {
        (Some(low), Some(high)) => format!("{} to {}", signed(low), signed(high)),
        _ => "–".to_owned(),
    }
}

fn effective(verdict: &Value) -> String {
    let n = |i: usize| {
        verdict["effective_n"][i]
            .as_f64()
            .map_or("–".to_owned(), |n| format!("{n:.0}"))
    };
    format!("{}, {}", n(0), n(1))
}

fn note(verdict: &Value) -> String {
    let leaning = verdict["leaning"]
        .as_str()
        .map(|leaning| format!("leaning {leaning}"));
    let more = match &verdict["needs_more"] {
        Value::String(text) => Some(format!("needs about {text} more")),
        Value::Number(seconds) => Some(format!("needs about {seconds} s more")),
        _ => None,
    };
    let reason = verdict["reason"].as_str().map(str::to_owned);
    [leaning, more, reason]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

fn signed(value: f64) -> String {
    let text = term::number(value);
    if value > 0.0 {
        format!("+{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn exit_codes_are_bad_news_then_any_decision_then_inconclusive() {
        let of = |answers: &[&str]| {
            let verdicts: Vec<Value> = answers.iter().map(|a| json!({"answer": a})).collect();
            outcome(&verdicts)
        };
        assert_eq!(of(&["stable", "regressed"]), Outcome::BadNews);
        assert_eq!(of(&["stable", "inconclusive"]), Outcome::Fine);
        assert_eq!(of(&["improved"]), Outcome::Fine);
        assert_eq!(of(&["inconclusive"]), Outcome::Inconclusive);
        assert_eq!(of(&[]), Outcome::Inconclusive);
    }

    #[test]
    fn the_worst_comes_first() {
        let verdicts = [
            json!({"metric": "load", "answer": "stable", "change_percent": 1.0}),
            json!({"metric": "cpu", "answer": "regressed", "severity": "info",
                   "change_percent": 18.04, "interval": [12.1, 24.0], "effective_n": [40.2, 38.0]}),
        ];
        let text = table(&verdicts).render(crate::table::Format::Csv);
        let first = text.lines().nth(1).unwrap();
        assert_eq!(
            first,
            "cpu,\"regressed, info\",+18 %,+12.1 to +24,–,\"40, 38\","
        );
    }
}
