//! `evidence`: notes, checkpoints, cosignatures, keys, exports.

use evidence::export::verify;
use evidence::note::NoteError;
use evidence::witness::{Head, consider};
use evidence::{Checkpoint, CosignerKey, Handover, Hash, Salt, Verifier};
use fuzz::samples::NOW;
use fuzz::samples::log::{SIZE, checkpoint, cosigner, exports, levels, signer};
use fuzz::{Choices, edited, edited_text, target};
use serde_json::json;

#[test]
fn notes_and_checkpoints() {
    let (signer, checkpoints) = (signer(), [checkpoint(7), checkpoint(SIZE)]);
    let stranger = evidence::Signer::from_seed("example.com/other", &[3; 32]).expect("a key");
    let notes: Vec<String> = checkpoints
        .iter()
        .flat_map(|checkpoint| {
            let note = checkpoint.sign(&signer);
            let line = stranger.sign_note(&checkpoint.text()).split_once("\n\n").expect("a note").1.to_owned();
            [note.clone(), format!("{note}{line}")]
        })
        .collect();
    target!(3_000, |mut choices: Choices<'_>| {
        let note = edited_text(&mut choices, &notes);
        if let Ok(text) = signer.verifier().open_note(&note) {
            assert!(checkpoints.iter().any(|checkpoint| checkpoint.text() == text), "an edited note says {text:?}");
        }
        if let Ok(opened) = Checkpoint::open(&note, signer.verifier()) {
            assert!(checkpoints.contains(&opened));
        }
    });
}

/// Texts that a log would never write, signed by its key all the same.
#[test]
fn checkpoints_of_a_hostile_log() {
    let signer = signer();
    let samples = [checkpoint(7).text(), format!("{}extension\n", checkpoint(SIZE).text())];
    target!(2_000, |mut choices: Choices<'_>| {
        let text = edited_text(&mut choices, &samples);
        if let Ok(opened) = Checkpoint::open(&signer.sign_note(&text), signer.verifier()) {
            assert_eq!(opened.origin, signer.verifier().name());
            assert!(text.starts_with(&opened.text()) || format!("{text}\n").starts_with(&opened.text()), "{text:?} was read as {opened:?}");
        }
    });
}

#[test]
fn handovers() {
    let (old, new) = (signer(), evidence::Signer::from_seed(&checkpoint(7).origin, &[10; 32]).expect("a key"));
    let samples = [
        Handover::sign(&checkpoint(7), &old, &new).expect("one log"),
        checkpoint(7).sign(&old),
        new.cosign_note(&checkpoint(7).sign(&old)).expect("a note"),
    ];
    let honest = Handover::open(&samples[0], old.verifier()).expect("an honest one");
    target!(2_000, |mut choices: Choices<'_>| {
        let note = if choices.below(2) == 0 {
            edited_text(&mut choices, &samples)
        } else {
            // Signed by both, whatever it says.
            let text = samples[0].split_once("\n\n").map_or("", |(text, _)| text).to_owned() + "\n";
            new.cosign_note(&old.sign_note(&edited_text(&mut choices, &[text]))).unwrap_or_default()
        };
        if let Ok(handover) = Handover::open(&note, old.verifier()) {
            assert_eq!((handover.next, handover.checkpoint.origin.as_str()), (honest.next.clone(), old.verifier().name()));
        }
    });
}

#[test]
fn keys() {
    let samples = [signer().verifier().to_string(), cosigner().key().to_string()];
    let digests = [checkpoint(7).root.to_string()];
    target!(3_000, |mut choices: Choices<'_>| {
        let text = edited_text(&mut choices, &samples);
        // One spelling only.
        assert!(
            Verifier::parse(&text).is_ok_and(|key| key.to_string() == text)
                || Verifier::parse(&text) == Err(NoteError::VerifierKey)
                || Verifier::parse(&text) == Err(NoteError::Name)
        );
        assert!(CosignerKey::parse(&text).is_err() || CosignerKey::parse(&text).is_ok_and(|key| key.to_string() == text));
        let digest = edited_text(&mut choices, &digests);
        assert!(Hash::from_hex(&digest).is_none_or(|hash| hash.to_string() == digest));
        assert!(Salt::from_hex(&digest).is_none_or(|salt| salt.to_string() == digest));
    });
}

