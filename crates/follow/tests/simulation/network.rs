//! What happens when, and what may go wrong on the way.

use crate::plane::Published;
use follow::{Event, Kept, Report, Ticket};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Something that happens at a time of the steady clock.
pub enum Happening {
    /// A gateway hears something. `life` tells an answer to a process that has died since.
    Hear { gateway: usize, life: u32, event: Event },
    /// A gateway's request for news reaches the control plane.
    Ask { gateway: usize, life: u32, ticket: Ticket, known: u64 },
    /// The control plane lets go of a request that it held.
    LetGo { gateway: usize, life: u32, ticket: Ticket },
    /// An acknowledgement reaches the control plane.
    Told { gateway: usize, report: Report },
    /// A state has reached the disk.
    OnDisk { gateway: usize, life: u32, kept: Kept<Vec<u8>> },
    /// A replica of the control plane sees what another has written.
    Seen { replica: usize, published: Arc<Published> },
    /// The last call or stream that had to end is gone; the follower is told so if it had asked for that, by this number.
    Gone { gateway: usize, life: u32, number: Option<u64> },
    /// Each gateway looks for what has to end because a time is over.
    Expiry,
    /// Somebody does something to the world.
    Deed,
    /// The control plane signs a timestamp.
    Touch,
    /// A client calls.
    Call,
}

struct Entry {
    at: i64,
    order: u64,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// What is to come, in order.
#[derive(Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<Entry>>,
    order: u64,
}

impl Queue {
    pub fn add(&mut self, at: i64, what: Happening) {
        self.order += 1;
        self.heap.push(Reverse(Entry { at, order: self.order, what }));
    }

    pub fn next(&mut self) -> Option<(i64, Happening)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// Part of the messages that are lost.
    pub loss: f64,
    /// Part of the files that are served from an older state, or altered.
    pub lies: f64,
    /// The longest delay of a message, milliseconds.
    pub delay_ms: i64,
    /// Whether news carries files.
    pub inline: bool,
}

impl Weather {
    pub const FAIR: Self = Self { loss: 0.0, lies: 0.0, delay_ms: 40, inline: true };
}
