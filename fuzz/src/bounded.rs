//! How much memory one input may take.

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The most that reading one input of at most [`LARGEST`](crate::edit::LARGEST) bytes may allocate beyond what was allocated before, in bytes.
pub const MOST_MEMORY: usize = 96 << 20;

/// Does the work and judges how much memory it took at its peak.
///
/// # Panics
/// When that is more than [`MOST_MEMORY`].
pub fn bounded<T>(work: impl FnOnce() -> T) -> T {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let done = work();
    let taken = HEAP.peak_usage().saturating_sub(before);
    assert!(taken <= MOST_MEMORY, "{taken} bytes were allocated for one input");
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "bytes were allocated for one input")]
    fn what_takes_too_much_is_found() {
        bounded(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(MOST_MEMORY + 1))));
    }
}
