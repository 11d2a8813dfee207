//! Coming in: flows that work once, people as their provider says they are, sessions that end, the host's link.

use crate::support::*;
use crate::world::{plant, user};
use control::signin::{
    self, ABSOLUTE_MS, BeginSignIn, CreateSignInLink, EndSession, IDLE_MS, NoteSignInFailed, Profile, RecordSignIn, SaveSession, SignOut,
    TakeSignIn, TouchSession, UseSignInLink,
};
use control::{Actor, AdminRole, Error, TenantId};
use policy::Target;
use store::{AdminBinding, AuditEvent, RefreshToken, Revocation, Session, SignIn, User};

const ISSUER: &str = "http://127.0.0.1:7600";

async fn begin(h: &Harness) -> signin::Begun {
    let begin = BeginSignIn { browser: "browser".into(), return_to: "/t/acme/home".into() };
    h.control.keep(&h.acme(), begin).await.expect("begins")
}

async fn take(h: &Harness, state: &str, browser: &str) -> Option<(String, String, String)> {
    let take = TakeSignIn { state: state.into(), browser: browser.into() };
    let taken = h.control.keep(&h.acme(), take).await.expect("the database answers");
    taken.map(|(nonce, verifier, return_to)| (nonce, verifier.to_string(), return_to))
}

