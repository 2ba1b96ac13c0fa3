//! Where the time of traces went: call trees made of spans.
//!
//! In reading order: [`tree`], the spans of one trace as a tree, whatever their parents say;
//! [`critical`], which stretches of a span's time each span below it is responsible for; [`calls`],
//! many trees merged by the path of operations; [`repeats`], calls made one by one that could be one
//! call; [`distribution`], quantiles of what is counted there. Pure: no I/O, no clock, no text: names
//! and services are numbers that the caller knows the words of.

#![forbid(unsafe_code)]

pub mod calls;
pub mod critical;
pub mod distribution;
pub mod repeats;
pub mod tree;

pub use calls::{CallNode, CallTree, Label};
pub use distribution::Distribution;
pub use repeats::{Repeat, Repeats};
pub use tree::{LightSpan, Oddity, Tree};
