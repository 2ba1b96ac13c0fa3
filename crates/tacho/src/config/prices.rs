//! `prices`: what tokens of models cost.
//!
//! List prices of well-known models are built in; what is written here stands before them. A model
//! that is written here, of whatever provider, has no list prices any more, so that two never mix.

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde_saphyr::Spanned;
use tacho_model::Timestamp;
use tacho_server::prices::{Listed, PRICES_MAX, Price, PriceSettings};

use super::scalar::{Placed, Scalar};

/// The highest price of a million tokens; what is more was meant for something else.
const PRICE_MAX: f64 = 1e6;
/// Longest name of a model or a provider, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// `prices`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawPrices {
    /// What prices are in; US dollars where absent.
    currency: Option<Placed<Currency>>,
    /// Whether list prices are used.
    builtin: Option<bool>,
    /// Prices of the user's own.
    models: Vec<Spanned<RawPrice>>,
}

/// One price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    model: String,
    provider: Option<String>,
    from: Option<Placed<Day>>,
    input: Placed<PerMillion>,
    output: Placed<PerMillion>,
    cache_read: Option<Placed<PerMillion>>,
    cache_write: Option<Placed<PerMillion>>,
}

impl RawPrices {
    /// The prices, checked.
    pub(crate) fn settings(&self) -> Result<PriceSettings> {
        if self.models.len() > PRICES_MAX {
            bail!(
                "prices.models: {} are more than the {PRICES_MAX} allowed",
                self.models.len()
            );
        }
        let is_listed = self.builtin.unwrap_or(true);
        let listed = if is_listed {
            Listed::Used
        } else {
            Listed::LeftOut
        };
        let currency = self
            .currency
            .as_ref()
            .map(|currency| currency.value.0.clone());
        if let (Some(currency), Listed::Used) = (&self.currency, listed)
            && currency.value.0 != "USD"
        {
            bail!(
                "prices.currency is {}, but the list prices that are built in are in USD; leave \
                 them out with `builtin: false` and write your own ({})",
                currency.value.0,
                currency.place
            );
        }
        let mut prices: Vec<Price> = Vec::new();
        for raw in &self.models {
            let (line, column) = (raw.referenced.line(), raw.referenced.column());
            let place = || {
                format!(
                    "price of `{}` (line {line}, column {column})",
                    raw.value.model
                )
            };
            let price = raw.value.price().with_context(place)?;
            let is_twin = |known: &Price| {
                (&known.model, &known.provider, known.from)
                    == (&price.model, &price.provider, price.from)
            };
            if prices.iter().any(is_twin) {
                let twice = anyhow!("it has a price from that day on already; give another `from`");
                return Err(twice).with_context(place);
            }
            prices.push(price);
        }
        Ok(PriceSettings::new(
            prices,
            listed,
            currency.unwrap_or_else(|| "USD".to_owned()),
        ))
    }
}

impl RawPrice {
    fn price(&self) -> Result<Price> {
        for name in std::iter::once(&self.model).chain(&self.provider) {
            if name.trim().is_empty() || name.len() > NAME_BYTES_MAX {
                bail!("a name has from 1 to {NAME_BYTES_MAX} bytes");
            }
        }
        let optional =
            |price: &Option<Placed<PerMillion>>| price.as_ref().map(|price| price.value.0);
        Ok(Price {
            model: self.model.clone(),
            provider: self.provider.clone(),
            from: self
                .from
                .as_ref()
                .map_or(Timestamp::MIN, |from| from.value.0),
            input: self.input.value.0,
            output: self.output.value.0,
            cache_read: optional(&self.cache_read),
            cache_write: optional(&self.cache_write),
        })
    }
}

/// How prices were understood.
pub(crate) fn explain(prices: &PriceSettings) -> Vec<(&'static str, String)> {
    let listed = match prices.listed {
        0 => "no list prices".to_owned(),
        listed => format!("{listed} list prices"),
    };
    let all = format!(
        "{} of your own, {listed}, in {}",
        prices.own, prices.currency
    );
    vec![("prices", all)]
}

/// What a million tokens cost.
#[derive(Debug, Clone, Copy)]
struct PerMillion(f64);

impl Scalar for PerMillion {
    const EXPECTED: &'static str = "the price of a million tokens, such as 2.5";

