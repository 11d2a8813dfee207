//! A request, a decision by somebody else, a step-up, and an end that comes by itself.

use super::{OTHER, REDIRECT, Story, Telling, WANTED, step2::UNBOUND, step5};
use crate::{
    ask, clock,
    console::governance::Ask,
    mcp::{Called, Connection, Identity},
    oauth, wait,
};
use anyhow::{Context as _, Result};
use std::time::Duration;

pub(super) const TITLE: &str =
    "the developer asks for incidents.trigger for an hour; an approver decides; the client steps up; it ends by itself";

const HOUR: u32 = 3600;
const SHORTEST: u32 = 60;
/// How late the end of a grant may be seen at most.
const ENDS_WITHIN: Duration = Duration::from_secs(15);

pub(super) async fn play(story: &mut Story, told: &mut Telling) -> Result<()> {
    let policy = story.ada.live_policy().await?;
    let left = story.dev.withdraw_pending().await?;
    if left > 0 {
        told.note(format!("withdrew {left} requests, left over from an earlier walk"));
    }
    // The short grant first: its time runs while the rest of the step is told.
    let short = short_grant(story, told).await?;
    let request = ask_for(story, WANTED, HOUR, "INC-1042: checkout answers 503, I need to page the owners").await?;
    told.expect(format!("dev asked for an hour: {request}"), request.starts_with("req_"));
    cannot_decide_own(story, told, &request).await?;

    told.expect("sam finds it in the inbox", story.sam.has_to_decide(&request).await?);
    let grant = story.sam.approve(&request, "Agreed, go on").await?;
    told.expect(format!("sam approves: {grant}"), grant.starts_with("grt_"));
    (story.request, story.grant) = (Some(request), Some(grant.clone()));

    step_up(story, told).await?;
    told.equal("no publish happened: the live policy is still", story.ada.live_policy().await?, policy);
    only_there(story, told, &grant).await?;
    ends_by_itself(story, told, short).await?;
    told.equal("and no publish happened then either: the live policy is still", story.ada.live_policy().await?, policy);
    Ok(())
}

async fn ask_for(story: &mut Story, scope: &str, duration_s: u32, reason: &str) -> Result<String> {
    let (server, client) = (story.incident()?.id, story.ide()?);
    story.dev.request(Ask { server: &server, scope, client: &client, duration_s, reason }).await
}

/// A grant of a minute. Returns the time of its end, Unix seconds, as the token says it.
async fn short_grant(story: &mut Story, told: &mut Telling) -> Result<i64> {
    let request = ask_for(story, UNBOUND, SHORTEST, "one debug line is enough").await?;
    let grant = story.sam.approve(&request, "for a minute").await?;
    story.connection()?.refresh().await?;
    let claims = oauth::claims(&story.connection()?.token().await?)?;
    let carried = claims["scope"].as_str().is_some_and(|scope| scope.split(' ').any(|scope| scope == UNBOUND));
    if carried {
        told.note(format!("a second, short grant {grant} comes along with a refresh of the token"));
    } else {
        // The consent was given when no tool needed this scope, so it did not cover it: the person is asked again.
        authorize_more(story, UNBOUND).await?;
        told.note(format!("a second, short grant {grant} is added after another consent"));
    }
    let claims = oauth::claims(&story.connection()?.token().await?)?;
    let held = claims["grants"].as_array().into_iter().flatten().find(|held| held["id"] == grant.as_str());
    held.and_then(|held| held["exp"].as_i64()).context("the token carries no grant")
}

/// The step-up in dev's own browser. Returns the address that the client sent it to.
async fn authorize_more(story: &mut Story, scope: &str) -> Result<url::Url> {
    let connection = story.connection.as_ref().context("step 4 did not get so far")?;
    connection.step_up(scope, &mut story.dev.browser, story.dev.username).await
}

