//! The store as others use it: through its public interface, on a real folder.

mod check;
mod folder;
mod history;
mod kill;
mod snapshot;
mod support;
mod together;
