//! Verifying an export in one pass, holding one line at a time.

use std::fmt;
use std::io::{BufRead, Read as _};

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Kind};
use super::line::{EventLine, FORMAT, FooterLine, Handed, Header, HeaderLine, MAX_LINE, footer_message, header_message};
use super::witnesses::Words;
use super::write::{Running, is_object_on_one_line, to_line};
use crate::checkpoint::{Checkpoint, origin};
use crate::handover::Handover;
use crate::hash::leaf_hash;
use crate::note::Verifier;
use crate::proof::{verify_consistency, verify_inclusion};

/// A whole export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What it says of itself.
    pub header: Header,
    /// The log's checkpoint that every event was proved against.
    pub checkpoint: Checkpoint,
    /// Number of events.
    pub count: u64,
    /// Whether the key was given from outside. If not, the export is only whole under a key of its own choosing.
    pub key_was_pinned: bool,
    /// How many times the log's key was handed on between the key that was given and the one that signed.
    pub handovers: usize,
    /// What witnesses say of the log. Whether they are to be trusted is for whoever reads it to say ([`super::Quorum`]).
    pub witnesses: Words,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { tenant, filter, complete, verifier, .. } = &self.header;
        write!(f, "whole: {} events of tenant {tenant}", self.count)?;
        match (complete, filter.is_empty()) {
            (true, _) => f.write_str(", all there are")?,
            (false, true) => {}
            (false, false) => write!(f, ", filter {filter:?}")?,
        }
        write!(f, "; each is in the log of {} events, root {}; ", self.checkpoint.size, self.checkpoint.root)?;
        match (self.key_was_pinned, self.handovers) {
            (true, 0) => write!(f, "signed by the given key {verifier}"),
            (true, 1) => write!(f, "signed by {verifier}, to which the given key handed the log over"),
            (true, n) => write!(f, "signed by {verifier}, to which the given key handed the log over in {n} steps"),
            (false, _) => write!(f, "signed by {verifier}: compare this key with one from another source"),
        }?;
        write!(f, "; {}", self.witnesses)
    }
}

/// Verifies an export. With `pinned_key`, only that key's signatures count, and those of the keys that it handed the log over to.
///
/// # Errors
/// The first [`Finding`]. A reader's own failure is a `malformed` finding at the line that could not be read.
pub fn verify(reader: impl BufRead, pinned_key: Option<&Verifier>) -> Result<Verified, Finding> {
    let mut lines = Lines { reader, number: 0, bytes: Vec::new() };
    if !lines.next()? {
        return Err(Finding::new(1, Kind::Truncated, "the export is empty"));
    }
    let Opened { header, verifier, checkpoint, handovers, witnesses } = open_header(&lines.bytes, pinned_key)?;
    let mut digest = Running::new();
    digest.update(&lines.bytes);

    let mut seen = Seen { count: 0, last_index: None, gap: None, complete: header.complete, checkpoint: &checkpoint };
    while lines.next()? {
        let number = lines.number;
        if lines.bytes.starts_with(br#"{"count""#) {
            let footer = lines.footer()?;
            seen.end(number, &footer, &verifier, &digest)?;
            if lines.next()? {
                return Err(Finding::new(lines.number, Kind::Malformed, "something follows the footer"));
            }
            let count = seen.count;
            return Ok(Verified { header, checkpoint, count, key_was_pinned: pinned_key.is_some(), handovers, witnesses });
        }
        digest.update(&lines.bytes);
        seen.event(number, &lines.bytes)?;
    }
    seen.report_gap()?;
    Err(Finding::new(lines.number + 1, Kind::Truncated, "the export ends here, without its footer"))
}

struct Opened {
    header: Header,
    verifier: Verifier,
    checkpoint: Checkpoint,
    handovers: usize,
    witnesses: Words,
}

