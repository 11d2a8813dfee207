//! An OPA in the place of a gateway: it follows by its own protocol, decides what the gateway decides, and is held to what it verified.

mod page;

use crate::rig::{Complete, Part, Rig};
use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use end2end::{
    ask, clock,
    console::delivery::{CONVERGES_WITHIN, Gateway},
    mcp::{Connection, Identity},
    wait,
};
use opa_engines::{Interpreter, world::World};
use opa_peer::{Client, config::Config};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG};
use serde_json::{Value, json};

const POLICY: &str = "writ-policy";
const REVOCATIONS: &str = "writ-revocations";

/// What `writ opa config` prints for an OPA of this name, which keeps its state in the test's folder. `more` are further words.
fn configuration(rig: &Rig, name: &str, more: &[&str]) -> Result<Config> {
    let (token, state) = (rig.path(&format!("{name}.token")), rig.path(&format!("{name}-state")));
    let path = |path: &std::path::Path| path.to_str().map(str::to_owned).context("the temporary folder has a name that is not text");
    let (token, state) = (path(&token)?, path(&state)?);
    let words = ["opa", "config", "--tenant", "acme", "--name", name, "--token-file", &token, "--state", &state];
    Config::read(&rig.writ(&[&words, more].concat())?)
}

/// Asks for a bundle until one comes that is put in force.
async fn follow(opa: &mut Client, bundle: &str) -> Result<()> {
    wait::until(&format!("{bundle} comes into force"), CONVERGES_WITHIN, async || {
        let polled = opa.poll(bundle).await?;
        ensure!(polled.refused.is_none(), "{bundle} was refused: {:?}", polled.refused);
        Ok((polled.status == StatusCode::OK).then_some(()))
    })
    .await
}

/// The access token of a person with this client, and its claims.
async fn token(rig: &Rig, client: &str, username: &'static str) -> Result<(String, Value)> {
    let mut person = rig.person(username)?;
    let identity = Identity { client_id: client.to_owned(), redirect_uri: "http://127.0.0.1:33418/callback".to_owned() };
    let (connection, _) = Connection::open(&rig.places.resource("incident"), &identity, &mut person.browser, username).await?;
    let token = connection.token().await?;
    let claims = decoded(token.split('.').nth(1).context("a token has three parts")?)?;
    Ok((token, claims))
}

/// What a part of a token says.
fn decoded(part: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
}

/// Text as a part of a token.
fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// What an OPA with these bundles in force answers now.
fn decision(opa: &Client, input: &Value) -> Result<Value> {
    let world = World { modules: opa.store.modules(), data: opa.store.data() };
    let now = i64::try_from(clock::now().as_nanos())?;
    Interpreter::new(&world, now)?.document("data.writ.decision", input)
}

fn input(rig: &Rig, claims: &Value, tool: &str) -> Value {
    json!({ "token": claims, "resource": rig.places.resource("incident"), "method": "tools/call", "tool": tool })
}

async fn row(ada: &mut end2end::console::Person, name: &str) -> Result<Gateway> {
    ada.fleet().await?.rows.into_iter().find(|row| row.name == name).with_context(|| format!("{name} is not in the fleet"))
}

