//! Whether a port is free, and if not, who has it.

use super::places::{Ports, local};
use anyhow::{Result, bail};
use std::{fs, net::TcpListener, path::Path};

/// An error naming the first taken port, what wanted it, who has it and how to choose another.
pub fn check_free(ports: &Ports) -> Result<()> {
    for (port, what, option, variable) in ports.named() {
        if TcpListener::bind(local(port)).is_ok() {
            continue;
        }
        let owner = owner(port).map_or_else(String::new, |owner| format!(" by {owner}"));
        bail!(
            "port {port}, wanted by {what}, is taken{owner}. Stop that program, or choose another port with {option} PORT or {variable}=PORT"
        );
    }
    Ok(())
}

/// `name (process 123)`, as far as this user may know.
fn owner(port: u16) -> Option<String> {
    let socket = format!("socket:[{}]", listening_inode(port)?);
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(entry.path().join("fd"))
            .ok()?
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to == Path::new(&socket)));
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        holds.then(|| format!("{} (process {pid})", name.trim()))
    })
}

/// The inode of the socket that listens on this port (proc(5): state 0A is listening, the tenth column the inode).
fn listening_inode(port: u16) -> Option<String> {
    let wanted = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let table = fs::read_to_string(table).ok()?;
        let columns = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        columns.into_iter().find(|row| row.len() > 9 && row[1].ends_with(&wanted) && row[3] == "0A").map(|row| row[9].to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_owner_and_the_way_out() -> Result<()> {
        let (ports, _leases) = Ports::leased()?;
        check_free(&ports)?;
        let _listener = TcpListener::bind(local(ports.gateway_port))?;
        let said = check_free(&ports).map_err(|error| error.to_string()).err().unwrap_or_default();
        for part in [&format!("port {}", ports.gateway_port), "the gateway", &format!("(process {})", std::process::id()), "--gateway-port"]
        {
            assert!(said.contains(part), "{said} should mention {part}");
        }
        Ok(())
    }
}