async fn cannot_decide_own(story: &mut Story, told: &mut Telling, request: &str) -> Result<()> {
    let page = story.dev.see(&format!("/requests/{request}")).await?;
    told.expect(
        "the page tells dev that somebody else must decide",
        page.form("/decision").is_err() && page.says("somebody else must decide"),
    );
    // What the page does not offer is sent all the same, from a form that carries dev's own token.
    let forged = page.form("/withdraw")?.forged_to(&format!("{}/requests/{request}/decision", story.places.issuer()))?;
    let forged = forged.forged("decision", "approve").forged("reason", "me").forged("digest", "0").forged("duration_s", &HOUR.to_string());
    let answer = story.dev.try_send(forged).await?;
    told.equal("and a forged approval by dev answers", answer.status.as_u16(), 403);
    let page = story.dev.see(&format!("/requests/{request}")).await?;
    told.expect("the request still waits", page.form("/withdraw").is_ok());
    Ok(())
}

async fn step_up(story: &mut Story, told: &mut Telling) -> Result<()> {
    let called = story.connection()?.call(WANTED, ask::arguments(WANTED)).await?;
    told.equal(format!("the client's next call of {WANTED}"), called, Called::Forbidden(WANTED.to_owned()));
    let asked = authorize_more(story, WANTED).await?;
    let asked = asked.query_pairs().find(|(key, _)| key == "scope").map(|(_, value)| value.into_owned()).unwrap_or_default();
    told.expect(
        format!("it authorizes for the union: {asked}"),
        ["logs.read", WANTED].iter().all(|scope| asked.split(' ').any(|found| found == *scope)),
    );
    let connection = story.connection()?;
    told.expect(format!("{WANTED} works"), matches!(connection.call(WANTED, ask::arguments(WANTED)).await?, Called::Done(_)));
    let tools = connection.tools().await?;
    told.expect(format!("tools/list shows it: {}", tools.join(", ")), tools.iter().any(|tool| tool == WANTED));
    story.token = Some(connection.token().await?);
    Ok(())
}

/// Not through the agent, not through another client of the same person.
async fn only_there(story: &mut Story, told: &mut Telling, grant: &str) -> Result<()> {
    let resource = story.resource();
    let person = story.token.clone().context("no token after the step-up")?;
    if let Some(agent) = &story.agent {
        let token = step5::exchanged(story, agent, &person).await?.token()?;
        let denied = ask::tool(&resource, &token, WANTED, ask::arguments(WANTED)).await?;
        told.equal("through the agent", denied.shown(), "403 insufficient_scope (scope_not_held)".to_owned());
    }
    let client_id = story.ada.register_client(OTHER, REDIRECT).await?;
    let identity = Identity { client_id, redirect_uri: REDIRECT.replace("/callback", ":33419/callback") };
    let (other, _) = Connection::open(&resource, &identity, &mut story.dev.browser, story.dev.username).await?;
    let called = other.call(WANTED, ask::arguments(WANTED)).await?;
    told.equal(format!("through another client of dev, {grant} gives nothing"), called, Called::Forbidden(WANTED.to_owned()));
    Ok(())
}

async fn ends_by_itself(story: &Story, told: &mut Telling, end: i64) -> Result<()> {
    let (resource, token) = (story.resource(), story.token.clone().context("no token after the step-up")?);
    let before = ask::tool(&resource, &token, UNBOUND, ask::arguments(UNBOUND)).await?;
    told.expect(format!("the short grant: {UNBOUND} {}", before.shown()), before.worked());
    // The end is known, so there is no need to fill the log with calls until shortly before it.
    let nearly = Duration::from_secs(u64::try_from(end - clock::seconds() - 2).unwrap_or_default());
    tokio::time::sleep(nearly).await;
    let mut last = 0;
    let denied = wait::until("the short grant ends by itself", ENDS_WITHIN, async || {
        let now = clock::seconds();
        let answer = ask::tool(&resource, &token, UNBOUND, ask::arguments(UNBOUND)).await?;
        if answer.worked() {
            last = now;
            return Ok(None);
        }
        Ok(Some(answer))
    })
    .await?;
    told.equal("then, with the same token", denied.shown(), "403 insufficient_scope (grant_expired)".to_owned());
    told.expect(
        format!("on the second: the last call that worked began {} s before the end", end - last),
        last < end && clock::seconds() >= end,
    );
    Ok(())
}
