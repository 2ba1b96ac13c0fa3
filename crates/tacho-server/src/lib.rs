//! HTTP, WebSocket and scheduling around the store, the collectors and the analysis.
