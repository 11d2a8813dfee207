//! Rows of evidence, as the database holds them.

use super::table;

table! {
    /// Something that happened.
    "audit_events" audit_events, AuditEvent {
        /// When.
        at_ms: i64,
        /// Index in the log; none until sequenced.
        position: Option<i64>,
        /// What, e.g. `grant.revoke`.
        action: String,
        /// `user`, `host`, `gateway`, …
        actor_kind: String,
        /// Who.
        actor_id: String,
        /// Through what.
        client_id: Option<String>,
        /// With which agent.
        agent_id: Option<String>,
        /// To what.
        object: Option<String>,
        /// `ok` or `denied`.
        outcome: String,
        /// Ties a request, its grant, its use and its end together.
        story: Option<String>,
        /// Of its leaf, hex.
        salt: String,
        /// The exact bytes behind the leaf.
        body: String,
    }
}

table! {
    /// Leaf hashes by index; its id is the index.
    "audit_leaves" audit_leaves, AuditLeaf {
        /// Index.
        position: i64,
        /// Hex.
        hash: String,
    }
}

table! {
    /// The root over 256 leaves, from `256 * position` on, once they are all there; its id is the index. What lets a proof be built
    /// without reading the whole log.
    "audit_tiles" audit_tiles, AuditTile {
        /// Index of the tile.
        position: i64,
        /// Hex.
        hash: String,
    }
}

table! {
    /// A signed head of the log; its id is the size.
    "checkpoints" checkpoints, Checkpoint {
        /// Leaves.
        size: i64,
        /// Root hash, hex.
        root: String,
        /// Signed note.
        note: String,
        /// The tree's state at this size, JSON of `evidence::Tree`: what the next events are appended to.
        tree: String,
        /// When.
        at_ms: i64,
    }
}
