//! The issuer: what is answered to whom, what a token says, and what comes of anything that is used twice.

use crate::support::*;
use crate::world::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::delivery::rollout::{self, ArrangeRings, NewMembers, NewRing, PinGateway, PromoteRollout, RevertRollout};
use control::delivery::{self, Publish};
use control::governance::{Block, InvalidateSubject, LONGEST_TOKEN_LIFE_S, Lift};
use control::oauth::{
    self, Asked, Authorize, Authorized, Bounds, Considered, Decision, ExchangeCode, ExchangeToken, Issued, Minted, OAuthError, Received,
    Refresh, RevokeToken,
};
use control::{Actor, AdminRole, Error};
use policy::{Ceiling, Target};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::{Agent, Client, Consent, Json, Revocation, Server, Session, User};
use token::SigningKey;

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "http://127.0.0.1:33418/cb";
/// Where a client that is a web site gets its answer.
const WEB: &str = "https://ide.example/cb";
const OTHER_RESOURCE: &str = "http://127.0.0.1:7500/mcp/analytics";

async fn ready(h: &Harness) {
    plant(h).await;
    for user in ["usr_dev", "usr_kim", "usr_olga"] {
        session(h, user).await;
    }
    publish(h).await;
}

async fn session(h: &Harness, user: &str) {
    let row = Session {
        id: format!("hash-{user}"),
        user_id: Some(user.into()),
        data: "{}".into(),
        idp_sid: None,
        sid: Some(format!("ses_{user}")),
        auth_ms: h.now_ms(),
        seen_ms: h.now_ms(),
        expires_ms: h.now_ms() + 12 * 3_600_000,
    };
    h.plant(row).await;
}

async fn publish(h: &Harness) {
    let host = h.host().await;
    let draft = delivery::draft(&h.control, &host).await.expect("a draft").draft;
    h.control.run(&host, Publish { note: String::new(), expected_draft: draft }).await.expect("publishes");
}

fn asked(scope: &str) -> Asked {
    let some = |text: &str| Some(text.to_owned());
    Asked {
        client_id: some(IDE),
        redirect_uri: some(CALLBACK),
        response_type: some("code"),
        resource: vec![RESOURCE.to_owned()],
        scope: Some(scope.to_owned()).filter(|scope| !scope.is_empty()),
        state: some("st"),
        code_challenge: some(CHALLENGE),
        code_challenge_method: some("S256"),
        ..Asked::default()
    }
}

async fn received(h: &Harness, asked: Asked) -> Received {
    oauth::receive(&h.control, &h.cx(Actor::Anonymous).await, asked).await.expect("the database answers")
}

async fn handle(h: &Harness, asked: Asked) -> String {
    match received(h, asked).await {
        Received::Kept { handle } => handle,
        other => panic!("{other:?}"),
    }
}

async fn considered(h: &Harness, user: &str, handle: &str) -> Considered {
    let cx = h.person(user, &[]).await;
    oauth::consider(&h.control, &cx, handle, h.now_ms(), None, false).await.expect("considered")
}

fn decide_authorize(h: &Harness, user: &str, handle: &str, decision: Decision, now: &[&str], later: &[&str]) -> Authorize {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Authorize {
        handle: handle.to_owned(),
        decision,
        shown: names(now),
        shown_later: names(later),
        session_id: format!("hash-{user}"),
        sid: format!("ses_{user}"),
        auth_ms: h.now_ms(),
        acr: None,
    }
}

/// A code, whether or not consent has to be given first; what was asked then.
async fn code_with(h: &Harness, user: &str, asked: Asked) -> (String, Option<(Vec<String>, Vec<String>)>) {
    let expected = asked.redirect_uri.clone().expect("asked for");
    let handle = handle(h, asked).await;
    let (decision, now, later) = match considered(h, user, &handle).await {
        Considered::AllowedBefore => (Decision::AllowedBefore, Vec::new(), Vec::new()),
        Considered::Ask(question) => {
            let names = |words: &[oauth::ScopeWords]| words.iter().map(|scope| scope.name.clone()).collect::<Vec<_>>();
            let later = [names(&question.held), names(&question.later)].concat();
            (Decision::Allow, names(&question.now), later)
        }
        other => panic!("{other:?}"),
    };
    let shown = (decision == Decision::Allow).then(|| (now.clone(), later.clone()));
    let now: Vec<&str> = now.iter().map(String::as_str).collect();
    let later: Vec<&str> = later.iter().map(String::as_str).collect();
    let authorize = decide_authorize(h, user, &handle, decision, &now, &later);
    match h.control.run(&h.person(user, &[]).await, authorize).await.expect("authorizes") {
        Authorized::Code { code, state, redirect_uri } => {
            assert_eq!((state.as_deref(), redirect_uri.as_str()), (Some("st"), expected.as_str()));
            (code, shown)
        }
        other => panic!("{other:?}"),
    }
}

