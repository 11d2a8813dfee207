//! The decision log: each line is on disk before the call goes on, and stays there until the control plane has it.
//!
//! Lines go into `NNN.open`. A batch is closed by renaming it to `NNN.ndjson`, so its bytes never change again; batches are sent in order,
//! compressed, each with the digest of the one before, and deleted once they were taken. `chain` remembers the last one sent.
//!
//! Whoever comes first writes for all who come meanwhile: one `write`, no other thread, nothing to wait for but the system's own memory. A
//! disk that makes writers wait is noticed, and then a thread that may wait writes instead. Written, not fsynced, per line: that survives
//! the end of the process at any moment, though not the loss of power. What is not sent soon is fsynced, too.
//!
//! What takes up more than its bound on disk is refused like what a full disk refuses: loudly, counted, and with the consequence that the
//! configuration chooses. Nothing is ever deleted to make room.

mod chain;
mod send;

pub use chain::Chain;
pub use send::{collect, send};

use crate::standing::Standing;
use enforce::Record;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A batch is closed before it grows beyond this, in bytes.
const LARGEST_BATCH: u64 = 512 * 1024;
/// And before it has more lines than the control plane takes at once.
const MOST_LINES: u64 = 1_500;
/// A `write` that takes longer shows a disk that makes writers wait.
const SLOW: Duration = Duration::from_millis(2);

/// The decision could not be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the decision could not be written to disk")]
pub struct NotWritten;

/// Takes decisions.
#[derive(Debug, Clone)]
pub struct Spool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    standing: Arc<Standing>,
    /// Most that may lie on disk.
    bound: u64,
    /// What lies on disk, closed or not.
    on_disk: AtomicU64,
    queue: Mutex<Queue>,
    writer: Mutex<Writer>,
    /// The disk made a writer wait lately.
    slow: AtomicBool,
}

/// Lines that nobody writes yet.
#[derive(Debug, Default)]
struct Queue {
    lines: Vec<u8>,
    waiting: Vec<oneshot::Sender<Result<(), NotWritten>>>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    seq: u64,
    bytes: u64,
    lines: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spool {
    /// Writes one decision down and returns once the system has it.
    ///
    /// # Errors
    /// [`NotWritten`]; it is also logged and counted, never silent.
    pub async fn write(&self, record: &Record) -> Result<(), NotWritten> {
        let result = self.try_write(record).await;
        let standing = &self.0.standing;
        if result.is_err() {
            standing.decisions_lost.fetch_add(1, Ordering::Relaxed);
            let Record { request_id, decision, reason, .. } = record;
            tracing::error!(request_id, decision, reason, "a decision could not be written to disk");
        }
        if standing.log_unavailable.swap(result.is_err(), Ordering::Relaxed) && result.is_ok() {
            tracing::info!("decisions can be written to disk again");
        }
        result
    }

    async fn try_write(&self, record: &Record) -> Result<(), NotWritten> {
        let mut line = serde_json::to_vec(record).map_err(|_| NotWritten)?;
        line.push(b'\n');
        let (done, written) = oneshot::channel();
        {
            let mut queue = lock(&self.0.queue);
            queue.lines.extend_from_slice(&line);
            queue.waiting.push(done);
        }
        if self.0.slow.load(Ordering::Relaxed) {
            let shared = Arc::clone(&self.0);
            tokio::task::spawn_blocking(move || shared.write_queued());
        } else {
            self.0.write_queued();
        }
        written.await.map_err(|_| NotWritten)?
    }

    /// Closes the open batch, if there is anything in it. Blocks.
    fn close_batch(&self) -> io::Result<()> {
        let closed = self.0.close(&mut lock(&self.0.writer));
        // Whoever queued a line meanwhile found the file taken and relies on us.
        self.0.write_queued();
        closed
    }

    /// Whether any decision lies in the open batch.
    #[cfg(test)]
    fn open_lines(&self) -> u64 {
        lock(&self.0.writer).lines
    }
}

impl Shared {
    /// Writes whatever is queued, unless somebody does already: then they write it, too.
    fn write_queued(&self) {
        loop {
            let mut writer = match self.writer.try_lock() {
                Ok(writer) => writer,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            loop {
                let Queue { lines, waiting } = std::mem::take(&mut *lock(&self.queue));
                if waiting.is_empty() {
                    break;
                }
                let result = self.append(&mut writer, &lines, waiting.len() as u64).map_err(|error| {
                    tracing::error!(%error, "the decision log cannot be written");
                    NotWritten
                });
                for done in waiting {
                    // A request that was given up does not wait any more; its line is written all the same.
                    let _gone = done.send(result);
                }
            }
            drop(writer);
            // Between the last look and letting go somebody may have queued a line and found us still writing.
            if lock(&self.queue).waiting.is_empty() {
                return;
            }
        }
    }

    fn append(&self, writer: &mut Writer, lines: &[u8], count: u64) -> io::Result<()> {
        let more = lines.len() as u64;
        if self.on_disk.load(Ordering::Relaxed).saturating_add(more) > self.bound {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "unsent decisions take up all that decisions.disk_bytes allows"));
        }
        let began = Instant::now();
        let written = writer.file.write_all(lines);
        self.slow.store(began.elapsed() > SLOW, Ordering::Relaxed);
        if let Err(error) = written {
            // Half a line must not run into the next one.
            writer.file.set_len(writer.bytes)?;
            return Err(error);
        }
        writer.bytes += more;
        writer.lines += count;
        self.on_disk.fetch_add(more, Ordering::Relaxed);
        if (writer.bytes >= LARGEST_BATCH || writer.lines >= MOST_LINES)
            && let Err(error) = self.close(writer)
        {
            tracing::error!(%error, "a batch of the decision log could not be closed; it goes on growing");
        }
        Ok(())
    }