    fn parse(text: &str) -> Result<Self, String> {
        let price = text
            .trim()
            .parse()
            .ok()
            .filter(|price| (0.0..=PRICE_MAX).contains(price));
        price
            .map(Self)
            .ok_or_else(|| format!("`{}` is not {}", cut(text), Self::EXPECTED))
    }
}

/// From when on: a day, or a time of RFC 3339.
#[derive(Debug, Clone, Copy)]
struct Day(Timestamp);

impl Scalar for Day {
    const EXPECTED: &'static str =
        "a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z";

    fn parse(text: &str) -> Result<Self, String> {
        let is_number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let day = Timestamp::parse(&format!("{text}T00:00:00Z"));
        let time = day
            .or_else(|_| Timestamp::parse(text))
            .ok()
            .filter(|_| !is_number);
        time.map(Self)
            .ok_or_else(|| format!("`{}` is not {}", cut(text), Self::EXPECTED))
    }
}

/// A currency.
#[derive(Debug, Clone)]
struct Currency(String);

impl Scalar for Currency {
    const EXPECTED: &'static str = "a currency of ISO 4217, such as USD or EUR";

    fn parse(text: &str) -> Result<Self, String> {
        let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        is_code
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| format!("`{}` is not {}", cut(text), Self::EXPECTED))
    }
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refused, settings};
    use super::*;

    fn input(config: &str, model: &str, day: &str) -> Option<f64> {
        let prices = settings(config).prices;
        let at = Day::parse(day).unwrap().0;
        prices
            .table
            .price(Some("openai"), model, at)
            .map(|price| price.input)
    }

    #[test]
    fn own_prices_stand_before_those_of_the_list() {
        assert_eq!(input("", "gpt-4o", "2026-01-01"), Some(2.5));
        let own =
            "prices:\n  models:\n    - {model: gpt-4o, from: 2026-02-01, input: 2, output: 8}\n";
        assert_eq!(input(own, "gpt-4o", "2026-03-01"), Some(2.0));
        // Before its day, a model that has prices of the user's has none.
        assert_eq!(input(own, "gpt-4o", "2026-01-01"), None);
        assert_eq!(input(own, "gpt-4o-mini", "2026-01-01"), Some(0.15));
        let alone = "prices: {builtin: false, currency: EUR, models: [{model: house-*, input: 1, output: 2}]}";
        assert_eq!(input(alone, "gpt-4o-mini", "2026-01-01"), None);
        assert_eq!(input(alone, "house-xl", "1990-01-01"), Some(1.0));
        assert_eq!(settings(alone).prices.currency, "EUR");
        let other = "prices: {models: [{model: gpt-4o, provider: azure, input: 9, output: 9}]}";
        assert_eq!(input(other, "gpt-4o", "2026-01-01"), Some(2.5));
    }

    #[test]
    fn prices_without_sense_are_refused_with_their_place() {
        let check = |text: &str, parts: &[&str]| {
            let error = refused(text);
            assert!(
                parts.iter().all(|part| error.contains(part)),
                "{text}: {error}"
            );
        };
        let one = |price: &str| format!("prices:\n  models:\n    - {{model: m, {price}}}\n");
        check(
            &one("input: -1, output: 2"),
            &["-1", "price of a million tokens", "3"],
        );
        check(&one("input: .nan, output: 2"), &["non-finite", "line 3"]);
        check(&one("input: 1"), &["output"]);
        check(
            &one("input: 1, output: 2, from: soon"),
            &["soon", "2026-01-31"],
        );
        check(&one("input: 1, output: 2, cached: 1"), &["cached"]);
        check(
            "prices: {currency: EUR}",
            &["EUR", "builtin: false", "line 1"],
        );
        check("prices: {currency: euros}", &["euros", "ISO 4217"]);
        let twins = "prices:\n  models:\n    - &a {model: m, input: 1, output: 2}\n    - {model: m, input: 3, output: 2}\n";
        check(twins, &["price of `m` (line 4", "already"]);
        check(
            "prices: {models: [{model: '', input: 1, output: 2}]}",
            &["1 to 200 bytes"],
        );
    }

    #[test]
    fn prices_are_explained() {
        let told = explain(&settings("prices: {models: [{model: m, input: 1, output: 2}]}").prices);
        assert!(told[0].1.starts_with("1 of your own, 4"), "{told:?}");
        assert!(told[0].1.ends_with("list prices, in USD"), "{told:?}");
    }
}
