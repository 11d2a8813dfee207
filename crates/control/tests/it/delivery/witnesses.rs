//! Gateways as witnesses of the audit log: what they are shown, and what of their word is taken.

use super::*;
use control::delivery::{RemoveGateway, Witnessed};
use control::evidence::{AuditFilter, Shown, export, log_key, place_all, verify_export};
use evidence::export::Quorum;
use evidence::witness::{Head, consider};
use evidence::{Checkpoint, Cosigner, Hash, Verifier};

fn text(head: &Head) -> String {
    Checkpoint { origin: head.origin.clone(), size: head.size, root: head.root }.text()
}

/// A gateway that witnesses as the real one does.
struct Witness<'a> {
    gw: &'a Gw,
    cosigner: Cosigner,
    log: Verifier,
    held: Option<Head>,
}

impl<'a> Witness<'a> {
    async fn new(h: &Harness, gw: &'a Gw) -> Self {
        let log = log_key(&h.control, &ada(h).await).await.expect("a key");
        let cosigner = Cosigner::generate(&format!("writ/acme/{}", gw.id)).expect("randomness");
        Self { gw, cosigner, log: Verifier::parse(&log).expect("in note form"), held: None }
    }

    /// Reports what it holds, with `line` as its signature.
    async fn report(&self, h: &Harness, line: Option<String>) -> Result<Option<Shown>> {
        let size = self.held.as_ref().map_or(0, |held| held.size);
        let witnessed = Witnessed { key: self.cosigner.key().to_string(), size, cosignature: line };
        let ack = Ack { witnessed: Some(witnessed), timestamp: 1, ..Ack::default() };
        delivery::acknowledge(&h.control, &self.gw.cx(h).await, ack).await
    }

    fn line(&self, h: &Harness) -> Option<String> {
        let text = text(self.held.as_ref()?);
        Some(self.cosigner.cosign(&text, u64::try_from(h.now_s()).expect("after 1970")))
    }

    /// One round: takes what it is shown, and cosigns it.
    async fn round(&mut self, h: &Harness) -> u64 {
        let shown = self.report(h, self.line(h)).await.expect("taken").expect("a checkpoint");
        let head = consider(self.held.as_ref(), &shown.checkpoint, &self.log, &shown.proof).expect("an extension");
        let size = head.size;
        self.held = Some(head);
        let again = self.report(h, self.line(h)).await.expect("taken").expect("a checkpoint");
        assert_eq!(again.proof.as_slice(), [], "the round lasts: there is nothing more to prove");
        size
    }

    async fn row(&self, h: &Harness) -> store::Gateway {
        h.row::<store::Gateway>(&self.gw.id).await.expect("a gateway")
    }
}

async fn one_more(h: &Harness) {
    h.control.run(&ada(h).await, SetRole("sre", &["logs.read"])).await.expect("edits");
    place_all(&h.control, &h.acme()).await.expect("placed");
}

