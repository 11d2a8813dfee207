//! Asking for a bundle again and again: the state between two requests.

use std::time::Duration;

/// The shortest pause after an error.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// The content type that keeps long polling on, character by character.
pub const CONTENT_TYPE: &str = "application/vnd.openpolicyagent.bundles";

/// The state of one downloader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poller {
    /// What is asked with: the tag of what is in force, or nothing.
    etag: String,
    /// The tag of what is in force.
    in_force: String,
    /// Configured; `None`: never held.
    long_poll_s: Option<u64>,
    /// Whether the last answer kept long polling on.
    held: bool,
    min_delay: Duration,
    max_delay: Duration,
    errors: u32,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came<'a> {
    /// 200, and the bundle is in force.
    Activated {
        /// `ETag`.
        etag: &'a str,
        /// `Content-Type`.
        content_type: &'a str,
    },
    /// 200, and the bundle was refused by verification or activation.
    Refused,
    /// 304.
    NotModified {
        /// `ETag`, if there was one.
        etag: Option<&'a str>,
    },
    /// Any other status, or no answer at all.
    Failed,
}

impl Poller {
    /// Nothing is in force yet. The pauses are those between polls that are not held.
    pub fn new(long_poll_s: Option<u64>, min_delay: Duration, max_delay: Duration) -> Self {
        Self { etag: String::new(), in_force: String::new(), long_poll_s, held: long_poll_s.is_some(), min_delay, max_delay, errors: 0 }
    }

    /// `If-None-Match`: sent always, empty if need be.
    pub fn if_none_match(&self) -> &str {
        &self.etag
    }

    /// `Prefer`.
    pub fn prefer(&self) -> String {
        match self.long_poll_s.filter(|_| self.held) {
            Some(wait) => format!("modes=snapshot,delta;wait={wait}"),
            None => "modes=snapshot,delta".to_owned(),
        }
    }

    /// Whether the next request asks to be held.
    pub const fn is_held(&self) -> bool {
        self.held && self.long_poll_s.is_some()
    }

    /// Takes what came, and answers how long to pause before the next request.
    pub fn after(&mut self, came: &Came<'_>) -> Duration {
        match came {
            Came::Activated { etag, content_type } => {
                self.in_force = (*etag).to_owned();
                self.etag = self.in_force.clone();
                self.held = *content_type == CONTENT_TYPE;
            }
            Came::NotModified { etag } => {
                if let Some(etag) = etag.filter(|etag| !etag.is_empty()) {
                    self.etag = etag.to_owned();
                }
            }
            Came::Refused | Came::Failed => {
                // The tag of what is in force counts again.
                self.etag = self.in_force.clone();
                let pause = FIRST_RETRY.saturating_mul(1 << self.errors.min(16)).min(self.max_delay);
                self.errors += 1;
                return pause;
            }
        }
        self.errors = 0;
        if self.is_held() { Duration::ZERO } else { self.min_delay }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poller() -> Poller {
        Poller::new(Some(30), Duration::from_secs(5), Duration::from_secs(15))
    }

    #[test]
    fn the_first_request_has_an_empty_tag_and_asks_to_be_held() {
        assert_eq!((poller().if_none_match(), poller().prefer().as_str()), ("", "modes=snapshot,delta;wait=30"));
        let plain = Poller::new(None, Duration::from_secs(5), Duration::from_secs(15));
        assert_eq!(plain.prefer(), "modes=snapshot,delta");
    }

    #[test]
    fn only_the_exact_content_type_keeps_it_held() {
        for (content_type, held) in
            [(CONTENT_TYPE, true), ("application/vnd.openpolicyagent.bundles; charset=utf-8", false), ("application/gzip", false)]
        {
            let mut poller = poller();
            let pause = poller.after(&Came::Activated { etag: "\"a\"", content_type });
            assert_eq!((poller.is_held(), pause.is_zero(), poller.if_none_match()), (held, held, "\"a\""), "{content_type}");
            // 304 leaves it as it is.
            poller.after(&Came::NotModified { etag: None });
            assert_eq!((poller.is_held(), poller.if_none_match()), (held, "\"a\""));
        }
    }

    #[test]
    fn a_refused_bundle_is_asked_for_with_the_old_tag_at_growing_pauses() {
        let mut poller = poller();
        poller.after(&Came::Activated { etag: "\"a\"", content_type: CONTENT_TYPE });
        let pauses: Vec<u128> = (0..10).map(|_| poller.after(&Came::Refused).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
        assert_eq!(poller.if_none_match(), "\"a\"");
        assert!(poller.after(&Came::NotModified { etag: Some("\"a\"") }).is_zero());
        assert_eq!(poller.after(&Came::Failed).as_millis(), 100);
    }
}
