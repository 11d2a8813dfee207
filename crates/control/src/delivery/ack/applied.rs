//! A gateway's row after an acknowledgement, and what of the difference people want to find in the audit log.

use super::cosigned::Cosigned;
use super::{Ack, Drifted};
use crate::event::Event;
use serde_json::json;
use std::collections::BTreeMap;
use store::Gateway;

/// A gateway that confirms what was never published here: it follows another control plane, or a backup was restored.
const AHEAD: &str = "ahead_of_control_plane";
/// The most drifted tools of one gateway that are kept.
const MOST_DRIFTED: usize = 50;
/// The most labels of one gateway that are kept.
const MOST_LABELS: usize = 32;

/// Text from a gateway: untrusted, printable, short.
fn printable(text: &str, longest: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(longest).collect()
}

/// What was published here, at most: whoever says more follows somebody else.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The newest policy version, live or not.
    pub newest: i64,
    /// The newest revocation.
    pub revocation_seq: i64,
}

fn bounded(number: Option<u64>) -> Option<i64> {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX))
}

impl Ack {
    /// The gateway's row after this acknowledgement: whatever it says, bounded and printable.
    pub fn applied(&self, row: &Gateway, known: Known, cosigned: &Cosigned, now_ms: i64) -> Gateway {
        let (policy_version, revocation_seq) = (bounded(self.policy_version), bounded(self.revocation_seq));
        let (error, error_text) = self.trouble(known, cosigned).unzip();
        let after = Gateway {
            seen_ms: Some(now_ms),
            policy_version,
            policy_sha256: self.policy_sha256.as_deref().map(|digest| printable(digest, 64)),
            revocation_seq,
            timestamp: bounded(Some(self.timestamp)),
            error,
            error_text,
            software: Some(printable(&self.version, 40)),
            drifted: self.drifted_json(),
            labels: self.labels_json(),
            refused: bounded(self.refused.filter(|_| self.error.is_some())),
            decided: self.decided_json(row),
            ..row.clone()
        };
        match cosigned {
            // An answer that was overtaken tells of a smaller log.
            Cosigned::Good { key, size, line, time_s } if row.witnessed_size.is_none_or(|held| held <= *size) => Gateway {
                witness_key: Some(key.clone()),
                witnessed_size: Some(*size),
                cosignature: Some(line.clone()),
                witnessed_s: Some(*time_s),
                ..after
            },
            _ => after,
        }
    }

    /// Code and words of what keeps the gateway back, if anything does.
    fn trouble(&self, known: Known, cosigned: &Cosigned) -> Option<(String, String)> {
        let ahead = bounded(self.policy_version).is_some_and(|version| version > known.newest)
            || bounded(self.revocation_seq).is_some_and(|seq| seq > known.revocation_seq);
        if ahead {
            return Some((AHEAD.to_owned(), "it runs what was never published here; was a backup restored?".to_owned()));
        }
        match (&self.error, cosigned) {
            // Before the first publish there is nothing to follow, and a gateway that says so is in order.
            (Some(_), _) if known.newest == 0 => None,
            (Some(error), _) => Some((printable(&error.code, 64), printable(&error.message, 500))),
            (None, Cosigned::Bad { code, text }) => Some(((*code).to_owned(), (*text).to_owned())),
            (None, _) => None,
        }
    }

    /// What is kept of the drifted tools; none if there are none.
    fn drifted_json(&self) -> Option<String> {
        let kept = self.drifted.iter().take(MOST_DRIFTED).map(|seen| Drifted {
            resource: printable(&seen.resource, 500),
            tool: printable(&seen.tool, 200),
            digest: printable(&seen.digest, 64),
        });
        let kept: Vec<_> = kept.collect();
        (!kept.is_empty()).then(|| json!(kept).to_string())
    }

    fn labels_json(&self) -> Option<String> {
        let kept = self.labels.iter().take(MOST_LABELS).map(|(name, value)| (printable(name, 63), printable(value, 63)));
        let kept: BTreeMap<_, _> = kept.collect();
        (!kept.is_empty()).then(|| json!(kept).to_string())
    }
}

/// The tools that a gateway last saw defined differently than was reviewed.
pub(crate) fn drifted(gateway: &Gateway) -> Vec<Drifted> {
    gateway.drifted.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The event of what changed, if it is one that people want to find.
pub(super) fn event(before: &Gateway, after: &Gateway) -> Option<Event> {
    let policy = (before.policy_version, &before.policy_sha256) != (after.policy_version, &after.policy_sha256);
    let error = before.error != after.error;
    let tools = before.drifted != after.drifted;
    let event = match &after.error {
        Some(_) if policy || error => Event::new("gateway.refused").denied(),
        None if policy || error => Event::new("gateway.activated"),
        _ if tools => Event::new("gateway.tools_seen"),
        _ if before.labels != after.labels => Event::new("gateway.labelled"),
        _ => return None,
    };
    let details = json!({
        "name": after.name, "policy_version": after.policy_version, "policy_sha256": after.policy_sha256,
        "revocation_seq": after.revocation_seq, "before": before.policy_version, "error": after.error, "message": after.error_text,
        "mended": before.error.as_ref().filter(|_| after.error.is_none()), "drifted": drifted(after), "labels": after.labels,
    });
    Some(event.by("gateway", &after.id).on(&after.id).details(details))
}
