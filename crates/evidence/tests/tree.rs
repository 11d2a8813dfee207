//! Trees, proofs, notes and checkpoints.

use evidence::checkpoint::{CheckpointError, origin};
use evidence::hash::{Hash, Salt, empty_root, leaf_hash, node_hash};
use evidence::note::NoteError;
use evidence::proof::{verify_consistency, verify_inclusion};
use evidence::{Checkpoint, Levels, Signer, Tree, Verifier};
use proptest::prelude::*;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&Salt([7; 32]), &n.to_be_bytes())).collect()
}

#[test]
fn roots_are_those_of_rfc_6962() {
    let all = leaves(3);
    assert_eq!(Tree::new().root(), empty_root());
    assert_eq!(empty_root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(Tree::over(all[..1].to_vec()).root(), all[0]);
    assert_eq!(Tree::over(all.clone()).root(), node_hash(&node_hash(&all[0], &all[1]), &all[2]));
}

#[test]
fn every_proof_of_every_small_tree_holds_and_no_other() {
    const MOST: u64 = 18;
    let all = leaves(MOST);
    let levels = Levels::new(all.clone());
    let roots: Vec<Hash> = (0..=MOST).map(|size| Tree::over(all[..size as usize].to_vec()).root()).collect();
    for size in 0..=MOST {
        let root = &roots[size as usize];
        assert_eq!(levels.root(size).as_ref(), Some(root));
        for index in 0..size {
            let proof = levels.inclusion(index, size).expect("in range");
            for other in 0..MOST {
                let holds = verify_inclusion(&all[index as usize], other, size, &proof, root);
                assert_eq!(holds, other == index, "{index} as {other} of {size}");
            }
        }
        for old in 0..=size {
            let proof = levels.consistency(old, size).expect("in range");
            assert!(verify_consistency(old, &roots[old as usize], size, root, &proof), "{old} to {size}");
            if old > 0 && old < size {
                assert!(!verify_consistency(old, &roots[old as usize - 1], size, root, &proof));
                assert!(!verify_consistency(old, &roots[old as usize], size, &roots[0], &proof));
                assert!(!verify_consistency(old, &roots[old as usize], size, root, &[]) || proof.is_empty());
            }
        }
    }
    assert_eq!(levels.inclusion(0, MOST + 1), None);
    assert_eq!(levels.inclusion(3, 3), None);
    assert_eq!(levels.consistency(4, 3), None);
}

proptest! {
    #[test]
    fn larger_trees(size in 1_u64..700, index in any::<prop::sample::Index>(), old in any::<prop::sample::Index>()) {
        let all = leaves(size);
        let tree = Tree::over(all.clone());
        let stored: Tree = serde_json::from_str(&serde_json::to_string(&tree).expect("JSON")).expect("JSON");
        prop_assert!(stored.is_well_formed() && stored == tree);
        let levels = Levels::new(all.clone());
        let (index, old) = (index.index(size as usize) as u64, old.index(size as usize) as u64 + 1);
        let mut proof = levels.inclusion(index, size).expect("in range");
        prop_assert!(verify_inclusion(&all[index as usize], index, size, &proof, &tree.root()));
        proof.push(Hash([0; 32]));
        prop_assert!(!verify_inclusion(&all[index as usize], index, size, &proof, &tree.root()));
        let proof = levels.consistency(old, size).expect("in range");
        prop_assert!(verify_consistency(old, &levels.root(old).expect("in range"), size, &tree.root(), &proof));
    }
}

#[test]
fn the_published_note_vector_verifies() {
    // From golang.org/x/mod/sumdb/note: the key and note of its documentation.
    let verifier = Verifier::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").expect("a key");
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    let note = format!(
        "{text}\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    );
    assert_eq!(verifier.open_note(&note), Ok(text));
    assert_eq!(verifier.open_note(&note.replace("answer", "Answer")), Err(NoteError::BadSignature));
}

#[test]
fn a_checkpoint_is_opened_by_its_own_key_only() {
    let signer = Signer::from_seed(&origin("acme"), &[1; 32]).expect("seed");
    let other = Signer::from_seed(&origin("acme"), &[2; 32]).expect("seed");
    let foreign = Signer::from_seed(&origin("umbrella"), &[1; 32]).expect("seed");
    let checkpoint = Checkpoint { origin: origin("acme"), size: 3, root: Tree::over(leaves(3)).root() };
    let note = checkpoint.sign(&signer);
    assert_eq!(Checkpoint::open(&note, signer.verifier()), Ok(checkpoint.clone()));
    assert_eq!(Checkpoint::open(&note, other.verifier()), Err(CheckpointError::Note(NoteError::NotSigned)));
    let mixed = checkpoint.sign(&foreign);
    assert!(matches!(Checkpoint::open(&mixed, foreign.verifier()), Err(CheckpointError::Origin { .. })));
    let text = signer.verifier().to_string();
    assert_eq!(Verifier::parse(&text).as_ref(), Ok(signer.verifier()));
    assert!(!format!("{signer:?}").contains(&hex::encode(signer.seed())));
    for bad in ["", "a+b", "writ/acme+00000000+AAAA"] {
        assert_eq!(Verifier::parse(bad), Err(NoteError::VerifierKey), "{bad}");
    }
    assert!(matches!(Signer::from_seed("two words", &[1; 32]), Err(NoteError::Name)));
}
