//! An export is whole, or the verifier says where it is not.

use evidence::checkpoint::origin;
use evidence::export::line::FORMAT;
use evidence::export::{Cosigned, Event, ExportError, Exporter, Finding, Handed, Header, Kind, Quorum, Seen, Verified, verify};
use evidence::{Checkpoint, Cosigner, Handover, Levels, Salt, Signer, leaf_hash};
use proptest::prelude::*;

fn signer() -> Signer {
    Signer::from_seed(&origin("acme"), &[9; 32]).expect("seed")
}

fn body(n: u64) -> String {
    format!(r#"{{"type":"grant.revoked","n":{n},"who":"Zoë \"Z\" Ω"}}"#)
}

/// The lines of an export of these indexes out of a log of `size`.
fn export(signer: &Signer, size: u64, indexes: &[u64]) -> Vec<String> {
    export_after(signer, size, indexes, |_| Vec::new())
}

/// The same with the handovers that `handed` makes of the log.
fn export_after(signer: &Signer, size: u64, indexes: &[u64], handed: impl FnOnce(&Levels) -> Vec<Handed>) -> Vec<String> {
    export_of(signer, size, indexes, handed, |_| Vec::new())
}

/// The same with what was seen of the log, too.
fn export_of(
    signer: &Signer,
    size: u64,
    indexes: &[u64],
    handed: impl FnOnce(&Levels) -> Vec<Handed>,
    seen: impl FnOnce(&Levels) -> Vec<Seen>,
) -> Vec<String> {
    let salt = |n: u64| Salt([n as u8; 32]);
    let levels = Levels::new((0..size).map(|n| leaf_hash(&salt(n), body(n).as_bytes())).collect());
    let checkpoint = Checkpoint { origin: origin("acme"), size, root: levels.root(size).expect("in range") };
    let complete = indexes.len() as u64 == size;
    let header = Header {
        format: FORMAT.into(),
        tenant: "acme".into(),
        filter: if complete { "" } else { "grant=grt_1" }.into(),
        complete,
        exported_at_ms: 1_800_000_000_000,
        checkpoint: checkpoint.sign(signer),
        verifier: signer.verifier().to_string(),
        handovers: handed(&levels),
        seen: seen(&levels),
    };
    let (mut exporter, line) = Exporter::start(signer, header);
    let mut lines = vec![line];
    for &index in indexes {
        let proof = levels.inclusion(index, size).expect("in range");
        let event = Event { index, salt: salt(index), body: &body(index), proof: &proof };
        lines.push(exporter.event(event).expect("a good event"));
    }
    lines.push(exporter.finish());
    lines
}

fn check(lines: &[String]) -> Result<Verified, Finding> {
    verify(lines.concat().as_bytes(), Some(signer().verifier()))
}

fn found(lines: &[String]) -> (u64, Kind) {
    let finding = check(lines).expect_err("has to be found");
    (finding.line, finding.kind)
}

const PART: [u64; 5] = [1, 4, 5, 9, 12];

#[test]
fn whole_exports_verify() {
    let verified = check(&export(&signer(), 13, &PART)).expect("whole");
    assert_eq!((verified.count, verified.checkpoint.size), (5, 13));
    assert!(verified.to_string().starts_with("whole: 5 events of tenant acme, filter \"grant=grt_1\""), "{verified}");
    let all: Vec<u64> = (0..13).collect();
    assert!(check(&export(&signer(), 13, &all)).expect("whole").header.complete);
    assert_eq!(check(&export(&signer(), 0, &[])).expect("an empty log").count, 0);
    let unpinned = verify(export(&signer(), 13, &PART).concat().as_bytes(), None).expect("whole");
    assert!(!unpinned.key_was_pinned && unpinned.to_string().contains("compare this key"));
}

#[test]
fn four_ways_to_tamper_are_four_verdicts() {
    let whole = export(&signer(), 13, &PART);
    let mut edited = whole.clone();
    edited[2] = edited[2].replace("revoked", "granted");
    assert_eq!(found(&edited), (3, Kind::Edited));
    for gone in 1..=5 {
        let mut dropped = whole.clone();
        dropped.remove(gone);
        assert_eq!(found(&dropped), (gone as u64 + 1, Kind::Dropped), "line {}", gone + 1);
    }
    let mut two = whole.clone();
    two.drain(2..4);
    assert_eq!(found(&two), (3, Kind::Dropped));
    for (a, b) in [(1, 2), (2, 5), (3, 4), (1, 5)] {
        let mut moved = whole.clone();
        moved.swap(a, b);
        assert_eq!(found(&moved), (a as u64 + 1, Kind::Reordered), "{a} and {b}");
    }
    let mut twice = whole.clone();
    twice.insert(3, whole[2].clone());
    assert_eq!(found(&twice), (4, Kind::Reordered));
    for kept in 0..whole.len() {
        assert_eq!(found(&whole[..kept]), (kept as u64 + 1, Kind::Truncated), "{kept} lines");
    }
    let bytes = whole.concat();
    for end in 1..bytes.len() {
        let finding = verify(&bytes.as_bytes()[..end], None).expect_err("cut");
        assert_eq!(finding.kind, Kind::Truncated, "{end}: {finding}");
    }
}

#[test]
fn a_forger_who_renumbers_is_found_by_the_footer() {
    let whole = export(&signer(), 13, &PART);
    let mut renumbered = whole.clone();
    renumbered.remove(2);
    for (at, n) in [(2, 3), (3, 4), (4, 5)] {
        renumbered[at] = renumbered[at].replacen(&format!("{{\"n\":{n},"), &format!("{{\"n\":{},", n - 1), 1);
    }
    assert_eq!(found(&renumbered), (6, Kind::Dropped));
    let shorter = export(&signer(), 13, &PART[..4]);
    let mut borrowed = whole;
    borrowed[6] = shorter[5].clone();
    assert_eq!(found(&borrowed), (7, Kind::Edited));
}

#[test]
fn another_key_or_tenant_or_checkpoint() {
    let other = Signer::from_seed(&origin("acme"), &[8; 32]).expect("seed");
    let lines = export(&other, 13, &PART);
    assert_eq!(found(&lines), (1, Kind::Foreign));
    assert!(verify(lines.concat().as_bytes(), None).is_ok());
    let mut renamed = export(&signer(), 13, &PART);
    renamed[0] = renamed[0].replacen("\"tenant\":\"acme\"", "\"tenant\":\"acne\"", 1);
    assert_eq!(found(&renamed), (1, Kind::Foreign));
    let mut larger = export(&signer(), 13, &PART);
    larger[0] = larger[0].replacen("acme\\n13\\n", "acme\\n14\\n", 1);
    assert_eq!(found(&larger), (1, Kind::BadCheckpoint));
    let mut filter = export(&signer(), 13, &PART);
    filter[0] = filter[0].replacen("grt_1", "grt_2", 1);
    assert_eq!(found(&filter), (1, Kind::Edited));
    let mut more = export(&signer(), 13, &PART);
    more.push("\n".into());
    assert_eq!(found(&more), (8, Kind::Malformed));
}

#[test]
fn bad_events_are_not_exported() {
    let signer = signer();
    let header: serde_json::Value = serde_json::from_str(&export(&signer, 13, &PART)[0]).expect("JSON");
    let header: Header = serde_json::from_value(header["header"].clone()).expect("a header");
    let (mut exporter, _) = Exporter::start(&signer, header);
    let mut try_event = |index, body: &str| exporter.event(Event { index, salt: Salt([0; 32]), body, proof: &[] }).err();
    for bad in ["", "[]", "{", " {}", "{} ", "{\n}", "null"] {
        assert_eq!(try_event(3, bad), Some(ExportError::Body(3)), "{bad:?}");
    }
    assert_eq!(try_event(3, "{}"), None);
    assert_eq!(try_event(3, "{}"), Some(ExportError::Order(3)));
}

#[test]
fn every_bit_of_a_small_export_is_found_where_it_is() {
    let bytes = export(&signer(), 5, &[0, 3]).concat().into_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            located(&bytes, at, bytes[at] ^ (1 << bit));
        }
    }
}

