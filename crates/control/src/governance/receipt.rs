//! Which gateways have confirmed a revocation: from what they say they enforce, never from what was sent.

use super::names::Names;
use super::revocations::{RevocationView, from_json};
use crate::control::Control;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::permission::Permission;
use policy::LONGEST_TOKEN_LIFE_S;
use policy::Target;
use std::collections::HashMap;
use store::Grant;

/// The receipt of one sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The entry that was made, or lifted, at this sequence.
    pub revocation: RevocationView,
    /// The sequence.
    pub seq: i64,
    /// Whether it is of lifting.
    pub lifts: bool,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Every gateway that is enrolled.
    pub gateways: Vec<GatewayReceipt>,
    /// Until when a gateway that has not confirmed may still let it through, Unix seconds. None for lifting.
    pub exposed_until_s: Option<i64>,
    /// The id that finds the story in the audit log: of the request for a grant, of what is blocked otherwise.
    pub story: String,
}

/// What one gateway said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayReceipt {
    /// `gw_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How long after the change it confirmed this sequence or a later one, in milliseconds; none: unconfirmed.
    pub after_ms: Option<i64>,
    /// The policy that it runs.
    pub policy_version: Option<i64>,
    /// When it last said anything, Unix milliseconds.
    pub seen_ms: Option<i64>,
    /// The error that keeps it back, in words.
    pub error: Option<String>,
}

/// The receipt of the change at this sequence: of any with [`Permission::ReadConsole`], of the end of one's own grant otherwise.
///
/// # Errors
/// [`Error::NotFound`] when the list did not change at it; [`Error::Forbidden`] for who may not see it.
pub async fn receipt(control: &Control, cx: &Ctx, seq: i64) -> Result<Receipt> {
    let db = control.read(cx);
    let row = db.revocation_at(seq).await?;
    let grant = match row.as_ref().map(|row| from_json(&row.target)).transpose()? {
        Some(Target::Grant(grant)) => db.get::<Grant>(&grant).await?,
        _ => None,
    };
    if !grant.as_ref().is_some_and(|grant| cx.person().is_ok_and(|person| person == grant.user_id)) {
        cx.needs(Permission::ReadConsole)?;
    }
    let row = row.ok_or(Error::NotFound)?;
    let lifts = row.lifted_seq == Some(seq);
    let at_ms = if lifts { row.lifted_ms.unwrap_or(row.created_ms) } else { row.created_ms };
    let first: HashMap<String, i64> = db.first_receipts(seq).await?.into_iter().collect();
    let gateways = db.gateway_words().await?.into_iter().map(|gateway| {
        // One that enrolled later began with a list that held the change.
        let confirmed = gateway.revocation_seq.is_some_and(|has| has >= seq);
        let at = first.get(&gateway.id).copied().or(confirmed.then_some(gateway.enrolled_ms));
        GatewayReceipt {
            after_ms: at.map(|at| (at - at_ms).max(0)),
            id: gateway.id,
            name: gateway.name,
            policy_version: gateway.policy_version,
            seen_ms: gateway.seen_ms,
            error: gateway.error_text,
        }
    });
    let gateways = gateways.collect();
    let revocation = RevocationView::of(&mut Names::new(&db), row).await?;
    let (mut story, mut ends_s) = (revocation.subject.id.clone(), at_ms / 1000 + LONGEST_TOKEN_LIFE_S);
    if let Some(grant) = grant {
        // A grant ends with its time, also in tokens that live longer.
        ends_s = ends_s.min(grant.exp_s);
        story = grant.request_id;
    }
    Ok(Receipt { revocation, seq, lifts, at_ms, gateways, exposed_until_s: (!lifts).then_some(ends_s), story })
}
