//! The grammar: a text becomes a tree of which the evaluator need not doubt anything.
//!
//! - `lex`: words
//! - `literal`: numbers, durations, texts
//! - `ast`: the tree
//! - `parse`: words to tree, with the position of every error
//! - `check`: whether its types fit
//! - `print`: a tree as text; `tree`: as plain data
//! - `pinned`: the same query as of one time, for tests
//!
//! Why not a parser from elsewhere: `promql-parser` 0.11 gives no positions, which errors and
//! annotations need, panics on `foo[1e300]`, and takes 64 µs for an ordinary query.

pub(crate) mod ast;
mod check;
mod lex;
pub(crate) mod literal;
pub(crate) mod parse;
pub(crate) mod pinned;
pub(crate) mod print;
pub(crate) mod tree;
