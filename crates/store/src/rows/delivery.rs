//! Rows of delivery, as the database holds them.

use super::table;

table! {
    /// One published policy; its id is its version.
    "bundles" bundles, Bundle {
        /// Version.
        version: i64,
        /// The exact bytes that were signed.
        policy: String,
        /// Their digest.
        sha256: String,
        /// Why.
        note: String,
        /// When.
        published_ms: i64,
        /// Who.
        published_by: String,
    }
}

table! {
    /// One file of the tenant's TUF repository; its id is its path.
    "tuf_files" tuf_files, TufFile {
        /// UTF-8 text.
        body: String,
        /// Version of the role whose metadata this is; of a target, the newest version of the role that names it.
        version: i64,
    }
}

table! {
    /// The state of the TUF repository's writer; one row with the id `tuf`. A version is 0 where nothing was signed yet.
    "tuf_states" tuf_states, TufState {
        /// Version.
        root: i64,
        /// Version.
        targets: i64,
        /// Version.
        assignment: i64,
        /// Version.
        revocations: i64,
        /// Version.
        snapshot: i64,
        /// Version.
        timestamp: i64,
        /// When the timestamp was signed.
        signed_ms: i64,
        /// JSON of `bundle::Repository`.
        repository: String,
    }
}

table! {
    /// A list of policies that the policy key is to sign elsewhere; its id is its number.
    "candidates" candidates, Candidate {
        /// The version that the list would have. None is used twice, whatever becomes of it.
        number: i64,
        /// `publish`, `keys`, `renewal`, `delegation` or `floor`.
        kind: String,
        /// `awaiting`, `live`, `withdrawn`, `superseded` or `outdated`.
        state: String,
        /// The policy version that it adds, if it adds one. None is used twice either.
        policy_version: Option<i64>,
        /// JSON of `policy::Configuration`, if it adds a policy.
        configuration: Option<String>,
        /// JSON of `bundle::Unsigned`, with the signatures so far.
        unsigned: String,
        /// The draft number that it was compiled from, if it publishes the draft.
        draft: Option<i64>,
        /// Why.
        note: String,
        /// When it was asked for.
        requested_ms: i64,
        /// By whom.
        requested_by: String,
        /// When it ceased to wait.
        ended_ms: Option<i64>,
        /// JSON of what the policy key is asked to sign for OPAs along with it, with the signatures so far.
        for_opas: Option<String>,
    }
}

table! {
    /// A one-time enrolment token, by hash.
    "enrolments" enrolments, Enrolment {
        /// For one gateway name.
        name: String,
        /// 1 when the gateway of that name may be replaced.
        replaces: i64,
        /// Ends at.
        expires_ms: i64,
        /// When it was used.
        used_ms: Option<i64>,
    }
}

table! {
    /// An enforcement point.
    "gateways" gateways, Gateway {
        /// Its name.
        name: String,
        /// JWK it enrolled with.
        public_key: String,
        /// When.
        enrolled_ms: i64,
        /// Last acknowledgement.
        seen_ms: Option<i64>,
        /// What it runs.
        policy_version: Option<i64>,
        /// Digest of that.
        policy_sha256: Option<String>,
        /// Newest list it enforces.
        revocation_seq: Option<i64>,
        /// Newest timestamp it verified.
        timestamp: Option<i64>,
        /// Code of the error that keeps it back.
        error: Option<String>,
        /// That error in words.
        error_text: Option<String>,
        /// Its version.
        software: Option<String>,
        /// Last decision batch taken.
        batch_seq: i64,
        /// Digest of that batch.
        batch_hash: String,
        /// The batch it offered that does not follow the last one taken.
        gap_seq: Option<i64>,
        /// The predecessor that batch claims.
        gap_prev: Option<String>,
        /// JSON: tools that it sees defined differently than was reviewed.
        drifted: Option<String>,
        /// JSON: the labels that its operator gave it.
        labels: Option<String>,
        /// The key with which it cosigns checkpoints of the audit log, in note form; the first that it showed.
        witness_key: Option<String>,
        /// How many entries the log had that it cosigned last.
        witnessed_size: Option<i64>,
        /// Its signature line over that checkpoint, verified.
        cosignature: Option<String>,
        /// The time in that line, Unix seconds.
        witnessed_s: Option<i64>,
        /// `gateway`, or `opa` for an OPA, which has no key but a token.
        kind: String,
        /// The timestamp that it refused with the error that it reports.
        refused: Option<i64>,
        /// JSON: what it decided under each of the last policies that it ran.
        decided: Option<String>,
    }
}

