//! The embedded time-series store and the state database.
