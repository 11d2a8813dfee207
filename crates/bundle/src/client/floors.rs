//! What the newest files may not be older than.

use serde::{Deserialize, Serialize};

use super::{Pin, Refused};
use crate::schema::RoleKeys;

/// The lowest acceptable version of each role: the one that was accepted before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Floors {
    /// Version of the root, which has no way down.
    pub root: u64,
    pub timestamp: Floor,
    pub snapshot: Floor,
    pub targets: Floor,
    pub assignment: Floor,
    pub revocations: Floor,
    /// The sequence of the revocation list, under the keys of its role.
    pub seq: u64,
}

/// A version, and whose keys vouched for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Floor {
    version: u64,
    keys: RoleKeys,
}

impl Floor {
    pub fn new(version: u64, keys: &RoleKeys) -> Self {
        Self { version, keys: keys.clone() }
    }

    /// The lowest version that is acceptable where `keys` judge: the accepted one, unless a key of the role was taken away since.
    ///
    /// That is how a role recovers from a thief who signed version 2^63 (fast-forward attack).
    pub fn under(&self, keys: &RoleKeys) -> Option<u64> {
        (!self.keys.lost_a_key_in(keys)).then_some(self.version)
    }
}

impl Floors {
    /// The lowest acceptable sequence of the revocation list where `keys` judge the role.
    pub fn seq_under(&self, keys: &RoleKeys) -> Option<u64> {
        self.revocations.under(keys).map(|_| self.seq)
    }

    /// Whether `newer`, which was accepted at some time, goes back behind these.
    pub fn hold(&self, newer: &Self) -> Result<(), Refused> {
        let roles = [
            ("timestamp", &self.timestamp, &newer.timestamp),
            ("snapshot", &self.snapshot, &newer.snapshot),
            ("targets", &self.targets, &newer.targets),
            ("assignment", &self.assignment, &newer.assignment),
            ("revocations", &self.revocations, &newer.revocations),
        ];
        not_below("the kept root", Some(self.root), newer.root)?;
        for (role, floor, newer) in roles {
            not_below(&format!("the kept {role}"), floor.under(&newer.keys), newer.version)?;
        }
        not_below("the kept revocation list", self.seq_under(&newer.revocations.keys), newer.seq)
    }
}

pub(super) fn not_below(file: &str, floor: Option<u64>, offered: u64) -> Result<(), Refused> {
    match floor {
        Some(held) if offered < held => Err(Refused::Rollback { file: file.to_owned(), held, offered }),
        _ => Ok(()),
    }
}

const FORMAT: &str = "writ-floors/1";

#[derive(Serialize, Deserialize)]
struct Document {
    format: String,
    pin: Pin,
    floors: Floors,
}

/// What is kept of `floors` apart from the files, so that losing these does not lose them.
pub(super) fn write(pin: &Pin, floors: &Floors) -> Vec<u8> {
    let document = Document { format: FORMAT.to_owned(), pin: pin.clone(), floors: floors.clone() };
    serde_json::to_vec(&document).expect("numbers and strings always serialise")
}

/// Reads what [`write`] wrote for the same enrolment.
pub(super) fn read(pin: &Pin, document: &[u8]) -> Result<Floors, Refused> {
    let read: Document = serde_json::from_slice(document).map_err(|error| Refused::malformed("the kept floors", error))?;
    if read.format != FORMAT {
        return Err(Refused::malformed("the kept floors", format!("format {:?}, not {FORMAT:?}", read.format)));
    }
    pin.same_enrolment(&read.pin)?;
    Ok(read.floors)
}
