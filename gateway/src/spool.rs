//! The decision log: each line is on disk before the call goes on, and stays there until the control plane has it.
//!
//! Lines are appended to `open.ndjson`. A batch is closed by renaming it to its number, so its bytes never change again; batches are sent in
//! order, each with the digest of the one before, and deleted once they were answered with 204. `chain.json` remembers the last one sent.
//! Written, not fsynced, per line: that survives the end of the process at any moment, though not the loss of power.

use crate::data::{sync_dir, write_whole};
use crate::link::{Link, LinkError};
use crate::standing::Standing;
use enforce::Record;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How many decisions may wait for the disk. Whoever comes later waits, too.
const WAITING: usize = 1024;
/// How many lines are written at once.
const AT_ONCE: usize = 512;
/// A batch is closed before it grows beyond this, in bytes.
const LARGEST_BATCH: u64 = 512 * 1024;
/// How often decisions are sent.
const EVERY: Duration = Duration::from_secs(1);

/// The decision could not be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the decision could not be written to disk")]
pub struct NotWritten;

/// Takes decisions.
#[derive(Debug, Clone)]
pub struct Spool {
    jobs: mpsc::Sender<Job>,
    standing: Arc<Standing>,
}

#[derive(Debug)]
enum Job {
    Line(Vec<u8>, oneshot::Sender<Result<(), NotWritten>>),
    Close(oneshot::Sender<()>),
}

impl Spool {
    /// Writes one decision down and returns once the system has it.
    ///
    /// # Errors
    /// [`NotWritten`]; it is also logged and counted, never silent.
    pub async fn write(&self, record: &Record) -> Result<(), NotWritten> {
        let written = async {
            let mut line = serde_json::to_vec(record).map_err(|_| NotWritten)?;
            line.push(b'\n');
            let (done, written) = oneshot::channel();
            self.jobs.send(Job::Line(line, done)).await.map_err(|_| NotWritten)?;
            written.await.map_err(|_| NotWritten)?
        };
        let result = written.await;
        if result.is_err() {
            self.standing.decisions_lost.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                request_id = record.request_id,
                decision = record.decision,
                reason = record.reason,
                "a decision could not be written to disk"
            );
        }
        result
    }

    async fn close_batch(&self) {
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            // The writer has ended if this fails, and has logged why.
            let _ended = closed.await;
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Chain {
    seq: u64,
    sha256: String,
}

impl Chain {
    fn load(dir: &Path) -> io::Result<Self> {
        match fs::read(dir.join("chain.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { seq: 0, sha256: "0".repeat(64) }),
            Err(error) => Err(error),
        }
    }
}

/// Opens the log in `dir` and starts its writer. It ends when the last [`Spool`] is gone.
///
/// # Errors
/// The file system's.
pub fn open(dir: &Path, standing: Arc<Standing>) -> io::Result<Spool> {
    let last = closed_batches(dir)?.last().map_or(0, |(seq, _)| *seq).max(Chain::load(dir)?.seq);
    let path = dir.join("open.ndjson");
    cut_torn_line(&path)?;
    let writer = Writer { dir: dir.to_owned(), file: append(&path)?, path, next: last + 1 };
    let (jobs, received) = mpsc::channel(WAITING);
    std::thread::Builder::new().name("decision-log".to_owned()).spawn(move || writer.run(received))?;
    Ok(Spool { jobs, standing })
}

/// A line without its end was being written when the process died: its call never went on.
fn cut_torn_line(path: &Path) -> io::Result<()> {
    let Ok(bytes) = fs::read(path) else { return Ok(()) };
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        tracing::warn!(bytes = bytes.len() - whole, "an unfinished line at the end of the decision log was cut off");
        OpenOptions::new().write(true).open(path)?.set_len(whole as u64)?;
    }
    Ok(())
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn batch_path(dir: &Path, seq: u64) -> PathBuf {
    dir.join(format!("{seq:020}.ndjson"))
}

fn closed_batches(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut batches = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let seq = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".ndjson")?.parse().ok());
        if let Some(seq) = seq {
            batches.push((seq, path));
        }
    }
    batches.sort_unstable();
    Ok(batches)
}

struct Writer {
    dir: PathBuf,
    path: PathBuf,
    file: File,
    next: u64,
}

