//! An audit log, its checkpoints and its exports.

use evidence::checkpoint::origin;
use evidence::export::line::FORMAT;
use evidence::export::{Cosigned, Event, Exporter, Handed, Header, Seen};
use evidence::{Checkpoint, Cosigner, Handover, Levels, Salt, Signer, leaf_hash};

use super::TENANT;

/// Events in the log.
pub const SIZE: u64 = 13;

/// The log's key.
///
/// # Panics
/// Never: the name is one.
#[must_use]
pub fn signer() -> Signer {
    Signer::from_seed(&origin(TENANT), &[9; 32]).expect("a key")
}

/// A gateway's key.
///
/// # Panics
/// Never: the name is one.
#[must_use]
pub fn cosigner() -> Cosigner {
    Cosigner::from_seed("writ/acme/gw_1", &[8; 32]).expect("a key")
}

fn body(n: u64) -> String {
    format!(r#"{{"action":"grant.revoked","n":{n},"who":"Zoë \"Z\" Ω"}}"#)
}

fn salt(n: u64) -> Salt {
    Salt([n.to_be_bytes()[7]; 32])
}

/// The log's hashes.
#[must_use]
pub fn levels() -> Levels {
    Levels::new((0..SIZE).map(|n| leaf_hash(&salt(n), body(n).as_bytes())).collect())
}

/// The checkpoint of that size.
///
/// # Panics
/// Beyond [`SIZE`].
#[must_use]
pub fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint { origin: origin(TENANT), size, root: levels().root(size).expect("in range") }
}

/// How an earlier key of the log handed over to the present one.
fn handed_over(levels: &Levels) -> Option<Handed> {
    let old = Signer::from_seed(&origin(TENANT), &[6; 32]).ok()?;
    let note = Handover::sign(&checkpoint(4), &old, &signer()).ok()?;
    Some(Handed { from: old.verifier().to_string(), note, proof: levels.consistency(4, SIZE)? })
}

/// What a gateway witnessed.
fn cosigned(levels: &Levels) -> Option<Seen> {
    let (at, cosigner) = (checkpoint(7), cosigner());
    let line = cosigner.cosign(&at.text(), super::NOW.cast_unsigned()).trim_end().to_owned();
    let by = vec![Cosigned { key: cosigner.key().to_string(), line }];
    Some(Seen { size: at.size, root: at.root, proof: levels.consistency(at.size, SIZE)?, by })
}

/// An export of these events; `handed`: of a log that another key signed before, and that a gateway witnessed.
///
/// # Panics
/// When they do not ascend or lie beyond [`SIZE`].
#[must_use]
pub fn export(indexes: &[u64], handed: bool) -> Vec<u8> {
    let (signer, levels) = (signer(), levels());
    let complete = indexes.len() as u64 == SIZE;
    let header = Header {
        format: FORMAT.into(),
        tenant: TENANT.into(),
        filter: if complete { "" } else { "grant=grt_1" }.into(),
        complete,
        exported_at_ms: super::NOW * 1000,
        checkpoint: checkpoint(SIZE).sign(&signer),
        verifier: signer.verifier().to_string(),
        handovers: handed_over(&levels).into_iter().filter(|_| handed).collect(),
        seen: cosigned(&levels).into_iter().filter(|_| handed).collect(),
    };
    let (mut exporter, mut text) = Exporter::start(&signer, header);
    for &index in indexes {
        let proof = levels.inclusion(index, SIZE).expect("in range");
        let event = Event { index, salt: salt(index), body: &body(index), proof: &proof };
        text.push_str(&exporter.event(event).expect("a good event"));
    }
    text.push_str(&exporter.finish());
    text.into_bytes()
}

/// All of the log, and parts of it.
#[must_use]
pub fn exports() -> Vec<Vec<u8>> {
    let all: Vec<u64> = (0..SIZE).collect();
    vec![export(&all, false), export(&[1, 4, 5, 9, 12], true), export(&[], false)]
}