fn located(bytes: &[u8], at: usize, to: u8) {
    let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let mut altered = bytes.to_vec();
    altered[at] = to;
    for pinned in [Some(signer()), None] {
        let finding = verify(altered.as_slice(), pinned.as_ref().map(Signer::verifier)).expect_err("altered");
        assert_eq!(finding.line, line, "byte {at} to {to:#x}: {finding}");
    }
}

proptest! {
    #[test]
    fn any_byte_changed_is_found_where_it_is(
        size in 1_u64..60,
        mask in any::<u64>(),
        at in any::<prop::sample::Index>(),
        change in 1_u8..,
    ) {
        let indexes: Vec<u64> = (0..size).filter(|n| mask >> n & 1 == 1).collect();
        let bytes = export(&signer(), size, &indexes).concat().into_bytes();
        let at = at.index(bytes.len());
        located(&bytes, at, bytes[at] ^ change);
    }
}

#[test]
fn an_altered_ordinal_is_an_edit_of_its_line() {
    for at in 1..=5 {
        let mut lines = export(&signer(), 13, &PART);
        lines[at] = lines[at].replacen(&format!("{{\"n\":{at},"), "{\"n\":7,", 1);
        assert_eq!(found(&lines), (at as u64 + 1, Kind::Edited));
    }
}