#[test]
fn cosignatures() {
    let (cosigner, text, time) = (cosigner(), checkpoint(7).text(), NOW.cast_unsigned());
    let lines = [cosigner.cosign(&text, time), cosigner.cosign(&text, u64::MAX), cosigner.cosign(&checkpoint(SIZE).text(), time)];
    target!(3_000, |mut choices: Choices<'_>| {
        let line = edited_text(&mut choices, &lines);
        if let Ok(said) = cosigner.key().verify(&text, &line) {
            assert_eq!(said, time, "{line:?}");
        }
    });
}

/// An export verifies if it is, byte by byte, one that was written; anything else is found.
#[test]
fn exported_logs() {
    let (samples, verifier) = (exports(), signer().verifier().clone());
    assert!(samples.iter().all(|sample| verify(sample.as_slice(), Some(&verifier)).is_ok()));
    target!(1_200, |mut choices: Choices<'_>| {
        let document = edited(&mut choices, &samples);
        let pinned = (choices.below(2) == 0).then_some(&verifier);
        match verify(document.as_slice(), pinned) {
            Ok(verified) => assert!(samples.contains(&document), "an edited export passes: {verified}"),
            Err(finding) => {
                let lines = document.split(|byte| *byte == b'\n').count() as u64;
                assert!(finding.line >= 1 && finding.line <= lines + 1 && !finding.kind.code().is_empty(), "{finding}");
            }
        }
    });
}

/// Lines of which each is good, in an order that nobody exported.
#[test]
fn exports_put_together_anew() {
    let (all, verifier) = (exports(), signer().verifier().clone());
    let lines: Vec<Vec<Vec<u8>>> =
        all.iter().map(|export| export.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()).collect();
    target!(1_200, |mut choices: Choices<'_>| {
        let of = choices.pick(&lines);
        let mut document = of.clone();
        for _ in 0..=choices.below(3) {
            let (from, at) = (choices.pick(&lines), choices.below(document.len()));
            match choices.below(3) {
                0 => document.insert(at, choices.pick(from).clone()),
                1 if !document.is_empty() => drop(document.remove(at)),
                _ if !document.is_empty() => document[at] = choices.pick(from).clone(),
                _ => {}
            }
        }
        let document = document.concat();
        assert_eq!(verify(document.as_slice(), Some(&verifier)).is_ok(), all.contains(&document));
    });
}

#[test]
fn what_a_witness_is_shown() {
    let (signer, levels) = (signer(), levels());
    let head = |size| Head { origin: checkpoint(size).origin, size, root: checkpoint(size).root };
    let proofs: Vec<String> = [1, 7, 12, SIZE]
        .iter()
        .map(|size| {
            json!({"checkpoint": checkpoint(*size).sign(&signer), "proof": levels.consistency(7, (*size).max(7)).expect("in range")})
                .to_string()
        })
        .collect();
    let held = head(7);
    target!(2_000, |mut choices: Choices<'_>| {
        let Ok(shown) = serde_json::from_str::<gateway::following::Shown>(&edited_text(&mut choices, &proofs)) else { return };
        match consider(Some(&held), &shown.checkpoint, signer.verifier(), &shown.proof) {
            Ok(next) => assert!(next.size >= 7 && next == head(next.size)),
            Err(refused) => assert!(!refused.code().is_empty()),
        }
        let kept = edited_text(&mut choices, &[json!(held).to_string()]);
        if let Ok(read) = serde_json::from_str::<Head>(&kept) {
            assert_eq!(serde_json::from_value::<Head>(json!(read)).expect("reads its own"), read);
        }
    });
}