impl Writer {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut taken = Vec::with_capacity(AT_ONCE);
        while jobs.blocking_recv_many(&mut taken, AT_ONCE) > 0 {
            let (mut lines, mut waiting) = (Vec::new(), Vec::new());
            for job in taken.drain(..) {
                match job {
                    Job::Line(line, done) => {
                        lines.extend_from_slice(&line);
                        waiting.push(done);
                    }
                    Job::Close(done) => {
                        self.append(&mut lines, &mut waiting);
                        self.close_logged();
                        // Whoever asked may have gone.
                        let _gone = done.send(());
                    }
                }
            }
            self.append(&mut lines, &mut waiting);
        }
    }

    fn append(&mut self, lines: &mut Vec<u8>, waiting: &mut Vec<oneshot::Sender<Result<(), NotWritten>>>) {
        if waiting.is_empty() {
            return;
        }
        let result = self.write(lines).map_err(|error| {
            tracing::error!(%error, "the decision log cannot be written");
            NotWritten
        });
        lines.clear();
        for done in waiting.drain(..) {
            // A request that was given up does not wait any more; its line is written all the same.
            let _gone = done.send(result);
        }
        if self.file.metadata().is_ok_and(|about| about.len() >= LARGEST_BATCH) {
            self.close_logged();
        }
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let before = self.file.metadata()?.len();
        let written = self.file.write_all(lines);
        if written.is_err() {
            // Half a line must not run into the next one.
            self.file.set_len(before)?;
        }
        written
    }

    fn close_logged(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "a batch of the decision log could not be closed; it goes on growing");
        }
    }

    fn close(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() == 0 {
            return Ok(());
        }
        self.file.sync_all()?;
        fs::rename(&self.path, batch_path(&self.dir, self.next))?;
        self.next += 1;
        self.file = append(&self.path)?;
        sync_dir(&self.path)
    }
}

/// Closes batches and sends them until `stop`, then once more.
pub async fn send(spool: Spool, dir: PathBuf, link: Link, random: crate::clock::Random, stop: CancellationToken) {
    let mut failures = 0;
    loop {
        let wait = if failures == 0 { EVERY } else { random.backoff(failures + 2) };
        let last = tokio::select! {
            () = tokio::time::sleep(wait) => false,
            () = stop.cancelled() => true,
        };
        spool.close_batch().await;
        match send_all(&spool.standing, &dir, &link).await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                tracing::warn!(%error, failures, "decisions could not be sent; they stay on disk");
            }
        }
        if last {
            return;
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("reading the decision log: {0}")]
    Io(#[from] io::Error),
}

async fn send_all(standing: &Standing, dir: &Path, link: &Link) -> Result<(), SendError> {
    let mut chain = Chain::load(dir)?;
    let batches = closed_batches(dir)?;
    let mut left = batches.len() as u64;
    standing.batches_waiting.store(left, Ordering::Relaxed);
    for (seq, path) in batches {
        // Sent and remembered, but not deleted before the process died.
        if seq > chain.seq {
            let bytes = tokio::fs::read(&path).await?;
            let sha256 = hex::encode(Sha256::digest(&bytes));
            link.decisions(seq, &chain.sha256, bytes).await?;
            chain = Chain { seq, sha256 };
            write_whole(&dir.join("chain.json"), &serde_json::to_vec(&chain).map_err(io::Error::from)?)?;
        }
        tokio::fs::remove_file(&path).await?;
        left -= 1;
        standing.batches_waiting.store(left, Ordering::Relaxed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use enforce::Enforcer;

    fn record(request: &str) -> Record {
        serde_json::from_value(serde_json::json!({
            "at_ms": 1, "decision": "allow", "reason": "allowed", "method": "tools/call", "tool": "logs.read", "resource": "http://r",
            "server": "incident", "scope": "logs.read", "rule": {"role": "sre"}, "sub": "usr_a", "sub_profile": "user", "client_id": "cli_a",
            "agent": null, "jti": "t", "sid": "s", "grant_ids": [], "policy_version": 1, "revocation_seq": 0, "request_id": request,
        }))
        .expect("a record")
    }

    fn spool(dir: &Path) -> Spool {
        open(dir, Arc::new(Standing::new(Arc::new(Enforcer::closed()), 0))).expect("opens")
    }

    #[tokio::test]
    async fn a_line_is_on_disk_when_write_returns_and_batches_are_numbered_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = spool(dir.path());
        first.write(&record("req_1")).await.expect("written");
        assert!(fs::read_to_string(dir.path().join("open.ndjson")).expect("there").contains("req_1"));
        first.close_batch().await;
        first.close_batch().await;
        drop(first);
        // As after a crash in the middle of a line.
        fs::write(dir.path().join("open.ndjson"), "{\"whole\":1}\n{\"torn\":").expect("written");
        let second = spool(dir.path());
        second.write(&record("req_2")).await.expect("written");
        second.close_batch().await;
        let batches = closed_batches(dir.path()).expect("listed");
        assert_eq!(batches.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2]);
        let text = fs::read_to_string(&batches[1].1).expect("there");
        assert!(text.starts_with("{\"whole\":1}\n{\"at_ms\"") && text.ends_with("}\n"), "{text}");
    }

    #[test]
    fn a_lost_chain_is_not_invented() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(Chain::load(dir.path()).expect("fresh").seq, 0);
        fs::write(dir.path().join("chain.json"), "{").expect("written");
        assert!(Chain::load(dir.path()).is_err());
    }
}
