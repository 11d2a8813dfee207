//! An agent acts for the developer.

use super::{Story, Telling, WANTED};
use crate::{
    agent::Agent,
    ask,
    console::evidence::Event,
    oauth::{self, Exchange},
    wait,
};
use anyhow::Result;

pub(super) const TITLE: &str = "an agent acts for the developer, by token exchange";

pub(super) async fn play(story: &mut Story, told: &mut Telling) -> Result<()> {
    let mut agent = Agent::new()?;
    agent.id = story.ada.register_agent("Incident copilot", "Dev (developer)", &agent.jwks().to_string(), "").await?;
    told.expect(format!("the agent is registered as {}, owned by dev", agent.id), agent.id.starts_with("agt_"));

    let person = story.connection()?.token().await?;
    let token = exchanged(story, &agent, &person).await?.token()?;
    let claims = oauth::claims(&token)?;
    let (own, theirs) = (oauth::claims(&person)?, claims["act"]["sub"].as_str().map(str::to_owned));
    told.equal("the token is still about the person", claims["sub"].as_str(), own["sub"].as_str());
    told.equal("and says who acts", theirs, Some(agent.id.clone()));
    told.equal("its scope", claims["scope"].as_str(), Some("logs.read"));

    let resource = story.resource();
    let read = ask::tool(&resource, &token, "logs.read", ask::arguments("logs.read")).await?;
    told.equal("the agent calls logs.read", read.shown(), "works".to_owned());
    let denied = ask::tool(&resource, &token, WANTED, ask::arguments(WANTED)).await?;
    told.equal(format!("the agent calls {WANTED}"), denied.shown(), "403 insufficient_scope (scope_not_held)".to_owned());

    let more = Exchange {
        client_id: &story.ide()?,
        subject_token: &person,
        actor_token: &agent.proof(&story.places)?,
        resource: &resource,
        scope: WANTED,
    };
    let refused = oauth::exchange(&story.places, more).await?;
    told.expect(
        format!("asking for more than the person has is refused: {}", refused.error().unwrap_or("no error")),
        refused.error() == Some("invalid_scope"),
    );
    let mut stranger = Agent::new()?;
    stranger.id.clone_from(&agent.id);
    let forged = exchanged(story, &stranger, &person).await?;
    told.expect(
        format!("another key in the agent's name is refused: {}", forged.error().unwrap_or("no error")),
        forged.error() == Some("invalid_grant"),
    );

    let (id, gateway) = (agent.id.clone(), denied.request_id.clone());
    let events: Vec<Event> = wait::until("the denial is in the audit log", crate::console::delivery::CONVERGES_WITHIN, async || {
        let events = story.olga.audit(&[("agent", &id), ("outcome", "denied")]).await?;
        Ok((!events.is_empty()).then_some(events))
    })
    .await?;
    let who = &events[0].who;
    told.note(format!("the audit log has the denied call {gateway}: {who}"));
    told.expect(
        "with the person, the client and the agent apart",
        ["Dev", super::IDE, "Incident copilot"].iter().all(|name| who.contains(name)),
    );
    story.agent = Some(agent);
    Ok(())
}

/// Exchanges a person's token for one of the agent, with what can be had.
pub(super) async fn exchanged(story: &Story, agent: &Agent, person: &str) -> Result<oauth::Answer> {
    let (client_id, resource, proof) = (story.ide()?, story.resource(), agent.proof(&story.places)?);
    let ask = Exchange { client_id: &client_id, subject_token: person, actor_token: &proof, resource: &resource, scope: "" };
    oauth::exchange(&story.places, ask).await
}
