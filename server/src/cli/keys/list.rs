//! All keys as text.

use app::instant::{Instant, relative};
use bundle::Role;
use control::delivery::CandidateView;
use control::keys::{KeyView, Keys, Other, OtherState, Place, RoleKeys, Until, WARN_BEFORE_S};
use std::fmt::Write;

/// All keys, one a line, and what needs somebody.
pub(super) fn written(keys: &Keys, candidate: Option<&CandidateView>, now_ms: i64) -> String {
    let now = Instant::from_ms(now_ms);
    let mut text = String::new();
    let mut line = |said: String| {
        let _never = writeln!(text, "{said}");
    };
    line(format!("first root      {}", keys.root_sha256));
    line(format!("root version    {}", keys.root_version));
    for role in &keys.roles {
        line(String::new());
        line(heading(role, &now));
        for key in &role.keys {
            line(format!("  {}  {}", key.id, place(key)));
        }
    }
    for (name, others) in [("token", &keys.token), ("audit-log", &keys.audit_log)] {
        line(String::new());
        line(name.to_owned());
        for other in others.iter() {
            line(format!("  {}  since {}, {}", other.id, Instant::from_ms(other.since_ms).text, stands(other)));
        }
    }
    let notices = notices(keys, candidate, &now);
    if !notices.is_empty() {
        line(String::new());
        for notice in notices {
            line(format!("! {notice}"));
        }
    }
    text
}

fn heading(role: &RoleKeys, now: &Instant) -> String {
    let must = format!("{:<12} {} of {} must sign", role.role.name(), role.threshold, role.keys.len());
    match role.until {
        Until::Unsigned => format!("{must}; nothing is signed yet"),
        Until::Renewed(end) => format!("{must}; ends {}, renewed before by itself", Instant::from_s(end).text),
        Until::Elsewhere(end) => {
            let end = Instant::from_s(end);
            format!("{must}; ends {} ({}), has to be signed elsewhere before", end.text, relative(now, &end))
        }
    }
}

fn place(key: &KeyView) -> String {
    let since = key.since_ms.map(|ms| format!(", since {}", Instant::from_ms(ms).text)).unwrap_or_default();
    let place = match &key.place {
        Place::Here => "database",
        Place::Service(reference) => reference,
        Place::Elsewhere => "elsewhere",
    };
    format!("{place}{since}")
}

fn stands(other: &Other) -> String {
    let named = |names: &[String]| names.join(", ");
    match &other.state {
        OtherState::Signs => "database, signs".to_owned(),
        OtherState::SignsAlong(names) => format!("database, signs along until these know the newer one: {}", named(names)),
        OtherState::Waits(names) if names.is_empty() => "database, signs in a moment".to_owned(),
        OtherState::Waits(names) => format!("database, signs as soon as these know it: {}", named(names)),
        OtherState::Verifies(until) => format!("destroyed; its last token ends by {}", Instant::from_ms(*until).text),
        OtherState::Ended(at) => format!("destroyed, signed until {}", Instant::from_ms(*at).text),
        OtherState::Retired(at) => format!("destroyed, counts no more since {}", Instant::from_ms(*at).text),
    }
}

/// What needs somebody.
fn notices(keys: &Keys, candidate: Option<&CandidateView>, now: &Instant) -> Vec<String> {
    let mut notices = Vec::new();
    for role in &keys.roles {
        let Until::Elsewhere(end) = role.until else { continue };
        let end = Instant::from_s(end);
        if end.ms - now.ms > WARN_BEFORE_S * 1000 {
            continue;
        }
        let how = match role.role {
            Role::Root => "propose it again: writ keys root propose",
            _ => "a renewal is offered to the policy key: writ candidate export",
        };
        notices.push(format!("{} ends {}: {how}", role.role.name(), relative(now, &end)));
    }
    if let Some(candidate) = candidate {
        let asked = Instant::from_ms(candidate.requested_ms);
        notices.push(format!(
            "candidate {} ({}) awaits its signature, asked for by {} {}",
            candidate.number,
            candidate.kind.as_str(),
            candidate.requested_by,
            relative(now, &asked)
        ));
    }
    notices
}
