//! How many observations a test needs, and what it would find with those at hand.
