//! What witnesses say of the log that an export was made from.

use super::finding::{Finding, Kind};
use super::line::{Cosigned, Header, MAX_SEEN, Seen};
use crate::checkpoint::Checkpoint;
use crate::cosignature::CosignerKey;
use crate::proof::verify_consistency;
use std::collections::BTreeMap;
use std::fmt;

/// One witness's word: it saw a log of so many entries, which is the beginning of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Whose.
    pub key: CosignerKey,
    /// Entries.
    pub size: u64,
    /// When it signed, Unix seconds.
    pub time: u64,
}

/// The words of all witnesses, each witness's largest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(Vec<Word>);

impl Words {
    /// Reads them out of a header: every cosignature has to hold, and every checkpoint that was cosigned has to be the beginning of the log at
    /// `checkpoint`.
    pub(super) fn of(header: &Header, checkpoint: &Checkpoint) -> Result<Self, Finding> {
        let finding = |kind, detail: String| Finding::new(1, kind, detail);
        if header.seen.len() > MAX_SEEN {
            return Err(finding(Kind::Malformed, format!("not a header: more than {MAX_SEEN} cosigned checkpoints")));
        }
        let mut words: BTreeMap<String, Word> = BTreeMap::new();
        for Seen { size, root, proof, by } in &header.seen {
            if !verify_consistency(*size, root, checkpoint.size, &checkpoint.root, proof) {
                let detail = format!("witnesses cosigned a log of {size} events that is not the beginning of this one");
                return Err(finding(Kind::BadCheckpoint, detail));
            }
            let text = Checkpoint { origin: checkpoint.origin.clone(), size: *size, root: *root }.text();
            for Cosigned { key, line } in by {
                let key = CosignerKey::parse(key).map_err(|error| finding(Kind::Malformed, format!("not a header: {error}")))?;
                let time = key.verify(&text, line);
                let time =
                    time.map_err(|error| finding(Kind::BadCheckpoint, format!("the cosignature by {key} does not hold: {error}")))?;
                let word = Word { key, size: *size, time };
                let held = words.entry(word.key.to_string()).or_insert_with(|| word.clone());
                if word.size > held.size {
                    *held = word;
                }
            }
        }
        Ok(Self(words.into_values().collect()))
    }

    /// Each witness's word.
    #[must_use]
    pub fn all(&self) -> &[Word] {
        &self.0
    }

    /// How many events of the log, from the first, at least `enough` of these witnesses saw. 0: fewer of them said anything.
    fn seen_by(&self, keys: &[CosignerKey], enough: usize) -> u64 {
        // Each of them has one word, however often its key is given.
        let mut sizes: Vec<u64> = self.0.iter().filter(|word| keys.contains(&word.key)).map(|word| word.size).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        enough.checked_sub(1).and_then(|at| sizes.get(at)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(least), Some(most)) = (self.0.iter().map(|word| word.size).min(), self.0.iter().map(|word| word.size).max()) else {
            return f.write_str("no gateway cosigned it");
        };
        let count = self.0.len();
        write!(f, "cosigned by {count} gateway{}, ", if count == 1 { "" } else { "s" })?;
        if least == most { write!(f, "up to event {most}") } else { write!(f, "up to events {least} to {most}") }
    }
}

/// Which witnesses one trusts, and how many of them are to agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// Their keys, from another source than the export.
    pub keys: Vec<CosignerKey>,
    /// How many have to have seen an event.
    pub enough: usize,
}

impl Quorum {
    /// How many events of the log, from the first, so many of them saw.
    ///
    /// # Errors
    /// [`Finding`] of the kind `not_witnessed` if too few of them cosigned anything.
    pub fn judge(&self, words: &Words) -> Result<u64, Finding> {
        let seen = words.seen_by(&self.keys, self.enough);
        if seen > 0 {
            return Ok(seen);
        }
        let said = words.all().iter().filter(|word| self.keys.contains(&word.key)).count();
        let detail = format!("{} of the given witnesses have to have cosigned the log, {said} have", self.enough);
        Err(Finding::new(1, Kind::NotWitnessed, detail))
    }
}
