//! How many files may be open: each block of the store is one, and each connection.
//!
//! At the start the limit is raised as far as the system lets this process, because the usual soft
//! limit of 1024 is for older programs. Connections get at most half of it, so that however many
//! clients there are, the store can open what it needs to write. Where a store of the configured
//! size may not fit all the same, the log says so at the start and not a year later.
//!
//! What happens at the limit: the store answers 503 to what needs another file and goes on with
//! what it has open, new connections wait, and both go on by themselves once files are closed.

use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::settings::Settings;

/// Files open besides blocks and connections: the log, the state, what merging reads and writes.
const OTHERS: u64 = 64;
/// Connections that there are room for in any case.
const CONNECTIONS_MIN: u64 = 8;
/// How many days are counted of what is kept for ever.
const DAYS_MAX: u64 = 3650;

/// Raises the limit, and makes connections fit into it.
pub(super) fn allow(settings: &mut Settings) {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
        limit.current = before;
    }
    let Some(limit) = limit.current else {
        return;
    };
    let most = (limit / 2).max(CONNECTIONS_MIN);
    let connections = &mut settings.server.connections_max;
    *connections = (*connections).min(usize::try_from(most).unwrap_or(usize::MAX));
    let needed = needed(settings);
    if needed > limit {
        tracing::warn!(
            limit,
            needed,
            "fewer files may be open than this configuration may come to need, one for each block \
             and connection: raise the limit (ulimit -Hn, LimitNOFILE) or keep less"
        );
    }
}

/// How many files may come to be open with these settings.
fn needed(settings: &Settings) -> u64 {
    let days = |age: Duration| (age.as_secs() / 86_400 + 1).min(DAYS_MAX);
    let options = &settings.storage.options;
    // A day's blocks are merged into one when it is over; of two days they are not yet.
    let unmerged = 2 * 86_400 / options.block_duration.as_secs().max(1);
    let rolled_up = options.rollup_retention.iter().map(|kept| kept.age);
    let rolled_up: u64 = rolled_up.filter(|age| !age.is_zero()).map(days).sum();
    let connections = settings.server.connections_max as u64;
    days(options.retention) + unmerged + rolled_up + connections + OTHERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_by_day_and_connection() {
        let mut settings = Settings::default();
        // 31 raw days, 48 blocks that are not merged, 181 and 731 days rolled up.
        assert_eq!(needed(&settings), 31 + 48 + 181 + 731 + 512 + OTHERS);
        settings.server.connections_max = 8;
        let options = &mut settings.storage.options;
        options.rollup_retention[1].age = Duration::ZERO;
        options.retention = Duration::MAX;
        assert_eq!(needed(&settings), DAYS_MAX + 48 + 181 + 8 + OTHERS);
    }

    #[test]
    fn connections_leave_half_to_the_store() {
        let mut settings = Settings::default();
        settings.server.connections_max = usize::MAX;
        allow(&mut settings);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum, "raised as far as it may be");
        let half = limit
            .current
            .map_or(usize::MAX, |limit| (limit / 2) as usize);
        assert_eq!(settings.server.connections_max, half);
    }
}
