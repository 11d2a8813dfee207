//! An agent never gets more than the person, nor more than its own ceiling, and proves itself each time.

use super::rig::{Complete, Rig};
use anyhow::Result;
use end2end::{
    agent::Agent,
    ask,
    console::Person,
    mcp::{Connection, Identity},
    oauth::{self, Exchange},
};

struct Acting {
    dev: Person,
    token: String,
    agent: Agent,
}

async fn acting(rig: &Rig, complete: &mut Complete, ceiling: &str) -> Result<Acting> {
    let mut dev = rig.person("dev")?;
    let identity = Identity { client_id: complete.client.clone(), redirect_uri: "http://127.0.0.1:33418/callback".to_owned() };
    let (connection, _) = Connection::open(&rig.places.resource("incident"), &identity, &mut dev.browser, dev.username).await?;
    let mut agent = Agent::new()?;
    agent.id = complete.ada.register_agent("Copilot", "Dev (developer)", &agent.jwks().to_string(), ceiling).await?;
    let token = connection.token().await?;
    Ok(Acting { dev, token, agent })
}

async fn exchange(rig: &Rig, client: &str, subject: &str, proof: &str, scope: &str) -> Result<oauth::Answer> {
    let resource = rig.places.resource("incident");
    oauth::exchange(&rig.places, Exchange { client_id: client, subject_token: subject, actor_token: proof, resource: &resource, scope })
        .await
}

#[tokio::test]
async fn a_proof_works_once_and_only_with_the_agents_own_key() -> Result<()> {
    let (rig, mut complete) = Rig::complete().await?;
    let Acting { token, agent, .. } = acting(&rig, &mut complete, "").await?;
    let proof = agent.proof(&rig.places)?;
    exchange(&rig, &complete.client, &token, &proof, "").await?.token()?;
    let again = exchange(&rig, &complete.client, &token, &proof, "").await?;
    assert!(again.status.is_client_error(), "a proof worked twice: {}", again.body);

    let mut other = Agent::new()?;
    other.id.clone_from(&agent.id);
    for bad in [other.proof(&rig.places)?, "nonsense".to_owned(), token.clone()] {
        let answer = exchange(&rig, &complete.client, &token, &bad, "").await?;
        assert!(answer.status.is_client_error() && answer.error().is_some(), "{}", answer.body);
    }
    // An agent's token is no person's token: nobody acts for themselves with it.
    let own = exchange(&rig, &complete.client, &agent.proof(&rig.places)?, &agent.proof(&rig.places)?, "").await?;
    assert!(own.status.is_client_error(), "{}", own.body);
    Ok(())
}

#[tokio::test]
async fn a_ceiling_and_a_block_bind_the_agent_and_leave_the_person_alone() -> Result<()> {
    let (rig, mut complete) = Rig::complete().await?;
    let resource = rig.places.resource("incident");
    let Acting { mut dev, token, agent } = acting(&rig, &mut complete, "logs.debug.write").await?;
    let read = async |token: &str| ask::tool(&resource, token, "logs.read", ask::arguments("logs.read")).await;

    // The ceiling leaves nothing of what dev has here.
    let answer = exchange(&rig, &complete.client, &token, &agent.proof(&rig.places)?, "").await?;
    match answer.token() {
        Ok(narrow) => assert_eq!(read(&narrow).await?.status.as_u16(), 403, "above the agent's ceiling"),
        Err(_) => assert_eq!(answer.error(), Some("invalid_scope"), "{}", answer.body),
    }
    assert!(read(&token).await?.worked(), "the person lost something");

    // Another agent, without a ceiling, until it is blocked.
    let mut free = Agent::new()?;
    free.id = complete.ada.register_agent("Free", "Dev (developer)", &free.jwks().to_string(), "").await?;
    let acts = exchange(&rig, &complete.client, &token, &free.proof(&rig.places)?, "").await?.token()?;
    assert!(read(&acts).await?.worked());
    let form = complete.ada.see(&format!("/block?kind=agent&subject={}", free.id)).await?.form("/block")?;
    complete.ada.send(form.fill("reason", "it went wild")?).await?;
    complete.ada.converged("gw-1").await?;
    let blocked = read(&acts).await?;
    assert_eq!((blocked.status.as_u16(), blocked.reason()), (403, Some("agent_blocked")), "{}", blocked.shown());
    assert!(read(&token).await?.worked(), "the person lost something");
    let no_more = exchange(&rig, &complete.client, &token, &free.proof(&rig.places)?, "").await?;
    assert!(no_more.status.is_client_error(), "a blocked agent got a token: {}", no_more.body);
    dev.see("/home").await?;
    Ok(())
}
