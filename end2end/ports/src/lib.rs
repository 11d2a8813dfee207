//! Loopback ports for the processes of a test, each its holder's alone until it lets go.
//!
//! Asking the system for port 0 and closing the socket again says only that the port *was* free: until the process that is to listen there
//! has started, another test may be given it, or any outgoing connection may take it as its source port. Here a port comes from below the
//! range that the system gives out by itself, and a lock on a file keeps other test processes away from it, also while nothing listens.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

/// The lowest port that is given out.
const FIRST: u16 = 20_000;
/// Where the system's own range usually begins.
const USUAL_END: u16 = 32_768;

/// A port on 127.0.0.1 that no other holder gets.
#[derive(Debug)]
pub struct Lease {
    port: u16,
    _lock: File,
}

impl Lease {
    /// Takes a port on which nothing listens now.
    ///
    /// # Errors
    /// When the lock files cannot be made, or every port is taken.
    pub fn take() -> io::Result<Self> {
        let folder = std::env::temp_dir().join("writ-test-ports");
        fs::create_dir_all(&folder)?;
        let ports = FIRST..end();
        // Processes begin at different places, so that they seldom meet.
        let begin = std::process::id().wrapping_mul(64) as usize % ports.len();
        for port in ports.clone().cycle().skip(begin).take(ports.len()) {
            if let Some(lock) = lock(&folder, port)?
                && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
            {
                return Ok(Self { port, _lock: lock });
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, format!("every port from {FIRST} to {} is taken", end())))
    }

    /// Takes several.
    ///
    /// # Errors
    /// As [`Lease::take`].
    pub fn take_many<const N: usize>() -> io::Result<[Self; N]> {
        let mut leases = Vec::with_capacity(N);
        for _ in 0..N {
            leases.push(Self::take()?);
        }
        Ok(leases.try_into().expect("as many as were taken"))
    }

    /// Its number.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

fn lock(folder: &Path, port: u16) -> io::Result<Option<File>> {
    let file = match File::options().create(true).truncate(false).write(true).open(folder.join(port.to_string())) {
        // Made by another user of this machine: theirs.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Where the range begins from which the system takes ports by itself (ip(7), `ip_local_port_range`).
fn end() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|first| first.parse().ok());
    first.filter(|first| *first > FIRST).unwrap_or(USUAL_END)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_its_holders_alone_until_it_lets_go() -> anyhow::Result<()> {
        let held: [Lease; 8] = Lease::take_many()?;
        let mut ports: Vec<u16> = held.iter().map(Lease::port).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), held.len());
        assert!(ports.iter().all(|port| (FIRST..end()).contains(port)));
        let first = held[0].port();
        assert!(lock(&std::env::temp_dir().join("writ-test-ports"), first)?.is_none(), "another holder could take {first}");
        drop(held);
        assert!(lock(&std::env::temp_dir().join("writ-test-ports"), first)?.is_some(), "{first} is still held");
        Ok(())
    }
}
