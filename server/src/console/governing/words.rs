//! From the use cases' types to the pages' words.

use super::super::words::spoken;
use app::components::{Actor, FieldError, FormErrors, Pager, Stops};
use app::words::{GrantState, RequestState, Risk};
use control::Invalid;
use control::governance::{self, BlastRadius, Named};

pub(super) const fn risk(risk: policy::Risk) -> Risk {
    match risk {
        policy::Risk::Low => Risk::Low,
        policy::Risk::Moderate => Risk::Moderate,
        policy::Risk::High => Risk::High,
        policy::Risk::Critical => Risk::Critical,
    }
}

pub(super) const fn request_state(state: governance::RequestState) -> RequestState {
    match state {
        governance::RequestState::Pending => RequestState::Pending,
        governance::RequestState::Approved => RequestState::Approved,
        governance::RequestState::Denied => RequestState::Denied,
        governance::RequestState::Withdrawn => RequestState::Withdrawn,
        governance::RequestState::Expired => RequestState::Expired,
    }
}

pub(super) const fn grant_state(state: governance::GrantState) -> GrantState {
    match state {
        governance::GrantState::Active => GrantState::Active,
        governance::GrantState::Ended => GrantState::Expired,
        governance::GrantState::Revoked => GrantState::Revoked,
    }
}

/// What stops, as pages count it. Taking tokens back leaves grants as they are: `ends_grants` says whether there is anything to count.
pub(super) fn stops(radius: &BlastRadius, ends_grants: bool) -> Stops {
    Stops {
        people: radius.people,
        tokens: radius.tokens,
        agents: radius.agents,
        live_grants: ends_grants.then_some(radius.live_grants),
        connections: radius.connections,
        gateways: radius.gateways,
    }
}

pub(super) fn through(client: &Named, agent: Option<&Named>) -> Actor {
    Actor { client: Some(client.name.clone()), agent: agent.map(|agent| agent.name.clone()), ..Actor::default() }
}

/// The page's errors; a use case's field may have another name on the form.
pub(super) fn errors(invalid: &[Invalid], renamed: &[(&str, &str)]) -> FormErrors {
    let name = |field: &str| renamed.iter().find(|(from, _)| *from == field).map_or(field, |(_, to)| to).to_owned();
    FormErrors(invalid.iter().map(|invalid| FieldError { field: name(invalid.field), message: spoken(&invalid.reason) }).collect())
}

/// How many rows a page of a list has.
pub(super) const PAGE: u64 = 50;

/// `time~id`, as the query's `cursor`.
pub(super) fn cursor(text: &str) -> Option<(i64, String)> {
    let (at, id) = text.split_once('~')?;
    Some((at.parse().ok()?, id.to_owned()))
}

/// Links from one page of a list to the next. `query` holds the filters, each pair already meant for this list.
pub(super) fn pager(path: &str, query: &[(&str, &str)], shown: usize, next: Option<(i64, String)>) -> Pager {
    let next = next.map(|(at, id)| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
            pairs.append_pair(name, value);
        }
        format!("{path}?{}", pairs.append_pair("cursor", &format!("{at}~{id}")).finish())
    });
    Pager { shown: format!("{shown} on this page"), previous: None, next }
}
