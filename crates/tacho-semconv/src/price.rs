//! What tokens cost, by an editable table with dates.
//!
//! No convention has a cost, so it is worked out: tokens times prices. A model that the table does
//! not know has no cost, which is not a cost of zero; neither have tokens that were not told.
//! Prices are in one currency, per million tokens; which one is for whoever writes the table.

pub mod list;

use tacho_model::Timestamp;

use crate::operation::Tokens;

/// Per so many tokens a price is.
const PER: f64 = 1e6;

/// What a model's tokens cost from a day on.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// The model: `gpt-4o` is the price of `gpt-4o-2024-08-06` and of `openai/gpt-4o-latest` too,
    /// which only say which day's model it is and who has it, but not of `gpt-4o-audio`. With `*`
    /// at its end, of everything that begins so. Where several fit, the longest counts.
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
    // Hosts put the maker's name in front: `openai/gpt-4o`, `us.anthropic.claude-3-opus`.
    let bare = model.rsplit('/').next().unwrap_or(model);
    let bare = bare
        .rsplit_once("anthropic.")
        .map_or(bare, |(_, bare)| bare);
    if let Some(start) = name.strip_suffix('*') {
        return model.starts_with(start) || bare.starts_with(start);
    }
    let is_form =
        |rest: &str| rest.is_empty() || rest.starts_with(['-', ':', '@']) && is_dated(rest);
    [model, bare]
        .iter()
        .any(|model| model.strip_prefix(name).is_some_and(is_form))
}

/// Whether what follows a model's name says no more than which day's it is. One digit alone is a
/// version: `claude-opus-4-1` is no form of `claude-opus-4`.
fn is_dated(rest: &str) -> bool {
    rest.split(['-', ':', '@'])
        .skip(1)
        .enumerate()
        .all(|(place, part)| {
            let digits = part.strip_prefix('v').unwrap_or(part);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let is_date = is_number && (digits.len() > 1 || part.starts_with('v') || place > 0);
            is_date || matches!(part, "latest" | "preview")
        })
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
        input("gpt-4o-latest", 500, Some(2.5));
        input("gpt-4o@20241120", 500, Some(2.5));
        input("us.anthropic.gpt-4o-20241120-v2:0", 500, Some(2.5));
        input("gpt-4o-audio-preview", 500, None);
        input("gpt-4o-2", 500, None);
        input("gpt-4omni", 500, None);
        input("unheard-of", 500, None);
        input("gpt-4o", -1, None);
    }

    #[test]
    fn a_star_fits_whatever_follows() {
        let table = PriceTable::new(vec![price("house-*", 0, 1.0), price("house-xl*", 0, 3.0)]);
        let input = |model| {
            let price = table.price(None, model, Timestamp::from_secs(1));
            price.map(|price| price.input)
        };
        assert_eq!(input("house-small"), Some(1.0));
        assert_eq!(input("us/house-xl-2"), Some(3.0));
        assert_eq!(input("houses"), None);
    }

    #[test]
    fn list_prices_are_those_of_their_day() {
        let table = PriceTable::new(list::prices());
        let input = |model, day: &str| {
            let at = Timestamp::parse(&format!("{day}T12:00:00Z")).unwrap();
            table.price(Some("x"), model, at).map(|price| price.input)
        };
        assert_eq!(input("gpt-4o", "2024-09-01"), Some(5.0));
        assert_eq!(input("gpt-4o-2024-08-06", "2024-09-01"), Some(2.5));
        assert_eq!(input("gpt-4o-2024-11-20", "2026-01-01"), Some(2.5));
        assert_eq!(input("o3-2025-04-16", "2025-05-01"), Some(10.0));
        assert_eq!(input("o3", "2026-05-01"), Some(2.0));
        assert_eq!(input("claude-opus-4-1-20250805", "2026-05-01"), Some(15.0));
        assert_eq!(input("claude-opus-4-9", "2026-05-01"), None);
        assert_eq!(
            input("gemini-2.5-pro-preview-05-06", "2026-05-01"),
            Some(1.25)
        );
        assert_eq!(input("gpt-4o-realtime-preview", "2026-05-01"), None);
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
