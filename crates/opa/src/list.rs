//! The revocation list as data.

use crate::lane::Lane;
use crate::manifest::nanoseconds;
use crate::refused::Refused;
use crate::revision::Revision;
use crate::unsigned::Unsigned;
use bundle::sha256_hex;
use policy::{Kind, Revocations};
use serde_json::{Map, Value, json};

/// What the list's manifest says beside the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationTerms {
    /// The lowest version of the policy that may still run.
    pub floor: u64,
    /// When it is signed, Unix seconds.
    pub signed: i64,
    /// Until when it proves that nothing newer is known, Unix seconds. From then on the policy's ladder counts.
    pub fresh_until: i64,
    /// When it ends, Unix seconds: from this second on everything is denied, whatever the ladder says.
    pub expires: i64,
}

/// The list as an OPA's bundle.
///
/// # Errors
/// [`Refused::ControlCharacter`] for a tenant's name that cannot be carried.
pub fn revocations_bundle(list: &Revocations, terms: &RevocationTerms) -> Result<Unsigned, Refused> {
    let native = serde_json::to_vec(list).expect("a list of strings and numbers can be written");
    let metadata = json!({
        "tenant": list.tenant(), "seq": list.seq(), "native_sha256": sha256_hex(&native), "floor": terms.floor,
        "signed_ns": nanoseconds(terms.signed), "fresh_until_ns": nanoseconds(terms.fresh_until), "expires_ns": nanoseconds(terms.expires),
    });
    let revision = Revision::Revocations { seq: list.seq(), signed: terms.signed };
    let documents = [("writ/revocations", document(list))];
    Unsigned::new(Lane::Revocations, list.tenant(), revision, &metadata, documents, [], terms.signed)
}

fn document(list: &Revocations) -> Value {
    let mut marks: Map<String, Value> = Map::new();
    let mut subjects: Map<String, Value> = Map::new();
    let mut tenant_blocked = false;
    for entry in list.entries() {
        match entry.kind {
            Kind::Tenant => tenant_blocked = true,
            Kind::Subject => {
                // The last cut-off counts.
                let held = subjects.entry(entry.mark.to_string()).or_insert(json!(entry.seq));
                *held = json!(held.as_u64().unwrap_or_default().max(entry.seq));
            }
            kind => {
                let of_kind = marks.entry(kind.as_str()).or_insert_with(|| json!({}));
                of_kind[entry.mark.to_string()] = Value::Bool(true);
            }
        }
    }
    json!({ "tenant": list.tenant(), "seq": list.seq(), "tenant_blocked": tenant_blocked, "marks": marks, "subjects": subjects })
}