fn profile(groups: &[&str]) -> Profile {
    Profile {
        issuer: ISSUER.into(),
        subject: "dev".into(),
        email: Some("dev@acme.example".into()),
        email_verified: true,
        name: "Dev".into(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
    }
}

async fn sign_in(h: &Harness, groups: &[&str]) -> String {
    h.control.run(&h.cx(Actor::Anonymous).await, RecordSignIn { profile: profile(groups) }).await.expect("signs in")
}

fn session(h: &Harness, id: &str, life_ms: i64) -> Session {
    Session {
        id: id.into(),
        user_id: Some("usr_dev".into()),
        data: "{}".into(),
        idp_sid: None,
        sid: None,
        auth_ms: h.now_ms(),
        seen_ms: h.now_ms(),
        expires_ms: h.now_ms() + life_ms,
    }
}

async fn holds(h: &Harness, tenant: &str, id: &str) -> bool {
    let cx = h.cx_in(tenant, Actor::Anonymous).await;
    signin::load(&h.control, &cx, id).await.expect("the database answers").is_some()
}

on_each_database! {
    async fn a_flow_is_given_back_once_to_the_browser_that_began_it(h: Harness) {
        let begun = begin(&h).await;
        let row = h.rows::<SignIn>().await.remove(0);
        assert!(!format!("{row:?}").contains(&begun.state) && row.verifier != begun.verifier, "secrets are not kept as they are");
        let taken = take(&h, &begun.state, "browser").await.expect("theirs");
        assert_eq!(taken, (begun.nonce.clone(), begun.verifier.clone(), "/t/acme/home".to_owned()));
        assert_eq!(take(&h, &begun.state, "browser").await, None, "a callback was replayed");
        assert_eq!(take(&h, &begin(&h).await.state, "another").await, None);
        assert_eq!(take(&h, "made up", "browser").await, None);
        let late = begin(&h).await;
        h.advance_s(600);
        assert_eq!(take(&h, &late.state, "browser").await, None);
        h.tenant("beta").await;
        let other = begin(&h).await;
        let beta = TenantId::parse("beta").expect("a slug");
        let there = TakeSignIn { state: other.state, browser: "browser".into() };
        assert!(h.control.keep(&beta, there).await.expect("the database answers").is_none());
    }

    async fn a_person_is_who_issuer_and_subject_say(h: Harness) {
        let id = sign_in(&h, &["engineering"]).await;
        h.advance_s(10);
        // Everything but issuer and subject may change.
        let changed = Profile { email: Some("new@acme.example".into()), name: "Devi".into(), ..profile(&["engineering", "sre"]) };
        let cx = h.cx(Actor::Anonymous).await;
        assert_eq!(h.control.run(&cx, RecordSignIn { profile: changed }).await.expect("signs in"), id);
        let row = h.row::<User>(&id).await.expect("a person");
        assert_eq!((row.name.as_str(), row.groups.0.len(), row.groups_ms, row.created_ms), ("Devi", 2, h.now_ms(), START_MS));
        // The same address elsewhere is somebody else.
        for other in [Profile { issuer: "http://127.0.0.1:7601".into(), ..profile(&[]) }, Profile { subject: "Dev".into(), ..profile(&[]) }] {
            assert_ne!(h.control.run(&cx, RecordSignIn { profile: other }).await.expect("signs in"), id);
        }
        assert_eq!(h.rows::<User>().await.len(), 3);
        assert_eq!(h.actions().await[1..], ["user.sign_in"; 4]);
    }

    async fn leaving_a_group_cuts_off_and_says_so(h: Harness) {
        plant(&h).await;
        let dev = user("usr_dev", "engineering");
        h.plant(RefreshToken {
            id: "hash".into(),
            user_id: dev.id.clone(),
            client_id: "cli_ide".into(),
            resource: "r".into(),
            scope: Default::default(),
            lineage: "lin_1".into(),
            sid: "ses_1".into(),
            auth_s: h.now_s(),
            acr: None,
            expires_ms: h.now_ms() + 3_600_000,
            used_ms: None,
        })
        .await;
        assert_eq!(sign_in(&h, &["engineering", "sre"]).await, "usr_dev");
        assert_eq!(h.rows::<Revocation>().await, [], "joining a group takes nothing back");
        assert_eq!(sign_in(&h, &["sre"]).await, "usr_dev");
        let target = h.rows::<Revocation>().await.remove(0).target;
        assert_eq!(serde_json::from_str::<Target>(&target).expect("a target"), Target::Subject("usr_dev".into()));
        assert!(h.actions().await.contains(&"revocation.subject".to_owned()), "no mutation without its event");
    }

    async fn admin_roles_are_those_of_now(h: Harness) {
        let id = sign_in(&h, &["iam-admins"]).await;
        let cx = h.cx(Actor::Anonymous).await;
        let roles = async || match signin::actor(&h.control, &cx, &id).await.expect("the database answers") {
            Some((Actor::Person { roles, .. }, _)) => roles,
            other => panic!("{other:?}"),
        };
        assert_eq!(roles().await, []);
        let binding = |id: &str, kind: &str, issuer: &str, value: &str, role: &str| AdminBinding {
            id: id.into(),
            kind: kind.into(),
            issuer: issuer.into(),
            value: value.into(),
            role: role.into(),
            created_ms: START_MS,
        };
        h.plant(binding("1", "group", ISSUER, "iam-admins", "iam_admin")).await;
        h.plant(binding("2", "subject", ISSUER, "dev", "owner")).await;
        // Neither another provider's group of that name, nor a subject that is called like the group, nor a role of tomorrow.
        h.plant(binding("3", "group", "http://127.0.0.1:7601", "iam-admins", "auditor")).await;
        h.plant(binding("4", "subject", ISSUER, "iam-admins", "operator")).await;
        h.plant(binding("5", "group", ISSUER, "iam-admins", "emperor")).await;
        assert_eq!(roles().await, [AdminRole::Owner, AdminRole::IamAdmin]);
        sign_in(&h, &["engineering"]).await;
        assert_eq!(roles().await, [AdminRole::Owner]);
        assert!(signin::actor(&h.control, &cx, "usr_none").await.expect("the database answers").is_none());
    }

    async fn a_session_ends_by_idleness_by_age_and_by_hand(h: Harness) {
        let acme = h.acme();
        h.tenant("beta").await;
        for id in ["idle", "used", "ended", "out"] {
            h.control.keep(&acme, SaveSession(session(&h, id, ABSOLUTE_MS))).await.expect("kept");
        }
        assert!(holds(&h, "acme", "idle").await && !holds(&h, "beta", "idle").await, "a session of one tenant is nothing at another");
        h.control.keep(&acme, EndSession("ended".into())).await.expect("ended");
        h.control.run(&h.cx(Actor::Anonymous).await, SignOut("out".into())).await.expect("signed out");
        assert!(!holds(&h, "acme", "ended").await && !holds(&h, "acme", "out").await);
        h.advance_ms(IDLE_MS - 1);
        assert!(holds(&h, "acme", "idle").await);
        h.control.keep(&acme, TouchSession("used".into())).await.expect("used");
        h.advance_ms(1);
        assert!(!holds(&h, "acme", "idle").await && holds(&h, "acme", "used").await);
        h.advance_ms(ABSOLUTE_MS - IDLE_MS);
        assert!(!holds(&h, "acme", "used").await, "used, but too old");
        // What has ended is not brought back by a use that comes late.
        h.control.keep(&acme, TouchSession("ended".into())).await.expect("no error");
        assert!(h.row::<Session>("ended").await.is_none());
    }

    async fn a_link_works_once_and_is_made_by_owners_only(h: Harness) {
        let make = async || {
            let url = h.control.run(&h.host().await, CreateSignInLink).await.expect("made");
            let token = url.strip_prefix(&format!("{PUBLIC_URL}/t/acme/signin/link?token=")).expect("an address");
            token.to_owned()
        };
        let token = make().await;
        let cx = h.cx(Actor::Anonymous).await;
        h.control.run(&cx, UseSignInLink { token: token.clone() }).await.expect("lets in");
        let refused = async |token: String| {
            let cx = h.cx(Actor::Anonymous).await;
            matches!(h.control.run(&cx, UseSignInLink { token }).await, Err(Error::Refused { .. }))
        };
        assert!(refused(token.clone()).await && refused("made up".into()).await);
        let late = make().await;
        h.advance_s(15 * 60);
        assert!(refused(late).await);
        h.tenant("beta").await;
        let foreign = h.cx_in("beta", Actor::Anonymous).await;
        assert!(matches!(h.control.run(&foreign, UseSignInLink { token: make().await }).await, Err(Error::Refused { .. })));
        for role in AdminRole::ALL.into_iter().filter(|role| *role != AdminRole::Owner) {
            let cx = h.person("usr_x", &[role]).await;
            assert!(matches!(h.control.run(&cx, CreateSignInLink).await, Err(Error::Forbidden(_))), "{role:?}");
        }
        assert!(h.rows::<AuditEvent>().await.iter().all(|event| !event.body.contains(&token)));
    }

    async fn who_did_not_get_in_is_written_down(h: Harness) {
        h.control.run(&h.cx(Actor::Anonymous).await, NoteSignInFailed { code: "wrong_nonce".into() }).await.expect("noted");
        let event = h.rows::<AuditEvent>().await.into_iter().find(|event| event.action == "user.sign_in_failed").expect("an event");
        assert_eq!(event.outcome, "denied");
        assert!(event.body.contains("wrong_nonce"));
    }
}
