//! Edits of valid samples. Bytes made up at random never get past the first brace of a parser; a valid document with one thing changed gets
//! to its last check.

use crate::choices::Choices;
use crate::tree::Tree;

/// No input grows beyond this, in bytes. Larger than most limits of the parsers, small enough for thousands of inputs a second.
pub const LARGEST: usize = 1 << 18;

/// Pieces of text that mean something to one parser or another.
const WORDS: [&str; 40] = [
    "\0",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "\u{feff}",
    "\u{202e}",
    "\u{212a}",
    "\u{17f}",
    "\u{131}",
    "%00",
    "%0a",
    "+",
    "&",
    "=",
    "~",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "[[[[[[[[",
    "{\"a\":",
    ":",
    ",",
    ",,",
    "/*",
    "#",
    "data:",
    "data: \n\n",
    "../",
    "//",
    "@",
    "\u{2014} ",
    "=?base64?",
    "-----BEGIN PUBLIC KEY-----",
];

/// Numbers at which something ends.
const NUMBERS: [&str; 24] = [
    "0",
    "-0",
    "00",
    "1",
    "-1",
    "255",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1e999",
    "1e-999",
    "0.1",
    "1.0",
    "123456789012345678901234567890123456789",
];

/// One of the samples, edited as the choices say; now and then the engine's own bytes as they are.
#[must_use]
pub fn edited<S: AsRef<[u8]>>(choices: &mut Choices<'_>, samples: &[S]) -> Vec<u8> {
    if choices.below(32) == 31 {
        return choices.rest().to_vec();
    }
    let mut bytes = choices.pick(samples).as_ref().to_vec();
    for _ in 0..*choices.pick(&[1, 1, 1, 2, 2, 3, 5, 0]) {
        edit(&mut bytes, samples, choices);
    }
    bytes
}

/// As [`edited`], for parsers of text.
#[must_use]
pub fn edited_text<S: AsRef<[u8]>>(choices: &mut Choices<'_>, samples: &[S]) -> String {
    let bytes = edited(choices, samples);
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// One edit: of the JSON in it where it is JSON, of one line of JSON where it is lines of JSON, else of its bytes.
fn edit<S: AsRef<[u8]>>(bytes: &mut Vec<u8>, samples: &[S], choices: &mut Choices<'_>) {
    if choices.below(2) == 0 {
        let line = match bytes.first() {
            Some(b'{' | b'[') => a_line(bytes, choices),
            _ => 0..0,
        };
        if let Some(mut tree) = Tree::read(&bytes[line.clone()]) {
            let donor = Tree::read(choices.pick(samples).as_ref());
            tree.edit(donor.as_ref(), choices);
            bytes.splice(line, tree.write().into_bytes());
            return bytes.truncate(LARGEST);
        }
    }
    edit_bytes(bytes, samples, choices);
    bytes.truncate(LARGEST);
}

/// The whole of a document, or one line of several, without its end.
fn a_line(bytes: &[u8], choices: &mut Choices<'_>) -> std::ops::Range<usize> {
    let mut lines: Vec<_> = lines(bytes).collect();
    if lines.len() > 1 && Tree::read(&bytes[lines[0].clone()]).is_some() {
        lines.swap_remove(choices.below(lines.len()))
    } else {
        0..bytes.len()
    }
}

/// Where each line lies, without its end.
fn lines(bytes: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    bytes.split_inclusive(|byte| *byte == b'\n').map(move |line| {
        let begin = at;
        at += line.len();
        begin..at - usize::from(line.ends_with(b"\n"))
    })
}

fn edit_bytes<S: AsRef<[u8]>>(bytes: &mut Vec<u8>, samples: &[S], choices: &mut Choices<'_>) {
    match choices.below(12) {
        0 => {
            let (at, with) = (choices.below(bytes.len()), choices.byte());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = with;
            }
        }
        1 => {
            let (at, bit) = (choices.below(bytes.len()), choices.below(8));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        2 => insert(bytes, choices, |choices| choices.pick(&WORDS).as_bytes().to_vec()),
        3 => insert(bytes, choices, |choices| (0..=choices.below(8)).map(|_| choices.byte()).collect()),
        4 => drop(bytes.drain(a_short_range(bytes.len(), choices))),
        5 => bytes.truncate(choices.below(bytes.len() + 1)),
        6 => {
            // The beginning of one sample and the end of another.
            let other = choices.pick(samples).as_ref();
            bytes.truncate(choices.below(bytes.len() + 1));
            bytes.extend_from_slice(&other[choices.below(other.len() + 1)..]);
        }
        7 => {
            let (range, times) = (a_short_range(bytes.len(), choices), *choices.pick(&[1, 2, 3, 10, 100, 1_000, 20_000]));
            let piece = bytes[range.clone()].to_vec();
            let times = times.min(LARGEST / piece.len().max(1));
            bytes.splice(range.end..range.end, piece.repeat(times));
        }
        8 => with_number(bytes, choices),
        9 => {
            let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            *bytes = rearranged(lines, choices).concat();
        }
        10 => in_another_case(bytes, choices),
        _ => {
            // A piece of another sample in the place of one of this.
            let other = choices.pick(samples).as_ref();
            let piece = other[choices.range(other.len())].to_vec();
            bytes.splice(choices.range(bytes.len()), piece);
        }
    }
}

fn insert(bytes: &mut Vec<u8>, choices: &mut Choices<'_>, what: impl FnOnce(&mut Choices<'_>) -> Vec<u8>) {
    let at = choices.below(bytes.len() + 1);
    bytes.splice(at..at, what(choices));
}

