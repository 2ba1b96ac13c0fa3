//! Windows that slide over a stream: averages, moments, extremes and quantiles.
