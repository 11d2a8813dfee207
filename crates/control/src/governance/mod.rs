//! Access requests, votes, grants and revocations.
