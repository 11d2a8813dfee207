//! What an OPA says that it runs, as an acknowledgement like a gateway's.
//!
//! An OPA says why it does not put a bundle in force until it is told that there is nothing newer; then it forgets. So what it refused is
//! kept here until it runs what it is to run, or something newer is there to be tried.

use super::serving::Offer;
use crate::control::Control;
use crate::ctx::Ctx;
use crate::delivery::ack::{Ack, AckError, acknowledge};
use crate::delivery::gateways::acting;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::scene::{Scene, Upkeep};
use opa::status::Report;
use opa::{Lane, Revision};
use store::OpaClient;

/// What an OPA was offered last, or would be now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// On the lane of the policy.
    pub policy: Option<Offer>,
    /// On the lane of revocations.
    pub revocations: Option<Offer>,
}

/// Takes a report: notes what was refused, and acknowledges what is in force.
///
/// # Errors
/// [`Error::Forbidden`] unless an OPA acts; [`Error::NotFound`] when it was removed meanwhile.
pub async fn report(control: &Control, cx: &Ctx, report: &Report, offered: &Offered) -> Result<()> {
    cx.needs(Permission::BeGateway)?;
    let id = acting(cx)?;
    let client = control.read(cx).get::<OpaClient>(id).await?.ok_or(Error::NotFound)?;
    let noted = noted(&client, report, offered);
    if noted != client {
        control.keep(&cx.tenant, Note(noted.clone())).await?;
    }
    let (policy_version, policy_sha256) = match report.lane(Lane::Policy).active {
        Some(Revision::Policy { version, sha256, .. }) => (Some(version), Some(sha256)),
        _ => (None, None),
    };
    let (revocation_seq, signed) = match report.lane(Lane::Revocations).active {
        Some(Revision::Revocations { seq, signed }) => (Some(seq), signed),
        _ => (None, 0),
    };
    let refused = [("policy", &noted.refused_policy_text), ("revocations", &noted.refused_revocations_text)];
    let error = refused.into_iter().find_map(|(lane, text)| {
        let message = format!("{lane}: {}", text.as_deref()?);
        Some(AckError { code: "bundle_refused".to_owned(), message })
    });
    // What it was offered now and does not put in force came with the newest timestamp.
    let refuses = offered.policy.as_ref().is_some_and(|offer| noted.refused_policy.as_ref() == Some(&offer.sha256));
    let newest = control.read(cx).tuf_state().await?.and_then(|state| u64::try_from(state.timestamp).ok());
    let refused_timestamp = newest.filter(|_| refuses && error.is_some());
    let timestamp = u64::try_from(signed).unwrap_or_default();
    let version = report.software.clone();
    let ack =
        Ack { policy_version, policy_sha256, revocation_seq, timestamp, error, refused: refused_timestamp, version, ..Ack::default() };
    // An OPA is shown no checkpoint: it cosigns nothing.
    acknowledge(control, cx, ack).await.map(drop)
}

struct Note(OpaClient);

impl Upkeep for Note {
    type Out = ();

    async fn run(&self, scene: &Scene<'_>) -> Result<((), bool)> {
        // The OPA may be gone, or its configuration printed anew meanwhile.
        if let Some(held) = scene.db.get::<OpaClient>(&self.0.id).await? {
            let keys = (held.policy_key, held.revocations_key);
            scene.db.update(OpaClient { policy_key: keys.0, revocations_key: keys.1, ..self.0.clone() }).await?;
        }
        Ok(((), false))
    }
}

/// What is known of an OPA after a report.
fn noted(client: &OpaClient, report: &Report, offered: &Offered) -> OpaClient {
    let next = |lane: Lane, held: (&Option<String>, &Option<String>), offered: &Option<Offer>| {
        let standing = report.lane(lane);
        let runs = |offer: &Offer| standing.active.as_ref().is_some_and(|active| active.to_string() == offer.revision);
        match (&standing.refused, offered) {
            (Some(why), offered) => (offered.as_ref().map(|offer| offer.sha256.clone()), Some(printable(why))),
            (None, Some(offer)) if !runs(offer) && held.0.as_ref() == Some(&offer.sha256) => (held.0.clone(), held.1.clone()),
            (None, _) => (None, None),
        }
    };
    let policy = next(Lane::Policy, (&client.refused_policy, &client.refused_policy_text), &offered.policy);
    let revocations = next(Lane::Revocations, (&client.refused_revocations, &client.refused_revocations_text), &offered.revocations);
    OpaClient {
        refused_policy: policy.0,
        refused_policy_text: policy.1,
        refused_revocations: revocations.0,
        refused_revocations_text: revocations.1,
        ..client.clone()
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opa::status::Standing;

    fn client(refused: Option<&str>) -> OpaClient {
        OpaClient {
            id: "opa_1".into(),
            policy_key: String::new(),
            revocations_key: String::new(),
            refused_policy: refused.map(str::to_owned),
            refused_policy_text: refused.map(|_| "before".to_owned()),
            refused_revocations: None,
            refused_revocations_text: None,
        }
    }

    fn revision(version: u64) -> Revision {
        Revision::Policy { version, sha256: "0f".repeat(32), signed: 1 }
    }

    fn offered(version: u64) -> Offered {
        let offer = Offer { id: format!("policy/{version}"), revision: revision(version).to_string(), sha256: format!("sha-{version}") };
        Offered { policy: Some(offer), revocations: None }
    }

    fn says(active: Option<u64>, refused: Option<&str>) -> Report {
        let standing = Standing { active: active.map(revision), refused: refused.map(str::to_owned) };
        Report { software: String::new(), lanes: [(Lane::Policy, standing)].into() }
    }

    #[test]
    fn a_refusal_stands_until_what_was_refused_runs_or_something_else_is_offered() {
        for (case, held, report, offered, wanted) in [
            ("refused", None, says(Some(1), Some("no")), offered(2), Some("sha-2")),
            ("told that there is nothing newer", Some("sha-2"), says(Some(1), None), offered(2), Some("sha-2")),
            ("in force after all", Some("sha-2"), says(Some(2), None), offered(2), None),
            ("something newer is offered", Some("sha-2"), says(Some(1), None), offered(3), None),
            ("the newer one is refused as well", Some("sha-2"), says(Some(1), Some("no")), offered(3), Some("sha-3")),
            ("nothing was ever refused", None, says(Some(1), None), offered(2), None),
            ("nothing is offered any more", Some("sha-2"), says(Some(1), None), Offered::default(), None),
        ] {
            let noted = noted(&client(held), &report, &offered);
            assert_eq!(noted.refused_policy.as_deref(), wanted, "{case}");
            assert_eq!(noted.refused_policy_text.is_some(), wanted.is_some(), "{case}");
        }
        // What was kept on its disk does not verify, and there is nothing to offer.
        let noted = noted(&client(None), &says(None, Some("a\nb")), &Offered::default());
        assert_eq!((noted.refused_policy, noted.refused_policy_text.as_deref()), (None, Some("ab")));
    }
}
