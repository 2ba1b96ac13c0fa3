//! Smoothing and decomposition into trend, seasons and remainder.
