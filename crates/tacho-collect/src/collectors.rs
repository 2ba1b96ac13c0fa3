//! The sources. Adding one is a new file and one line in [`ALL`].

use crate::collector::Collector;
use crate::gpu;
use crate::host::HostOptions;

pub mod cpu;
pub mod disk;
pub mod filefd;
pub mod filesystem;
pub mod load;
pub mod memory;
pub mod network;
pub mod own;
pub mod pressure;
pub mod processes;
pub mod uname;
pub mod vmstat;

/// How a collector is made.
pub type Make = fn(&HostOptions) -> Box<dyn Collector>;

/// Every collector, in the order they run.
pub const ALL: &[Make] = &[
    |o| Box::new(cpu::Cpu::new(o)),
    |o| Box::new(memory::Memory::new(o)),
    |o| Box::new(load::Load::new(o)),
    |o| Box::new(pressure::Pressure::new(o)),
    |o| Box::new(disk::Disk::new(o)),
    |o| Box::new(filesystem::Filesystem::new(o)),
    |o| Box::new(network::Network::new(o)),
    |o| Box::new(vmstat::Vmstat::new(o)),
    |o| Box::new(filefd::Filefd::new(o)),
    |o| Box::new(uname::Uname::new(o)),
    |o| Box::new(processes::Processes::new(o)),
    |o| Box::new(gpu::Gpu::new(o)),
    |o| Box::new(own::Own::new(o)),
];
