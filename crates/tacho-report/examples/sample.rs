//! Prints a report over made-up figures, to look at: `cargo run --example sample -- html > r.html`
//! (or `json`, `markdown`; `calm` and `empty` for HTML where nothing is wrong, or nothing is
//! known).

#![expect(clippy::print_stdout, reason = "that is what it is for")]

use tacho_report::{to_html, to_json, to_markdown};

#[path = "../tests/it/sample.rs"]
mod sample;

fn main() {
    let what = std::env::args().nth(1).unwrap_or_default();
    let report = match what.as_str() {
        "calm" => sample::calm(),
        "empty" => sample::empty(),
        _ => sample::busy(),
    };
    match what.as_str() {
        "json" => println!("{:#}", to_json(&report)),
        "markdown" => println!("{}", to_markdown(&report)),
        _ => println!("{}", to_html(&report)),
    }
}
