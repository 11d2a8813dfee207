//! Versions that may run no more.

use crate::delivery::candidate::{Fate, Offer, check_nothing_urgent_awaits, settle};
use crate::delivery::rollout::course;
use crate::delivery::signing::{Signing, unsigned};
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use bundle::ceremony::Kind;

/// Withdraws every policy version below `min_version`, for ever: no gateway runs one again, whatever the online keys say.
pub struct RaiseFloor {
    /// The lowest version that may run from now on.
    pub min_version: u64,
}

impl UseCase for RaiseFloor {
    /// The number of the candidate that awaits its signature; none when it is done.
    type Out = Option<u64>;
    const NEEDS: Permission = Permission::Publish;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Option<u64>>> {
        let signing = Signing::open(scene).await?;
        let repository = signing.repository();
        let course = course(&scene.db).await?;
        // What is on its way has proved nothing yet: a floor must not send it to everybody.
        let live = course.stable();
        if self.min_version > live || !repository.policy_versions().contains(&live) {
            let text = format!(
                "policy {live} is what everybody runs; a floor of {} would leave nothing that may run. Publish a good version, and finish its rollout, first",
                self.min_version
            );
            return Err(Error::refused("nothing_runnable", text));
        }
        let floor = repository.min_version();
        if self.min_version <= floor {
            return Err(Error::refused("no_change", format!("no version below {floor} may run already")));
        }
        check_nothing_urgent_awaits(scene).await?;
        let list = repository.prepare_targets(None, self.min_version, signing.list_stamp().await?).map_err(unsigned)?;
        let note = format!("No version below {} may run", self.min_version);
        Ok(match settle(scene, signing, Offer::list(Kind::Floor, list, note)).await? {
            Fate::Live(events) => Done::all(None, events).wake(),
            Fate::Awaits(number, events) => Done::all(Some(number), events),
        })
    }
}
