//! Rings: a version reaches some before others, goes on when it proved itself, and goes back when it did not.

use super::*;
use bundle::assignment::Members;
use control::delivery::opa::{self, EnrolOpa};
use control::delivery::rollout::State;
use control::delivery::rollout::{
    ArrangeRings, HaltRollout, NewMembers, NewRing, PinGateway, PromoteRollout, ResumeRollout, RevertRollout, Rule, SetRule, UnpinGateway,
    rings, rollout, rule, tend_rollout,
};
use control::delivery::{AckError, Counted, RemoveGateway, Standing, removal};
use control::keys::{RaiseFloor, RotateTokenKey};

fn stage(value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("stage".to_owned(), value.to_owned())])
}

fn ring(name: &str, members: NewMembers) -> NewRing {
    NewRing { name: name.to_owned(), members }
}

async fn arrange(h: &Harness, new: Vec<NewRing>) -> Result<()> {
    let cx = ada(h).await;
    let digest = rings(&h.control, &cx).await.expect("rings").digest;
    h.control.run(&cx, ArrangeRings { rings: new, digest }).await
}

/// A gateway that follows and reports.
struct Follower {
    gw: Gw,
    labels: BTreeMap<String, String>,
    trusted: Trusted,
    last: Option<Activated>,
}

impl Follower {
    async fn enrol(h: &Harness, name: &str, labels: BTreeMap<String, String>) -> Self {
        let gw = enrol(h, name).await;
        let pin = Pin { tenant: "acme".to_owned(), gateway: gw.id.clone(), root_sha256: gw.root.clone(), labels: labels.clone() };
        Self { trusted: Trusted::new(pin), gw, labels, last: None }
    }

    /// Follows, reports, and says what it runs.
    async fn round(&mut self, h: &Harness) -> u64 {
        self.decide(h, &[]).await
    }

    /// The same, with calls that were decided.
    async fn decide(&mut self, h: &Harness, decided: &[(u64, u64, u64)]) -> u64 {
        let activated = self.gw.follow(h, &self.trusted).await;
        self.trusted = activated.trusted.clone();
        let counted = |(policy_version, allowed, denied): &(u64, u64, u64)| Counted {
            policy_version: *policy_version,
            allowed: *allowed,
            denied: *denied,
        };
        let ack = Ack { labels: self.labels.clone(), decided: decided.iter().map(counted).collect(), started_at: 1, ..ack(&activated) };
        delivery::acknowledge(&h.control, &self.gw.cx(h).await, ack).await.expect("taken");
        let version = activated.policy.version;
        self.last = Some(activated);
        version
    }

    /// Reports that the newest was refused.
    async fn refuse(&self, h: &Harness) {
        let offered = h.row::<store::TufState>("tuf").await.expect("a repository").timestamp;
        let error = Some(AckError { code: "hash_mismatch".to_owned(), message: "no".to_owned() });
        let held = self.last.as_ref().expect("it runs something");
        let ack = Ack { labels: self.labels.clone(), error, refused: u64::try_from(offered).ok(), ..ack(held) };
        delivery::acknowledge(&h.control, &self.gw.cx(h).await, ack).await.expect("taken");
    }
}

/// Rings `canary` and `all`, a gateway in each, and policy 1 everywhere.
async fn world(h: &Harness) -> (Follower, Follower) {
    configure(h).await;
    arrange(h, vec![ring("canary", NewMembers::Labels(stage("canary")))]).await.expect("arranged");
    let (mut canary, mut rest) =
        (Follower::enrol(h, "gw-canary", stage("canary")).await, Follower::enrol(h, "gw-rest", BTreeMap::new()).await);
    assert_eq!(publish(h).await.expect("publishes"), 1);
    assert_eq!((canary.round(h).await, rest.round(h).await), (1, 1));
    h.advance_ms(10);
    (canary, rest)
}

/// Publishes one more version.
async fn next(h: &Harness) -> u64 {
    let newest = delivery::bundles(&h.control, &ada(h).await).await.expect("listed")[0].head.version;
    let scopes: &'static [&'static str] = if newest % 2 == 1 { &["logs.read"] } else { &[] };
    h.control.run(&ada(h).await, SetRole("sre", scopes)).await.expect("edited");
    let published = publish(h).await.expect("publishes");
    h.advance_ms(10);
    published
}

async fn state(h: &Harness, version: u64) -> State {
    rollout(&h.control, &ada(h).await, version).await.expect("answers").expect("a rollout").state
}

