//! Grafana dashboards, Prometheus alert rules and scrape configurations, made from one table.
//!
//! In reading order:
//! - [`table`]: what is shown and what is warned of, one file a subject
//! - [`expression`]: the figures that several of them are made of
//! - [`dashboard`], [`alert`]: what the table is made of
//! - [`names`]: which metrics an expression reads
//! - [`grafana`], [`alerts`], [`scrape`]: how it is written
//! - [`files`]: every file, by its path below `integrations/`
//!
//! Not shipped: what is shipped are the files.

#![forbid(unsafe_code)]

pub mod alert;
pub mod alerts;
pub mod dashboard;
pub mod expression;
pub mod files;
pub mod grafana;
pub mod names;
pub mod scrape;
pub mod table;
