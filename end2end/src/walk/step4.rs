//! A developer connects an MCP client that knows only the gateway's URL.

use super::{REDIRECT, Story, Telling, WANTED, step2::UNBOUND};
use crate::{
    ask,
    mcp::{Called, Connection, Identity},
    oauth,
};
use anyhow::{Context as _, Result};

pub(super) const TITLE: &str = "a developer connects an MCP client to the gateway, knowing only its URL";

pub(super) async fn play(story: &mut Story, told: &mut Telling) -> Result<()> {
    let (resource, gateway) = (story.resource(), story.places.gateway_name.clone());
    let identity = Identity { client_id: story.ide()?, redirect_uri: REDIRECT.replace("/callback", ":33418/callback") };
    let (connection, way) = Connection::open(&resource, &identity, &mut story.dev.browser, story.dev.username).await?;
    let metadata = ask::parameter(&way.challenge, "resource_metadata").context("the challenge names no resource metadata")?;
    told.expect(format!("401, resource_metadata {metadata}"), metadata.starts_with(&story.places.gateway));
    told.expect(
        format!("the metadata leads to the issuer {}", story.places.issuer()),
        way.authorize.as_str().starts_with(&story.places.at("/authorize")),
    );
    let asked = |name: &str| way.authorize.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    told.equal("authorize asks with PKCE", asked("code_challenge_method").as_deref(), Some("S256"));
    told.equal("and with the resource", asked("resource"), Some(resource.clone()));
    match &way.consent {
        Some(page) => {
            told.expect("consent names the client", page.says(super::IDE));
            told.expect(
                "and the host that the answer goes to: 127.0.0.1",
                page.text_of(".host").iter().any(|host| host.starts_with("127.0.0.1")),
            );
        }
        None => told.expect("a page asks for consent", false),
    }
    let token = connection.token().await?;
    let claims = oauth::claims(&token)?;
    told.equal("an RFC 9068 token for this resource alone", claims["aud"].as_str(), Some(resource.as_str()));
    told.equal("with the scope", claims["scope"].as_str(), Some("logs.read"));
    told.note(format!("connected; the protocol revision is {}", connection.revision()));
    told.equal("tools/list shows what this developer may call", connection.tools().await?, vec!["logs.read".to_owned()]);
    told.expect(
        "logs.read works",
        matches!(connection.call("logs.read", ask::arguments("logs.read")).await?, Called::Done(text) if text.contains("checkout")),
    );
    told.equal(WANTED, connection.call(WANTED, ask::arguments(WANTED)).await?, Called::Forbidden(WANTED.to_owned()));
    let denied = ask::tool(&resource, &token, WANTED, ask::arguments(WANTED)).await?;
    told.equal("with the reason", denied.reason(), Some("scope_not_held"));

    let unbound = ask::tool(&resource, &token, UNBOUND, ask::arguments(UNBOUND)).await?;
    told.equal(
        format!("the tool that was left unbound, {UNBOUND}"),
        (unbound.status.as_u16(), unbound.reason()),
        (403, Some("tool_unbound")),
    );
    let server = story.incident()?;
    story.ada.bind(&server, UNBOUND, Some(UNBOUND)).await?;
    let policy = story.ada.publish("logs.debug.write is reviewed").await?;
    story.ada.converged(&gateway).await?;
    let bound = ask::tool(&resource, &token, UNBOUND, ask::arguments(UNBOUND)).await?;
    told.equal(
        format!("bound and published as policy {policy}, the same token gets"),
        (bound.status.as_u16(), bound.reason()),
        (403, Some("scope_not_held")),
    );
    story.connection = Some(connection);
    Ok(())
}
