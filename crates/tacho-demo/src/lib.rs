//! A demo that stands alone: a small shop, two agents, visitors, and an incident in it.
//!
//! Everything happens: requests go over loopback sockets, orders are kept and stock runs out, and each
//! step is told by spans, sent by OTLP/HTTP as any program's are. What is made up is how long things
//! take (`draw`): a "query" of the database in memory rests for as long as one of PostgreSQL would
//! take. The hour before the start is the same code with a clock that does not wait (`context`).
//!
//! In reading order: [`demo`] starts and stops everything; [`schedule`] says when which release is
//! out; `load` is who visits; `shop`, `agents` and `chat` are what they meet; `context` is
//! how those call each other, take time and make spans; `export` sends the spans; `http` is as
//! much of HTTP as that needs. Not for measuring anything: figures are those of the dice.

#![forbid(unsafe_code)]

mod agents;
mod chat;
mod context;
pub mod demo;
mod draw;
mod export;
mod http;
mod load;
pub mod schedule;
mod shop;
mod span;
mod stop;
