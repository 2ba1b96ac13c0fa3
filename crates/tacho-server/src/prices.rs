//! What tokens cost, as it was configured: list prices, and those of the user before them.

pub use tacho_semconv::price::{Price, PriceTable};

use tacho_semconv::price::list;

/// Most prices that may be configured: a call of a model looks at all of them.
pub const PRICES_MAX: usize = 1000;

/// Prices, and the currency that they are in.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceSettings {
    /// The prices.
    pub table: PriceTable,
    /// How many of them the user wrote.
    pub own: usize,
    /// How many are list prices.
    pub listed: usize,
    /// The currency, as ISO 4217 has it.
    pub currency: String,
}

impl PriceSettings {
    /// The user's own prices, and list prices of the models that those say nothing of.
    pub fn new(own: Vec<Price>, listed: Listed, currency: String) -> Self {
        let mut prices = match listed {
            Listed::Used => list::prices(),
            Listed::LeftOut => Vec::new(),
        };
        let is_replaced = |listed: &Price| {
            own.iter()
                .any(|own| own.model == listed.model && own.provider.is_none())
        };
        prices.retain(|listed| !is_replaced(listed));
        let (listed, own_count) = (prices.len(), own.len());
        prices.extend(own);
        Self {
            table: PriceTable::new(prices),
            own: own_count,
            listed,
            currency,
        }
    }
}

/// Whether list prices are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// They are, for the models that the user says nothing of.
    Used,
    /// What the user did not write has no price.
    LeftOut,
}

impl Default for PriceSettings {
    fn default() -> Self {
        Self::new(Vec::new(), Listed::Used, "USD".to_owned())
    }
}