fn exchange_of(code: &str) -> ExchangeCode {
    ExchangeCode {
        client_id: IDE.into(),
        code: code.into(),
        redirect_uri: Some(CALLBACK.into()),
        verifier: VERIFIER.into(),
        resource: Some(RESOURCE.into()),
    }
}

type Answer = Result<Issued, OAuthError>;

fn signed(minted: Minted) -> Issued {
    minted.sign().expect("signs")
}

/// What a client is told, whichever way the use case says it.
async fn run<U: control::UseCase<Out = Result<Minted, OAuthError>>>(h: &Harness, use_case: U) -> Answer {
    match h.control.run(&h.cx(Actor::Anonymous).await, use_case).await {
        Ok(answer) => answer.map(signed),
        Err(Error::Refused { code, text }) => Err(OAuthError::new(code, text)),
        Err(other) => panic!("{other:?}"),
    }
}

fn code_of<T: std::fmt::Debug>(answer: Result<T, OAuthError>) -> &'static str {
    answer.expect_err("refused").code
}

async fn signed_in(h: &Harness, user: &str, scope: &str) -> Issued {
    let (code, _) = code_with(h, user, asked(scope)).await;
    run(h, exchange_of(&code)).await.expect("issues")
}

fn refresh_of(issued: &Issued) -> Refresh {
    let refresh_token = issued.refresh_token.clone().expect("a refresh token");
    Refresh { client_id: IDE.into(), refresh_token, resource: None, scope: BTreeSet::new() }
}

fn claims(token: &str) -> Value {
    let middle = token.split('.').nth(1).expect("a JWT");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle).expect("base64url")).expect("claims")
}

fn names(scope: &BTreeSet<String>) -> Vec<&str> {
    scope.iter().map(String::as_str).collect()
}

async fn revoked(h: &Harness) -> Vec<Target> {
    h.rows::<Revocation>().await.iter().map(|row| serde_json::from_str(&row.target).expect("a target")).collect()
}

