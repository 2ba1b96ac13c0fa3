//! Collectors: what this machine says of itself, as samples.
