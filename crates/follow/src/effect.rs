//! What happens to a follower, and what it wants done.

use crate::report::{Report, Trouble};
use bundle::Kept;
use enforce::Active;
use std::collections::BTreeMap;
use std::sync::Arc;

/// When something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// By the clock on the wall, Unix milliseconds: what signatures end by. It may jump.
    pub unix_ms: i64,
    /// By a clock that only goes forward, milliseconds since whenever: what waiting goes by.
    pub steady_ms: i64,
}

impl At {
    pub(crate) const fn unix_s(self) -> i64 {
        self.unix_ms.div_euclid(1000)
    }
}

/// Names a request, so that a late answer to one that was given up is told from the answer that is waited for.
pub type Ticket = u64;

/// What the source says to one who watches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// Version of the newest timestamp; 0 if nothing was published.
    pub timestamp: u64,
    /// Small changed files, by path, so that nothing need be fetched.
    pub files: BTreeMap<String, String>,
    /// How long to wait before asking again, milliseconds: a source under load spreads those who follow it.
    pub wait_ms: i64,
    /// Within how long to say what came of it, milliseconds; 0 for at once. A source that many follow spreads what they say, so that it
    /// does not keep the news from the last of them.
    pub ack_within_ms: i64,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// It is to begin. The first event.
    Start,
    /// The time that [`Effect::WakeAt`] named has come. One that comes early or late does no harm.
    Tick,
    /// The answer to a watch.
    Watched(Ticket, News),
    /// A file, or that the source has none of that name.
    Fetched(Ticket, Option<Vec<u8>>),
    /// A request was not answered.
    Failed {
        /// Which.
        ticket: Ticket,
        /// How long the source wants to be left alone, milliseconds; 0 if it did not say.
        wait_ms: i64,
    },
    /// A caller holds a token that the list in force is older than.
    Hurry,
    /// What had to be kept is on disk, or why not.
    Kept(Result<(), String>),
    /// Everything that had to end by [`Effect::End`] of this number has ended.
    Ended(u64),
}

/// Something to do. A new watch or fetch gives up the one before.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Ask to be told of a timestamp newer than this one.
    Watch {
        /// To answer with.
        ticket: Ticket,
        /// What is known.
        known: u64,
    },
    /// Fetch a file.
    Fetch {
        /// To answer with.
        ticket: Ticket,
        /// Below the repository's base.
        path: String,
        /// Read no more than one byte more.
        max_len: u64,
    },
    /// Write this to disk (each file: write, sync, rename; the state first), and say so. It is in force already: nothing is told of it before
    /// the disk has it.
    Keep(Kept<Vec<u8>>),
    /// Enforce this from now on.
    Activate(Arc<Active>),
    /// End every stream and call under way that would be refused now, and answer with this number when the last is gone. Following goes on
    /// meanwhile: one that is slow to end holds up its acknowledgement and nothing else.
    End(u64),
    /// Tell the source. Fire and forget: the next heartbeat repeats it.
    Acknowledge(Report),
    /// Come back at this time of the steady clock, and no later. The newest one counts.
    WakeAt(i64),
    /// For the log: something went wrong, and it is tried again after so many milliseconds.
    Trouble(Trouble, i64),
}