on_each_database! {
    async fn nobody_is_sent_to_an_address_that_the_client_did_not_register(h: Harness) {
        ready(&h).await;
        let some = |text: &str| Some(text.to_owned());
        for (wrong, code) in [
            (Asked { client_id: None, ..asked("logs.read") }, "invalid_request"),
            (Asked { client_id: some("cli_unknown"), ..asked("logs.read") }, "invalid_client"),
            (Asked { redirect_uri: None, ..asked("logs.read") }, "invalid_request"),
            (Asked { redirect_uri: some("https://evil.example/cb"), ..asked("logs.read") }, "invalid_request"),
            (Asked { redirect_uri: some("http://127.0.0.1:33418/cb/../other"), ..asked("logs.read") }, "invalid_request"),
            (Asked { redirect_uri: some("http://127.0.0.1:1@evil.example/cb"), ..asked("logs.read") }, "invalid_request"),
            (Asked { repeated: set(&["client_id"]), ..asked("logs.read") }, "invalid_request"),
            (Asked { repeated: set(&["redirect_uri"]), ..asked("logs.read") }, "invalid_request"),
        ] {
            match received(&h, wrong.clone()).await {
                Received::Page(error) => assert_eq!(error.code, code, "{wrong:?}"),
                other => panic!("{wrong:?}: {other:?}"),
            }
        }
        // A client of another tenant is none here.
        h.tenant("beta").await;
        let cx = h.cx_in("beta", Actor::Anonymous).await;
        assert!(matches!(oauth::receive(&h.control, &cx, asked("logs.read")).await, Ok(Received::Page(_))));
    }

    async fn other_mistakes_are_told_to_the_client_with_its_state(h: Harness) {
        ready(&h).await;
        let some = |text: &str| Some(text.to_owned());
        let good = || asked("logs.read");
        for (wrong, code) in [
            (Asked { response_type: None, ..good() }, "invalid_request"),
            (Asked { response_type: some("token"), ..good() }, "unsupported_response_type"),
            (Asked { response_mode: some("fragment"), ..good() }, "invalid_request"),
            (Asked { code_challenge: None, ..good() }, "invalid_request"),
            (Asked { code_challenge_method: None, ..good() }, "invalid_request"),
            (Asked { code_challenge_method: some("plain"), ..good() }, "invalid_request"),
            (Asked { code_challenge: some("short"), ..good() }, "invalid_request"),
            (Asked { resource: vec!["http://127.0.0.1:7500/mcp/other".into()], ..good() }, "invalid_target"),
            (Asked { resource: vec![RESOURCE.into(), RESOURCE.into()], ..good() }, "invalid_target"),
            (Asked { scope: some("nowhere at.all"), ..good() }, "invalid_scope"),
            (Asked { scope: some("bad\"scope"), ..good() }, "invalid_scope"),
            (Asked { repeated: set(&["scope"]), ..good() }, "invalid_request"),
            (Asked { prompt: some("none"), ..good() }, "interaction_required"),
            (Asked { max_age: some("soon"), ..good() }, "invalid_request"),
            (Asked { request_object: true, ..good() }, "request_not_supported"),
        ] {
            match received(&h, wrong.clone()).await {
                Received::Back(back) => {
                    assert_eq!((back.error.code, back.redirect_uri.as_str(), back.state.as_deref()), (code, CALLBACK, Some("st")), "{wrong:?}");
                }
                other => panic!("{wrong:?}: {other:?}"),
            }
        }
        assert_eq!(h.rows::<store::Authorization>().await, [], "nothing of it was kept");
        // A state that is there twice is not echoed: which of the two?
        let twice = Asked { repeated: set(&["state"]), ..good() };
        assert!(matches!(received(&h, twice).await, Received::Back(back) if back.state.is_none()));
    }

    async fn the_resource_may_be_left_out_when_only_one_can_be_meant(h: Harness) {
        ready(&h).await;
        let without = || Asked { resource: Vec::new(), ..asked("logs.read") };
        assert!(matches!(received(&h, without()).await, Received::Kept { .. }));
        let second = Server {
            id: "srv_two".into(),
            name: "analytics".into(),
            resource: OTHER_RESOURCE.into(),
            upstream: "http://127.0.0.1:7702/mcp".into(),
            imported_ms: START_MS,
            created_ms: START_MS,
        };
        h.plant(second).await;
        assert!(matches!(received(&h, without()).await, Received::Kept { .. }), "a draft changes nothing");
        publish(&h).await;
        assert!(matches!(received(&h, without()).await, Received::Back(back) if back.error.code == "invalid_target"));
    }

    async fn a_token_says_who_through_what_and_no_more(h: Harness) {
        ready(&h).await;
        let (code, shown) = code_with(&h, "usr_dev", asked("logs.read incidents.trigger offline_access made.up")).await;
        let (now, later) = shown.expect("the first time the person is asked");
        assert_eq!(now, ["logs.read"]);
        assert_eq!(later, ["analytics.query", "incidents.trigger", "logs.debug.write"]);
        let issued = run(&h, exchange_of(&code)).await.expect("issues");
        assert_eq!((names(&issued.scope), issued.expires_in), (vec!["logs.read"], 3600));
        let claims = claims(&issued.access_token);
        let expected = json!({
            "iss": format!("{PUBLIC_URL}/t/acme"), "aud": RESOURCE, "sub": "usr_dev", "sub_profile": "user", "client_id": IDE,
            "client_class": "ide", "scope": "logs.read", "tenant": "acme", "roles": ["developer"], "grants": [], "sid": "ses_usr_dev",
            "seq": 0, "auth_time": h.now_s(), "iat": h.now_s(), "exp": h.now_s() + 3600,
        });
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(&claims[name], value, "{name}");
        }
        assert!(claims.get("act").is_none());
        let events = h.rows::<store::AuditEvent>().await;
        let issue = events.iter().find(|event| event.action == "token.issue").expect("an event");
        assert_eq!((issue.actor_id.as_str(), issue.client_id.as_deref(), issue.object.as_deref()), ("usr_dev", Some(IDE), claims["jti"].as_str()));
        assert!(events.iter().all(|event| !event.body.contains(&issued.access_token) && !event.body.contains(&code)));
    }

    async fn life_is_that_of_the_most_dangerous_scope(h: Harness) {
        ready(&h).await;
        let issued = signed_in(&h, "usr_kim", "logs.read incidents.trigger").await;
        assert_eq!((names(&issued.scope), issued.expires_in), (vec!["incidents.trigger", "logs.read"], 300));
        // No word from the client: what the roles give here.
        let all = signed_in(&h, "usr_kim", "").await;
        assert_eq!(names(&all.scope), ["incidents.trigger", "logs.debug.write", "logs.read"]);
    }

    async fn whoever_holds_nothing_gets_nothing(h: Harness) {
        ready(&h).await;
        let handle = handle(&h, asked("logs.read")).await;
        assert!(matches!(considered(&h, "usr_olga", &handle).await, Considered::Refused { back, .. } if back.error.code == "access_denied" && back.error_uri.is_some()));
        let authorize = decide_authorize(&h, "usr_olga", &handle, Decision::Allow, &["logs.read"], &[]);
        let answer = h.control.run(&h.person("usr_olga", &[]).await, authorize).await.expect("answers");
        assert!(matches!(answer, Authorized::Back(back) if back.error.code == "access_denied"));
        assert!(h.actions().await.contains(&"authorization.refuse".to_owned()));
    }

    async fn no_means_no_and_a_handle_works_once(h: Harness) {
        ready(&h).await;
        let handle = handle(&h, asked("logs.read")).await;
        let cx = h.person("usr_dev", &[]).await;
        let deny = || decide_authorize(&h, "usr_dev", &handle, Decision::Deny, &[], &[]);
        assert!(matches!(h.control.run(&cx, deny()).await, Ok(Authorized::Back(back)) if back.error.code == "access_denied"));
        assert!(matches!(h.control.run(&cx, deny()).await, Err(Error::NotFound)));
        assert_eq!(h.rows::<Consent>().await, []);
        for actor in [Actor::Anonymous, Actor::Host] {
            let cx = h.cx(actor).await;
            let authorize = decide_authorize(&h, "usr_dev", &handle, Decision::Allow, &[], &[]);
            assert!(matches!(h.control.run(&cx, authorize).await, Err(Error::Forbidden(_))));
        }
        let late = super::handle(&h, asked("logs.read")).await;
        h.advance_ms(oauth::AUTHORIZATION_LIFE_MS);
        let cx = h.person("usr_dev", &[]).await;
        assert!(matches!(oauth::consider(&h.control, &cx, &late, h.now_ms(), None, false).await, Err(Error::NotFound)));
    }

    async fn consent_counts_for_what_was_shown(h: Harness) {
        ready(&h).await;
        let handle = handle(&h, asked("logs.read incidents.trigger")).await;
        let cx = h.person("usr_kim", &[]).await;
        // The page that was sent showed less than what would be given now, or nothing was ever allowed.
        for (decision, shown) in [(Decision::Allow, &["logs.read"][..]), (Decision::AllowedBefore, &[])] {
            let authorize = decide_authorize(&h, "usr_kim", &handle, decision, shown, &[]);
            assert_eq!(h.control.run(&cx, authorize).await.expect("answers"), Authorized::AskAgain);
        }
        assert_eq!(h.rows::<Consent>().await, []);
        assert_eq!(h.rows::<store::Code>().await, []);
    }

    async fn consent_tells_what_is_held_from_what_needs_an_approval(h: Harness) {
        ready(&h).await;
        let shown = async |user: &str| match considered(&h, user, &handle(&h, asked("logs.read")).await).await {
            Considered::Ask(question) => {
                let names = |words: &[oauth::ScopeWords]| words.iter().map(|scope| scope.name.clone()).collect::<Vec<_>>();
                (names(&question.now), names(&question.held), names(&question.later))
            }
            other => panic!("{other:?}"),
        };
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        // An SRE holds by role what a developer has to ask for.
        assert_eq!(shown("usr_kim").await, (set(&["logs.read"]), set(&["incidents.trigger", "logs.debug.write"]), set(&["analytics.query"])));
        assert_eq!(shown("usr_dev").await, (set(&["logs.read"]), set(&[]), set(&["analytics.query", "incidents.trigger", "logs.debug.write"])));
        granted(&h).await;
        assert_eq!(shown("usr_dev").await, (set(&["logs.read"]), set(&["logs.debug.write"]), set(&["analytics.query", "incidents.trigger"])));
    }

    async fn consent_is_remembered_until_scopes_grow_by_a_role(h: Harness) {
        ready(&h).await;
        let asked = |scope: &str| Asked { redirect_uri: Some(WEB.into()), ..super::asked(scope) };
        assert!(code_with(&h, "usr_dev", asked("logs.read")).await.1.is_some());
        assert!(code_with(&h, "usr_dev", asked("logs.read")).await.1.is_none(), "asked twice for the same");
        // On loopback another program may be listening: the person is asked, on the same port and on another.
        for uri in [CALLBACK, "http://127.0.0.1:45678/cb"] {
            let native = Asked { redirect_uri: Some(uri.into()), ..asked("logs.read") };
            assert!(code_with(&h, "usr_dev", native).await.1.is_some(), "{uri}");
        }
        let again = Asked { prompt: Some("consent".into()), ..asked("logs.read") };
        assert!(code_with(&h, "usr_dev", again).await.1.is_some(), "prompt=consent");
        // An approval was foreseen on the page: not asked again.
        granted(&h).await;
        let union = "logs.read logs.debug.write";
        assert!(code_with(&h, "usr_dev", asked(union)).await.1.is_none(), "a step-up to what was approved");
        // A role was not.
        h.plant(role("developer", &["logs.read", "incidents.trigger"])).await;
        publish(&h).await;
        let (now, _) = code_with(&h, "usr_dev", asked("logs.read incidents.trigger")).await.1.expect("asked, since scopes grew");
        assert_eq!(now, ["incidents.trigger", "logs.read"]);
    }

    async fn a_sign_in_that_is_too_old_or_too_weak_is_repeated_once(h: Harness) {
        ready(&h).await;
        let cx = h.person("usr_dev", &[]).await;
        let old = h.now_ms() - 100_000;
        for wants in [
            Asked { max_age: Some("60".into()), ..asked("logs.read") },
            Asked { prompt: Some("login".into()), ..asked("logs.read") },
            Asked { prompt: Some("select_account".into()), ..asked("logs.read") },
            Asked { acr_values: Some("aal2 aal3".into()), ..asked("logs.read") },
        ] {
            let handle = handle(&h, wants).await;
            let first = oauth::consider(&h.control, &cx, &handle, old, Some("aal1"), false).await.expect("considered");
            assert!(matches!(first, Considered::SignInAgain { .. }));
            let second = oauth::consider(&h.control, &cx, &handle, old, Some("aal1"), true).await.expect("considered");
            assert!(matches!(second, Considered::Ask(_)), "asked for ever");
        }
        let handle = handle(&h, Asked { max_age: Some("3600".into()), acr_values: Some("aal1".into()), ..asked("logs.read") }).await;
        assert!(matches!(oauth::consider(&h.control, &cx, &handle, old, Some("aal1"), false).await, Ok(Considered::Ask(_))));
    }

    async fn a_code_is_for_one_client_one_address_one_resource_one_verifier_and_a_minute(h: Harness) {
        ready(&h).await;
        h.plant(Client { id: "cli_other".into(), name: "Other".into(), ..h.row::<Client>(IDE).await.expect("a client") }).await;
        let (code, _) = code_with(&h, "usr_dev", asked("logs.read")).await;
        let good = || exchange_of(&code);
        for (wrong, error) in [
            (ExchangeCode { client_id: "cli_none".into(), ..good() }, "invalid_client"),
            (ExchangeCode { client_id: "cli_other".into(), ..good() }, "invalid_grant"),
            (ExchangeCode { code: "unknown".into(), ..good() }, "invalid_grant"),
            (ExchangeCode { redirect_uri: Some("http://127.0.0.1:1/cb".into()), ..good() }, "invalid_grant"),
            (ExchangeCode { resource: Some(OTHER_RESOURCE.into()), ..good() }, "invalid_target"),
            (ExchangeCode { verifier: "short".into(), ..good() }, "invalid_request"),
            (ExchangeCode { verifier: "x".repeat(43), ..good() }, "invalid_grant"),
            (ExchangeCode { verifier: CHALLENGE.into(), ..good() }, "invalid_grant"),
        ] {
            assert_eq!(code_of(run(&h, wrong).await), error);
        }
        h.advance_ms(oauth::CODE_LIFE_MS - 1);
        // OAuth 2.1 sends neither.
        let bare = ExchangeCode { redirect_uri: None, resource: None, ..good() };
        run(&h, bare).await.expect("none of that has used it up");
        let (late, _) = code_with(&h, "usr_dev", asked("logs.read")).await;
        h.advance_ms(oauth::CODE_LIFE_MS);
        assert_eq!(code_of(run(&h, exchange_of(&late)).await), "invalid_grant");
    }

    async fn a_code_that_comes_twice_takes_back_what_came_of_it(h: Harness) {
        ready(&h).await;
        let bystander = signed_in(&h, "usr_dev", "logs.read").await;
        let (code, _) = code_with(&h, "usr_dev", asked("logs.read")).await;
        let issued = run(&h, exchange_of(&code)).await.expect("issues");
        let renewed = run(&h, refresh_of(&issued)).await.expect("renews");
        h.advance_s(61);
        assert_eq!(code_of(run(&h, exchange_of(&code)).await), "invalid_grant");
        let family = claims(&renewed.access_token)["lineage"].as_str().expect("a lineage").to_owned();
        assert_eq!(claims(&issued.access_token)["lineage"], family.as_str());
        assert_eq!(revoked(&h).await, [Target::Lineage(family)], "this family, and no other");
        assert_eq!(code_of(run(&h, refresh_of(&renewed)).await), "invalid_grant");
        run(&h, refresh_of(&bystander)).await.expect("another family lives");
        let actions = h.actions().await;
        assert!(actions.contains(&"token.refuse".to_owned()) && actions.contains(&"revocation.lineage".to_owned()));
        // A third time adds nothing.
        assert_eq!(code_of(run(&h, exchange_of(&code)).await), "invalid_grant");
        assert_eq!(revoked(&h).await.len(), 1);
    }

    async fn whoever_was_signed_out_gets_no_token_for_a_code_from_before(h: Harness) {
        ready(&h).await;
        let (code, _) = code_with(&h, "usr_dev", asked("logs.read")).await;
        let cut = InvalidateSubject { user: "usr_dev".into(), reason: "lost laptop".into() };
        h.control.run(&h.person("usr_ada", &[AdminRole::Owner]).await, cut).await.expect("cut off");
        assert_eq!(code_of(run(&h, exchange_of(&code)).await), "invalid_grant");
    }

    async fn a_refresh_token_rotates_and_its_reuse_ends_the_family(h: Harness) {
        ready(&h).await;
        let first = signed_in(&h, "usr_dev", "logs.read").await;
        let second = run(&h, refresh_of(&first)).await.expect("renews");
        assert_ne!(first.refresh_token, second.refresh_token);
        let third = run(&h, refresh_of(&second)).await.expect("renews");
        assert_eq!(claims(&first.access_token)["lineage"], claims(&third.access_token)["lineage"]);
        assert_eq!(code_of(run(&h, refresh_of(&first)).await), "invalid_grant");
        assert_eq!(code_of(run(&h, refresh_of(&third)).await), "invalid_grant", "the family lives on");
        let family = claims(&third.access_token)["lineage"].as_str().expect("a lineage").to_owned();
        assert_eq!(revoked(&h).await, [Target::Lineage(family)]);
    }

    async fn a_family_ends_eight_hours_after_its_code(h: Harness) {
        ready(&h).await;
        let mut last = signed_in(&h, "usr_dev", "logs.read").await;
        for _ in 0..3 {
            h.advance_s(2 * 3600);
            last = run(&h, refresh_of(&last)).await.expect("renews");
        }
        h.advance_s(2 * 3600);
        assert_eq!(code_of(run(&h, refresh_of(&last)).await), "invalid_grant");
    }

    async fn a_refresh_brings_what_was_allowed_for_later_and_is_held(h: Harness) {
        ready(&h).await;
        let first = signed_in(&h, "usr_kim", "logs.read").await;
        assert_eq!(names(&first.scope), ["logs.read"]);
        let next = run(&h, refresh_of(&first)).await.expect("renews");
        assert_eq!(names(&next.scope), ["incidents.trigger", "logs.debug.write", "logs.read"], "all of her role");
        assert_eq!(next.expires_in, 300, "and it lives no longer than the most dangerous allows");
        let less = run(&h, Refresh { scope: set(&["logs.read"]), ..refresh_of(&next) }).await.expect("renews");
        assert_eq!(names(&less.scope), ["logs.read"]);
    }

    async fn a_refresh_says_what_is_true_now(h: Harness) {
        ready(&h).await;
        let first = signed_in(&h, "usr_dev", "logs.read").await;
        let (_, grant) = granted(&h).await;
        let with_grant = run(&h, refresh_of(&first)).await.expect("renews");
        assert_eq!(names(&with_grant.scope), ["logs.debug.write", "logs.read"], "the approved scope comes along");
        let facts = claims(&with_grant.access_token);
        assert_eq!(facts["grants"][0]["id"], grant.as_str());
        assert_eq!(with_grant.expires_in, 600);
        // Less can be asked for; it narrows this token and not the family.
        let less = run(&h, Refresh { scope: set(&["logs.read"]), ..refresh_of(&with_grant) }).await.expect("renews");
        assert_eq!(names(&less.scope), ["logs.read"]);
        let foreign = Refresh { scope: set(&["made.up"]), ..refresh_of(&less) };
        assert_eq!(code_of(run(&h, foreign).await), "invalid_scope");
        let elsewhere = Refresh { resource: Some(OTHER_RESOURCE.into()), ..refresh_of(&less) };
        assert_eq!(code_of(run(&h, elsewhere).await), "invalid_target");
        h.advance_s(3600);
        let ended = run(&h, refresh_of(&less)).await.expect("renews");
        assert_eq!(names(&ended.scope), ["logs.read"], "the grant has ended");
        // Out of the group: nothing is left.
        h.plant(User { groups: Json(vec![]), ..h.row::<User>("usr_dev").await.expect("a person") }).await;
        assert_eq!(code_of(run(&h, refresh_of(&ended)).await), "invalid_scope");
        // Nothing was used up by what was refused; but consent can be withdrawn.
        h.plant(user("usr_dev", "engineering")).await;
        let back = run(&h, refresh_of(&ended)).await.expect("renews");
        h.advance_s(20);
        h.plant(User { groups_ms: h.now_ms() - 25 * 3_600_000, ..user("usr_dev", "engineering") }).await;
        assert_eq!(code_of(run(&h, refresh_of(&back)).await), "invalid_grant", "groups of yesterday");
    }

    async fn what_is_blocked_gets_no_token(h: Harness) {
        ready(&h).await;
        let admin = h.person("usr_ada", &[AdminRole::Owner]).await;
        for target in [Target::User("usr_kim".into()), Target::Client(IDE.into()), Target::Server(RESOURCE.into()), Target::Tenant] {
            session(&h, "usr_kim").await;
            let issued = signed_in(&h, "usr_kim", "logs.read").await;
            let (code, _) = code_with(&h, "usr_kim", asked("logs.read")).await;
            let block = Block { target: target.clone(), reason: "test".into() };
            let entered = h.control.run(&admin, block).await.expect("blocked");
            let handle = handle(&h, asked("logs.read")).await;
            assert!(matches!(considered(&h, "usr_kim", &handle).await, Considered::Refused { back, .. } if back.error.code == "access_denied"), "{target:?}");
            assert_eq!(code_of(run(&h, exchange_of(&code)).await), "invalid_grant", "{target:?}");
            assert_eq!(code_of(run(&h, refresh_of(&issued)).await), "invalid_grant", "{target:?}");
            h.control.run(&admin, Lift { id: entered.id, reason: "over".into() }).await.expect("lifted");
        }
        // One scope of one role.
        session(&h, "usr_kim").await;
        let target = Target::RoleScope { role: "sre".into(), scope: "incidents.trigger".into() };
        h.control.run(&admin, Block { target, reason: "test".into() }).await.expect("blocked");
        assert_eq!(names(&signed_in(&h, "usr_kim", "").await.scope), ["logs.debug.write", "logs.read"]);
    }

    async fn a_ceiling_binds_and_a_draft_does_not(h: Harness) {
        ready(&h).await;
        h.plant(role("sre", &["logs.read"])).await;
        assert_eq!(names(&signed_in(&h, "usr_kim", "").await.scope).len(), 3, "a draft took something");
        publish(&h).await;
        assert_eq!(names(&signed_in(&h, "usr_kim", "").await.scope), ["logs.read"]);
        h.plant(role("sre", &["logs.read", "incidents.trigger", "logs.debug.write"])).await;
        h.plant(class("client", "ide", Some(&["logs.read", "incidents.trigger"]))).await;
        publish(&h).await;
        assert_eq!(names(&signed_in(&h, "usr_kim", "").await.scope), ["incidents.trigger", "logs.read"]);
        // The client's own bound counts from the moment it is set, published or not: it can only narrow.
        let own = Client { ceiling: Json(Some(set(&["logs.read"]))), ..h.row::<Client>(IDE).await.expect("a client") };
        h.plant(own).await;
        assert_eq!(names(&signed_in(&h, "usr_kim", "").await.scope), ["logs.read"]);
    }

    async fn while_two_policies_are_assigned_a_token_is_for_both(h: Harness) {
        ready(&h).await;
        let host = h.host().await;
        let digest = rollout::rings(&h.control, &host).await.expect("rings").digest;
        let canary = NewRing { name: "canary".into(), members: NewMembers::Share(1_000) };
        h.control.run(&host, ArrangeRings { rings: vec![canary], digest }).await.expect("arranged");
        // Policy 2 gives another scope, takes two, and finds a third more dangerous. It is in the canary only.
        h.plant(role("sre", &["logs.read", "analytics.query"])).await;
        h.plant(scope_row("logs.read", "high")).await;
        publish(&h).await;
        let all = ["analytics.query", "incidents.trigger", "logs.debug.write", "logs.read"];
        let first = signed_in(&h, "usr_kim", "").await;
        assert_eq!(names(&first.scope), all);
        let narrow = signed_in(&h, "usr_kim", "logs.read").await;
        assert_eq!((names(&narrow.scope), narrow.expires_in), (vec!["logs.read"], 600), "the more careful of both");
        let supported = oauth::scopes_supported(&h.control, &host).await.expect("answers");
        assert_eq!(supported, all);
        h.control.run(&h.host().await, PromoteRollout { version: 2, reached: 1 }).await.expect("promoted");
        assert_eq!(names(&signed_in(&h, "usr_kim", "").await.scope), ["analytics.query", "logs.read"]);
        // Taken back, the draft no longer counts.
        h.control.run(&h.host().await, RevertRollout { version: 2, reason: String::new() }).await.expect("reverted");
        assert_eq!(names(&signed_in(&h, "usr_kim", "").await.scope), ["incidents.trigger", "logs.debug.write", "logs.read"]);
        // A pin assigns, too.
        let token = h.control.run(&h.host().await, delivery::CreateEnrolment { name: "gw-1".into() }).await.expect("a token");
        let (key, _) = token::SigningKey::generate().expect("randomness");
        let enrol = delivery::Enrol { token, name: "gw-1".into(), public_key: key.public().clone() };
        let gateway = delivery::enrol(&h.control, &h.cx(Actor::Anonymous).await, enrol).await.expect("enrols").gateway_id;
        let pin = PinGateway { gateway, version: 2, until_s: h.now_s() + 60, reason: "to see".into() };
        h.control.run(&h.host().await, pin).await.expect("pinned");
        assert_eq!(names(&signed_in(&h, "usr_kim", "").await.scope), all);
    }

    async fn a_token_is_given_back(h: Harness) {
        ready(&h).await;
        let cx = h.cx(Actor::Anonymous).await;
        let revoke = |client: &str, token: &str| RevokeToken { client_id: client.into(), token: token.into() };
        h.plant(Client { id: "cli_other".into(), name: "Other".into(), ..h.row::<Client>(IDE).await.expect("a client") }).await;
        let one = signed_in(&h, "usr_dev", "logs.read").await;
        let two = signed_in(&h, "usr_dev", "logs.read").await;
        // Nonsense, and tokens of others, are no error and do nothing.
        for (client, token) in [(IDE, "nonsense"), ("cli_other", one.access_token.as_str()), ("cli_other", one.refresh_token.as_deref().unwrap_or_default())] {
            revoke(client, token).run_on(&h.control, &cx).await.expect("no error");
        }
        assert_eq!(revoked(&h).await, []);
        assert!(matches!(revoke("cli_none", "x").run_on(&h.control, &cx).await, Err(Error::Refused { code: "invalid_client", .. })));
        for _ in 0..2 {
            revoke(IDE, &one.access_token).run_on(&h.control, &cx).await.expect("taken back");
        }
        let jti = claims(&one.access_token)["jti"].as_str().expect("a jti").to_owned();
        assert_eq!(revoked(&h).await, [Target::Token(jti)], "once");
        run(&h, refresh_of(&one)).await.expect("its refresh token lives");
        revoke(IDE, two.refresh_token.as_deref().unwrap_or_default()).run_on(&h.control, &cx).await.expect("taken back");
        assert_eq!(code_of(run(&h, refresh_of(&two)).await), "invalid_grant");
        assert_eq!(revoked(&h).await.len(), 2);
    }

    async fn what_has_ended_is_forgotten_and_a_replay_is_still_recognised(h: Harness) {
        ready(&h).await;
        let (code, _) = code_with(&h, "usr_dev", asked("logs.read")).await;
        run(&h, exchange_of(&code)).await.expect("issues");
        handle(&h, asked("logs.read")).await;
        h.advance_s(LONGEST_TOKEN_LIFE_S);
        h.control.keep(&h.acme(), oauth::ForgetEnded).await.expect("forgets");
        assert_eq!(h.rows::<store::Authorization>().await, []);
        assert_eq!(code_of(run(&h, exchange_of(&code)).await), "invalid_grant");
        assert!(h.actions().await.contains(&"revocation.lineage".to_owned()));
        h.advance_ms(oauth::REFRESH_LIFE_MS + oauth::CODE_LIFE_MS);
        h.control.keep(&h.acme(), oauth::ForgetEnded).await.expect("forgets");
        assert_eq!(h.rows::<store::Code>().await, []);
    }
}

