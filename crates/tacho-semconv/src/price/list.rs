//! List prices of well-known models, in US dollars for a million tokens.
//!
//! What makers publish for calls that are answered at once: no batches, no discounts, no long
//! prompts. A model that is not here has no price, which is better than a wrong one; the section
//! `prices` of the configuration adds and replaces. Each row with the day from which it held;
//! gathered in November 2026 from the makers' pages of prices and their announcements.

use tacho_model::Timestamp;

use super::Price;

/// What is not told apart from tokens taken.
const NONE: f64 = f64::NAN;

/// A model, from when on, and the prices of tokens taken, given, read from a cache, written to one.
#[rustfmt::skip]
const LIST: &[(&str, &str, [f64; 4])] = &[
    // OpenAI, "Pricing".
    ("gpt-4o", "2024-05-13", [5.0, 15.0, NONE, NONE]),
    ("gpt-4o", "2024-10-02", [2.5, 10.0, 1.25, NONE]),
    ("gpt-4o-2024-05-13", "2024-05-13", [5.0, 15.0, NONE, NONE]),
    ("gpt-4o-2024-08-06", "2024-08-06", [2.5, 10.0, 1.25, NONE]),
    ("gpt-4o-mini", "2024-07-18", [0.15, 0.6, 0.075, NONE]),
    ("gpt-4-turbo", "2024-04-09", [10.0, 30.0, NONE, NONE]),
    ("gpt-4.1", "2025-04-14", [2.0, 8.0, 0.5, NONE]),
    ("gpt-4.1-mini", "2025-04-14", [0.4, 1.6, 0.1, NONE]),
    ("gpt-4.1-nano", "2025-04-14", [0.1, 0.4, 0.025, NONE]),
    ("gpt-5", "2025-08-07", [1.25, 10.0, 0.125, NONE]),
    ("gpt-5-mini", "2025-08-07", [0.25, 2.0, 0.025, NONE]),
    ("gpt-5-nano", "2025-08-07", [0.05, 0.4, 0.005, NONE]),
    ("o1", "2024-09-12", [15.0, 60.0, 7.5, NONE]),
    ("o1-mini", "2024-09-12", [3.0, 12.0, 1.5, NONE]),
    ("o1-mini", "2025-01-31", [1.1, 4.4, 0.55, NONE]),
    ("o1-pro", "2025-03-19", [150.0, 600.0, NONE, NONE]),
    ("o3", "2025-04-16", [10.0, 40.0, 2.5, NONE]),
    ("o3", "2025-06-10", [2.0, 8.0, 0.5, NONE]),
    ("o3-pro", "2025-06-10", [20.0, 80.0, NONE, NONE]),
    ("o3-mini", "2025-01-31", [1.1, 4.4, 0.55, NONE]),
    ("o4-mini", "2025-04-16", [1.1, 4.4, 0.275, NONE]),
    ("text-embedding-3-small", "2024-01-25", [0.02, 0.0, NONE, NONE]),
    ("text-embedding-3-large", "2024-01-25", [0.13, 0.0, NONE, NONE]),
    // Anthropic, "Pricing"; written to the cache for five minutes.
    ("claude-3-opus", "2024-03-04", [15.0, 75.0, 1.5, 18.75]),
    ("claude-3-sonnet", "2024-03-04", [3.0, 15.0, NONE, NONE]),
    ("claude-3-haiku", "2024-03-13", [0.25, 1.25, 0.03, 0.3]),
    ("claude-3-5-sonnet", "2024-06-20", [3.0, 15.0, 0.3, 3.75]),
    ("claude-3-5-haiku", "2024-11-04", [1.0, 5.0, 0.1, 1.25]),
    ("claude-3-5-haiku", "2024-12-03", [0.8, 4.0, 0.08, 1.0]),
    ("claude-3-7-sonnet", "2025-02-24", [3.0, 15.0, 0.3, 3.75]),
    ("claude-sonnet-4", "2025-05-22", [3.0, 15.0, 0.3, 3.75]),
    ("claude-sonnet-4-0", "2025-05-22", [3.0, 15.0, 0.3, 3.75]),
    ("claude-opus-4", "2025-05-22", [15.0, 75.0, 1.5, 18.75]),
    ("claude-opus-4-0", "2025-05-22", [15.0, 75.0, 1.5, 18.75]),
    ("claude-opus-4-1", "2025-08-05", [15.0, 75.0, 1.5, 18.75]),
    ("claude-sonnet-4-5", "2025-09-29", [3.0, 15.0, 0.3, 3.75]),
    ("claude-haiku-4-5", "2025-10-15", [1.0, 5.0, 0.1, 1.25]),
    ("claude-opus-4-5", "2025-11-24", [5.0, 25.0, 0.5, 6.25]),
    // Google, "Gemini Developer API pricing"; prompts up to 200 000 tokens (1.5: 128 000), text.
    ("gemini-1.5-pro", "2024-10-01", [1.25, 5.0, 0.3125, NONE]),
    ("gemini-1.5-flash", "2024-08-12", [0.075, 0.3, 0.01875, NONE]),
    ("gemini-1.5-flash-8b", "2024-10-03", [0.0375, 0.15, 0.01, NONE]),
    ("gemini-2.0-flash", "2025-02-05", [0.1, 0.4, 0.025, NONE]),
    ("gemini-2.0-flash-lite", "2025-02-25", [0.075, 0.3, NONE, NONE]),
    ("gemini-2.5-pro", "2025-06-17", [1.25, 10.0, 0.31, NONE]),
    ("gemini-2.5-flash", "2025-06-17", [0.3, 2.5, 0.075, NONE]),
    ("gemini-2.5-flash-lite", "2025-07-22", [0.1, 0.4, 0.025, NONE]),
];

/// All of them.
pub fn prices() -> Vec<Price> {
    let price = |(model, from, [input, output, read, written]): &(&str, &str, [f64; 4])| Price {
        model: (*model).to_owned(),
        provider: None,
        from: day(from),
        input: *input,
        output: *output,
        cache_read: (!read.is_nan()).then_some(*read),
        cache_write: (!written.is_nan()).then_some(*written),
    };
    LIST.iter().map(price).collect()
}

/// The beginning of a day of the list.
fn day(day: &str) -> Timestamp {
    let start = Timestamp::parse(&format!("{day}T00:00:00Z"));
    start.expect("a day of the list is a day, by its test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_of_days_and_of_sense() {
        let all = prices();
        for (place, price) in all.iter().enumerate() {
            let is_sane = |told: f64| (0.0..=1000.0).contains(&told);
            assert!(is_sane(price.input) && is_sane(price.output), "{price:?}");
            assert!(price.from > day("2024-01-01"), "{price:?}");
            // What was read before costs less, what is kept more than what is only read.
            assert!(
                price.cache_read.is_none_or(|read| read < price.input),
                "{price:?}"
            );
            assert!(
                price.cache_write.is_none_or(|write| write > price.input),
                "{price:?}"
            );
            let is_twin = |other: &Price| other.model == price.model && other.from == price.from;
            assert!(!all[place + 1..].iter().any(is_twin), "{price:?}");
        }
    }
}
