//! What the collectors promise, seen from outside: on made-up procfs trees, on this machine, and
//! with a made-up GPU driver.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

mod bad_input;
mod f2;
mod gpu;
mod groups;
mod peer;
mod processes;
mod real;
mod tree;
mod w2;