proptest! {
    /// Whatever the facts are: every scope of a token is under each ceiling, is one of the resource, and is given by a role or a grant.
    #[test]
    fn scopes_never_exceed_any_bound(
        by_role in subset(), by_grant in subset(), resource in subset(), wanted in subset(), later in subset(),
        ceilings in prop::collection::vec(prop::option::of(subset()), 0..4),
    ) {
        let ceilings: Vec<Ceiling> = ceilings.into_iter().map(|bound| bound.map_or(Ceiling::Any, Ceiling::Only)).collect();
        let bounds = Bounds { by_role: by_role.clone(), by_grant: by_grant.clone(), ceilings: ceilings.clone(), resource: resource.clone() };
        let issued = bounds.issue(&wanted, &later);
        for scope in &issued {
            prop_assert!(resource.contains(scope));
            prop_assert!(ceilings.iter().all(|ceiling| ceiling.admits(scope)));
            prop_assert!(by_role.contains(scope) || by_grant.contains(scope));
            prop_assert!(wanted.contains(scope) || (later.contains(scope) && by_grant.contains(scope)));
        }
        prop_assert!(issued.is_subset(&bounds.reachable()));
        // And nothing that may be had is withheld.
        for scope in wanted.intersection(&bounds.held_by_role()) {
            prop_assert!(issued.contains(scope));
        }
    }
}

fn subset() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set("[a-e]", 0..5)
}

mod exchange;
mod races;
mod replays;
mod taking_back;
