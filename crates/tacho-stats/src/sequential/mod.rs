//! Tests and intervals that stay valid at every look.
