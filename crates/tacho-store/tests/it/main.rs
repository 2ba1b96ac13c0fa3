//! The store as others use it: through its public interface, on a real folder.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "what was skipped is said")]

mod bad_input;
mod check;
mod folder;
mod full;
mod history;
mod kill;
mod records;
mod snapshot;
mod support;
mod together;