fn a_short_range(length: usize, choices: &mut Choices<'_>) -> std::ops::Range<usize> {
    let from = choices.below(length + 1);
    from..(from + 1 + choices.below(64)).min(length)
}

/// Lines swapped, doubled or dropped.
fn rearranged(mut lines: Vec<Vec<u8>>, choices: &mut Choices<'_>) -> Vec<Vec<u8>> {
    let (kind, one, other) = (choices.below(3), choices.below(lines.len()), choices.below(lines.len()));
    match (kind, lines.is_empty()) {
        (_, true) => {}
        (0, _) => lines.swap(one, other),
        (1, _) => lines.insert(other, lines[one].clone()),
        _ => drop(lines.remove(one)),
    }
    lines
}

/// One run of digits becomes an extreme number.
fn with_number(bytes: &mut Vec<u8>, choices: &mut Choices<'_>) {
    let starts: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit() && (*at == 0 || !bytes[at - 1].is_ascii_digit())).collect();
    if starts.is_empty() {
        return;
    }
    let start = *choices.pick(&starts);
    let end = start + bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    bytes.splice(start..end, choices.pick(&NUMBERS).bytes());
}

/// One letter becomes another that some parsers take for the same.
fn in_another_case(bytes: &mut Vec<u8>, choices: &mut Choices<'_>) {
    let letters: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_alphabetic()).collect();
    if letters.is_empty() {
        return;
    }
    let at = *choices.pick(&letters);
    let other = variants(char::from(bytes[at]));
    let mut written = [0; 4];
    let written = choices.pick(&other).encode_utf8(&mut written).as_bytes().to_vec();
    bytes.splice(at..=at, written);
}

/// What else a letter may be taken for: the other case, and what Unicode folds onto it.
pub(crate) fn variants(letter: char) -> Vec<char> {
    let other = if letter.is_ascii_uppercase() { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() };
    let folded: &[char] = match letter.to_ascii_lowercase() {
        'k' => &['\u{212a}'],
        's' => &['\u{17f}'],
        'i' => &['\u{131}', '\u{130}'],
        _ => &[],
    };
    std::iter::once(other).chain(folded.iter().copied()).collect()
}

/// A number at which something ends, as it would be written in JSON.
pub(crate) fn extreme(choices: &mut Choices<'_>) -> &'static str {
    let number: &&str = choices.pick(&NUMBERS);
    number
}

/// A piece of text that means something to some parser.
pub(crate) fn word(choices: &mut Choices<'_>) -> &'static str {
    let word: &&str = choices.pick(&WORDS);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edit_keeps_to_the_bound_and_most_change_something() {
        let samples = [br#"{"a":[1,{"b":"text"}],"c":null}"#.to_vec(), b"line one\nline 22\n".to_vec(), Vec::new()];
        let mut changed = 0;
        for seed in 0..20_000_u32 {
            // A little generator of our own: the same bytes at each run.
            let mut state = seed;
            let bytes: Vec<u8> = (0..24)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            let edited = edited(&mut Choices::new(&bytes), &samples);
            assert!(edited.len() <= LARGEST);
            changed += usize::from(!samples.contains(&edited));
        }
        assert!(changed > 12_000, "{changed} of 20,000");
    }
}
