//! Findings as HTML, Markdown, JSON and terminal text.
