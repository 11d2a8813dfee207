//! Not sending an OPA again and again what it does not put in force.
//!
//! An OPA that refuses a bundle asks for it again with the tag of the one before, at pauses of seconds: a bad publish would be downloaded by
//! the whole fleet for as long as it is live. So what an OPA said to refuse, or asked for too often, is held back from it for a while, and
//! it is told that there is nothing newer than what it has. Another bundle is offered at once.
//!
//! Only policies are held back. Revocations are small, and whoever needs them needs them now.
//!
//! This is known to this process only: another replica learns it from the OPA's report, or by itself.

use ::opa::Lane;
use control::TenantId;
use control::delivery::opa::Offer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So often a bundle is sent to one OPA that does not say what becomes of it.
const TRIES: u32 = 5;
/// What is asked for within so long counts once: several OPAs that share a token against all advice come at the same moment.
const TOGETHER: Duration = Duration::from_secs(1);
/// Then, or once it said that it refuses it, it is tried again after so long: a full disk may have been the reason.
const PAUSE: Duration = Duration::from_secs(300);

/// What one OPA was sent last on one lane.
#[derive(Debug, Clone)]
struct Sent {
    offer: Offer,
    times: u32,
    /// When that was last counted.
    last: Instant,
}

type Key = (TenantId, String, Lane);

/// What all OPAs were sent last.
#[derive(Debug, Clone, Default)]
pub struct Breakers(Arc<Mutex<HashMap<Key, Sent>>>);

impl Breakers {
    fn sent(&self) -> MutexGuard<'_, HashMap<Key, Sent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the offer is held back from this OPA now; `refused` is the digest of what it said to refuse.
    pub fn holds_back(&self, tenant: &TenantId, client: &str, lane: Lane, offer: &Offer, refused: Option<&str>, now: Instant) -> bool {
        if lane == Lane::Revocations {
            return false;
        }
        let sent = self.sent();
        let Some(sent) = sent.get(&(tenant.clone(), client.to_owned(), lane)).filter(|sent| sent.offer.sha256 == offer.sha256) else {
            return false;
        };
        let fails = sent.times >= TRIES || refused == Some(&offer.sha256);
        fails && now.saturating_duration_since(sent.last) < PAUSE
    }

    /// The offer was sent. Who has nothing yet is never counted: it may be a process that was started again.
    pub fn send(&self, tenant: &TenantId, client: &str, lane: Lane, offer: &Offer, had_nothing: bool, now: Instant) {
        let mut all = self.sent();
        let new = || Sent { offer: offer.clone(), times: 0, last: now };
        let sent = all.entry((tenant.clone(), client.to_owned(), lane)).or_insert_with(new);
        if sent.offer.sha256 != offer.sha256 {
            *sent = new();
        }
        if !had_nothing && (sent.times == 0 || now.saturating_duration_since(sent.last) >= TOGETHER) {
            sent.times += 1;
            sent.last = now;
        }
    }

    /// The OPA has what it was offered: nothing is held against it.
    pub fn confirm(&self, tenant: &TenantId, client: &str, lane: Lane, offer: &Offer) {
        let mut all = self.sent();
        let key = (tenant.clone(), client.to_owned(), lane);
        if all.get(&key).is_some_and(|sent| sent.offer.sha256 == offer.sha256) {
            all.remove(&key);
        }
    }

    /// What this OPA was sent last and has not confirmed.
    pub fn last(&self, tenant: &TenantId, client: &str, lane: Lane) -> Option<Offer> {
        self.sent().get(&(tenant.clone(), client.to_owned(), lane)).map(|sent| sent.offer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(name: &str) -> Offer {
        Offer { id: "policy/1".to_owned(), revision: name.to_owned(), sha256: name.to_owned() }
    }

    struct One(Breakers, TenantId, Instant);

    impl One {
        fn new() -> Self {
            Self(Breakers::default(), TenantId::parse("acme").expect("a slug"), Instant::now())
        }

        fn holds_back(&self, name: &str, refused: Option<&str>, after_s: u64) -> bool {
            self.0.holds_back(&self.1, "opa_1", Lane::Policy, &offer(name), refused, self.2 + Duration::from_secs(after_s))
        }

        fn send(&self, name: &str, had_nothing: bool, after_s: u64) {
            self.0.send(&self.1, "opa_1", Lane::Policy, &offer(name), had_nothing, self.2 + Duration::from_secs(after_s));
        }
    }

    #[test]
    fn what_is_asked_for_too_often_is_held_back_for_a_while() {
        let one = One::new();
        for second in 1..=u64::from(TRIES) {
            assert!(!one.holds_back("a", None, second));
            one.send("a", false, second);
            one.send("a", false, second);
        }
        assert!(one.holds_back("a", None, 6) && one.holds_back("a", None, 304));
        assert!(!one.holds_back("b", None, 6), "another one is offered at once");
        assert!(!one.holds_back("a", None, 305), "and this one after a while");
        one.send("a", false, 305);
        assert!(one.holds_back("a", None, 306) && !one.holds_back("a", None, 605), "once more, no more");
    }

    #[test]
    fn revocations_are_never_held_back() {
        let one = One::new();
        for second in 0..100 {
            let now = one.2 + Duration::from_secs(second);
            one.0.send(&one.1, "opa_1", Lane::Revocations, &offer("a"), false, now);
            assert!(!one.0.holds_back(&one.1, "opa_1", Lane::Revocations, &offer("a"), Some("a"), now));
        }
    }

    #[test]
    fn what_was_refused_is_held_back_at_once() {
        let one = One::new();
        assert!(!one.holds_back("a", Some("a"), 0), "not by this process yet");
        one.send("a", false, 0);
        assert!(!one.holds_back("a", Some("b"), 1) && one.holds_back("a", Some("a"), 1));
        one.send("b", false, 2);
        assert!(!one.holds_back("b", Some("a"), 3));
    }

    #[test]
    fn who_has_it_or_has_nothing_is_never_held_up() {
        let one = One::new();
        for _ in 0..TRIES {
            one.send("a", true, 0);
        }
        assert!(!one.holds_back("a", None, 1));
        for second in 1..=u64::from(TRIES) {
            one.send("a", false, second);
        }
        assert!(one.holds_back("a", None, 6));
        one.0.confirm(&one.1, "opa_1", Lane::Policy, &offer("b"));
        assert!(one.holds_back("a", None, 6));
        assert_eq!(one.0.last(&one.1, "opa_1", Lane::Policy), Some(offer("a")));
        one.0.confirm(&one.1, "opa_1", Lane::Policy, &offer("a"));
        assert!(!one.holds_back("a", None, 6));
        // Nobody else is affected.
        one.send("a", false, 6);
        let other = TenantId::parse("beta").expect("a slug");
        assert!(one.0.last(&other, "opa_1", Lane::Policy).is_none() && one.0.last(&one.1, "opa_2", Lane::Policy).is_none());
        assert!(one.0.last(&one.1, "opa_1", Lane::Revocations).is_none());
    }
}
