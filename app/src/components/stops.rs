//! What stops: the same facts in the same order on every page that takes something away.

use super::{kv, text};
use crate::instant::plural;
use leptos::prelude::*;

/// What stops, counted before it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    /// People concerned.
    pub people: u64,
    /// Access tokens concerned that were issued in the last hour: so many may be out there, at the most.
    pub tokens: u64,
    /// Agents concerned.
    pub agents: u64,
    /// Grants in force that stop counting; none where grants go on.
    pub live_grants: Option<u64>,
    /// Connections that can get no more tokens; none where the thing has no connections of its own.
    pub connections: Option<u64>,
    /// Gateways that will be told.
    pub gateways: u64,
}

fn counted(n: u64, noun: &str) -> String {
    plural(i64::try_from(n).unwrap_or(i64::MAX), noun)
}

impl Stops {
    /// The facts, between those that the page says first and those that it ends with.
    pub fn facts(self, first: Vec<(&'static str, AnyView)>, last: Vec<(&'static str, AnyView)>) -> AnyView {
        let grants = self.live_grants.map_or_else(|| "none: they count again with the next token".to_owned(), |n| n.to_string());
        let connections = self.connections.map_or_else(|| "none of its own".to_owned(), |n| counted(n, "connection"));
        let mut rows = first;
        rows.extend([
            ("People", text(counted(self.people, "person"))),
            ("Agents", text(counted(self.agents, "agent"))),
            ("Access tokens", text(format!("{} at most: so many were issued in the last hour", self.tokens))),
            ("Connections", text(connections)),
            ("Live grants", text(grants)),
            ("When", text(format!("As soon as each of {} knows, usually within a second.", counted(self.gateways, "gateway")))),
        ]);
        rows.extend(last);
        kv(rows)
    }
}