#[tokio::test]
async fn an_opa_decides_as_the_gateway_does_and_hears_of_a_revocation_while_it_is_held() -> Result<()> {
    let (rig, Complete { mut ada, client, .. }) = Rig::complete().await?;
    let mut opa = Client::start(configuration(&rig, "opa-1", &[])?)?;
    for bundle in [POLICY, REVOCATIONS] {
        follow(&mut opa, bundle).await?;
    }
    assert_eq!(opa.report().await?, StatusCode::OK);
    ada.converged("opa-1").await?;

    let resource = rig.places.resource("incident");
    let (token, claims) = token(&rig, &client, "dev").await?;
    let mut events = Vec::new();
    for tool in ["logs.read", "logs.debug.write", "incidents.trigger", "no.such.tool"] {
        let answer = ask::tool(&resource, &token, tool, ask::arguments(tool)).await?;
        let asked = input(&rig, &claims, tool);
        let decided = decision(&opa, &asked)?;
        assert_eq!(decided["allow"], json!(answer.worked()), "{tool}: {decided} against {}", answer.shown());
        if !answer.worked() {
            assert_eq!(decided["reason"].as_str(), answer.reason(), "{tool}");
        }
        events.push(opa.event(&format!("decision-of-{tool}"), "2026-11-23T09:00:00Z", &asked, &decided));
    }
    // Sent twice, as when the answer was lost; in the log once, beside what the gateway decided.
    for _ in 0..2 {
        let (status, body) = opa.log(&events).await?;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    // Once by the gateway, which sends every second, and once by the OPA.
    let logged = wait::until("both have logged each call", CONVERGES_WITHIN, async || {
        let logged = ada.audit(&[("action", "mcp.call")]).await?;
        Ok((logged.len() >= 8).then_some(logged))
    })
    .await?;
    let of_tool = |tool: &str| logged.iter().filter(|event| event.what.contains(tool)).count();
    let each = ["logs.read", "logs.debug.write", "incidents.trigger", "no.such.tool"].map(of_tool);
    assert_eq!(each, [2; 4], "{logged:?}");

    // It is being held when the client is blocked.
    let (polled, seq) = {
        let held = opa.poll(REVOCATIONS);
        let block = async {
            let form = ada.see(&format!("/block?kind=client&subject={client}")).await?.form("/block")?;
            let page = ada.send(form.fill("reason", "for the test")?).await?;
            page.url.path_segments().and_then(Iterator::last).context("an address")?.parse::<u64>().context("blocking led elsewhere")
        };
        let (polled, seq) = tokio::join!(held, block);
        (polled?, seq?)
    };
    assert_eq!((polled.status, polled.refused, polled.pause.is_zero()), (StatusCode::OK, None, true));
    assert_eq!(decision(&opa, &input(&rig, &claims, "logs.read"))?["reason"], "client_blocked");
    assert_eq!(row(&mut ada, "opa-1").await?.state, "behind", "what was sent is not what is in force");
    opa.report().await?;
    ada.receipt(seq, "opa-1").await?;
    Ok(())
}

#[tokio::test]
async fn the_service_is_to_the_letter_what_an_opa_expects() -> Result<()> {
    let rig = Rig::start().await?;
    let mut config = configuration(&rig, "opa-1", &[])?;
    for source in config.bundles.values_mut() {
        source.polling.long_polling_timeout_seconds = Some(1);
    }
    let mut opa = Client::start(config.clone())?;
    // Held for a second in case there is a first publish, then told that there is nothing.
    let nothing = opa.poll(POLICY).await?;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    assert!(!nothing.pause.is_zero(), "an OPA pauses after an error");
    assert_eq!(opa.report().await?, StatusCode::OK);

    let mut ada = rig.person("ada")?;
    ada.import_roles(end2end::walk::ROLE_FILE).await?;
    ada.publish("the first").await?;
    for bundle in [POLICY, REVOCATIONS] {
        follow(&mut opa, bundle).await?;
        let (etag, again) = (opa.poller(bundle).if_none_match().to_owned(), opa.poll(bundle).await?);
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        let header = |name| again.headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!((header(ETAG), header(CONTENT_TYPE)), (Some(etag.as_str()), Some("application/vnd.openpolicyagent.bundles")));
        assert_eq!(header(CONTENT_ENCODING), None);
        assert!(again.body.is_empty() && again.pause.is_zero() && opa.poller(bundle).is_held(), "the next one is held again at once");
    }
    opa.report().await?;
    ada.converged("opa-1").await?;
    Ok(())
}

#[tokio::test]
async fn what_an_opa_keeps_is_verified_again_at_start_and_outlives_the_control_plane() -> Result<()> {
    let (mut rig, Complete { client, .. }) = Rig::complete().await?;
    let config = configuration(&rig, "opa-1", &[])?;
    let mut opa = Client::start(config.clone())?;
    for bundle in [POLICY, REVOCATIONS] {
        follow(&mut opa, bundle).await?;
    }
    let (_, claims) = token(&rig, &client, "dev").await?;
    let asked = input(&rig, &claims, "logs.read");
    rig.kill(Part::Writ)?;
    assert!(opa.poll(REVOCATIONS).await.is_err(), "nobody answers");

    // Started again without a control plane: what it kept decides.
    let again = Client::start(config.clone())?;
    assert_eq!(decision(&again, &asked)?["reason"], "allowed");
    // One byte of what it kept was changed: the start is without it, and without revocations nothing is allowed.
    let kept = again.kept(REVOCATIONS).context("it keeps bundles")?;
    let mut bytes = std::fs::read(&kept)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&kept, bytes)?;
    let mut tampered = Client::start(config)?;
    assert!(tampered.refused(REVOCATIONS).is_some() && tampered.store.active(REVOCATIONS).is_none());
    assert_eq!(decision(&tampered, &asked)?["reason"], "behind_revocations");
    // The control plane is back, with the very bundles that it served before.
    rig.start_part(Part::Writ).await?;
    follow(&mut tampered, REVOCATIONS).await?;
    assert_eq!(decision(&tampered, &asked)?["reason"], "allowed");
    let (etag, same) = (opa.poller(POLICY).if_none_match().to_owned(), tampered.poll(POLICY).await?);
    assert_eq!(same.headers.get(ETAG).and_then(|value| value.to_str().ok()), Some(etag.as_str()));
    Ok(())
}

