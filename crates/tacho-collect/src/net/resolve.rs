//! Addresses of a name, by a deadline: the system's resolver has none of its own.
//!
//! A thread asks; one that does not come back is left alone, and until it does no other is
//! started: a dead name server costs a target one thread.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use super::{Deadline, NetError};
use crate::worker::{Asked, Worker};

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

type Question = (String, u16);
type Answer = io::Result<Vec<SocketAddr>>;

/// Finds addresses.
#[derive(Debug, Default)]
pub struct Resolver {
    worker: Option<Worker<Question, Answer>>,
}

impl Resolver {
    /// The addresses of a host, at least one.
    pub fn lookup(
        &mut self,
        host: &str,
        port: u16,
        deadline: &Deadline,
    ) -> Result<Vec<SocketAddr>, NetError> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let failed = |reason: String| NetError::Resolve {
            host: host.to_owned(),
            reason,
        };
        let late = || NetError::Late {
            what: "find the server's address",
            timeout: deadline.timeout(),
        };
        let left = deadline.left().map_err(|_| late())?;
        let worker = if let Some(worker) = &mut self.worker {
            worker
        } else {
            let started = Worker::start("tacho-resolve", resolve);
            let started = started.map_err(|error| failed(error.to_string()))?;
            self.worker.insert(started)
        };
        match worker.ask((host.to_owned(), port), left) {
            Asked::Answer(Ok(found)) if found.is_empty() => Err(failed("it has none".to_owned())),
            Asked::Answer(Ok(found)) => Ok(found),
            Asked::Answer(Err(error)) => Err(failed(error.to_string())),
            Asked::Late => Err(late()),
            Asked::Gone => {
                self.worker = None;
                Err(failed("the resolver broke down".to_owned()))
            }
        }
    }
}

fn resolve(question: Question) -> Answer {
    let (host, port) = question;
    let found = (host.as_str(), port).to_socket_addrs()?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found.take(ADDRESSES_MAX) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}
