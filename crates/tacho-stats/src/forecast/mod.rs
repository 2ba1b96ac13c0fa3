//! Where a series is heading, and how sure one can be.