#[tokio::test]
async fn an_opa_that_refuses_what_it_is_sent_is_shown_to_and_is_not_sent_it_for_ever() -> Result<()> {
    let (rig, Complete { mut ada, .. }) = Rig::complete().await?;
    let mut config = configuration(&rig, "opa-1", &[])?;
    for source in config.bundles.values_mut() {
        source.polling.long_polling_timeout_seconds = Some(1);
    }
    let mut opa = Client::start(config.clone())?;
    for bundle in [POLICY, REVOCATIONS] {
        follow(&mut opa, bundle).await?;
    }
    opa.report().await?;
    let good = ada.converged("opa-1").await?.policy;

    // From now on it believes another tenant's signatures only.
    for source in config.bundles.values_mut() {
        source.signing.as_mut().context("each source pins a key")?.scope = "beta".to_owned();
    }
    opa.reconfigure(config);
    ada.import_roles("roles:\n  developer: [logs.read]\n").await?;
    let published = ada.publish("refused by this one").await?;
    let refused = wait::until("the new version is offered", CONVERGES_WITHIN, async || Ok(opa.poll(POLICY).await?.refused)).await?;
    assert_eq!(refused, "scope mismatch");
    opa.report().await?;
    let failing = row(&mut ada, "opa-1").await?;
    assert_eq!((failing.state.as_str(), failing.policy), ("failing", good));
    assert!(failing.error.as_deref().is_some_and(|error| error.contains("scope mismatch")), "{failing:?}");
    // It asks again and is told that there is nothing newer than what it has; what was wrong stays to be read.
    assert_eq!(opa.poll(POLICY).await?.status, StatusCode::NOT_MODIFIED);
    opa.report().await?;
    assert_eq!(row(&mut ada, "opa-1").await?.state, "failing");
    assert!(published > good.unwrap_or_default());
    assert_eq!(ada.converged("gw-1").await?.policy, Some(published), "others are not held up");
    Ok(())
}

#[tokio::test]
async fn a_token_is_replaced_under_a_running_opa_and_ends_with_its_removal() -> Result<()> {
    let (rig, Complete { mut ada, .. }) = Rig::complete().await?;
    let mut opa = Client::start(configuration(&rig, "opa-1", &[])?)?;
    follow(&mut opa, POLICY).await?;
    let first = std::fs::read_to_string(rig.path("opa-1.token"))?;
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(rig.path("opa-1.token"))?.permissions()) & 0o777, 0o600);
    configuration(&rig, "opa-1", &["--new-token"])?;
    assert_ne!(std::fs::read_to_string(rig.path("opa-1.token"))?, first);
    assert_eq!(opa.report().await?, StatusCode::OK, "the file is read for every request");
    std::fs::write(rig.path("opa-1.token"), first)?;
    assert_eq!(opa.report().await?, StatusCode::UNAUTHORIZED, "the first one ended when the second was used");
    assert!(configuration(&rig, "opa-1", &[]).is_ok(), "the configuration can be printed again");

    // From the console: another token, and the end.
    let (_, page) =
        ada.see("/fleet").await?.links_below("/t/acme/fleet/opa/opa_").into_iter().next().context("the fleet links to the OPA")?;
    let path = page.path().strip_prefix("/t/acme").context("a path of the tenant")?.to_owned();
    let form = ada.see(&path).await?.form(&format!("{path}/token"))?;
    let shown = ada.send(form).await?;
    let token = shown.html.split("wot_").nth(1).and_then(|rest| rest.get(..43)).context("the token is shown")?;
    std::fs::write(rig.path("opa-1.token"), format!("wot_{token}"))?;
    assert_eq!(opa.report().await?, StatusCode::OK);
    let form = ada.see(&format!("{path}/remove")).await?.form(&format!("{path}/remove"))?;
    ada.send(form).await?;
    assert_eq!(opa.report().await?, StatusCode::UNAUTHORIZED);
    assert!(ada.fleet().await?.rows.iter().all(|row| row.name != "opa-1"));
    Ok(())
}
