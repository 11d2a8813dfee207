//! The audit log.

use super::{HOSTILE, Sample, at, choices, console, dev, paged};
use app::{
    components::{Actor, Pager},
    page::Nav,
    pages::audit,
    words::Outcome,
};

fn row(id: &str, actor: Actor, action: &str, what: &str, outcome: Outcome, reason: Option<&str>) -> audit::Row {
    audit::Row {
        id: id.into(),
        at: at(10, 6, 12),
        actor,
        action: action.into(),
        what: what.into(),
        outcome,
        reason: reason.map(Into::into),
    }
}

fn model(filter: audit::Filter, rows: Vec<audit::Row>, nothing: audit::Nothing) -> audit::Model {
    audit::Model {
        filter,
        actions: choices(&[("grant.", "Grants"), ("request.", "Requests"), ("mcp.", "Calls")]),
        log_key: Some("writ/acme+2b9a6f1c+AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKl".into()),
        pager: if rows.is_empty() { Pager::default() } else { paged("50 newest of about 88,000") },
        rows,
        nothing,
        checkpoint: Some((88_214, at(10, 6, 12))),
        can_export: true,
    }
}

fn detail(proof: audit::Proof) -> audit::Detail {
    audit::Detail {
        id: "evt_01k9w3zj4q8m2v7r5t6y1x0abc".into(),
        what: "called logs.debug.write on incident".into(),
        at: at(10, 5, 58),
        actor: dev(true),
        action: "tool.called".into(),
        outcome: Outcome::Denied,
        reason: Some("scope_not_in_role".into()),
        objects: vec![("MCP server incident".into(), Some("/servers/srv_1".into())), ("tool logs.debug.write".into(), None)],
        facts: vec![("Gateway".into(), "gw-eu-1".into()), ("Policy".into(), "128".into()), ("Token".into(), "jti 01k9w3".into())],
        raw: format!("{{\n  \"action\": \"tool.called\",\n  \"outcome\": \"denied\",\n  \"tool\": {HOSTILE:?}\n}}"),
        proof,
        take_back: vec![
            ("Take this token back…", "/take-back?kind=token&subject=tok_01k9".into()),
            ("Take this sign-in back…", "/take-back?kind=session&subject=ses_01k9".into()),
            ("Sign this person out everywhere…", "/take-back?kind=subject&subject=usr_1".into()),
        ],
    }
}

/// Adds them.
pub fn add(out: &mut Vec<Sample>) {
    console(out, "audit", "Audit log", Nav::Audit, || {
        let rows = vec![
            row("evt_1", dev(true), "tool.called", "called incidents.trigger on incident", Outcome::Allowed, None),
            row("evt_2", dev(false), "tool.called", "called logs.debug.write on incident", Outcome::Denied, Some("scope_not_in_role")),
            row("evt_3", Actor::person("Ada Lindqvist"), "grant.revoked", "revoked grant grt_01k9", Outcome::Allowed, None),
            row(
                "evt_4",
                Actor { machine: Some("gateway gw-eu-1".into()), ..Actor::default() },
                "policy.activated",
                "activated policy 128",
                Outcome::Allowed,
                None,
            ),
            row("evt_5", Actor::default(), "signin.failed", HOSTILE, Outcome::Failed, Some("email_unverified")),
        ];
        let filter =
            audit::Filter { actor: "Dev Moreau".into(), action: "grant.".into(), object: "grt_01k9".into(), ..audit::Filter::default() };
        audit::view(model(filter, rows, audit::Nothing::NoMatch))
    });
    console(out, "audit-never", "Audit log", Nav::Audit, || {
        audit::view(audit::Model { checkpoint: None, ..model(audit::Filter::default(), vec![], audit::Nothing::Never) })
    });
    console(out, "audit-nomatch", "Audit log", Nav::Audit, || {
        audit::view(model(audit::Filter { q: HOSTILE.into(), ..audit::Filter::default() }, vec![], audit::Nothing::NoMatch))
    });
    console(out, "audit-range", "Audit log", Nav::Audit, || {
        audit::view(model(
            audit::Filter { from: "2020-01-01T00:00".into(), ..audit::Filter::default() },
            vec![],
            audit::Nothing::OutsideRange,
        ))
    });
    console(out, "audit-event", "Event", Nav::Audit, || audit::detail(detail(audit::Proof::Proven { index: 88_210, tree_size: 88_214 })));
    console(out, "audit-waiting", "Event", Nav::Audit, || audit::detail(detail(audit::Proof::Waiting)));
    console(out, "audit-broken", "Event", Nav::Audit, || audit::detail(detail(audit::Proof::Broken { index: 88_210 })));
}
