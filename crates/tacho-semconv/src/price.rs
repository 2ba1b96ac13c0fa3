//! What tokens cost, by an editable table with dates.
//!
//! No convention has a cost, so it is worked out: tokens times prices. A model that the table does
//! not know has no cost, which is not a cost of zero; neither have tokens that were not told.
//! Prices are in one currency, per million tokens; which one is for whoever writes the table.

use tacho_model::Timestamp;

use crate::operation::Tokens;

/// Per so many tokens a price is.
const PER: f64 = 1e6;

/// What a model's tokens cost from a day on.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// The model, or what its name begins with before a `-`, `:`, `@` or `/`: `gpt-4o` is the price
    /// of `gpt-4o-2024-08-06` too, unless a longer one fits.
    pub model: String,
    /// Of this provider only; of any where absent.
    pub provider: Option<String>,
    /// From when on.
    pub from: Timestamp,
    /// Of a million tokens taken.
    pub input: f64,
    /// Of a million tokens given.
    pub output: f64,
    /// Of a million tokens read from a cache; as those taken where absent.
    pub cache_read: Option<f64>,
    /// Of a million tokens written to a cache; as those taken where absent.
    pub cache_write: Option<f64>,
}

/// Prices of many models.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PriceTable(Vec<Price>);

impl PriceTable {
    /// A table of these prices.
    pub fn new(mut prices: Vec<Price>) -> Self {
        // The first that fits is the best: the longest name, of a named provider, the newest.
        prices.sort_by(|a, b| {
            let key = |price: &Price| (price.model.len(), price.provider.is_some(), price.from);
            key(b).cmp(&key(a))
        });
        Self(prices)
    }

    /// The price of a model at a time.
    pub fn price(&self, provider: Option<&str>, model: &str, at: Timestamp) -> Option<&Price> {
        self.0.iter().find(|price| {
            let is_provider = price.provider.is_none() || price.provider.as_deref() == provider;
            is_provider && price.from <= at && is_of(model, &price.model)
        })
    }

    /// What tokens cost; `None` where the model is not known or no tokens were told.
    pub fn cost(
        &self,
        provider: Option<&str>,
        model: &str,
        tokens: Tokens,
        at: Timestamp,
    ) -> Option<f64> {
        if tokens.input.is_none() && tokens.output.is_none() {
            return None;
        }
        let price = self.price(provider, model, at)?;
        let count = |tokens: Option<u64>| tokens.unwrap_or(0) as f64;
        let (read, written) = (count(tokens.cache_read), count(tokens.cache_write));
        // Those of the cache are among the input; a sender that leaves them out told less.
        let plain = (count(tokens.input) - read - written).max(0.0);
        let sum = plain * price.input
            + read * price.cache_read.unwrap_or(price.input)
            + written * price.cache_write.unwrap_or(price.input)
            + count(tokens.output) * price.output;
        Some(sum / PER)
    }
}

/// Whether a model is one of that name, or a dated or hosted form of it.
fn is_of(model: &str, name: &str) -> bool {
    // Hosts put the maker's name in front: `openai/gpt-4o`.
    let bare = model.rsplit('/').next().unwrap_or(model);
    let rest = model.strip_prefix(name).or_else(|| bare.strip_prefix(name));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':', '@', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(model: &str, from: i64, input: f64) -> Price {
        Price {
            model: model.to_owned(),
            provider: None,
            from: Timestamp::from_secs(from),
            input,
            output: 4.0 * input,
            cache_read: Some(input / 10.0),
            cache_write: None,
        }
    }

    fn table() -> PriceTable {
        PriceTable::new(vec![
            price("gpt-4o", 0, 5.0),
            price("gpt-4o", 100, 2.5),
            price("gpt-4o-mini", 0, 0.15),
        ])
    }

    #[track_caller]
    fn input(model: &str, at: i64, expected: Option<f64>) {
        let table = table();
        let price = table.price(None, model, Timestamp::from_secs(at));
        assert_eq!(price.map(|price| price.input), expected, "{model} at {at}");
    }

    #[test]
    fn the_longest_name_and_the_newest_date_count() {
        input("gpt-4o", 99, Some(5.0));
        input("gpt-4o", 100, Some(2.5));
        input("gpt-4o-2024-08-06", 500, Some(2.5));
        input("openai/gpt-4o", 500, Some(2.5));
        input("gpt-4o-mini-2024-07-18", 500, Some(0.15));
        input("gpt-4omni", 500, None);
        input("unheard-of", 500, None);
        input("gpt-4o", -1, None);
    }

    #[test]
    fn cached_tokens_are_part_of_the_input() {
        let tokens = Tokens {
            input: Some(1_000_000),
            output: Some(100_000),
            cache_read: Some(400_000),
            ..Tokens::default()
        };
        let at = Timestamp::from_secs(200);
        let cost = table().cost(Some("openai"), "gpt-4o", tokens, at).unwrap();
        assert!(
            (cost - (0.6 * 2.5 + 0.4 * 0.25 + 0.1 * 10.0)).abs() < 1e-12,
            "{cost}"
        );
        assert_eq!(table().cost(None, "gpt-4o", Tokens::default(), at), None);
        assert_eq!(table().cost(None, "x", tokens, at), None);
    }
}
