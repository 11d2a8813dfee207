//! Words that several pages share: risks, states, kinds, each with its label, tone and icon in one place.

use islands::Icon;

/// What a colour may say. Always beside a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing to say.
    #[default]
    Neutral,
    /// As it should be.
    Ok,
    /// Worth a look.
    Warn,
    /// Wrong, or dangerous.
    Danger,
    /// Worth knowing.
    Info,
    /// An agent is involved.
    Agent,
}

impl Tone {
    /// The class that the stylesheet knows.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Neutral => "",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Danger => "danger",
            Self::Info => "info",
            Self::Agent => "agent",
        }
    }
}

/// A word with its tone and icon.
pub type Labelled = (Tone, Icon, &'static str);

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $value:literal, $tone:ident, $icon:ident, $label:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)* }
        impl $name {
            /// Every value, in display order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// The value as forms and query strings carry it.
            pub const fn value(self) -> &'static str { match self { $(Self::$variant => $value,)* } }
            /// Tone, icon and label.
            pub const fn label(self) -> Labelled { match self { $(Self::$variant => (Tone::$tone, Icon::$icon, $label),)* } }
            /// Reads [`value`](Self::value) back.
            pub fn parse(text: &str) -> Option<Self> { Self::ALL.iter().copied().find(|v| v.value() == text) }
        }
    };
}

words! {
    /// How much harm a scope can do; people set it, tools' own hints never lower it.
    Risk {
        /// Reads harmless data.
        Low => "low", Neutral, Shield, "Low";
        /// Reads or writes with limits.
        Moderate => "moderate", Info, Shield, "Moderate";
        /// Reaches people or production.
        High => "high", Danger, Warning, "High";
        /// Can end the business's day.
        Critical => "critical", Danger, Warning, "Critical";
    }
}

words! {
    /// Writ's own admin roles; they are not MCP roles.
    AdminRole {
        /// Everything, admin roles included.
        Owner => "owner", Info, Key, "Owner";
        /// Roles, scopes, servers, clients, publishing.
        IamAdmin => "iam_admin", Info, Shield, "IAM admin";
        /// Decides requests.
        Approver => "approver", Info, Check, "Approver";
        /// Runs gateways.
        Operator => "operator", Info, Server, "Operator";
        /// Reads everything, evidence included.
        Auditor => "auditor", Info, Info, "Auditor";
    }
}

words! {
    /// Where an access request stands.
    RequestState {
        /// Waits for a decision.
        Pending => "pending", Warn, Clock, "Waiting";
        /// Approved: a grant exists.
        Approved => "approved", Ok, Check, "Approved";
        /// Denied by a person.
        Denied => "denied", Danger, Cross, "Denied";
        /// Taken back by the requester.
        Withdrawn => "withdrawn", Neutral, Minus, "Withdrawn";
        /// Nobody decided in time.
        Expired => "expired", Neutral, Clock, "Expired unanswered";
    }
}

words! {
    /// Where a grant stands.
    GrantState {
        /// Works now.
        Active => "active", Ok, Check, "Active";
        /// Ended by itself.
        Expired => "expired", Neutral, Clock, "Ended";
        /// Taken back.
        Revoked => "revoked", Danger, Cross, "Revoked";
    }
}

words! {
    /// A tool's definition against the one that was reviewed.
    Drift {
        /// Seen, never reviewed.
        New => "new", Warn, Plus, "New";
        /// As reviewed.
        Unchanged => "unchanged", Ok, Check, "As reviewed";
        /// Differs from what was reviewed: denied.
        Changed => "changed", Danger, Warning, "Changed";
        /// No longer offered by the server.
        Removed => "removed", Neutral, Minus, "Removed";
    }
}

words! {
    /// What is known about a client.
    Trust {
        /// Registered here by an admin.
        Registered => "registered", Ok, Check, "registered here";
        /// Proven by its metadata document's host.
        Verified => "verified", Ok, Check, "verified";
        /// Says so itself.
        SelfAsserted => "self_asserted", Warn, Question, "self-asserted";
        /// Denied everywhere.
        Blocked => "blocked", Danger, Cross, "blocked";
    }
}

words! {
    /// How an action ended.
    Outcome {
        /// It happened.
        Allowed => "allowed", Ok, Check, "Allowed";
        /// It was refused.
        Denied => "denied", Danger, Cross, "Denied";
        /// It was tried and broke.
        Failed => "failed", Danger, Warning, "Failed";
    }
}

words! {
    /// What a finding of the linter means for publishing.
    Severity {
        /// Blocks publishing.
        Error => "error", Danger, Cross, "Blocks publishing";
        /// Opens more than it seems to.
        Security => "security", Danger, Warning, "Security";
        /// Probably unintended.
        Warning => "warning", Warn, Warning, "Warning";
        /// Could be better.
        Suggestion => "suggestion", Info, Info, "Suggestion";
    }
}