/// The log at `size` is handed from the key of seed `from` to that of seed `to`; the export is of the log at `until`.
fn handed(levels: &Levels, from: u8, to: u8, size: u64, until: u64) -> Handed {
    let (from, to) = (signer_of(from), signer_of(to));
    let checkpoint = Checkpoint { origin: origin("acme"), size, root: levels.root(size).expect("in range") };
    Handed {
        from: from.verifier().to_string(),
        note: Handover::sign(&checkpoint, &from, &to).expect("one log"),
        proof: levels.consistency(size, until).expect("in range"),
    }
}

fn signer_of(seed: u8) -> Signer {
    Signer::from_seed(&origin("acme"), &[seed; 32]).expect("seed")
}

#[test]
fn whoever_trusts_an_earlier_key_can_verify() {
    let chain = |levels: &Levels| vec![handed(levels, 1, 2, 0, 13), handed(levels, 2, 3, 6, 13), handed(levels, 3, 9, 11, 13)];
    let bytes = export_after(&signer_of(9), 13, &PART, chain).concat();
    for (pinned, steps) in [(9, 0), (3, 1), (2, 2), (1, 3)] {
        let verified = verify(bytes.as_bytes(), Some(signer_of(pinned).verifier())).expect("whole");
        assert_eq!((verified.handovers, verified.key_was_pinned), (steps, true), "pinned {pinned}");
    }
    assert!(verify(bytes.as_bytes(), None).expect("whole").to_string().contains("compare this key"));
    let foreign = verify(bytes.as_bytes(), Some(signer_of(4).verifier())).expect_err("another key");
    assert_eq!((foreign.line, foreign.kind), (1, Kind::Foreign));
}

#[test]
fn a_chain_that_does_not_hold_is_found() {
    let kind = |chain: fn(&Levels) -> Vec<Handed>| {
        let bytes = export_after(&signer_of(9), 13, &PART, chain).concat();
        let finding = verify(bytes.as_bytes(), Some(signer_of(9).verifier())).expect_err("has to be found");
        assert_eq!(finding.line, 1);
        finding.kind
    };
    // It ends at another key, or has a gap.
    assert_eq!(kind(|levels| vec![handed(levels, 1, 2, 6, 13)]), Kind::Foreign);
    assert_eq!(kind(|levels| vec![handed(levels, 1, 2, 6, 13), handed(levels, 3, 9, 7, 13)]), Kind::Foreign);
    // The log goes back, or is another than the one that was handed over.
    assert_eq!(kind(|levels| vec![handed(levels, 1, 2, 7, 13), handed(levels, 2, 9, 6, 13)]), Kind::BadCheckpoint);
    let other = |_: &Levels| {
        let other = Levels::new((0..13).map(|n| leaf_hash(&Salt([200; 32]), body(n).as_bytes())).collect());
        vec![handed(&other, 1, 9, 6, 13)]
    };
    assert_eq!(kind(other), Kind::BadCheckpoint);
    // The old key never named the new one.
    let stranger = |levels: &Levels| {
        let mut handed = handed(levels, 1, 2, 6, 13);
        handed.note = handed.note.replace(&signer_of(2).verifier().to_string(), &signer_of(9).verifier().to_string());
        vec![handed]
    };
    assert_eq!(kind(stranger), Kind::BadCheckpoint);
}

