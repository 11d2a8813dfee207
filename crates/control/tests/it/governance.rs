//! Requests, decisions, grants and revocations.

use crate::support::*;
use crate::world::*;
use control::governance::{
    self, Barred, Block, Decided, Flag, GiveUpGrant, GrantState, InvalidateSubject, Lift, Page, RequestState, RevokeGrant, Withdraw,
};
use control::{AdminRole, Error};
use policy::Target;
use store::{Grant, Request, Revocation, Session, Tool};

fn code(error: Error) -> &'static str {
    match error {
        Error::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn fields(error: Error) -> Vec<&'static str> {
    match error {
        Error::Invalid(wrong) => wrong.into_iter().map(|one| one.field).collect(),
        other => panic!("{other:?}"),
    }
}

on_each_database! {
    async fn asked_approved_and_ended(h: Harness) {
        plant(&h).await;
        let (request, grant) = granted(&h).await;
        let row = h.row::<Grant>(&grant).await.expect("a grant");
        assert_eq!((row.starts_s, row.exp_s, row.user_id.as_str()), (START_MS / 1000, START_MS / 1000 + 3600, "usr_dev"));
        let detail = governance::request(&h.control, &dev(&h).await, &request).await.expect("their own");
        assert_eq!((detail.request.state, detail.request.grant.as_deref()), (RequestState::Approved, Some(grant.as_str())));
        assert_eq!(detail.can_decide, Err(Barred::Closed));
        let mut actions = h.actions().await;
        // One transaction, one millisecond.
        actions[2..].sort();
        assert_eq!(actions, ["tenant.create", "request.create", "grant.create", "request.approve"]);

        let state = async || governance::grant(&h.control, &dev(&h).await, &grant).await.expect("their own").grant.state;
        h.advance_ms(3_600_000 - 21);
        assert_eq!(state().await, GrantState::Active, "to its last millisecond");
        h.advance_ms(1);
        assert_eq!(state().await, GrantState::Ended);
        let late = h.control.run(&approver(&h, "usr_sam").await, RevokeGrant { grant, reason: "late".into() }).await;
        assert_eq!(code(late.expect_err("has ended")), "grant_ended");
    }

    async fn a_request_is_held_to_the_facts(h: Harness) {
        plant(&h).await;
        let cx = dev(&h).await;
        let mut wrong = ask();
        (wrong.client, wrong.agent, wrong.duration_s) = ("cli_none".into(), Some("agt_none".into()), 24 * 3600 + 1);
        assert_eq!(fields(h.control.run(&cx, wrong).await.expect_err("wrong")), ["client", "agent", "duration_s"]);
        let mut long = ask();
        long.duration_s = 7 * 86_400;
        match h.control.run(&cx, long).await {
            Err(Error::Invalid(wrong)) => assert!(wrong[0].reason.contains("between 1 minute and 1 day"), "{wrong:?}"),
            other => panic!("{other:?}"),
        }
        for scopes in [&["logs.read"][..], &["nowhere"], &[]] {
            let mut wrong = ask();
            wrong.scopes = set(scopes);
            assert_eq!(fields(h.control.run(&cx, wrong).await.expect_err("wrong")), ["scopes"], "{scopes:?}");
        }
        for reason in [String::new(), "  \n".into(), "x".repeat(1001)] {
            let mut wrong = ask();
            wrong.reason = reason;
            assert_eq!(fields(h.control.run(&cx, wrong).await.expect_err("wrong")), ["reason"]);
        }
        // An agent of somebody else is as unknown as none.
        let mut wrong = ask();
        wrong.agent = Some(AGENT.into());
        assert_eq!(fields(h.control.run(&h.person("usr_olga", &[]).await, wrong).await.expect_err("not theirs")), ["agent"]);
        h.plant(class("client", "ide", Some(&["logs.read"]))).await;
        assert_eq!(fields(h.control.run(&cx, ask()).await.expect_err("above the ceiling")), ["scopes"]);
        assert_eq!(h.rows::<Request>().await, []);
        assert!(matches!(h.control.run(&h.host().await, ask()).await, Err(Error::Forbidden(_))));
    }

    async fn the_same_is_not_asked_twice(h: Harness) {
        plant(&h).await;
        let cx = dev(&h).await;
        let first = h.control.run(&cx, ask()).await.expect("asked");
        assert_eq!(code(h.control.run(&cx, ask()).await.expect_err("twice")), "already_requested");
        assert!(matches!(h.control.run(&approver(&h, "usr_sam").await, Withdraw { request: first.clone() }).await, Err(Error::NotFound)));
        h.control.run(&cx, Withdraw { request: first.clone() }).await.expect("withdrawn");
        let second = h.control.run(&cx, ask()).await.expect("asked again");
        h.advance_s(24 * 3600);
        // It has expired, whether or not anybody wrote that down.
        let late = approver(&h, "usr_sam").await;
        assert_eq!(code(decide(&h, &late, &second, true).await.expect_err("too late")), "request_closed");
        assert_eq!(governance::expire_requests(&h.control, &h.acme()).await.expect("expires"), 1);
        assert_eq!(governance::expire_requests(&h.control, &h.acme()).await.expect("once"), 0);
        assert_eq!(h.row::<Request>(&second).await.expect("a row").state, "expired");
        h.control.run(&dev(&h).await, ask()).await.expect("a third time");
    }

    async fn nobody_decides_for_themselves(h: Harness) {
        plant(&h).await;
        let barred = async |cx: &control::Ctx, request: &str| {
            let shown = governance::request(&h.control, cx, request).await.expect("shown").can_decide.expect_err("barred");
            for approve in [true, false] {
                assert_eq!(code(decide(&h, cx, request, approve).await.expect_err("barred")), shown.code());
            }
            shown
        };
        let request = h.control.run(&dev(&h).await, ask()).await.expect("asked");
        assert_eq!(barred(&approver(&h, "usr_dev").await, &request).await, Barred::Own);
        assert_eq!(barred(&h.person("usr_dev", &[AdminRole::Owner]).await, &request).await, Barred::Own);
        // The same address, verified by another provider, in other letters.
        let mut other = user("usr_dev2", "sre");
        (other.issuer, other.email) = ("https://elsewhere.example".into(), Some("DEV@acme.example".into()));
        h.plant(other.clone()).await;
        assert_eq!(barred(&approver(&h, "usr_dev2").await, &request).await, Barred::OtherAccount);
        assert_eq!(barred(&approver(&h, "usr_nobody").await, &request).await, Barred::Unknown);
        // An owner of the agent, and another account of one.
        let mut with_agent = ask();
        with_agent.agent = Some(AGENT.into());
        let with_agent = h.control.run(&dev(&h).await, with_agent).await.expect("asked");
        assert_eq!(barred(&approver(&h, "usr_kim").await, &with_agent).await, Barred::OwnsAgent);
        let mut kim = user("usr_kim2", "sre");
        (kim.issuer, kim.email) = ("https://elsewhere.example".into(), Some("kim@acme.example".into()));
        h.plant(kim).await;
        assert_eq!(barred(&approver(&h, "usr_kim2").await, &with_agent).await, Barred::OwnsAgent);
        // An address that nobody verified links nothing: otherwise anybody could keep an approver from deciding.
        other.email_verified = 0;
        h.plant(other).await;
        decide(&h, &approver(&h, "usr_dev2").await, &request, false).await.expect("somebody else, as far as is known");
        // And the role is needed at all.
        let plain = h.person("usr_sam", &[]).await;
        assert!(matches!(h.control.run(&plain, decision(&with_agent, true, "")).await, Err(Error::Forbidden(_))));
        assert!(matches!(governance::request(&h.control, &plain, &with_agent).await, Err(Error::NotFound)));
        assert!(h.actions().await.contains(&"access.denied".to_owned()));
    }

    async fn a_decision_counts_for_what_was_shown(h: Harness) {
        plant(&h).await;
        let request = h.control.run(&dev(&h).await, ask()).await.expect("asked");
        let sam = approver(&h, "usr_sam").await;
        let shown = async || governance::request(&h.control, &sam, &request).await.expect("shown");
        let changes: [(&str, &dyn Fn() -> Change); 5] = [
            ("the tools that they unlock", &|| Change::Tool(Box::new(tool("logs.debug.write", "d2")))),
            ("what the scopes say", &|| Change::Scope(scope_row("logs.debug.write", "critical"))),
            ("what the scopes say", &|| Change::Scope(store::Scope { sentence: "Does more".into(), ..scope_row("logs.debug.write", "high") })),
            ("the limits of the client or agent", &|| Change::Class(class("client", "ide", Some(&["logs.debug.write"])))),
            ("the tools that they unlock", &|| Change::Tool(Box::new(Tool { id: format!("{SERVER}/more"), name: "more".into(), ..tool("logs.debug.write", "d1") }))),
        ];
        for (what, change) in changes {
            let digest = shown().await.view_digest;
            match change() {
                Change::Tool(row) => h.plant(*row).await,
                Change::Scope(row) => h.plant(row).await,
                Change::Class(row) => h.plant(row).await,
            }
            for approve in [true, false] {
                match h.control.run(&sam, decision(&request, approve, &digest)).await {
                    Err(Error::Changed(said)) => assert_eq!(said, what),
                    other => panic!("{what}: {other:?}"),
                }
            }
        }
        assert!(matches!(h.control.run(&sam, decision(&request, true, "")).await, Err(Error::Changed(_))));
        assert!(shown().await.flags.iter().any(|flag| matches!(flag, Flag::ToolDrifted(_))));
        h.control.run(&sam, decision(&request, true, &shown().await.view_digest)).await.expect("what is shown now");
        assert_eq!(h.rows::<Grant>().await.len(), 1);
    }

    async fn the_card_tells_what_is_unusual(h: Harness) {
        plant(&h).await;
        let sam = approver(&h, "usr_sam").await;
        let first = h.control.run(&dev(&h).await, ask()).await.expect("asked");
        let card = governance::request(&h.control, &sam, &first).await.expect("shown");
        assert_eq!(card.flags, [Flag::FirstForServer, Flag::HighRisk(policy::Risk::High)]);
        assert_eq!((card.person.roles, card.already), (vec!["developer".to_owned()], set(&["logs.read"])));
        assert_eq!(card.scopes[0].tools[0].name, "logs.debug.write");
        assert!(card.reason_required && card.can_decide.is_ok());
        let mut silent = decision(&first, true, &card.view_digest);
        silent.reason = " ".into();
        assert_eq!(fields(h.control.run(&sam, silent).await.expect_err("says nothing")), ["reason"]);
        decide(&h, &sam, &first, false).await.expect("denied");
        h.advance_s(60);
        let mut again = ask();
        again.agent = Some(AGENT.into());
        let again = h.control.run(&dev(&h).await, again).await.expect("asked again");
        let card = governance::request(&h.control, &sam, &again).await.expect("shown");
        assert!(card.flags.contains(&Flag::Agent) && card.flags.iter().any(|flag| matches!(flag, Flag::RepeatsDenied(_))), "{:?}", card.flags);
        assert_eq!((card.similar.denied, card.similar.own), (1, (0, 1)));
        let inbox = governance::inbox(&h.control, &sam, governance::Tab::ToDecide, &Page::first(50)).await.expect("the inbox");
        assert_eq!((inbox.waiting, inbox.requests.len()), ((1, 0), 1));
        let kim = governance::inbox(&h.control, &approver(&h, "usr_kim").await, governance::Tab::Waiting, &Page::first(50)).await.expect("the inbox");
        assert_eq!((kim.waiting, kim.requests.len()), ((0, 1), 1), "an owner of the agent waits for somebody else");
    }

    async fn a_time_can_be_shortened_only(h: Harness) {
        plant(&h).await;
        let request = h.control.run(&dev(&h).await, ask()).await.expect("asked");
        let sam = approver(&h, "usr_sam").await;
        let digest = governance::request(&h.control, &sam, &request).await.expect("shown").view_digest;
        for wrong in [0, 59, 3601] {
            let mut longer = decision(&request, true, &digest);
            longer.duration_s = Some(wrong);
            assert_eq!(fields(h.control.run(&sam, longer).await.expect_err("not shorter")), ["duration_s"]);
        }
        let mut shorter = decision(&request, true, &digest);
        shorter.duration_s = Some(600);
        h.control.run(&sam, shorter).await.expect("shorter");
        assert_eq!(h.rows::<Grant>().await[0].exp_s, h.now_s() + 600);
    }

    async fn two_approvers_at_once_make_one_grant(h: Harness) {
        plant(&h).await;
        let request = h.control.run(&dev(&h).await, ask()).await.expect("asked");
        let second = h.another(2).await;
        let (sam, kim) = (approver(&h, "usr_sam").await, approver(&h, "usr_kim").await);
        let digest = governance::request(&h.control, &sam, &request).await.expect("shown").view_digest;
        let (one, two) = tokio::join!(
            h.control.run(&sam, decision(&request, true, &digest)),
            second.run(&kim, decision(&request, true, &digest)),
        );
        let outcomes = [one, two].map(|outcome| match outcome {
            Ok(Decided::Approved { .. }) => "approved",
            Err(error) => code(error),
            Ok(other) => panic!("{other:?}"),
        });
        assert!(outcomes.contains(&"approved") && outcomes.contains(&"request_closed"), "{outcomes:?}");
        assert_eq!(h.rows::<Grant>().await.len(), 1);
        assert_eq!(h.actions().await.iter().filter(|action| *action == "grant.create").count(), 1);
    }

    async fn duplicates_at_once_are_one_request(h: Harness) {
        plant(&h).await;
        let second = h.another(2).await;
        let cx = dev(&h).await;
        let (one, two) = tokio::join!(h.control.run(&cx, ask()), second.run(&cx, ask()));
        assert_eq!([&one, &two].iter().filter(|outcome| outcome.is_ok()).count(), 1, "{one:?} {two:?}");
        assert_eq!(h.rows::<Request>().await.len(), 1);
    }

    async fn revoking_enters_the_list_and_wakes(h: Harness) {
        plant(&h).await;
        let (_, grant) = granted(&h).await;
        let watch = h.control.signals().watch(&h.acme());
        let ada = h.person("usr_ada", &[AdminRole::IamAdmin]).await;
        let revoked = h.control.run(&ada, RevokeGrant { grant: grant.clone(), reason: "left the team".into() }).await.expect("revoked");
        assert!(watch.has_changed().expect("watches"));
        let rows = h.rows::<Revocation>().await;
        let row = &rows[0];
        assert_eq!((row.seq, row.until_s), (revoked.seq, Some(h.now_s() + 3600 + 7260)));
        assert_eq!(serde_json::from_str::<Target>(&row.target).expect("a target"), Target::Grant(grant.clone()));
        let detail = governance::grant(&h.control, &ada, &grant).await.expect("shown");
        assert_eq!((detail.grant.state, detail.revocation, detail.can_revoke), (GrantState::Revoked, Some(revoked.seq), false));
        let again = h.control.run(&ada, RevokeGrant { grant, reason: "again".into() }).await;
        assert_eq!(code(again.expect_err("once")), "grant_revoked");
        let receipt = governance::receipt(&h.control, &ada, revoked.seq).await.expect("a receipt");
        assert_eq!((receipt.gateways.len(), receipt.exposed_until_s), (0, Some(h.now_s() + 3600)));
    }

    async fn a_holder_gives_up_their_own(h: Harness) {
        plant(&h).await;
        let (request, grant) = granted(&h).await;
        let olga = h.person("usr_olga", &[AdminRole::Owner]).await;
        assert!(matches!(h.control.run(&olga, GiveUpGrant { grant: grant.clone() }).await, Err(Error::NotFound)));
        let revoked = h.control.run(&dev(&h).await, GiveUpGrant { grant }).await.expect("given up");
        // Whose grant it was sees the receipt; nobody else without a right to the console does.
        let receipt = governance::receipt(&h.control, &dev(&h).await, revoked.seq).await.expect("their own");
        assert_eq!(receipt.story, request);
        for (cx, seq) in [(h.person("usr_kim", &[]).await, revoked.seq), (dev(&h).await, revoked.seq + 1)] {
            assert!(matches!(governance::receipt(&h.control, &cx, seq).await, Err(Error::Forbidden(_))));
        }
        let story = control::evidence::story(&h.control, &dev(&h).await, &request).await.expect("their own story");
        let mut told: Vec<&str> = story.iter().map(|event| event.action.as_str()).collect();
        told[1..3].sort_unstable();
        assert_eq!(told, ["request.create", "grant.create", "request.approve", "grant.give_up"]);
        assert!(matches!(control::evidence::story(&h.control, &h.person("usr_kim", &[]).await, &request).await, Err(Error::NotFound)));
    }

    async fn a_block_holds_until_it_is_lifted(h: Harness) {
        plant(&h).await;
        let session = |id: &str, user: &str| Session {
            id: id.into(), user_id: Some(user.into()), data: "{}".into(), idp_sid: None, sid: Some(format!("ses_{user}")),
            auth_ms: START_MS, seen_ms: START_MS, expires_ms: START_MS + 1,
        };
        h.plant(session("s1", "usr_dev")).await;
        h.plant(session("s2", "usr_sam")).await;
        let ada = h.person("usr_ada", &[AdminRole::IamAdmin]).await;
        let dev_target = Target::User("usr_dev".into());
        let radius = governance::blast_radius(&h.control, &ada, &dev_target).await.expect("a radius");
        assert_eq!((radius.people, radius.live_grants, radius.is_self), (1, 0, false));
        let block = |target: &Target| Block { target: target.clone(), reason: "laptop stolen".into() };
        let entered = h.control.run(&ada, block(&dev_target)).await.expect("blocked");
        assert_eq!(h.rows::<Session>().await.into_iter().map(|row| row.id).collect::<Vec<_>>(), ["s2"]);
        assert_eq!(code(h.control.run(&ada, block(&dev_target)).await.expect_err("twice")), "already_blocked");
        assert_eq!(code(h.control.run(&dev(&h).await, ask()).await.expect_err("blocked")), "blocked");
        assert!(matches!(h.control.run(&ada, block(&Target::User("usr_none".into()))).await, Err(Error::NotFound)));
        assert_eq!(fields(h.control.run(&ada, block(&Target::Token("x".into()))).await.expect_err("no block")), ["target"]);
        let found = governance::standing_block(&h.control, &ada, &dev_target).await.expect("stands");
        assert_eq!((found.id.as_str(), found.seq), (entered.id.as_str(), entered.seq));
        let own = h.person("usr_dev", &[AdminRole::Owner]).await;
        let lift = || Lift { id: entered.id.clone(), reason: "found".into() };
        assert_eq!(code(h.control.run(&own, lift()).await.expect_err("their own")), "own_block");
        let lifted = h.control.run(&ada, lift()).await.expect("lifted");
        assert!(lifted.seq > entered.seq);
        assert_eq!(code(h.control.run(&ada, lift()).await.expect_err("twice")), "already_lifted");
        h.control.run(&dev(&h).await, ask()).await.expect("may ask again");
        // By id or by resource URI, a server is one target.
        h.control.run(&ada, block(&Target::Server(SERVER.into()))).await.expect("blocked");
        assert_eq!(code(h.control.run(&ada, block(&Target::Server(RESOURCE.into()))).await.expect_err("the same")), "already_blocked");
    }

    async fn what_is_blocked_is_not_granted(h: Harness) {
        plant(&h).await;
        let request = h.control.run(&dev(&h).await, ask()).await.expect("asked");
        let ada = h.person("usr_ada", &[AdminRole::IamAdmin]).await;
        h.control.run(&ada, Block { target: Target::Client(IDE.into()), reason: "leaks".into() }).await.expect("blocked");
        let sam = approver(&h, "usr_sam").await;
        assert!(governance::request(&h.control, &sam, &request).await.expect("shown").flags.contains(&Flag::Blocked("client")));
        assert_eq!(code(decide(&h, &sam, &request, true).await.expect_err("blocked")), "blocked");
        decide(&h, &sam, &request, false).await.expect("can be denied");
    }

    async fn a_cut_off_compares_sequences(h: Harness) {
        plant(&h).await;
        let ada = h.person("usr_ada", &[AdminRole::IamAdmin]).await;
        let first = h.control.run(&ada, InvalidateSubject { user: "usr_dev".into(), reason: "sign out".into() }).await.expect("cut off");
        let second = h.control.run(&ada, InvalidateSubject { user: "usr_dev".into(), reason: "again".into() }).await.expect("cut off");
        assert_eq!(second.seq, first.seq + 1);
        let in_force = async || h.control.read(&ada).revocations_in_force(h.now_s()).await.expect("the list").len();
        assert_eq!(in_force().await, 2);
        h.advance_s(7259);
        assert_eq!(in_force().await, 2, "calls may go on for an hour after their tokens");
        h.advance_s(1);
        assert_eq!(in_force().await, 0, "what they cut off has ended by itself");
    }

    async fn another_tenant_sees_nothing(h: Harness) {
        plant(&h).await;
        h.tenant("beta").await;
        let (request, grant) = granted(&h).await;
        let cx = h.cx_in("beta", person("usr_sam", &[AdminRole::Owner])).await;
        assert!(matches!(governance::request(&h.control, &cx, &request).await, Err(Error::NotFound)));
        assert!(matches!(governance::grant(&h.control, &cx, &grant).await, Err(Error::NotFound)));
        assert!(matches!(h.control.run(&cx, decision(&request, true, "")).await, Err(Error::NotFound)));
        assert!(matches!(h.control.run(&cx, RevokeGrant { grant, reason: "x".into() }).await, Err(Error::NotFound)));
        assert!(matches!(h.control.run(&cx, Block { target: Target::User("usr_dev".into()), reason: "x".into() }).await, Err(Error::NotFound)));
        assert!(matches!(h.control.run(&cx, Withdraw { request }).await, Err(Error::NotFound)));
    }
}

enum Change {
    Tool(Box<Tool>),
    Scope(store::Scope),
    Class(store::Class),
}