fn open_header(bytes: &[u8], pinned: Option<&Verifier>) -> Result<Opened, Finding> {
    let finding = |kind, detail: String| Finding::new(1, kind, detail);
    let malformed = |why: String| finding(Kind::Malformed, format!("not a header: {why}"));
    let HeaderLine { header, signature } = read_line(bytes).map_err(malformed)?;
    if header.format != FORMAT {
        return Err(malformed(format!("format {:?}, this program reads {FORMAT:?}", header.format)));
    }
    let verifier = Verifier::parse(&header.verifier).map_err(|error| malformed(error.to_string()))?;
    if verifier.name() != origin(&header.tenant) {
        let detail = format!("the header says tenant {:?}, its key is of {:?}", header.tenant, verifier.name());
        return Err(finding(Kind::Foreign, detail));
    }
    let checkpoint = Checkpoint::open(&header.checkpoint, &verifier).map_err(|error| finding(Kind::BadCheckpoint, error.to_string()))?;
    if !is_signed(&verifier, &header_message(&header), &signature) {
        return Err(finding(Kind::Edited, "the header was changed after it was signed".to_owned()));
    }
    let earlier = earlier_keys(&header, &verifier, &checkpoint)?;
    let handovers = match pinned {
        None => 0,
        Some(pinned) if *pinned == verifier => 0,
        Some(pinned) => match earlier.iter().position(|key| key == pinned) {
            Some(at) => earlier.len() - at,
            None => return Err(finding(Kind::Foreign, format!("signed by {verifier}, expected {pinned}"))),
        },
    };
    let witnesses = Words::of(&header, &checkpoint)?;
    Ok(Opened { header, verifier, checkpoint, handovers, witnesses })
}

/// The keys that signed the log before, the oldest first, each proved to have named the next one.
fn earlier_keys(header: &Header, verifier: &Verifier, checkpoint: &Checkpoint) -> Result<Vec<Verifier>, Finding> {
    let finding = |kind, detail: String| Finding::new(1, kind, detail);
    let mut keys: Vec<Verifier> = Vec::with_capacity(header.handovers.len());
    let mut expected: Option<Verifier> = None;
    let mut size = 0;
    for Handed { from, note, proof } in &header.handovers {
        let from = Verifier::parse(from).map_err(|error| finding(Kind::Malformed, format!("not a header: {error}")))?;
        if expected.as_ref().is_some_and(|expected| *expected != from) {
            return Err(finding(Kind::Foreign, format!("the log was not handed over to {from}, which hands it on")));
        }
        let Handover { checkpoint: then, next } = Handover::open(note, &from)
            .map_err(|error| finding(Kind::BadCheckpoint, format!("the handover by {from} does not hold: {error}")))?;
        if then.size < size || !verify_consistency(then.size, &then.root, checkpoint.size, &checkpoint.root, proof) {
            let detail = format!("the log that {from} handed over, {} events, is not the beginning of this one", then.size);
            return Err(finding(Kind::BadCheckpoint, detail));
        }
        size = then.size;
        keys.push(from);
        expected = Some(next);
    }
    match expected {
        Some(last) if last != *verifier => {
            Err(finding(Kind::Foreign, format!("signed by {verifier}, but the log was handed over to {last}")))
        }
        _ => Ok(keys),
    }
}

/// What the event lines have shown so far.
struct Seen<'a> {
    count: u64,
    last_index: Option<u64>,
    /// A line came too early: it, the ordinal expected there, and the one that it bore.
    gap: Option<Gap>,
    complete: bool,
    checkpoint: &'a Checkpoint,
}

#[derive(Clone, Copy)]
struct Gap {
    line: u64,
    expected: u64,
    found: u64,
}

