//! What is shown and what is warned of: one file a subject.
//!
//! A limit stands once, for the line in a panel and for the alert.

use crate::alert::Group;
use crate::dashboard::Dashboard;

mod agents;
mod host;
mod own;
mod services;

/// Every page.
pub fn dashboards() -> Vec<Dashboard> {
    vec![
        host::dashboard(),
        services::dashboard(),
        agents::dashboard(),
        own::dashboard(),
    ]
}

/// Every warning.
pub fn alerts() -> Vec<Group> {
    vec![
        host::resources(),
        host::exhaustion(),
        services::availability(),
        services::latency(),
        services::errors(),
        agents::alerts(),
        own::alerts(),
    ]
}
