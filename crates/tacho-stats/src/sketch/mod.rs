//! Summaries of a stream in bounded memory, mergeable in any order.
