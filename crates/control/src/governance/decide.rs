//! Answering a request.

use super::basis::{Basis, difference};
use super::duties::{Barred, conflict};
use super::requests::{RequestState, refuse_blocked};
use super::{
    basis::{in_words, max_duration_s},
    reason,
};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::permission::Permission;
use crate::scene::{Done, Scene, UseCase};
use policy::Risk;
use serde_json::json;
use store::{Grant, Request, Vote};

/// How many approvals of distinct people make a grant.
const QUORUM: usize = 1;

/// Votes on a request. The vote is bound to what the voter was shown: if anything that the decision depends on has changed since, it is
/// [`Error::Changed`], and the same holds for votes given earlier.
pub struct Decide {
    /// Which.
    pub request: String,
    /// Yes or no.
    pub approve: bool,
    /// Why. A denial needs a reason, and so does an approval of high or critical risk.
    pub reason: String,
    /// [`super::Detail::view_digest`] of the page that was decided on.
    pub view_digest: String,
    /// A shorter time than was asked for, in seconds; `None`: as asked.
    pub duration_s: Option<i64>,
}

/// What came of a vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// The request is approved.
    Approved {
        /// The grant that it became, in force from now on.
        grant: String,
    },
    /// The request is denied.
    Denied,
    /// More votes are needed.
    Waiting,
}

impl UseCase for Decide {
    type Out = Decided;
    const NEEDS: Permission = Permission::DecideRequests;

    async fn run(&self, scene: &Scene<'_>) -> Result<Done<Decided>> {
        let person = scene.cx.person()?;
        let request = scene.db.get::<Request>(&self.request).await?.ok_or(Error::NotFound)?;
        let basis = Basis::load(&scene.db, &request).await?;
        if let Some(barred) = conflict(&scene.db, person, &request, basis.agent.as_ref()).await? {
            return Err(refused(barred));
        }
        if RequestState::of(&request, scene.cx.now_ms) != RequestState::Pending {
            return Err(refused(Barred::Closed));
        }
        let votes = scene.db.votes_on(&request.id).await?;
        if votes.iter().any(|vote| vote.user_id == person) {
            return Err(refused(Barred::Voted));
        }
        let digest = basis.digest(&request);
        if let Some(changed) = difference(&self.view_digest, &digest) {
            return Err(Error::Changed(changed));
        }
        let words = match self.reason.trim() {
            "" if self.approve && basis.risk() < Risk::High => "",
            given => reason(given)?,
        };
        let vote = Vote {
            id: format!("{}/{person}", request.id),
            request_id: request.id.clone(),
            user_id: person.to_owned(),
            approve: i64::from(self.approve),
            reason: words.to_owned(),
            digest: digest.clone(),
            at_ms: scene.cx.now_ms,
        };
        scene.db.insert(vote).await?;
        if !self.approve {
            return deny(scene, request, words, &digest).await;
        }
        if basis.server.is_none() {
            // The grant would come alive when another server is registered in the old one's place.
            return Err(Error::refused("server_gone", "the server that this asks for is not registered any more"));
        }
        refuse_blocked(&scene.db, &request).await?;
        let duration_s = self.duration(&request, &basis)?;
        let approvals = 1 + approvals(&votes, &digest);
        let vote = event("request.approve", &request)
            .details(json!({ "reason": words, "view": digest, "approvals": approvals, "quorum": QUORUM }));
        if approvals < QUORUM {
            return Ok(Done::new(Decided::Waiting, vote));
        }
        let (grant, made) = grant(scene, request, duration_s).await?;
        Ok(Done::many(Decided::Approved { grant }, vote, [made]))
    }
}

impl Decide {
    fn duration(&self, request: &Request, basis: &Basis) -> Result<i64> {
        let longest = max_duration_s(basis.risk());
        let duration_s = self.duration_s.unwrap_or(request.duration_s);
        match duration_s {
            // A risk that was raised since the request shortens what may be granted.
            _ if duration_s > longest => {
                Err(Error::invalid("duration_s", format!("at this risk at most {} can be granted", in_words(longest))))
            }
            _ if duration_s < 60 || duration_s > request.duration_s => {
                Err(Error::invalid("duration_s", "it can be shortened to a minute, not lengthened"))
            }
            _ => Ok(duration_s),
        }
    }
}

/// How many of these approve what the request is now: votes on another state of things are void.
fn approvals(votes: &[Vote], digest: &str) -> usize {
    votes.iter().filter(|vote| vote.approve == 1 && vote.digest == digest).count()
}

fn refused(barred: Barred) -> Error {
    Error::refused(barred.code(), barred.text())
}

fn event(action: &'static str, request: &Request) -> Event {
    // Decided in the console: the client and the agent that it is about took no part.
    Event::new(action).on(&request.id).story(&request.id)
}

async fn deny(scene: &Scene<'_>, mut request: Request, words: &str, digest: &str) -> Result<Done<Decided>> {
    let event = event("request.deny", &request).details(json!({ "reason": words, "view": digest, "user": request.user_id }));
    request.state = RequestState::Denied.as_str().to_owned();
    request.decided_ms = Some(scene.cx.now_ms);
    scene.db.update(request).await?;
    Ok(Done::new(Decided::Denied, event))
}

async fn grant(scene: &Scene<'_>, mut request: Request, duration_s: i64) -> Result<(String, Event)> {
    let id = scene.id("grt");
    let starts_s = scene.cx.now_s();
    let grant = Grant {
        id: id.clone(),
        request_id: request.id.clone(),
        user_id: request.user_id.clone(),
        client_id: request.client_id.clone(),
        agent_id: request.agent_id.clone(),
        resource: request.resource.clone(),
        scopes: request.scopes.clone(),
        starts_s,
        exp_s: starts_s + duration_s,
        revoked_ms: None,
        first_used_ms: None,
    };
    let details = json!({
        "user": grant.user_id, "scopes": grant.scopes.0, "resource": grant.resource, "starts_s": grant.starts_s, "exp_s": grant.exp_s,
        "asked_s": request.duration_s, "client": grant.client_id, "agent": grant.agent_id,
    });
    let event = Event::new("grant.create").on(&id).story(&request.id).details(details);
    scene.db.insert(grant).await?;
    request.state = RequestState::Approved.as_str().to_owned();
    request.decided_ms = Some(scene.cx.now_ms);
    request.grant_id = Some(id.clone());
    scene.db.update(request).await?;
    Ok((id, event))
}

#[cfg(test)]
mod tests {
    use super::approvals;
    use store::Vote;

    #[test]
    fn only_approvals_of_the_same_thing_count() {
        let vote = |user: &str, approve, digest: &str| Vote {
            id: format!("req_1/{user}"),
            request_id: "req_1".into(),
            user_id: user.into(),
            approve,
            reason: String::new(),
            digest: digest.into(),
            at_ms: 0,
        };
        let votes = [vote("usr_a", 1, "now"), vote("usr_b", 1, "before"), vote("usr_c", 0, "now"), vote("usr_d", 1, "now")];
        assert_eq!(approvals(&votes, "now"), 2);
        assert_eq!(approvals(&votes, "before"), 1);
        assert_eq!(approvals(&votes, "later"), 0);
    }
}
