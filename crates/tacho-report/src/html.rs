//! The report as one page that opens from disk without network.

use crate::report::Report;
use crate::summary::summary_sentence;
use crate::words::clean;

/// The report as one self-contained page.
pub fn to_html(report: &Report) -> String {
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>Report</title><h1>{}</h1>",
        escape(&summary_sentence(report))
    )
}

/// Text from outside as text, in content and in quoted attributes.
fn escape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in clean(raw).chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}
