//! SQLite's single writer: a task that drains a queue of units and commits many of them at once.

use crate::error::StoreError;
use crate::unit::{Transaction, Unit};
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use std::panic::AssertUnwindSafe;
use tokio::sync::{mpsc, oneshot};

/// How many units share one commit, and so one fsync, at the most.
const BATCH: usize = 64;

/// A unit waiting for its turn, whatever its types.
trait Job: Send {
    /// Runs it; whether its changes are to be kept.
    fn run<'t>(&'t mut self, tx: &'t DatabaseTransaction) -> BoxFuture<'t, bool>;
    /// Tells whoever waits, once the fate of the batch is known.
    fn finish(self: Box<Self>, batch: Result<(), StoreError>);
}

struct Queued<U: Unit> {
    unit: U,
    result: Option<Result<U::Out, U::Error>>,
    reply: oneshot::Sender<Result<U::Out, U::Error>>,
}

impl<U: Unit> Job for Queued<U> {
    fn run<'t>(&'t mut self, tx: &'t DatabaseTransaction) -> BoxFuture<'t, bool> {
        Box::pin(async move {
            // One that panics fails alone: the writer serves everybody. Its savepoint is rolled back, and it holds nothing else.
            let result = AssertUnwindSafe(self.unit.run(Transaction(tx))).catch_unwind().await;
            let keep = matches!(result, Ok(Ok(_)));
            self.result = result.ok();
            keep
        })
    }

    fn finish(self: Box<Self>, batch: Result<(), StoreError>) {
        let answer = match (self.result, batch) {
            (Some(Err(error)), _) => Err(error),
            (None, _) => Err(StoreError::Panicked.into()),
            (_, Err(error)) => Err(error.into()),
            (Some(Ok(out)), Ok(())) => Ok(out),
        };
        // The caller may have gone away; the commit stands all the same.
        let _ = self.reply.send(answer);
    }
}

/// A handle to the writer task.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Box<dyn Job>>);

impl Writer {
    pub(crate) fn start(db: DatabaseConnection) -> Self {
        let (send, receive) = mpsc::channel(256);
        tokio::spawn(drain(db, receive));
        Self(send)
    }

    pub(crate) async fn execute<U: Unit>(&self, unit: U) -> Result<U::Out, U::Error> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Queued { unit, result: None, reply });
        self.0.send(job).await.map_err(|_| StoreError::Stopped)?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }
}

async fn drain(db: DatabaseConnection, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = queue.recv().await {
        batch(&db, first, &mut queue).await;
    }
}

async fn batch(db: &DatabaseConnection, first: Box<dyn Job>, queue: &mut mpsc::Receiver<Box<dyn Job>>) {
    let immediate = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    let outer = match db.begin_with_options(immediate).await {
        Ok(outer) => outer,
        Err(error) => return first.finish(Err(error.into())),
    };
    let (mut next, mut done) = (Some(first), Vec::new());
    let mut failed = None;
    while let Some(mut job) = next.take() {
        // A savepoint each, so that one refused unit leaves the others alone.
        let kept = match outer.begin().await {
            Ok(savepoint) => match job.run(&savepoint).await {
                true => savepoint.commit().await,
                false => savepoint.rollback().await,
            },
            Err(error) => Err(error),
        };
        done.push(job);
        if let Err(error) = kept {
            failed = Some(error);
            break;
        }
        if done.len() < BATCH {
            next = queue.try_recv().ok();
        }
    }
    let fate = match failed {
        Some(error) => {
            let _ = outer.rollback().await;
            Err(StoreError::from(error))
        }
        None => outer.commit().await.map_err(StoreError::from),
    };
    for job in done {
        job.finish(fate.clone());
    }
}