#[test]
fn every_bit_of_a_handover_is_covered() {
    let lines = export_after(&signer_of(9), 5, &[0], |levels| vec![handed(levels, 1, 9, 3, 5)]);
    let header = lines[0].len();
    let bytes = lines.concat().into_bytes();
    for at in 0..header {
        located(&bytes, at, bytes[at] ^ 1);
    }
}

fn witness(seed: u8) -> Cosigner {
    Cosigner::from_seed(&format!("writ/acme/gw_{seed}"), &[seed; 32]).expect("seed")
}

/// The log at `size`, cosigned by these; the export is of the log at `until`.
fn seen(levels: &Levels, size: u64, until: u64, by: &[u8]) -> Seen {
    let root = levels.root(size).expect("in range");
    let text = Checkpoint { origin: origin("acme"), size, root }.text();
    let by = by
        .iter()
        .map(|seed| witness(*seed))
        .map(|witness| Cosigned { key: witness.key().to_string(), line: witness.cosign(&text, 1_800_000_000).trim_end().to_owned() });
    Seen { size, root, proof: levels.consistency(size, until).expect("in range"), by: by.collect() }
}

fn witnessed(seen: impl FnOnce(&Levels) -> Vec<Seen>) -> Vec<String> {
    export_of(&signer(), 13, &PART, |_| Vec::new(), seen)
}

#[test]
fn what_witnesses_saw_is_told_and_a_quorum_of_them_is_enough() {
    let verified = check(&witnessed(|levels| vec![seen(levels, 12, 13, &[1, 2]), seen(levels, 9, 13, &[2, 3])])).expect("whole");
    assert!(verified.to_string().ends_with("; cosigned by 3 gateways, up to events 9 to 12"), "{verified}");
    let judge = |keys: &[u8], enough| {
        let quorum = Quorum { keys: keys.iter().map(|seed| witness(*seed).key().clone()).collect(), enough };
        quorum.judge(&verified.witnesses).map_err(|finding| finding.kind)
    };
    assert_eq!((judge(&[1, 2, 3], 1), judge(&[1, 2, 3], 2), judge(&[1, 2, 3], 3)), (Ok(12), Ok(12), Ok(9)));
    assert_eq!((judge(&[3], 1), judge(&[3, 4], 1)), (Ok(9), Ok(9)));
    assert_eq!((judge(&[3, 4], 2), judge(&[4], 1)), (Err(Kind::NotWitnessed), Err(Kind::NotWitnessed)));
    // The same witness does not count twice.
    assert_eq!(judge(&[1, 1], 2), Err(Kind::NotWitnessed));
    let nobody = check(&export(&signer(), 13, &PART)).expect("whole");
    assert!(nobody.to_string().ends_with("; no gateway cosigned it"), "{nobody}");
}

#[test]
fn a_server_that_shows_witnesses_another_log_is_found() {
    let kind = |seen: fn(&Levels) -> Vec<Seen>| {
        let finding = check(&witnessed(seen)).expect_err("has to be found");
        assert_eq!(finding.line, 1);
        finding.kind
    };
    // What they cosigned was another log of the same size.
    let forked = |levels: &Levels| {
        let other = Levels::new((0..13).map(|n| leaf_hash(&Salt([200; 32]), body(n).as_bytes())).collect());
        vec![Seen { proof: levels.consistency(9, 13).expect("in range"), ..seen(&other, 9, 13, &[1]) }]
    };
    assert_eq!(kind(forked), Kind::BadCheckpoint);
    // They never cosigned that one.
    let invented = |levels: &Levels| vec![Seen { by: seen(levels, 8, 13, &[1]).by, ..seen(levels, 9, 13, &[]) }];
    assert_eq!(kind(invented), Kind::BadCheckpoint);
    assert_eq!(kind(|levels| (1..=12).cycle().take(17).map(|size| seen(levels, size, 13, &[1])).collect()), Kind::Malformed);
}

#[test]
fn every_bit_of_a_cosignature_is_covered() {
    let lines = export_of(&signer(), 5, &[0], |_| Vec::new(), |levels| vec![seen(levels, 3, 5, &[1])]);
    let header = lines[0].len();
    let bytes = lines.concat().into_bytes();
    for at in 0..header {
        located(&bytes, at, bytes[at] ^ 1);
    }
}
