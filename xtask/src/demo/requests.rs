//! Requests to the supervisor over a private Unix socket: one line each, `stop PART`, `start PART`, `restart PART` or
//! `kill PART`, answered by `ok` or `error: …`. So the walk can take the control plane away and bring it back.

use super::supervisor::{Part, Supervisor};
use anyhow::{Context as _, Result, anyhow, bail};
use std::{
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    time::Duration,
};

/// The listening end.
pub struct Requests {
    listener: UnixListener,
}

impl Requests {
    /// Listens at this path, which lies in a folder that only this user can enter.
    pub fn listen(path: &Path) -> Result<Self> {
        let listener = UnixListener::bind(path).with_context(|| format!("listening at {}", path.display()))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener })
    }

    /// Serves the requests that wait, one after the other; returns at once when there are none.
    pub fn serve_waiting(&self, supervisor: &mut Supervisor) -> Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    // The asker's fault is the asker's: the demo goes on.
                    if let Err(error) = serve(stream, supervisor) {
                        eprintln!("a request to the supervisor failed: {error:#}");
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("waiting for requests"),
            }
        }
    }
}

fn serve(stream: UnixStream, supervisor: &mut Supervisor) -> Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let answer = match obey(line.trim(), supervisor) {
        Ok(()) => "ok\n".to_owned(),
        Err(error) => format!("error: {}\n", format!("{error:#}").replace('\n', " ")),
    };
    (&stream).write_all(answer.as_bytes()).context("answering")
}

fn obey(line: &str, supervisor: &mut Supervisor) -> Result<()> {
    let (verb, name) = line.split_once(' ').ok_or_else(|| anyhow!("say: stop, start, restart or kill, and a part"))?;
    let part = Part::ALL.into_iter().find(|part| part.name() == name).ok_or_else(|| anyhow!("there is no part `{name}`"))?;
    match verb {
        "stop" => supervisor.stop(part),
        "start" => supervisor.start(part),
        "restart" => supervisor.stop(part).and_then(|()| supervisor.start(part)),
        "kill" => supervisor.kill(part),
        _ => bail!("`{verb}` is none of stop, start, restart and kill"),
    }
}
