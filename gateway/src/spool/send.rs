//! Sending batches: in order, compressed, again and again until each was taken.

use super::chain::Chain;
use super::{Spool, batches};
use crate::clock::Random;
use crate::link::{Link, LinkError};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often decisions are sent.
const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("reading the decision log: {0}")]
    Io(#[from] io::Error),
}

/// Closes batches and sends them until `stop`, then once more.
pub async fn send(spool: Spool, link: Link, random: Random, stop: CancellationToken) {
    let (mut failures, mut durable) = (0, BTreeSet::new());
    loop {
        let wait = if failures == 0 { EVERY } else { random.backoff(failures + 2) };
        let last = tokio::select! {
            () = tokio::time::sleep(wait) => false,
            () = stop.cancelled() => true,
        };
        match send_all(&spool, &link).await {
            Ok(()) => (failures, durable) = (0, BTreeSet::new()),
            Err(error) => {
                failures += 1;
                tracing::warn!(%error, failures, "decisions could not be sent; they stay on disk");
                durable = make_durable(&spool, durable).await;
            }
        }
        if last {
            return;
        }
    }
}

/// How often batches are closed that nobody is sent.
const CLOSE_EVERY: Duration = Duration::from_secs(10);

/// Closes batches until `stop`, then once more, and leaves them where they are: for a gateway without a control plane, whose operator
/// collects and deletes them.
pub async fn collect(spool: Spool, stop: CancellationToken) {
    let mut known: BTreeMap<u64, u64> = BTreeMap::new();
    loop {
        let last = tokio::select! {
            () = tokio::time::sleep(CLOSE_EVERY) => false,
            () = stop.cancelled() => true,
        };
        let of = spool.clone();
        let closed = waiting(move || {
            of.close_batch()?;
            let sizes = batches(&of.0.dir)?.into_iter().map(|(seq, path)| Ok((seq, fs::metadata(path)?.len())));
            sizes.collect::<io::Result<BTreeMap<u64, u64>>>()
        });
        match closed.await {
            Ok(found) => {
                // What was collected meanwhile takes no room any more.
                let gone: u64 = known.iter().filter(|(seq, _)| !found.contains_key(seq)).map(|(_, bytes)| bytes).sum();
                spool.0.on_disk.fetch_sub(gone, Ordering::Relaxed);
                let standing = &spool.0.standing;
                standing.batches_waiting.store(found.len() as u64, Ordering::Relaxed);
                standing.bytes_waiting.store(spool.0.on_disk.load(Ordering::Relaxed), Ordering::Relaxed);
                known = found;
            }
            Err(error) => tracing::error!(%error, "a batch of the decision log could not be closed; it goes on growing"),
        }
        if last {
            return;
        }
    }
}

/// Runs `work` where it may wait for the disk.
async fn waiting<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

async fn send_all(spool: &Spool, link: &Link) -> Result<(), SendError> {
    let (standing, dir) = (Arc::clone(&spool.0.standing), spool.0.dir.clone());
    let of = spool.clone();
    let (mut chain, waiting_batches) = waiting(move || {
        if let Err(error) = of.close_batch() {
            tracing::error!(%error, "a batch of the decision log could not be closed; it goes on growing");
        }
        Ok((Chain::load(&of.0.dir)?, batches(&of.0.dir)?))
    })
    .await?;
    let mut left = waiting_batches.len() as u64;
    let note = |left| {
        standing.batches_waiting.store(left, Ordering::Relaxed);
        standing.bytes_waiting.store(spool.0.on_disk.load(Ordering::Relaxed), Ordering::Relaxed);
    };
    note(left);
    for (seq, path) in waiting_batches {
        // Otherwise it was sent and remembered, but not deleted before the process died.
        if seq > chain.seq {
            let from = path.clone();
            let (sha256, compressed) = waiting(move || compressed(&from)).await?;
            link.decisions(seq, &chain.sha256, compressed).await?;
            chain = Chain { seq, sha256 };
            let (kept, dir) = (chain.clone(), dir.clone());
            waiting(move || kept.keep(&dir)).await?;
        }
        let freed = waiting(move || {
            let bytes = fs::metadata(&path)?.len();
            fs::remove_file(&path).map(|()| bytes)
        })
        .await?;
        spool.0.on_disk.fetch_sub(freed, Ordering::Relaxed);
        left -= 1;
        note(left);
    }
    Ok(())
}

/// The digest of a batch, and the batch as it is sent.
fn compressed(path: &Path) -> io::Result<(String, Vec<u8>)> {
    let bytes = fs::read(path)?;
    let mut gzip = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    gzip.write_all(&bytes)?;
    Ok((hex::encode(Sha256::digest(&bytes)), gzip.finish()?))
}

/// What lies on disk for longer than a moment survives the loss of power, too.
async fn make_durable(spool: &Spool, mut durable: BTreeSet<u64>) -> BTreeSet<u64> {
    let dir = spool.0.dir.clone();
    let done = waiting(move || {
        let mut new = false;
        for (seq, path) in batches(&dir)? {
            if !durable.contains(&seq) {
                File::open(&path)?.sync_all()?;
                durable.insert(seq);
                new = true;
            }
        }
        if new {
            File::open(&dir)?.sync_all()?;
        }
        Ok(durable)
    });
    done.await.unwrap_or_else(|error| {
        tracing::error!(%error, "unsent decisions could not be made durable; they are tried again");
        BTreeSet::new()
    })
}
