//! Blocks against a plain map, damaged, cut short and crafted.
