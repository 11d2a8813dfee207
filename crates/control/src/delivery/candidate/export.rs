//! A candidate as it travels to the policy key.

use super::super::signing::{damaged, read_repository};
use super::sign::read;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::governance::Names;
use crate::permission::Permission;
use bundle::Role;
use bundle::ceremony::Candidate;
use store::{Bundle, Reader, TufFile};

/// The candidate with this number, or the one that awaits its signature, with everything that it takes to judge it elsewhere.
///
/// It holds the policy's revocation key, so it is for those who may publish.
///
/// # Errors
/// [`Error::NotFound`] when there is none; [`Error::Forbidden`] without [`Permission::Publish`].
pub async fn export_candidate(control: &Control, cx: &Ctx, number: Option<u64>) -> Result<Candidate> {
    cx.needs(Permission::Publish)?;
    let db = control.read(cx);
    let row = match number {
        Some(number) => db.get::<store::Candidate>(&number.to_string()).await?,
        None => db.candidate_awaiting().await?,
    };
    let row = row.ok_or(Error::NotFound)?;
    let state = db.tuf_state().await?.ok_or_else(|| damaged("the tenant has none"))?;
    let repository = read_repository(&state)?;
    let present_policy = match repository.policy_versions().pop() {
        Some(newest) => db.get::<Bundle>(&newest.to_string()).await?.map(|row| row.policy),
        None => None,
    };
    let offer = read(&row)?;
    let for_opas = match &offer.for_opas {
        Some(asked) => Some(asked.exported(&db, offer.adds.as_ref()).await?),
        None => None,
    };
    Ok(Candidate {
        tenant: cx.tenant.to_string(),
        number: offer.unsigned.version(),
        kind: offer.kind,
        note: row.note,
        requested_by: asked_by(&db, &row.requested_by).await?,
        requested_ms: row.requested_ms,
        control_plane: control.parts().issuer(&cx.tenant),
        adds: offer.adds.map(|added| (added.number(), added.configuration)),
        unsigned: offer.unsigned,
        roots: roots(&db).await?,
        present_list: repository.metadata(Role::Targets).map(str::to_owned),
        present_policy,
        for_opas,
    })
}

/// Who asked, by name.
pub(super) async fn asked_by(db: &Reader<'_>, id: &str) -> Result<String> {
    Ok(match id {
        "host" => "the host's shell".to_owned(),
        "system" => "Writ".to_owned(),
        id => Names::new(db).user(id).await?.name,
    })
}

/// Every root, the oldest first.
pub(crate) async fn roots(db: &Reader<'_>) -> Result<Vec<String>> {
    let mut files: Vec<TufFile> = db.tuf_roots().await?;
    files.sort_by_key(|file| file.version);
    Ok(files.into_iter().map(|file| file.body).collect())
}
