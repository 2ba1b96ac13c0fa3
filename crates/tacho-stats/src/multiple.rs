//! Many tests at once: adjusted p-values.
