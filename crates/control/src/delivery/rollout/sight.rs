//! The fleet as the rule sees it.

use super::super::ack::Decided;
use bundle::rollout::{Sighting, Tally};
use std::collections::BTreeMap;
use store::{BundleHead, Gateway};

/// What a gateway decided, by policy version.
pub(crate) fn tallies(gateway: &Gateway) -> BTreeMap<u64, Tally> {
    Decided::of(gateway).into_iter().map(|decided| (decided.version, decided.tally())).collect()
}

/// A gateway's labels.
pub(crate) fn labels(gateway: &Gateway) -> BTreeMap<String, String> {
    gateway.labels.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What is known of each gateway. It runs a version only if it is the very one that was published.
pub(super) fn fleet(gateways: &[Gateway], published: &[BundleHead]) -> Vec<Sighting> {
    let unsigned = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let same = |gateway: &Gateway| {
        let head = published.iter().find(|head| Some(head.version) == gateway.policy_version)?;
        (gateway.policy_sha256.as_ref() == Some(&head.sha256)).then_some(head.version)
    };
    let sighting = |gateway: &Gateway| Sighting {
        id: gateway.id.clone(),
        name: gateway.name.clone(),
        labels: labels(gateway),
        running: unsigned(same(gateway)),
        seen_ms: gateway.seen_ms,
        error: gateway.error.clone(),
        refused: unsigned(gateway.refused),
        tallies: tallies(gateway),
    };
    gateways.iter().map(sighting).collect()
}
