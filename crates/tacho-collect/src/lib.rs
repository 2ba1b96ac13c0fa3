//! Collectors: what this machine says of itself, as samples.
//!
//! In reading order:
//! - [`host`]: [`Host`], which owns every collector and runs those that are due
//! - [`snapshot`]: [`HostSnapshot`], the last tick's values for people and alerts
//! - [`collector`]: the [`Collector`] trait; adding one is a file and a line in [`collectors`]
//! - [`collectors`]: the sources: CPU, memory, disks, network, processes and so on
//! - [`gpu`]: NVIDIA GPUs, where their driver's library is installed
//! - [`mod@derive`]: percentages and rates made from the raw counters
//! - [`targets`]: what does not push and is asked over the network or by command; [`net`]: how
//! - [`emit`]: families of series, encoded once, marked stale when they end
//! - [`text`], [`source`], [`sys`], [`worker`]: reading bytes, files, the kernel, slow sources
//!
//! Names are the field's: `node_exporter`'s for the host, the client libraries' for this process,
//! `process-exporter`'s for groups of processes, DCGM-exporter's for GPUs. Every series carries
//! `instance`, the host's name; `job` is `tacho` for this process and `node` for the rest, so that
//! dashboards that select by them work as they are. Derived series have `source="system"` instead
//! of a job.
//!
//! Everything is blocking and synchronous. Parsers are pure functions of bytes and never panic.
//! A source that cannot be read is absent, and said so once, while the rest goes on.

pub mod collector;
pub mod collectors;
pub mod derive;
pub mod emit;
pub mod error;
pub mod gpu;
pub mod host;
pub mod net;
pub mod snapshot;
pub mod source;
pub mod sys;
pub mod targets;
pub mod text;
pub mod worker;

pub use collector::{Collector, Context};
pub use error::{CollectError, ParseError};
pub use host::{Host, HostOptions, Notice, NoticeKind};
pub use snapshot::{HostSnapshot, ProcessUsage};
