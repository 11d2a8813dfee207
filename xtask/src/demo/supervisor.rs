//! The parts as child processes: started in order, watched, and stopped in the opposite order whatever happens.

use super::{commands, places::Places, places::local};
use crate::{interrupt, process};
use anyhow::{Context as _, Result, bail};
use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a part may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a part may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);

/// One program of the demo.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The identity provider.
    Idp,
    /// The MCP server *incident*.
    Incident,
    /// The MCP server *analytics*.
    Analytics,
    /// The control plane.
    Writ,
    /// The gateway.
    Gateway,
}

impl Part {
    /// In the order of starting.
    pub const ALL: [Self; 5] = [Self::Idp, Self::Incident, Self::Analytics, Self::Writ, Self::Gateway];

    /// Its name, in messages, in requests and as the name of its log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idp => "idp",
            Self::Incident => "incident",
            Self::Analytics => "analytics",
            Self::Writ => "writ",
            Self::Gateway => "gateway",
        }
    }

    fn command(self, places: &Places) -> Command {
        match self {
            Self::Idp => commands::idp(places),
            Self::Incident => commands::incident(places),
            Self::Analytics => commands::analytics(places),
            Self::Writ => commands::serve(places),
            Self::Gateway => commands::gateway(places),
        }
    }

    fn port(self, places: &Places) -> u16 {
        match self {
            Self::Idp => places.ports.idp_port,
            Self::Incident => places.ports.incident_port,
            Self::Analytics => places.ports.analytics_port,
            Self::Writ => places.ports.port,
            Self::Gateway => places.ports.gateway_port,
        }
    }

    /// What to ask for to know that it is up. Any answer will do, also one that says "not yet allowed to let anything through".
    fn probe(self) -> &'static str {
        match self {
            Self::Idp => "/.well-known/openid-configuration",
            Self::Incident | Self::Analytics | Self::Writ | Self::Gateway => "/healthz",
        }
    }
}

/// The running parts. Dropping it stops them.
pub struct Supervisor {
    places: Places,
    running: Vec<(Part, Child)>,
}

impl Supervisor {
    /// With nothing running yet.
    pub fn new(places: Places) -> Self {
        Self { places, running: Vec::new() }
    }

    /// Starts a part and waits until it answers.
    pub fn start(&mut self, part: Part) -> Result<()> {
        if self.running.iter().any(|(running, _)| *running == part) {
            return Ok(());
        }
        let log = self.places.log(part.name());
        let output = OpenOptions::new().create(true).append(true).open(&log).with_context(|| format!("opening {}", log.display()))?;
        let mut command = part.command(&self.places);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // A group of its own: Ctrl-C at the terminal reaches this program only, which then stops the parts in order.
        command.process_group(0);
        let child = command.spawn().with_context(|| format!("could not start `{}`", process::shown(&command)))?;
        self.running.push((part, child));
        self.wait_ready(part)
    }

    fn wait_ready(&mut self, part: Part) -> Result<()> {
        let started = Instant::now();
        loop {
            interrupt::check()?;
            self.check_running()?;
            if answers(part.port(&self.places), part.probe()) {
                return Ok(());
            }
            if started.elapsed() > READY_WITHIN {
                bail!("{} did not answer within {} s; its log ends:\n{}", part.name(), READY_WITHIN.as_secs(), self.end_of_log(part));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// An error if a part has ended by itself.
    pub fn check_running(&mut self) -> Result<()> {
        for at in 0..self.running.len() {
            let (part, child) = &mut self.running[at];
            let (part, status) = (*part, child.try_wait()?);
            if let Some(status) = status {
                self.running.remove(at);
                bail!(
                    "{} ended by itself ({status}); its log {} ends:\n{}",
                    part.name(),
                    self.places.log(part.name()).display(),
                    self.end_of_log(part)
                );
            }
        }
        Ok(())
    }

    /// Asks a part to end and waits for it.
    pub fn stop(&mut self, part: Part) -> Result<()> {
        self.end(part, |child| process::stop(child, PATIENCE))
    }

    /// Ends a part as a power cut would, for trials of what survives it.
    pub fn kill(&mut self, part: Part) -> Result<()> {
        self.end(part, |child| {
            child.kill()?;
            child.wait()?;
            Ok(())
        })
    }

    fn end(&mut self, part: Part, how: impl FnOnce(&mut Child) -> Result<()>) -> Result<()> {
        match self.running.iter().position(|(running, _)| *running == part) {
            Some(at) => how(&mut self.running.remove(at).1).with_context(|| format!("stopping {}", part.name())),
            None => Ok(()),
        }
    }

    /// Stops everything, last started first.
    pub fn stop_all(&mut self) {
        while let Some((part, mut child)) = self.running.pop() {
            if let Err(error) = process::stop(&mut child, PATIENCE) {
                eprintln!("could not stop {}: {error:#}", part.name());
            }
        }
    }

    fn end_of_log(&self, part: Part) -> String {
        let text = fs::read_to_string(self.places.log(part.name())).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].iter().map(|line| format!("    {line}\n")).collect()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop_all();
    }
}

/// Whether an HTTP server answers there, with whatever status.
fn answers(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let limit = Some(Duration::from_secs(2));
        let mut stream = TcpStream::connect(local(port))?;
        stream.set_read_timeout(limit)?;
        stream.set_write_timeout(limit)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 9];
        stream.read_exact(&mut start)?;
        Ok(start.starts_with(b"HTTP/1."))
    };
    ask().unwrap_or(false)
}
