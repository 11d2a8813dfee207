//! The ordinary run of a target: so many inputs, the same ones every time.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

use crate::{Choices, LONGEST, bounded};

/// What inputs are made from, beside the target's name: a number, 0 unless it is given.
const SEED: &str = "FUZZ_SEED";
/// How many inputs each target tries.
const INPUTS: &str = "FUZZ_INPUTS";
/// The bytes of one input, hex: it is tried alone.
const INPUT: &str = "FUZZ_INPUT";
/// After so long it is said what is being tried: whoever ends what hangs ends it without a word.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tries the target of this name, as [`target`](crate::target) has it, on so many inputs.
///
/// # Panics
/// When the target does, and when one of the variables is not what it should be.
pub fn run(name: &str, inputs: u64, target: impl Fn(Choices<'_>)) {
    let name = name.trim_start_matches("targets::").trim_end_matches("::here");
    if let Ok(text) = std::env::var(INPUT) {
        let bytes = hex::decode(text.trim()).expect("FUZZ_INPUT is hex");
        return bounded(|| target(Choices::new(&bytes)));
    }
    let (seed, inputs) = (number(SEED).unwrap_or(0), number(INPUTS).unwrap_or(inputs));
    let watched = watched();
    for number in 0..inputs {
        let tried = Tried { name: name.to_owned(), seed, number, bytes: input(name, seed, number) };
        // It only says what is being tried: that nobody listens changes nothing.
        let _heard = watched.send(tried.clone());
        let tried = Told(tried);
        bounded(|| target(Choices::new(&tried.0.bytes)));
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.trim().parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")))
}

/// The bytes of one input. Each has a stream of its own: none depends on how many came before.
fn input(name: &str, seed: u64, number: u64) -> Vec<u8> {
    let mut random = ChaCha8Rng::from_seed(Sha256::digest(format!("{seed} {name}")).into());
    random.set_stream(number);
    let mut bytes = vec![0; random.random_range(0..=LONGEST)];
    random.fill_bytes(&mut bytes);
    bytes
}

/// One input.
#[derive(Clone)]
struct Tried {
    name: String,
    seed: u64,
    number: u64,
    bytes: Vec<u8>,
}

impl Tried {
    /// How it is tried again.
    fn again(&self) -> String {
        let Self { name, seed, number, bytes } = self;
        let hex = hex::encode(bytes);
        format!("input {number} of seed {seed}; alone: {INPUT}={hex} cargo nextest run -p fuzz {name} --no-capture")
    }
}

/// Says which input it was when the target panics.
struct Told(Tried);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} fails at {}", self.0.name, self.0.again());
        }
    }
}

/// Hears of each input before it is tried, and says which one it is that takes long. No target fails for the time that it takes.
fn watched() -> Sender<Tried> {
    let (watched, tried) = channel();
    std::thread::spawn(move || watch(&tried));
    watched
}

fn watch(inputs: &Receiver<Tried>) {
    let mut last: Option<Tried> = None;
    loop {
        match inputs.recv_timeout(PATIENCE) {
            Ok(tried) => last = Some(tried),
            Err(RecvTimeoutError::Timeout) => last.iter().for_each(|tried| eprintln!("{} still tries {}", tried.name, tried.again())),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn inputs_are_the_same_every_time_and_differ_from_each_other() {
        assert_eq!(input("a", 0, 7), input("a", 0, 7));
        let others = [input("a", 0, 8), input("a", 1, 7), input("b", 0, 7)];
        assert!(others.iter().all(|other| *other != input("a", 0, 7)));
        let lengths: Vec<usize> = (0..200).map(|number| input("a", 0, number).len()).collect();
        assert!(lengths.iter().all(|length| *length <= LONGEST) && lengths.iter().any(|length| *length < 32));
    }

    #[test]
    fn so_many_are_tried() {
        if std::env::var_os(INPUTS).is_some() || std::env::var_os(INPUT).is_some() {
            return;
        }
        let seen = RefCell::new(Vec::new());
        run("targets::a::here", 5, |mut choices| seen.borrow_mut().push(choices.rest().to_vec()));
        let seed = number(SEED).unwrap_or(0);
        assert_eq!(seen.into_inner(), (0..5).map(|number| input("a", seed, number)).collect::<Vec<_>>());
    }
}
