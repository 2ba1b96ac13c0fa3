//! Slices in, numbers out: description, quantiles, tests, effect sizes and intervals.