impl Seen<'_> {
    fn event(&mut self, number: u64, bytes: &[u8]) -> Result<(), Finding> {
        let finding = |kind, detail: String| Finding::new(number, kind, detail);
        let EventLine { n, index, salt, body, proof } =
            read_line(bytes).map_err(|why| finding(Kind::Malformed, format!("not an event: {why}")))?;
        if !is_object_on_one_line(body) {
            return Err(finding(Kind::Malformed, "not an event: its body is not an object".to_owned()));
        }
        if let Some(gap) = self.gap {
            // Moved, if the one expected turns up later; otherwise the footer's count tells an altered ordinal from a drop.
            if n == gap.expected {
                let detail = format!("event {n} of the export stands further down, at line {number}");
                return Err(Finding::new(gap.line, Kind::Reordered, detail));
            }
            return Ok(());
        }
        let leaf = leaf_hash(&salt, body.get().as_bytes());
        if !verify_inclusion(&leaf, index, self.checkpoint.size, &proof, &self.checkpoint.root) {
            let detail = format!("event {index} is not what the log holds there");
            return Err(finding(Kind::Edited, detail));
        }
        let expected = self.count + 1;
        if n < expected {
            let detail = format!("event {n} of the export stands again or too late, {expected} was expected");
            return Err(finding(Kind::Reordered, detail));
        }
        if n > expected {
            self.gap = Some(Gap { line: number, expected, found: n });
            return Ok(());
        }
        if let Some(last) = self.last_index
            && index <= last
        {
            return Err(finding(Kind::Reordered, format!("event {index} of the log stands after event {last}")));
        }
        let next = self.last_index.map_or(0, |last| last + 1);
        if self.complete && index != next {
            return Err(finding(Kind::Dropped, format!("event {next} of the log should stand here, {index} does")));
        }
        self.count = n;
        self.last_index = Some(index);
        Ok(())
    }

    fn report_gap(&self) -> Result<(), Finding> {
        let Some(Gap { line, expected, found }) = self.gap else { return Ok(()) };
        let detail = match found - expected {
            1 => format!("event {expected} of the export is missing here"),
            _ => format!("events {expected} to {} of the export are missing here", found - 1),
        };
        Err(Finding::new(line, Kind::Dropped, detail))
    }

    fn end(&self, line: u64, footer: &FooterLine, verifier: &Verifier, digest: &Running) -> Result<(), Finding> {
        if !is_signed(verifier, &footer_message(footer.count, &footer.sha256), &footer.signature) {
            // The gap is the earlier finding, if there is one.
            self.report_gap()?;
            return Err(Finding::new(line, Kind::Edited, "the footer was changed after it was signed"));
        }
        if let Some(gap) = self.gap
            && footer.count == line - 2
        {
            let detail = format!("its ordinal was changed from {} to {}", gap.expected, gap.found);
            return Err(Finding::new(gap.line, Kind::Edited, detail));
        }
        self.report_gap()?;
        if footer.count > self.count {
            let detail = format!("{} events were exported, {} are here", footer.count, self.count);
            return Err(Finding::new(line, Kind::Dropped, detail));
        }
        if footer.count < self.count || footer.sha256 != digest.value() {
            let detail = "the lines above are not the ones exported, though each is in the log: \
                          some were added, dropped or renumbered";
            return Err(Finding::new(line, Kind::Edited, detail));
        }
        if self.complete && self.count != self.checkpoint.size {
            let detail = format!("said to be complete, but the log has {} events", self.checkpoint.size);
            return Err(Finding::new(line, Kind::Dropped, detail));
        }
        Ok(())
    }
}

fn is_signed(verifier: &Verifier, message: &[u8], signature: &str) -> bool {
    hex::decode(signature).is_ok_and(|bytes| hex::encode(&bytes) == signature && verifier.verifies(message, &bytes))
}

/// Reads a line and holds it against its only spelling.
fn read_line<'a, T: Deserialize<'a> + Serialize>(bytes: &'a [u8]) -> Result<T, String> {
    let line: T = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if to_line(&line).as_bytes() != bytes {
        return Err("it is spelled otherwise than it was exported".to_owned());
    }
    Ok(line)
}

struct Lines<R> {
    reader: R,
    number: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line into `bytes`, newline included; false at the end.
    fn next(&mut self) -> Result<bool, Finding> {
        self.bytes.clear();
        let number = self.number + 1;
        let limit = MAX_LINE as u64;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.bytes);
        match read {
            Err(error) => Err(Finding::new(number, Kind::Malformed, format!("it cannot be read: {error}"))),
            Ok(0) => Ok(false),
            Ok(_) if self.bytes.ends_with(b"\n") => {
                self.number = number;
                Ok(true)
            }
            Ok(read) if read == MAX_LINE => Err(Finding::new(number, Kind::Malformed, format!("it is longer than {MAX_LINE} bytes"))),
            Ok(_) => Err(Finding::new(number, Kind::Truncated, "the export ends in the middle of this line")),
        }
    }

    fn footer(&self) -> Result<FooterLine, Finding> {
        read_line(&self.bytes).map_err(|why| Finding::new(self.number, Kind::Malformed, format!("not a footer: {why}")))
    }
}
