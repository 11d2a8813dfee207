//! What holds for every policy, token and revocation list, not only for those that someone thought of.

use policy::{
    Ceiling, Configuration, Decision, Entry, Method, Reason, Revocations, Supply, Target, TokenFacts, decide, explain, visible_tools,
};
use proptest::prelude::*;
use situations::{NOW, RESOURCE, call, key, situation, targets};

/// The scope that an allowed call rests on.
fn allowed<'p>(decision: &Decision<'p>) -> Option<(&'p str, Supply<'p>)> {
    match decision {
        Decision::Allow(allow) => Some((allow.scope?, allow.supply?)),
        Decision::Deny(_) => None,
    }
}

fn with(list: &Revocations, targets: impl IntoIterator<Item = Target>) -> Revocations {
    let mut entries = list.entries().to_vec();
    entries
        .extend(targets.into_iter().enumerate().map(|(at, target)| Entry::new(&key(), format!("rev_new{at}"), list.seq(), &target, None)));
    Revocations::new(list.tenant().to_owned(), list.seq(), entries)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn packed_it_is_the_same_policy(at in situation()) {
        let packed = at.policy.clone().packed();
        prop_assert_eq!(&packed, &at.policy);
        let text = |set| serde_json::to_string(set).expect("writes");
        prop_assert_eq!(text(&packed), text(&at.policy));
    }

    #[test]
    fn no_call_passes_a_ceiling_or_the_token(at in situation()) {
        let decision = decide(&at.policy, &at.revocations, &call(&at), NOW);
        let Some((scope, _)) = allowed(&decision) else { return Ok(()) };
        prop_assert!(at.token.scope.contains(scope));
        let class = &at.policy.client_classes[&at.token.client_class];
        prop_assert!(class.ceiling.admits(scope));
        prop_assert!(at.policy.narrowed.get(&at.token.client).is_none_or(|ceiling| ceiling.admits(scope)));
        for actor in at.token.agent.iter().chain(&at.token.inner_actors) {
            prop_assert!(at.policy.agent_classes[&actor.class].ceiling.admits(scope));
            prop_assert!(at.policy.narrowed.get(&actor.id).is_none_or(|ceiling| ceiling.admits(scope)));
        }
        prop_assert!(at.policy.servers[RESOURCE].scopes().contains(scope));
    }

    #[test]
    fn every_allowed_scope_has_a_supply_that_gives_it(at in situation()) {
        let decision = decide(&at.policy, &at.revocations, &call(&at), NOW);
        match allowed(&decision) {
            Some((scope, Supply::Role(role))) => {
                prop_assert!(at.token.roles.iter().any(|held| held == role));
                prop_assert!(at.policy.roles[role].contains(scope));
            }
            Some((scope, Supply::Grant(id))) => {
                let agent = at.token.agent.as_ref().map(|agent| agent.id.as_str());
                // Generated tokens may carry one id twice.
                let fits = at.token.grants.iter().filter(|grant| grant.id == id).any(|grant| {
                    let same_call = grant.resource == RESOURCE && grant.client == at.token.client && grant.agent.as_deref() == agent;
                    grant.scopes.contains(scope) && NOW < grant.exp && same_call
                });
                prop_assert!(fits);
            }
            None => {}
        }
    }

    #[test]
    fn a_revocation_never_allows_more(at in situation(), more in targets()) {
        let before = decide(&at.policy, &at.revocations, &call(&at), NOW);
        let after = decide(&at.policy, &with(&at.revocations, more), &call(&at), NOW);
        prop_assert!(before.is_allowed() || !after.is_allowed(), "{:?} became {:?}", before, after);
    }

    #[test]
    fn what_is_blocked_is_never_allowed(at in situation()) {
        let token = &at.token;
        let mut blocks = vec![
            Target::Token(token.jti.clone()),
            Target::Session(token.session.clone()),
            Target::Lineage(token.lineage.clone()),
            Target::User(token.subject.clone()),
            Target::Client(token.client.clone()),
            Target::Server(RESOURCE.into()),
            Target::Tenant,
        ];
        blocks.extend(token.agent.iter().chain(&token.inner_actors).map(|actor| Target::Agent(actor.id.clone())));
        for block in blocks {
            let list = with(&at.revocations, [block.clone()]);
            for method in [at.method(), Method::ListTools, Method::Lifecycle] {
                let asked = policy::VerifiedCall { method, ..call(&at) };
                prop_assert!(!decide(&at.policy, &list, &asked, NOW).is_allowed(), "{:?} with {:?}", method, block);
            }
        }
    }

    #[test]
    fn a_cut_off_ends_what_was_issued_before_it_and_nothing_later(at in situation()) {
        let seq = at.token.seq + 1;
        let mut entries = at.revocations.entries().to_vec();
        let cut = Entry::new(&key(), "rev_cut", seq, &Target::Subject(at.token.subject.clone()), None);
        entries.push(cut.clone());
        let list = Revocations::new(at.revocations.tenant().to_owned(), at.revocations.seq().max(seq), entries);
        prop_assert!(!decide(&at.policy, &list, &call(&at), NOW).is_allowed());
        let later = TokenFacts { seq, ..at.token.clone() };
        let asked = policy::VerifiedCall { token: &later, ..call(&at) };
        if let Decision::Deny(deny) = decide(&at.policy, &list, &asked, NOW) {
            // Unless an entry that was there before cuts it off still.
            let older = at.revocations.entries().iter().any(|entry| entry.seq > seq && entry.mark == cut.mark);
            prop_assert!(older || deny.reason != Reason::SubjectRevoked);
        }
    }

    #[test]
    fn a_scope_taken_from_all_roles_leaves_grants_only(at in situation()) {
        let mut poorer = at.policy.clone();
        let before = decide(&at.policy, &at.revocations, &call(&at), NOW);
        let Some((scope, _)) = allowed(&before) else { return Ok(()) };
        for scopes in poorer.roles.values_mut() {
            *scopes = scopes.iter().filter(|held| *held != scope).collect();
        }
        let after = decide(&poorer, &at.revocations, &call(&at), NOW);
        prop_assert!(matches!(allowed(&after), None | Some((_, Supply::Grant(_)))), "{:?}", after);
    }

    #[test]
    fn a_lower_ceiling_never_allows_more(at in situation(), only in prop::collection::btree_set(prop::sample::select(situations::SCOPES.to_vec()), 0..3)) {
        let mut narrowed = at.policy.clone();
        let ceiling = Ceiling::Only(only.into_iter().map(str::to_owned).collect());
        let lower = |old: Option<&Ceiling>| match old {
            Some(Ceiling::Only(old)) => Ceiling::Only(old.iter().filter(|scope| ceiling.admits(scope)).cloned().collect()),
            _ => ceiling.clone(),
        };
        let new = lower(narrowed.narrowed.get(&at.token.client));
        narrowed.narrowed.insert(at.token.client.clone(), new);
        let (before, after) = (decide(&at.policy, &at.revocations, &call(&at), NOW), decide(&narrowed, &at.revocations, &call(&at), NOW));
        prop_assert!(before.is_allowed() || !after.is_allowed());
    }

    #[test]
    fn staleness_never_allows_more(at in situation(), stale in 0i64..200_000, longer in 0i64..200_000) {
        let asked = |stale_for| policy::VerifiedCall { stale_for, ..call(&at) };
        let (before, after) = (decide(&at.policy, &at.revocations, &asked(stale), NOW), decide(&at.policy, &at.revocations, &asked(stale + longer), NOW));
        prop_assert!(before.is_allowed() || !after.is_allowed(), "{:?} became {:?}", before, after);
    }

    #[test]
    fn the_explanation_is_the_decision(at in situation()) {
        let decision = decide(&at.policy, &at.revocations, &call(&at), NOW);
        let (explained, trace) = explain(&at.policy, &at.revocations, &call(&at), NOW);
        prop_assert_eq!(&decision, &explained);
        let broken: Vec<Reason> = trace.iter().filter_map(|link| link.broken).collect();
        match decision {
            Decision::Allow(_) => prop_assert!(broken.is_empty()),
            Decision::Deny(deny) => {
                prop_assert_eq!(broken, vec![deny.reason]);
                prop_assert!(trace.last().is_some_and(|link| link.broken.is_some()));
            }
        }
    }

    #[test]
    fn a_tool_is_listed_if_it_could_be_called_by_asking(at in situation()) {
        let visible = visible_tools(&at.policy, &at.revocations, &call(&at), NOW);
        let all = TokenFacts { scope: situations::SCOPES.iter().map(|scope| (*scope).to_owned()).collect(), ..at.token.clone() };
        for tool in at.policy.servers[RESOURCE].tools.keys() {
            let asked = policy::VerifiedCall { token: &all, method: Method::CallTool(tool), ..call(&at) };
            let callable = decide(&at.policy, &at.revocations, &asked, NOW);
            if callable.is_allowed() {
                prop_assert!(visible.contains(&tool.as_str()), "{} is not listed", tool);
            }
            // What is listed needs no more than another token.
            if visible.contains(&tool.as_str()) {
                let step_up = matches!(&callable, Decision::Deny(deny) if deny.reason.is_step_up() || deny.reason == Reason::StaleHighRisk);
                prop_assert!(callable.is_allowed() || step_up, "{} is listed but {:?}", tool, callable);
            }
        }
    }

    #[test]
    fn what_is_unknown_is_denied(at in situation(), name in "[a-z/]{1,12}") {
        let unknown = policy::VerifiedCall { method: Method::Other(&name), ..call(&at) };
        prop_assert!(!decide(&at.policy, &at.revocations, &unknown, NOW).is_allowed());
        let tool = format!("no-{name}");
        let unknown = policy::VerifiedCall { method: Method::CallTool(&tool), ..call(&at) };
        prop_assert!(!decide(&at.policy, &at.revocations, &unknown, NOW).is_allowed());
        let empty = policy::PolicySet { tenant: at.policy.tenant.clone(), ..Default::default() };
        prop_assert!(!decide(&empty, &at.revocations, &call(&at), NOW).is_allowed());
    }

    #[test]
    fn policies_and_lists_survive_their_bytes(at in situation()) {
        let policy: policy::PolicySet = serde_json::from_slice(&serde_json::to_vec(&at.policy).expect("writes")).expect("reads");
        let list: Revocations = serde_json::from_slice(&serde_json::to_vec(&at.revocations).expect("writes")).expect("reads");
        prop_assert_eq!(&policy, &at.policy);
        prop_assert_eq!(decide(&policy, &list, &call(&at), NOW), decide(&at.policy, &at.revocations, &call(&at), NOW));
    }
}

proptest! {
    #[test]
    fn a_compiled_policy_has_a_configuration_that_compiles_to_it(at in situation(), version in any::<u64>()) {
        // What a compiler writes: a tool is bound only if it was reviewed.
        let compiled = Configuration::of(&at.policy).compile(version);
        let again = Configuration::of(&compiled);
        prop_assert_eq!(&again.compile(version), &compiled);
        let carried: Configuration = serde_json::from_str(&serde_json::to_string(&again).expect("writes")).expect("reads");
        prop_assert_eq!(carried, again);
    }

    #[test]
    fn a_configuration_that_travelled_compiles_to_the_same_bytes(at in situation(), number in any::<f64>()) {
        let mut configuration = Configuration::of(&at.policy);
        for tool in configuration.servers.values_mut().flat_map(|server| server.tools.values_mut()) {
            tool.arguments = Some(serde_json::json!({ "type": "number", "multipleOf": number, "maximum": 0.1 + 0.2 }));
        }
        let written = |configuration: &Configuration| serde_json::to_string(&configuration.compile(7)).expect("writes");
        let carried: Configuration = serde_json::from_str(&serde_json::to_string(&configuration).expect("writes")).expect("reads");
        prop_assert_eq!(written(&carried), written(&configuration));
    }
}
