//! What the shop keeps, in memory: orders, stock, and a lock to wait for.
//!
//! 1. A customer has at most [`ORDERS_MAX`] orders, the newest.
//! 2. Who gets the lock gets it in the order of asking, and keeps it for as long as it was asked for.
//!
//! How long queries take is not here but with who asks them: real ones would take longer than this.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::Timestamp;

/// What can be bought.
pub(crate) const GOODS: [&str; 6] = ["anvil", "compass", "kettle", "lantern", "rope", "whistle"];
/// Who can buy it.
pub(crate) const CUSTOMERS: u32 = 40;
/// Orders of a customer that are kept.
const ORDERS_MAX: usize = 18;
/// Those that a customer has from the beginning.
const ORDERS_BEFORE: u64 = 12;
/// Of each of the goods, when it was fetched.
const FETCHED: u32 = 200;
/// Nobody waits longer for the lock.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

/// Tables, and a lock.
#[derive(Debug)]
pub(crate) struct Database {
    tables: Mutex<Tables>,
    /// Until when the lock is held, or promised.
    held_until: Mutex<Timestamp>,
}

type Order = (u64, &'static str);

#[derive(Debug)]
struct Tables {
    orders: BTreeMap<u32, VecDeque<Order>>,
    stock: [u32; GOODS.len()],
    last_id: u64,
}

impl Default for Database {
    /// As it is in the morning.
    fn default() -> Self {
        let database = Self {
            tables: Mutex::new(Tables {
                orders: BTreeMap::new(),
                stock: [FETCHED; GOODS.len()],
                last_id: 0,
            }),
            held_until: Mutex::default(),
        };
        for customer in 0..CUSTOMERS {
            for order in 0..ORDERS_BEFORE {
                database.insert(customer, GOODS[order as usize % GOODS.len()]);
            }
        }
        database
    }
}

impl Database {
    /// The orders of a customer, oldest first.
    pub(super) fn orders_of(&self, customer: u32) -> Vec<Order> {
        let tables = self.tables.lock();
        let orders = tables.orders.get(&customer);
        orders.into_iter().flatten().copied().collect()
    }

    /// Keeps an order, and gives its number.
    pub(super) fn insert(&self, customer: u32, sku: &'static str) -> u64 {
        let mut tables = self.tables.lock();
        tables.last_id += 1;
        let id = tables.last_id;
        let orders = tables.orders.entry(customer).or_default();
        if orders.len() == ORDERS_MAX {
            orders.pop_front();
        }
        orders.push_back((id, sku));
        id
    }

    /// What there is.
    pub(super) fn stock(&self) -> impl Iterator<Item = (&'static str, u32)> + use<> {
        GOODS.into_iter().zip(self.tables.lock().stock)
    }

    /// Sets one aside, and gives how many are left; when there is none, more is fetched.
    pub(super) fn set_aside(&self, sku: &str) -> Option<u32> {
        let mut tables = self.tables.lock();
        let place = GOODS.iter().position(|known| *known == sku)?;
        let count = &mut tables.stock[place];
        if *count == 0 {
            *count = FETCHED;
            return None;
        }
        *count -= 1;
        Some(*count)
    }

    /// Asks for the lock, to hold it so long: how long to wait for it.
    ///
    /// # Errors
    /// How long it was waited for, where that was in vain.
    pub(super) fn wait_for_lock(
        &self,
        now: Timestamp,
        holds: Duration,
    ) -> Result<Duration, Duration> {
        let mut held_until = self.held_until.lock();
        let from = now.max(*held_until);
        let wait = from.since(now);
        if wait > LOCK_PATIENCE {
            return Err(LOCK_PATIENCE);
        }
        *held_until = from + holds;
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_kept_up_to_a_number() {
        let database = Database::default();
        assert_eq!(database.orders_of(3).len() as u64, ORDERS_BEFORE);
        let last = (0..50).map(|_| database.insert(3, "rope")).last().unwrap();
        let orders = database.orders_of(3);
        assert_eq!(orders.len(), ORDERS_MAX);
        assert_eq!(orders.last(), Some(&(last, "rope")));
        assert_eq!(database.orders_of(CUSTOMERS), []);
    }

    #[test]
    fn stock_runs_out_and_is_fetched() {
        let database = Database::default();
        for left in (0..FETCHED).rev() {
            assert_eq!(database.set_aside("rope"), Some(left));
        }
        assert_eq!(database.set_aside("rope"), None);
        assert_eq!(database.set_aside("rope"), Some(FETCHED - 1));
        assert_eq!(database.set_aside("no such thing"), None);
    }

    #[test]
    fn the_lock_is_waited_for_in_turn() {
        let (database, now) = (Database::default(), Timestamp::from_secs(100));
        let ms = Duration::from_millis;
        assert_eq!(database.wait_for_lock(now, ms(150)), Ok(ms(0)));
        assert_eq!(database.wait_for_lock(now, ms(150)), Ok(ms(150)));
        assert_eq!(database.wait_for_lock(now, ms(150)), Err(LOCK_PATIENCE));
        assert_eq!(database.wait_for_lock(now + ms(200), ms(1)), Ok(ms(100)));
    }
}
