//! Rows of policy, as the database holds them.

use super::table;

table! {
    /// Which scopes a role gives; its id is its name.
    "roles" roles, Role {
        /// What it gives.
        scopes: crate::StringSet,
        /// Rises with every edit.
        version: i64,
        /// Last edit.
        updated_ms: i64,
        /// Who made it.
        updated_by: String,
    }
}

table! {
    /// A permission; its id is its name.
    "scopes" scopes, Scope {
        /// What it lets people do.
        sentence: String,
        /// `low` … `critical`.
        risk: String,
        /// Oldest sign-in in seconds.
        max_auth_age: Option<i64>,
        /// Required authentication class.
        acr: Option<String>,
        /// Rises with every edit.
        version: i64,
    }
}

table! {
    /// Members of a directory group hold a role.
    "group_roles" group_roles, GroupRole {
        /// The group, as the token names it.
        group_name: String,
        /// The role.
        role: String,
        /// When it was mapped.
        created_ms: i64,
    }
}

table! {
    /// An MCP server.
    "servers" servers, Server {
        /// Short name.
        name: String,
        /// Resource URI that clients use.
        resource: String,
        /// Where gateways forward to.
        upstream: String,
        /// Last import of its tools.
        imported_ms: i64,
        /// When it was registered.
        created_ms: i64,
    }
}

table! {
    /// A tool of an MCP server; its id is `server_id/name`.
    "tools" tools, Tool {
        /// Whose.
        server_id: String,
        /// Its name.
        name: String,
        /// As the server says, as much of it as is kept; untrusted.
        description: String,
        /// How many characters the server's description has in all; none: nobody counted.
        description_chars: Option<i64>,
        /// How many of them are not kept.
        description_unread: Option<i64>,
        /// JSON; untrusted.
        input_schema: String,
        /// JSON hints; untrusted.
        annotations: String,
        /// Of the definition as last imported.
        digest: String,
        /// Digest that a person accepted.
        reviewed: Option<String>,
        /// What a caller needs; none: denied.
        scope: Option<String>,
        /// JSON Schema that arguments have to satisfy.
        arguments: Option<String>,
        /// Where that schema is from: `reviewed` or `own`.
        arguments_from: Option<String>,
        /// Calls a minute of one subject through one client.
        per_minute: Option<i64>,
        /// 0 when the last import no longer had it.
        present: i64,
        /// Rises with every edit.
        version: i64,
    }
}

table! {
    /// A class of clients or agents; its id is `client/name` or `agent/name`.
    "classes" classes, Class {
        /// `client` or `agent`.
        kind: String,
        /// Its name.
        name: String,
        /// The most a member can use; none: no bound.
        ceiling: crate::MaybeSet,
    }
}

table! {
    /// An OAuth client; its id is the `client_id`.
    "clients" clients, Client {
        /// Display name.
        name: String,
        /// Exact redirect URIs.
        redirect_uris: crate::StringList,
        /// Its class.
        class: String,
        /// Its own, lower ceiling.
        ceiling: crate::MaybeSet,
        /// When it was registered.
        created_ms: i64,
    }
}

table! {
    /// An agent that acts for people.
    "agents" agents, Agent {
        /// Display name.
        name: String,
        /// Its class.
        class: String,
        /// People it may act for, by user id.
        owners: crate::StringSet,
        /// Its public key as a JWK.
        public_key: String,
        /// Its own, lower ceiling.
        ceiling: crate::MaybeSet,
        /// When it was registered.
        created_ms: i64,
    }
}

table! {
    /// How often every tool together may be called by one principal; its id is `subject`, `client` or `agent`.
    "call_limits" call_limits, CallLimit {
        /// Calls a minute.
        per_minute: i64,
    }
}
