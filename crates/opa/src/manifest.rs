//! `.manifest`: what a bundle is, and until when.

use crate::{lane::Lane, revision::Revision};
use serde_json::{Value, json};

/// Nanoseconds of a Unix time in seconds, as Rego's clock counts. The ends of the scale are ends.
pub(crate) const fn nanoseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000)
}

/// The manifest. `metadata` is readable in Rego at `data.system.bundles[name].manifest.metadata`.
pub(crate) fn manifest(lane: Lane, revision: &Revision, metadata: &Value) -> Value {
    json!({ "revision": revision.to_string(), "roots": lane.roots(), "rego_version": 1, "metadata": metadata })
}