on_each_database! {
    async fn a_gateway_cosigns_what_extends_what_it_saw(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        place_all(&h.control, &h.acme()).await.expect("placed");
        let mut witness = Witness::new(&h, &gw).await;
        let first = witness.round(&h).await;
        let row = witness.row(&h).await;
        assert_eq!(row.witness_key.as_deref(), Some(witness.cosigner.key().to_string().as_str()));
        assert_eq!((row.witnessed_size, row.witnessed_s, row.error), (Some(i64::try_from(first).expect("few")), Some(h.now_s()), None));
        // What is added within a round is shown in the next one, with a proof that nothing before it changed.
        one_more(&h).await;
        assert_eq!(witness.round(&h).await, first);
        h.advance_s(9);
        let second = witness.round(&h).await;
        assert!(second > first);
        let row = witness.row(&h).await;
        let text = text(witness.held.as_ref().expect("held"));
        assert_eq!(witness.cosigner.key().verify(&text, &row.cosignature.expect("kept")), Ok(u64::try_from(h.now_s()).expect("after 1970")));
        assert_eq!(row.witnessed_size, Some(i64::try_from(second).expect("few")));
    }

    async fn an_export_carries_what_the_fleet_saw(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let (one, two) = (enrol(&h, "gw-1").await, enrol(&h, "gw-2").await);
        place_all(&h.control, &h.acme()).await.expect("placed");
        let (mut one, mut two) = (Witness::new(&h, &one).await, Witness::new(&h, &two).await);
        let first = one.round(&h).await;
        one_more(&h).await;
        h.advance_s(9);
        let second = two.round(&h).await;
        assert!(second > first);
        let mut bytes = Vec::new();
        let auditor = h.person("usr_olga", &[AdminRole::Auditor]).await;
        export(&h.control, &auditor, &AuditFilter::default(), &mut bytes).await.expect("exported");
        let verified = verify_export(bytes.as_slice(), Some(&one.log)).expect("whole");
        let quorum = |enough| Quorum { keys: vec![one.cosigner.key().clone(), two.cosigner.key().clone()], enough };
        assert_eq!(quorum(1).judge(&verified.witnesses), Ok(second));
        assert_eq!(quorum(2).judge(&verified.witnesses), Ok(first));
        // One that is no longer of the fleet says nothing more.
        h.control.run(&ada(&h).await, RemoveGateway { id: two.gw.id.clone() }).await.expect("removed");
        let mut bytes = Vec::new();
        export(&h.control, &auditor, &AuditFilter::default(), &mut bytes).await.expect("exported");
        let verified = verify_export(bytes.as_slice(), Some(&one.log)).expect("whole");
        assert_eq!(quorum(1).judge(&verified.witnesses), Ok(first));
    }

    async fn what_a_sound_gateway_does_not_sign_is_told_and_not_kept(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let (gw, other) = (enrol(&h, "gw-1").await, enrol(&h, "gw-2").await);
        place_all(&h.control, &h.acme()).await.expect("placed");
        let mut witness = Witness::new(&h, &gw).await;
        witness.round(&h).await;
        let good = witness.row(&h).await;
        let kept = |row: &store::Gateway| (row.witness_key.clone(), row.witnessed_size, row.cosignature.clone());
        h.advance_s(1);
        // Of another tree of the same size.
        let held = witness.held.clone().expect("held");
        let forged = Head { root: Hash([7; 32]), ..held.clone() };
        let line = witness.cosigner.cosign(&text(&forged), u64::try_from(h.now_s()).expect("after 1970"));
        witness.report(&h, Some(line)).await.expect("taken");
        let row = witness.row(&h).await;
        assert_eq!((row.error.as_deref(), kept(&row)), (Some("bad_cosignature"), kept(&good)));
        // With another key.
        let stranger = Witness { cosigner: Cosigner::generate(&format!("writ/acme/{}", gw.id)).expect("randomness"), held: Some(held.clone()), gw: &gw, log: witness.log.clone() };
        stranger.report(&h, stranger.line(&h)).await.expect("taken");
        let row = witness.row(&h).await;
        assert_eq!((row.error.as_deref(), kept(&row)), (Some("witness_key_changed"), kept(&good)));
        // In another gateway's name.
        let posing = Witness { cosigner: Cosigner::generate(&format!("writ/acme/{}", gw.id)).expect("randomness"), held: Some(held), gw: &other, log: witness.log.clone() };
        posing.report(&h, posing.line(&h)).await.expect("taken");
        let row = posing.row(&h).await;
        assert_eq!((row.error.as_deref(), row.witness_key, row.cosignature), (Some("bad_cosignature"), None, None));
        // It mends itself, and the log says both.
        witness.report(&h, witness.line(&h)).await.expect("taken");
        assert_eq!(witness.row(&h).await.error, None);
        let refused = h.actions().await.into_iter().filter(|action| action == "gateway.refused").count();
        assert_eq!(refused, 3);
        h.control.run(&ada(&h).await, RemoveGateway { id: gw.id.clone() }).await.expect("removed");
        let cx = Ctx { actor: control::Actor::Gateway(gw.id.clone()), ..other.cx(&h).await };
        assert_eq!(code(delivery::acknowledge(&h.control, &cx, Ack::default()).await), "not_found");
    }

    async fn a_log_that_lost_entries_is_shown_as_it_is(h: Harness) {
        configure(&h).await;
        publish(&h).await.expect("publishes");
        let gw = enrol(&h, "gw-1").await;
        place_all(&h.control, &h.acme()).await.expect("placed");
        let mut witness = Witness::new(&h, &gw).await;
        witness.round(&h).await;
        // As if it had seen the log before a backup was restored.
        let held = witness.held.clone().expect("held");
        witness.held = Some(Head { size: held.size + 5, ..held.clone() });
        h.advance_s(9);
        let shown = witness.report(&h, witness.line(&h)).await.expect("taken").expect("a checkpoint");
        let refused = consider(witness.held.as_ref(), &shown.checkpoint, &witness.log, &shown.proof).expect_err("refused");
        assert_eq!(refused.code(), "audit_log_shrunk");
        assert_eq!(witness.row(&h).await.witnessed_size, Some(i64::try_from(held.size).expect("few")), "what is unknown here is not kept");
    }
}
