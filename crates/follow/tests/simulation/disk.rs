//! A gateway's disk: what it wrote, and what may become of that while nobody looks.

use follow::Kept;
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

#[derive(Default)]
pub struct Disk {
    now: Kept<Vec<u8>>,
    /// What was on it before.
    before: Vec<Kept<Vec<u8>>>,
    pub is_full: bool,
    /// The state is not what was written last.
    pub is_spoilt: bool,
    /// Neither the newest state nor the newest floors are left: nobody remembers.
    pub is_another: bool,
}

impl Disk {
    pub fn kept(&self) -> Kept<&[u8]> {
        self.now.borrowed()
    }

    /// Writes the state and then the floors, or the state alone if it dies in between.
    pub fn write(&mut self, kept: Kept<Vec<u8>>, whole: bool) {
        if self.now.state.is_some() && !self.is_spoilt {
            self.before.push(self.now.clone());
            if self.before.len() > 6 {
                self.before.remove(0);
            }
        }
        self.now.state = kept.state;
        if whole {
            self.now.floors = kept.floors;
        }
        (self.is_spoilt, self.is_another) = (false, false);
    }

    /// Somebody or something alters what is on it. Floors that were altered are none: a gateway seals them.
    pub fn spoil(&mut self, rng: &mut ChaCha8Rng) {
        match (rng.random_range(0..7), &mut self.now.state) {
            (0, Some(state)) => {
                state.truncate(state.len() / 2);
                self.is_spoilt = true;
            }
            (1, Some(state)) => {
                let at = rng.random_range(0..state.len());
                state[at] ^= 1;
                self.is_spoilt = true;
            }
            (2, state) => {
                *state = None;
                self.is_spoilt = true;
            }
            (3 | 4, _) => {
                if let Some(old) = self.before.choose(rng) {
                    self.now.state.clone_from(&old.state);
                    self.is_spoilt = true;
                }
            }
            // An image of the whole disk: what it says of itself is true, and old.
            (5, _) => {
                if let Some(old) = self.before.choose(rng) {
                    self.now = old.clone();
                    (self.is_spoilt, self.is_another) = (true, true);
                    return;
                }
            }
            _ => self.now.floors = None,
        }
        self.is_another = self.is_another || self.is_spoilt && self.now.floors.is_none();
    }
}
