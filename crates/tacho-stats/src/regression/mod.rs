//! Lines through data: least squares with diagnostics, and lines that outliers cannot bend.
