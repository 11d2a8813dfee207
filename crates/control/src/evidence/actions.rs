//! Everything that can happen: the actions of events, `object.verb`. They are an API, as filters and exports name them.

/// Every action, in order.
pub const ACTIONS: &[&str] = &[
    "access.denied",
    "admin.grant",
    "admin.revoke",
    "agent.edit",
    "agent.register",
    "audit.export",
    "authorization.allow",
    "authorization.ask_again",
    "authorization.deny",
    "authorization.refuse",
    "bundle.floor",
    "bundle.publish",
    "candidate.create",
    "candidate.outdate",
    "candidate.sign",
    "candidate.supersede",
    "candidate.withdraw",
    "class.edit",
    "client.edit",
    "client.register",
    "decisions.batch",
    "decisions.gap",
    "decisions.gap_accepted",
    "decisions.opa",
    "decisions.repeat",
    "draft.settle",
    "enrolment.create",
    "gateway.activated",
    "gateway.enrol",
    "gateway.labelled",
    "gateway.pin",
    "gateway.refused",
    "gateway.remove",
    "gateway.tools_seen",
    "gateway.unpin",
    "grant.create",
    "grant.first_used",
    "grant.give_up",
    "grant.revoke",
    "group.map",
    "group.unmap",
    "idp.check",
    "idp.set",
    "key.end",
    "key.reseal",
    "key.retire",
    "key.rotate",
    "key.switch",
    "limits.edit",
    "mcp.call",
    "opa.configure",
    "opa.enrol",
    "opa.token",
    "opa.token_used",
    "repository.sign_for_long",
    "request.approve",
    "request.create",
    "request.deny",
    "request.expire",
    "request.withdraw",
    "revocation.block",
    "revocation.lift",
    "revocation.lineage",
    "revocation.session",
    "revocation.subject",
    "revocation.token",
    "rings.arrange",
    "role.create",
    "role.delete",
    "role.edit",
    "role.import",
    "rollout.finish",
    "rollout.halt",
    "rollout.promote",
    "rollout.resume",
    "rollout.revert",
    "rollout.set_rule",
    "rollout.start",
    "rollout.supersede",
    "root.propose",
    "root.submit",
    "scope.edit",
    "server.edit",
    "server.refresh",
    "server.register",
    "server.remove",
    "sign_in_link.create",
    "sign_in_link.use",
    "targets.renew",
    "tenant.create",
    "token.issue",
    "token.refuse",
    "tool.bind",
    "tool.limit",
    "user.sign_in",
    "user.sign_in_failed",
    "user.sign_out",
];

#[cfg(test)]
mod tests {
    use super::ACTIONS;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// What is written in quotes in the shape of an action, in all of this crate but here.
    fn written(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                written(&entry, found);
            } else if !entry.ends_with("actions.rs") {
                let source = fs::read_to_string(&entry).expect("text");
                // Tests make events of their own.
                let source = source.split("#[cfg(test)]").next().unwrap_or_default();
                let quoted = source.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
                found.extend(quoted.filter(|text| is_action(text)).map(str::to_owned));
            }
        }
    }

    fn is_action(text: &str) -> bool {
        let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        text.split_once('.').is_some_and(|(object, verb)| word(object) && word(verb))
    }

    #[test]
    fn the_list_is_whole() {
        let mut found = BTreeSet::new();
        written(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), ACTIONS);
    }
}