    /// Nothing here waits for the disk: that is done only for what cannot be sent.
    fn close(&self, writer: &mut Writer) -> io::Result<()> {
        if writer.bytes == 0 {
            return Ok(());
        }
        let next = Writer::create(&self.dir, writer.seq + 1)?;
        let full = std::mem::replace(writer, next);
        fs::rename(open_path(&self.dir, full.seq), batch_path(&self.dir, full.seq))
    }
}

impl Writer {
    fn create(dir: &Path, seq: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(open_path(dir, seq))?;
        Ok(Self { file, seq, bytes: 0, lines: 0 })
    }
}

/// Opens the log in `dir`, of which at most `bound` bytes may lie there unsent.
///
/// # Errors
/// The file system's.
pub fn open(dir: &Path, bound: u64, standing: Arc<Standing>) -> io::Result<Spool> {
    let mut last = Chain::load(dir)?.seq;
    // What the last process had not closed is closed now, in its place.
    for (seq, path) in numbered(dir, "open")? {
        let whole = cut_torn_line(&path)?;
        if whole == 0 {
            fs::remove_file(&path)?;
        } else {
            fs::rename(&path, batch_path(dir, seq))?;
        }
    }
    let mut on_disk = 0;
    for (seq, path) in batches(dir)? {
        last = last.max(seq);
        on_disk += fs::metadata(&path)?.len();
    }
    // As earlier versions named it.
    let older = dir.join("open.ndjson");
    if older.exists() {
        match cut_torn_line(&older)? {
            0 => fs::remove_file(&older)?,
            whole => {
                last += 1;
                on_disk += whole;
                fs::rename(&older, batch_path(dir, last))?;
            }
        }
    }
    let writer = Writer::create(dir, last + 1)?;
    Ok(Spool(Arc::new(Shared {
        dir: dir.to_owned(),
        standing,
        bound,
        on_disk: AtomicU64::new(on_disk),
        queue: Mutex::default(),
        writer: Mutex::new(writer),
        slow: AtomicBool::new(false),
    })))
}

/// A line without its end was being written when the process died: its call never went on. Returns how many bytes are whole lines.
fn cut_torn_line(path: &Path) -> io::Result<u64> {
    let bytes = fs::read(path)?;
    let whole = whole_lines(&bytes);
    if whole < bytes.len() {
        tracing::warn!(bytes = bytes.len() - whole, "an unfinished line at the end of the decision log was cut off");
        OpenOptions::new().write(true).open(path)?.set_len(whole as u64)?;
    }
    Ok(whole as u64)
}

/// How many of these bytes are whole lines.
pub fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

