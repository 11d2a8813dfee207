//! Taking a candidate back.

use super::{State, close};
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use store::Candidate;

/// Takes a candidate back: a signature that comes later counts for nothing.
pub struct WithdrawCandidate {
    /// Its number.
    pub number: u64,
}

impl UseCase for WithdrawCandidate {
    type Out = ();
    const NEEDS: Permission = Permission::Publish;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<()>> {
        let row = scene.db.get::<Candidate>(&self.number.to_string()).await?.ok_or(Error::NotFound)?;
        if row.state != State::Awaiting.as_str() {
            return Err(Error::refused("candidate_ended", format!("candidate {} awaits no signature: it is {}", row.number, row.state)));
        }
        Ok(Done::new((), close(scene, row, State::Withdrawn).await?))
    }
}
