//! What can be configured of `StatsD`, validated.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The port that clients send to unless told otherwise.
pub const PORT: u16 = 8125;

/// Where `StatsD` is listened for and how it is summed up.
#[derive(Debug, Clone)]
pub struct StatsdSettings {
    /// Where datagrams come by UDP; not at all when absent.
    pub udp: Option<SocketAddr>,
    /// Where they come by a Unix socket; not at all when absent.
    pub unix: Option<PathBuf>,
    /// How often what came becomes samples.
    pub flush_interval: Duration,
    /// How long a series that nothing comes for is repeated and remembered.
    pub idle_timeout: Duration,
    /// Most series at a time.
    pub series_max: usize,
    /// What a sign before a gauge's value means.
    pub signed_gauges: SignedGauges,
}

/// What `name:-2|g` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignedGauges {
    /// Two less than before, as `StatsD` has it.
    #[default]
    Relative,
    /// Minus two, as `DogStatsD` has it.
    Absolute,
}

impl Default for StatsdSettings {
    fn default() -> Self {
        Self {
            udp: None,
            unix: None,
            flush_interval: Duration::from_secs(1),
            idle_timeout: Duration::from_mins(10),
            series_max: 100_000,
            signed_gauges: SignedGauges::default(),
        }
    }
}
