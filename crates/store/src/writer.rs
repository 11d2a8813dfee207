//! SQLite's single writer: a task that drains a queue of units and commits many of them at once.

use crate::error::StoreError;
use crate::unit::{Transaction, Unit};
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait};
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
            // One that panics fails alone: the writer serves everybody. What it did is rolled back, and it holds nothing else.
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
    let mut jobs = vec![first];
    let fate = match together(db, &mut jobs, queue).await {
        Ok(Together::Committed) => Ok(()),
        // One of them was refused. A savepoint each leaves the others alone, at the price of two more statements for every unit.
        Ok(Together::Refused) => apart(db, &mut jobs).await,
        Err(error) => Err(error),
    };
    let fate = fate.map_err(StoreError::from);
    for job in jobs {
        job.finish(fate.clone());
    }
}

enum Together {
    Committed,
    Refused,
}

/// Runs what waits, and what comes meanwhile, in one transaction: the common case, in which nobody is refused.
async fn together(
    db: &DatabaseConnection,
    jobs: &mut Vec<Box<dyn Job>>,
    queue: &mut mpsc::Receiver<Box<dyn Job>>,
) -> Result<Together, DbErr> {
    let transaction = begin(db).await?;
    let mut at = 0;
    while let Some(job) = jobs.get_mut(at) {
        if !job.run(&transaction).await {
            transaction.rollback().await?;
            return Ok(Together::Refused);
        }
        at += 1;
        if at == jobs.len()
            && jobs.len() < BATCH
            && let Ok(next) = queue.try_recv()
        {
            jobs.push(next);
        }
    }
    transaction.commit().await?;
    Ok(Together::Committed)
}

/// Runs the same units again in one transaction, each in a savepoint of its own.
async fn apart(db: &DatabaseConnection, jobs: &mut [Box<dyn Job>]) -> Result<(), DbErr> {
    let outer = begin(db).await?;
    for job in jobs {
        let savepoint = outer.begin().await?;
        match job.run(&savepoint).await {
            true => savepoint.commit().await?,
            false => savepoint.rollback().await?,
        }
    }
    outer.commit().await
}

async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let immediate = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    db.begin_with_options(immediate).await
}