table! {
    /// Which process does something for a tenant that one at a time should do; its id says what.
    "leases" leases, Lease {
        /// Who holds it.
        holder: String,
        /// Until when, unless it is renewed.
        until_ms: i64,
    }
}

table! {
    /// When a gateway confirmed a revocation sequence; its id is `gateway/seq`.
    "receipts" receipts, Receipt {
        /// Which.
        gateway_id: String,
        /// What.
        seq: i64,
        /// When.
        at_ms: i64,
    }
}

table! {
    /// What there is to say of an OPA beside its row among the gateways; of the same id.
    "opa_clients" opa_clients, OpaClient {
        /// Id of the key that its configuration pins for the policy.
        policy_key: String,
        /// Id of the key that its configuration pins for revocations.
        revocations_key: String,
        /// Digest of the policy's archive that it did not put in force.
        refused_policy: Option<String>,
        /// Why, in its words.
        refused_policy_text: Option<String>,
        /// Digest of the revocations' archive that it did not put in force.
        refused_revocations: Option<String>,
        /// Why, in its words.
        refused_revocations_text: Option<String>,
    }
}

table! {
    /// A token of an OPA, by hash.
    "opa_tokens" opa_tokens, OpaToken {
        /// Whose.
        client_id: String,
        /// When it was made.
        created_ms: i64,
        /// When it was first used.
        used_ms: Option<i64>,
    }
}

table! {
    /// A signed bundle for OPAs; its id is `policy/12` or `revocations`.
    "opa_archives" opa_archives, OpaArchive {
        /// Version of the policy, or sequence of the list.
        number: i64,
        /// What its manifest says that it holds.
        revision: String,
        /// Which key signed it.
        key_id: String,
        /// Digest of the archive, hex.
        sha256: String,
        /// The archive, base64.
        body: String,
        /// When it was signed.
        signed_ms: i64,
        /// When it ends.
        expires_ms: i64,
    }
}

table! {
    /// A decision that an OPA has sent, by hash: it may send it again.
    "opa_decisions" opa_decisions, OpaDecision {
        /// When it came first.
        seen_ms: i64,
    }
}

table! {
    /// A part of the fleet that moves together; its id is its name. None: everybody is in one ring, which runs the live policy.
    "rings" rings, Ring {
        /// Its place, from 0.
        position: i64,
        /// JSON of `bundle::assignment::Members`.
        members: String,
        /// The policy version that it is to run.
        version: i64,
        /// Since when.
        since_ms: i64,
    }
}

table! {
    /// A policy version on its way through the rings; its id is the version.
    "rollouts" rollouts, Rollout {
        /// The version.
        version: i64,
        /// What everybody ran before.
        stable: i64,
        /// How many rings have it.
        reached: i64,
        /// `running`, `halted`, `reverted`, `done` or `superseded`.
        state: String,
        /// Why it is in this state, in words; may be empty.
        why: String,
        /// Since when it is in this state.
        since_ms: i64,
        /// When the newest ring was reached.
        reached_ms: i64,
        /// The timestamp that told of the version first.
        timestamp: i64,
        /// When it began.
        started_ms: i64,
        /// Who published it.
        started_by: String,
        /// When it ended.
        ended_ms: Option<i64>,
    }
}

table! {
    /// What the rule of rollouts goes by; one row with the id `rule`, or none where the defaults hold.
    "rollout_rules" rollout_rules, RolloutRule {
        /// 1 when the rule promotes by itself.
        promotes: i64,
        /// How long a ring has it before the next gets it, seconds.
        soak_s: i64,
        /// By how much the share of denied calls may rise, hundredths of a percent.
        most_rise: i64,
        /// From so many calls on that is judged.
        least_calls: i64,
        /// Counts edits.
        version: i64,
    }
}

table! {
    /// A gateway that runs another version than its ring for a while; its id is the gateway's.
    "pins" pins, Pin {
        /// What it runs.
        version: i64,
        /// Until when, Unix seconds.
        until_s: i64,
        /// Why.
        reason: String,
        /// When it was pinned.
        created_ms: i64,
        /// By whom.
        created_by: String,
    }
}