async fn tend(h: &Harness) -> bool {
    h.advance_ms(10);
    tend_rollout(&h.control, &h.acme()).await.expect("upkeep")
}

async fn promote(h: &Harness, version: u64, reached: usize) -> Result<()> {
    h.control.run(&ada(h).await, PromoteRollout { version, reached }).await
}

async fn set_rule(h: &Harness, new: Rule) -> Result<()> {
    let version = rule(&h.control, &ada(h).await).await.expect("a rule").version;
    h.control.run(&ada(h).await, SetRule(Rule { version, ..new })).await
}

async fn standings(h: &Harness) -> Vec<(String, Standing, Option<i64>)> {
    let fleet = delivery::fleet(&h.control, &ada(h).await).await.expect("the fleet");
    fleet.gateways.into_iter().map(|view| (view.ring, view.standing, view.desired_version)).collect()
}

async fn happened(h: &Harness, begins: &str) -> Vec<String> {
    h.actions().await.into_iter().filter(|action| action.starts_with(begins)).collect()
}

on_each_database! {
    async fn a_version_goes_through_the_rings_by_hand(h: Harness) {
        let (mut canary, mut rest) = world(&h).await;
        assert_eq!(rollout(&h.control, &ada(&h).await, 1).await.expect("answers"), None, "the first goes to everybody");
        assert_eq!(next(&h).await, 2);
        assert_eq!((canary.round(&h).await, rest.round(&h).await), (2, 1));
        let expected = [("canary".to_owned(), Standing::Current, Some(2)), ("all".to_owned(), Standing::Current, Some(1))];
        assert_eq!(standings(&h).await, expected);
        // Nothing goes on without a person, and not twice by the same look.
        assert!(!tend(&h).await);
        assert_eq!(code(promote(&h, 9, 1).await), "no_rollout");
        promote(&h, 2, 1).await.expect("promoted");
        assert_eq!(code(promote(&h, 2, 1).await), "changed");
        assert!(!tend(&h).await, "the last ring has not confirmed it");
        assert_eq!(rest.round(&h).await, 2);
        assert!(tend(&h).await && !tend(&h).await);
        assert_eq!(state(&h, 2).await, State::Done);
        assert_eq!(happened(&h, "rollout.").await, ["rollout.start", "rollout.promote", "rollout.finish"]);
    }

    async fn a_refusal_takes_everybody_back_and_the_next_version_begins_anew(h: Harness) {
        let (mut canary, mut rest) = world(&h).await;
        next(&h).await;
        rest.round(&h).await;
        canary.refuse(&h).await;
        assert!(tend(&h).await && !tend(&h).await);
        assert_eq!(state(&h, 2).await, State::Reverted);
        let row = h.row::<store::Rollout>("2").await.expect("a rollout");
        assert_eq!(row.why, "gw-canary refused it: hash_mismatch");
        assert_eq!((canary.round(&h).await, rest.round(&h).await), (1, 1));
        // What was taken back is in the draft again.
        let draft = delivery::draft(&h.control, &ada(&h).await).await.expect("a draft");
        assert!(draft.differs && draft.live_version == Some(1));
        // What somebody refused before is no word on what comes next.
        canary.refuse(&h).await;
        h.advance_ms(10);
        assert_eq!(publish(&h).await.expect("publishes"), 3);
        assert!(!tend(&h).await);
        assert_eq!((canary.round(&h).await, rest.round(&h).await), (3, 1));
        assert!(standings(&h).await.iter().all(|(_, standing, _)| *standing == Standing::Current));
        assert_eq!(state(&h, 3).await, State::Running);
    }

    async fn a_gateway_ahead_of_a_revert_is_not_called_one_of_another_control_plane(h: Harness) {
        let (mut canary, _) = world(&h).await;
        next(&h).await;
        canary.round(&h).await;
        h.control.run(&ada(&h).await, RevertRollout { version: 2, reason: "wrong".to_owned() }).await.expect("reverted");
        let held = canary.last.clone().expect("runs 2");
        delivery::acknowledge(&h.control, &canary.gw.cx(&h).await, Ack { labels: stage("canary"), ..ack(&held) }).await.expect("taken");
        assert_eq!(standings(&h).await[0].1, Standing::Behind);
        assert_eq!(canary.round(&h).await, 1);
    }

    async fn the_rule_promotes_when_the_ring_is_quiet_and_takes_back_when_more_is_denied(h: Harness) {
        let (mut canary, mut rest) = world(&h).await;
        let own = Rule { promotes: true, soak_s: 60, most_rise: 500, least_calls: 50, version: 0 };
        set_rule(&h, own).await.expect("set");
        canary.decide(&h, &[(1, 95, 5)]).await;
        next(&h).await;
        canary.decide(&h, &[(1, 95, 5), (2, 10, 0)]).await;
        rest.round(&h).await;
        assert!(!tend(&h).await);
        let waits = rollout(&h.control, &ada(&h).await, 2).await.expect("answers").expect("a rollout").waits;
        assert_eq!(waits.len(), 2, "time and calls: {waits:?}");
        h.advance_s(60);
        assert!(!tend(&h).await, "too few calls");
        canary.decide(&h, &[(1, 95, 5), (2, 48, 2)]).await;
        assert!(tend(&h).await);
        assert_eq!(rest.round(&h).await, 2);
        assert!(tend(&h).await);
        assert_eq!(state(&h, 2).await, State::Done);

        next(&h).await;
        canary.decide(&h, &[(2, 48, 2), (3, 40, 10)]).await;
        assert!(tend(&h).await);
        assert_eq!(state(&h, 3).await, State::Reverted);
        assert_eq!(h.row::<store::Rollout>("3").await.expect("a rollout").why, "more is denied: 10 of 50 calls now, 2 of 50 calls before");
        assert_eq!((canary.round(&h).await, rest.round(&h).await), (2, 2));
        assert_eq!(code(set_rule(&h, Rule { most_rise: 10_001, ..own }).await), "invalid");
        assert_eq!(code(h.control.run(&ada(&h).await, SetRule(own)).await), "changed");
    }

    async fn a_halted_rollout_stands_still(h: Harness) {
        let (mut canary, mut rest) = world(&h).await;
        next(&h).await;
        set_rule(&h, Rule { promotes: true, soak_s: 0, least_calls: 0, ..Rule::default() }).await.expect("set");
        let halt = || HaltRollout { version: 2, reason: "lunch".to_owned() };
        h.control.run(&ada(&h).await, halt()).await.expect("halted");
        assert_eq!(code(h.control.run(&ada(&h).await, halt()).await), "halted");
        canary.round(&h).await;
        assert!(!tend(&h).await);
        canary.refuse(&h).await;
        assert!(!tend(&h).await, "not even back");
        assert_eq!(code(promote(&h, 2, 1).await), "halted");
        assert_eq!(state(&h, 2).await, State::Halted);
        canary.round(&h).await;
        let resume = || ResumeRollout { version: 2 };
        h.control.run(&ada(&h).await, resume()).await.expect("resumed");
        assert_eq!(code(h.control.run(&ada(&h).await, resume()).await), "not_halted");
        assert!(tend(&h).await);
        assert_eq!(rest.round(&h).await, 2);
        // A newer version takes its place; a revert goes back to what everybody ran.
        assert_eq!(next(&h).await, 3);
        assert_eq!(state(&h, 2).await, State::Superseded);
        assert_eq!((canary.round(&h).await, rest.round(&h).await), (3, 2));
        h.control.run(&ada(&h).await, RevertRollout { version: 3, reason: String::new() }).await.expect("reverted");
        assert_eq!((canary.round(&h).await, rest.round(&h).await), (1, 1));
        assert_eq!(code(h.control.run(&ada(&h).await, RevertRollout { version: 3, reason: String::new() }).await), "no_rollout");
    }

    async fn rings_are_edited_by_those_who_saw_them_and_not_under_way(h: Harness) {
        configure(&h).await;
        let share = |name: &str, share| ring(name, NewMembers::Share(share));
        let canary = || ring("canary", NewMembers::Labels(stage("canary")));
        for bad in [
            vec![ring("Canary", NewMembers::Share(1))],
            vec![share("all", 1)],
            vec![canary(), canary()],
            vec![share("one", 1_000), share("two", 1_000)],
            vec![share("one", 10_000)],
            vec![ring("one", NewMembers::Labels(BTreeMap::new()))],
            (1..9).map(|n| share(&format!("r{n}"), n)).collect(),
        ] {
            assert_eq!(code(arrange(&h, bad.clone()).await), "invalid", "{bad:?}");
        }
        arrange(&h, vec![canary(), share("tenth", 1_000)]).await.expect("before the first publish, too");
        let stale = ArrangeRings { rings: vec![], digest: String::new() };
        assert_eq!(code(h.control.run(&ada(&h).await, stale).await), "changed");
        publish(&h).await.expect("publishes");
        let shown = rings(&h.control, &ada(&h).await).await.expect("rings");
        let names: Vec<_> = shown.rings.iter().map(|ring| (ring.name.as_str(), ring.version)).collect();
        assert_eq!((names, shown.under_way), (vec![("canary", 1), ("tenth", 1), ("all", 1)], None));
        assert_eq!(shown.rings[1].members, Members::Share(1_000));
        next(&h).await;
        assert_eq!(code(arrange(&h, vec![]).await), "rollout_under_way");
        h.control.run(&ada(&h).await, RevertRollout { version: 2, reason: String::new() }).await.expect("reverted");
        arrange(&h, vec![]).await.expect("one ring again");
        // With one ring, a publish goes to everybody at once.
        let mut gw = Follower::enrol(&h, "gw-1", BTreeMap::new()).await;
        assert_eq!(publish(&h).await.expect("publishes"), 3);
        assert_eq!(gw.round(&h).await, 3);
        assert_eq!(rollout(&h.control, &ada(&h).await, 3).await.expect("answers"), None);
        for (role, may) in [(AdminRole::Operator, true), (AdminRole::IamAdmin, true), (AdminRole::Auditor, false), (AdminRole::Approver, false)] {
            let person = h.person("usr_x", &[role]).await;
            let digest = rings(&h.control, &ada(&h).await).await.expect("rings").digest;
            let done = h.control.run(&person, ArrangeRings { rings: vec![], digest }).await;
            assert_eq!(done.is_ok(), may, "{role:?}");
        }
    }

    async fn a_pinned_gateway_runs_what_it_is_pinned_to_until_the_end(h: Harness) {
        let (mut canary, mut rest) = world(&h).await;
        next(&h).await;
        let pin = |gateway: &str, version, for_s: i64, reason: &str| {
            PinGateway { gateway: gateway.to_owned(), version, until_s: h.now_s() + for_s, reason: reason.to_owned() }
        };
        let ada = || ada(&h);
        for bad in [pin(&canary.gw.id, 9, 60, "why"), pin(&canary.gw.id, 1, 0, "why"), pin(&canary.gw.id, 1, 91 * 86_400, "why"), pin(&canary.gw.id, 1, 60, " ")] {
            assert_eq!(code(h.control.run(&ada().await, bad).await), "invalid");
        }
        assert_eq!(code(h.control.run(&ada().await, pin("gw_nobody", 1, 60, "why")).await), "not_found");
        h.control.run(&ada().await, pin(&canary.gw.id, 1, 86_400, "its plug-in wants the old one")).await.expect("pinned");
        assert_eq!((canary.round(&h).await, rest.round(&h).await), (1, 1));
        assert_eq!(standings(&h).await[0], ("canary".to_owned(), Standing::Current, Some(1)));
        // Many versions later it still may run.
        for version in 3..15 {
            assert_eq!(next(&h).await, version);
        }
        assert_eq!(canary.round(&h).await, 1);
        h.advance_s(86_400);
        assert!(h.control.keep(&h.acme(), delivery::RefreshTimestamp).await.expect("upkeep"));
        assert_eq!(canary.round(&h).await, 14, "the gateway itself knows when it ends");
        assert!(tend(&h).await);
        assert!(h.rows::<store::Pin>().await.is_empty());
        assert_eq!(code(h.control.run(&ada().await, UnpinGateway { gateway: canary.gw.id.clone() }).await), "not_pinned");
        h.control.run(&ada().await, pin(&rest.gw.id, 14, 60, "first")).await.expect("pinned");
        assert_eq!(rest.round(&h).await, 14);
        h.control.run(&ada().await, UnpinGateway { gateway: rest.gw.id.clone() }).await.expect("unpinned");
        assert_eq!(rest.round(&h).await, 1);
        // A gateway that is gone leaves no pin.
        h.control.run(&ada().await, pin(&rest.gw.id, 14, 60, "second")).await.expect("pinned");
        h.control.run(&ada().await, RemoveGateway { id: rest.gw.id.clone() }).await.expect("removed");
        assert!(tend(&h).await);
        assert!(h.rows::<store::Pin>().await.is_empty());
        assert_eq!(happened(&h, "gateway.unpin").await.len(), 3);
    }

    async fn whoever_removes_a_gateway_is_told_what_waits_for_it_and_then_nothing_does(h: Harness) {
        let (mut canary, mut rest) = world(&h).await;
        let asked = async |id: &str| removal(&h.control, &ada(&h).await, id).await;
        assert_eq!(asked(&canary.gw.id).await.expect("known").holds_up, None);
        next(&h).await;
        assert_eq!((asked(&canary.gw.id).await.expect("known").holds_up, asked(&rest.gw.id).await.expect("known").holds_up), (Some(2), None));
        canary.round(&h).await;
        promote(&h, 2, 1).await.expect("promoted");
        let seq = h.control.run(&ada(&h).await, Revoke(Target::Tenant, None)).await.expect("revokes");
        let pin = PinGateway { gateway: canary.gw.id.clone(), version: 1, until_s: h.now_s() + 60, reason: "to see".to_owned() };
        h.control.run(&ada(&h).await, pin).await.expect("pinned");
        assert_eq!(asked(&canary.gw.id).await.expect("known").pin.map(|pin| pin.version), Some(1));
        let told = asked(&rest.gw.id).await.expect("known");
        assert_eq!((told.holds_up, told.pin.is_some(), told.newest_seq, told.view.revocation_seq), (Some(2), false, seq, Some(0)));
        // One that reports an error is waited for as well.
        rest.round(&h).await;
        let error = Some(AckError { code: "disk_full".to_owned(), message: "no".to_owned() });
        let failing = Ack { error, ..ack(rest.last.as_ref().expect("runs it")) };
        delivery::acknowledge(&h.control, &rest.gw.cx(&h).await, failing).await.expect("taken");
        assert_eq!(asked(&rest.gw.id).await.expect("known").holds_up, Some(2));
        h.control.run(&ada(&h).await, UnpinGateway { gateway: canary.gw.id.clone() }).await.expect("unpinned");
        assert!(!tend(&h).await);
        h.control.run(&ada(&h).await, RemoveGateway { id: rest.gw.id.clone() }).await.expect("removed");
        assert!(tend(&h).await, "the rollout is done without it");
        assert_eq!(state(&h, 2).await, State::Done);
        let receipt = delivery::receipt(&h.control, &ada(&h).await, seq).await.expect("a receipt");
        assert_eq!((receipt.confirmed, receipt.unconfirmed), (vec![], vec!["gw-canary".to_owned()]), "nobody waits for it any more");
        // Gone is gone; an OPA is none of these, and not everybody may ask.
        assert_eq!(code(asked(&rest.gw.id).await), "not_found");
        let opa = h.control.run(&ada(&h).await, EnrolOpa { name: "opa-1".to_owned() }).await.expect("enrols");
        assert_eq!(code(asked(&opa.id).await), "not_found");
        for role in control::AdminRole::ALL {
            let may = role.may(control::Permission::WriteFleet);
            let cx = h.person("usr_some", &[role]).await;
            assert_eq!(removal(&h.control, &cx, &canary.gw.id).await.is_ok(), may, "{role:?}");
            assert!(may || code(h.control.run(&cx, RemoveGateway { id: canary.gw.id.clone() }).await) == "forbidden", "{role:?}");
        }
    }

    async fn an_opa_is_offered_what_its_ring_or_pin_says(h: Harness) {
        let (mut canary, _) = world(&h).await;
        let enrolled = h.control.run(&ada(&h).await, EnrolOpa { name: "opa-1".to_owned() }).await.expect("enrols");
        let offered = async || {
            let shelf = opa::heads(&h.control, &h.cx(control::Actor::System).await).await.expect("answers");
            shelf.offer(&enrolled.id, ::opa::Lane::Policy).map(|offer| offer.id.clone()).expect("a bundle")
        };
        assert_eq!(offered().await, "policy/1");
        next(&h).await;
        canary.round(&h).await;
        assert_eq!(offered().await, "policy/1", "it is in the last ring");
        let until_s = h.now_s() + 60;
        let pin = PinGateway { gateway: enrolled.id.clone(), version: 2, until_s, reason: "to see".to_owned() };
        h.control.run(&ada(&h).await, pin).await.expect("pinned");
        assert_eq!(offered().await, "policy/2");
        h.control.run(&ada(&h).await, RevertRollout { version: 2, reason: String::new() }).await.expect("reverted");
        assert_eq!(offered().await, "policy/2", "a pin stands");
        h.advance_s(60);
        assert!(tend(&h).await);
        assert_eq!(offered().await, "policy/1");
    }

    async fn an_opa_that_refuses_takes_everybody_back(h: Harness) {
        let (mut canary, mut rest) = world(&h).await;
        let enrolled = h.control.run(&ada(&h).await, EnrolOpa { name: "opa-1".to_owned() }).await.expect("enrols");
        let offered = async || {
            let shelf = opa::heads(&h.control, &h.cx(control::Actor::System).await).await.expect("answers");
            let of = |lane| shelf.offer(&enrolled.id, lane).cloned();
            opa::Offered { policy: of(::opa::Lane::Policy), revocations: of(::opa::Lane::Revocations) }
        };
        let report = async |active: &str, why: Option<&str>| {
            let mut bundles = serde_json::json!({ "writ-policy": { "name": "writ-policy", "active_revision": active } });
            if let Some(why) = why {
                (bundles["writ-policy"]["code"], bundles["writ-policy"]["message"]) = ("bundle_error".into(), why.into());
            }
            let body = serde_json::json!({ "labels": { "version": "1.20.2" }, "bundles": bundles }).to_string();
            let report = ::opa::status::Report::read(body.as_bytes()).expect("a report");
            let cx = opa::authenticate(&h.control, "acme", &enrolled.token, "req-opa").await.expect("known");
            opa::report(&h.control, &cx, &report, &offered().await).await.expect("taken");
        };
        let first = offered().await.policy.expect("offered").revision;
        report(&first, None).await;
        assert_eq!(next(&h).await, 2);
        // An OPA in the last ring says nothing of a version that has not come to it.
        report(&first, None).await;
        assert_eq!(canary.round(&h).await, 2);
        promote(&h, 2, 1).await.expect("promoted");
        assert_eq!((rest.round(&h).await, tend(&h).await), (2, false), "the OPA has not confirmed it");
        report(&first, Some("scope mismatch")).await;
        assert!(tend(&h).await);
        assert_eq!(state(&h, 2).await, State::Reverted);
        assert_eq!(h.row::<store::Rollout>("2").await.expect("a rollout").why, "opa-1 refused it: bundle_refused");
        assert_eq!((canary.round(&h).await, rest.round(&h).await), (1, 1));
        assert_eq!(offered().await.policy.map(|offer| offer.revision), Some(first));
    }

    async fn nothing_unproved_is_sent_to_everybody_by_a_floor_or_a_key(h: Harness) {
        let (mut canary, mut rest) = world(&h).await;
        next(&h).await;
        canary.round(&h).await;
        assert_eq!(code(h.control.run(&ada(&h).await, RaiseFloor { min_version: 2 }).await), "nothing_runnable");
        assert_eq!(code(h.control.run(&ada(&h).await, RotateTokenKey { compromised: false }).await), "rollout_under_way");
        // A stolen key cannot wait: what everybody runs is sent with other keys, and what was on its way is in the draft again.
        h.control.run(&ada(&h).await, RotateTokenKey { compromised: true }).await.expect("rotated");
        assert_eq!((canary.round(&h).await, rest.round(&h).await), (3, 3));
        assert_eq!(state(&h, 2).await, State::Superseded);
        let policy: PolicySet = serde_json::from_str(rest.last.as_ref().expect("runs 3").policy.text()).expect("a policy");
        assert!(!policy.roles.contains_key("sre"), "as in policy 1");
        assert!(delivery::draft(&h.control, &ada(&h).await).await.expect("a draft").differs);
        // Other keys alone need no rings.
        h.control.run(&ada(&h).await, RotateTokenKey { compromised: false }).await.expect("rotated");
        assert_eq!((canary.round(&h).await, rest.round(&h).await), (4, 4));
        assert_eq!(h.control.run(&ada(&h).await, RaiseFloor { min_version: 4 }).await.expect("raised"), None);
        assert_eq!(rest.round(&h).await, 4);
    }

    async fn of_two_replicas_one_takes_the_step(h: Harness) {
        let (mut canary, _) = world(&h).await;
        set_rule(&h, Rule { promotes: true, soak_s: 0, least_calls: 0, ..Rule::default() }).await.expect("set");
        next(&h).await;
        canary.round(&h).await;
        let other = h.another(2).await;
        let acme = h.acme();
        let (one, two) = tokio::join!(tend_rollout(&h.control, &acme), tend_rollout(&other, &acme));
        assert!(one.expect("upkeep") | two.expect("upkeep"));
        assert_eq!(happened(&h, "rollout.promote").await.len(), 1);
        assert_eq!(h.row::<store::Rollout>("2").await.expect("a rollout").reached, 2);
    }
}