fn open_path(dir: &Path, seq: u64) -> PathBuf {
    dir.join(format!("{seq:020}.open"))
}

fn batch_path(dir: &Path, seq: u64) -> PathBuf {
    dir.join(format!("{seq:020}.ndjson"))
}

/// Closed batches, in order.
fn batches(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    numbered(dir, "ndjson")
}

fn numbered(dir: &Path, ending: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let seq =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(ending)?.strip_suffix('.')?.parse().ok());
        if let Some(seq) = seq {
            found.push((seq, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use enforce::Enforcer;

    pub(super) fn record(request: &str) -> Record {
        serde_json::from_value(serde_json::json!({
            "at_ms": 1, "decision": "allow", "reason": "allowed", "method": "tools/call", "tool": "logs.read", "resource": "http://r",
            "server": "incident", "scope": "logs.read", "rule": {"role": "sre"}, "sub": "usr_a", "sub_profile": "user", "client_id": "cli_a",
            "agent": null, "jti": "t", "sid": "s", "grant_ids": [], "policy_version": 1, "revocation_seq": 0, "request_id": request,
        }))
        .expect("a record")
    }

    fn standing() -> Arc<Standing> {
        Arc::new(Standing::new(Arc::new(Enforcer::closed()), 0))
    }

    fn spool(dir: &Path) -> Spool {
        open(dir, 1 << 30, standing()).expect("opens")
    }

    fn lines(dir: &Path) -> Vec<String> {
        let files = batches(dir).expect("listed").into_iter().chain(numbered(dir, "open").expect("listed"));
        files.flat_map(|(_, path)| fs::read_to_string(path).expect("text").lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    #[tokio::test]
    async fn a_line_is_on_disk_when_write_returns_and_batches_are_numbered_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = spool(dir.path());
        first.write(&record("req_1")).await.expect("written");
        assert!(lines(dir.path())[0].contains("req_1"));
        first.close_batch().expect("closed");
        first.close_batch().expect("nothing to close");
        drop(first);
        // What an earlier version left, and what a crash in the middle of a line leaves.
        fs::write(dir.path().join("open.ndjson"), "{\"older\":1}\n").expect("written");
        fs::write(open_path(dir.path(), 2), "{\"whole\":1}\n{\"torn\":").expect("written");
        let second = spool(dir.path());
        second.write(&record("req_2")).await.expect("written");
        second.close_batch().expect("closed");
        assert_eq!(batches(dir.path()).expect("listed").iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let all = lines(dir.path());
        assert!(all.len() == 4 && all[1] == "{\"whole\":1}" && all[2] == "{\"older\":1}" && all[3].contains("req_2"), "{all:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn whoever_writes_at_once_is_written_whole_and_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let spool = spool(dir.path());
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let spool = spool.clone();
                tokio::spawn(async move {
                    for line in 0..200 {
                        spool.write(&record(&format!("req_{writer}_{line}"))).await.expect("written");
                        if line % 50 == writer {
                            spool.0.slow.store(true, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.expect("no panic");
        }
        let mut all: Vec<_> = lines(dir.path());
        assert!(all.iter().all(|line| serde_json::from_str::<Record>(line).is_ok()));
        assert!(spool.open_lines() < MOST_LINES && batches(dir.path()).expect("listed").len() == 2, "closed by the number of lines");
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 16 * 200);
        assert_eq!(spool.0.on_disk.load(Ordering::Relaxed), all.iter().map(|line| line.len() as u64 + 1).sum::<u64>());
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_loudly_and_nothing_is_deleted_for_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let standing = standing();
        let spool = open(dir.path(), 1_000, Arc::clone(&standing)).expect("opens");
        let mut written = 0;
        while spool.write(&record("req_1")).await.is_ok() {
            written += 1;
        }
        assert!(written > 0 && lines(dir.path()).len() == written);
        assert_eq!(standing.health(0).decision_log, "unavailable");
        assert_eq!(standing.health(0).decisions_lost, 1);
        // After a restart the same lies there, and there is as little room.
        drop(spool);
        let spool = open(dir.path(), 1_000, Arc::clone(&standing)).expect("opens");
        assert!(spool.write(&record("req_2")).await.is_err());
        assert_eq!(lines(dir.path()).len(), written);
    }
}
