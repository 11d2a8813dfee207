//! Documents that carry metadata to people who sign: what holds is shown, what does not is not signed.

use bundle::ceremony::{Candidate, CeremonyError, Examined, ForOpas, Kind, Proposal};
use bundle::repository::{Delegates, RootKeys, Threshold};
use bundle::{Chain, Key, Role, SignError, Unsigned};
use policy::{Configuration, Direction, Issuer, PolicySet};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

use crate::support::{NOW, World, follow, stamp};

fn key() -> Key {
    Key::generate().expect("randomness")
}

fn of(keys: &[&Key], threshold: u32) -> Threshold {
    Threshold { keys: keys.iter().map(|key| key.public().clone()).collect(), threshold }
}

fn roots(world: &World) -> Vec<String> {
    (1..).map_while(|version| world.server.get(&Role::Root.path(version))).map(|root| String::from_utf8_lossy(root).into_owned()).collect()
}

fn configuration(scopes: &[&str]) -> Configuration {
    let scopes: BTreeSet<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Configuration {
        tenant: "acme".into(),
        issuers: vec![Issuer { issuer: "https://writ.example/t/acme".into(), jwks: json!({ "keys": [] }) }],
        roles: BTreeMap::from([("sre".to_owned(), scopes)]),
        ..Configuration::default()
    }
}

/// The world with a policy that is one, and the bytes of it.
fn published() -> (World, String) {
    let mut world = World::new("acme");
    let text = serde_json::to_string(&configuration(&["logs.read"]).compile(2)).expect("writes");
    let (stamp, delegates) = (world.stamp(), world.keys.delegates());
    let files = world.repository.publish(&[&world.keys.targets], &delegates, 2, &text, 2, stamp).expect("publishes");
    world.server.extend(files);
    world.assign(2);
    world.seal();
    (world, text)
}

fn candidate(world: &World, text: &str, delegates: &Delegates) -> Candidate {
    let configuration = configuration(&["logs.read", "logs.debug.write"]);
    let policy = serde_json::to_string(&configuration.compile(3)).expect("writes");
    let unsigned = world.repository.prepare_policy(delegates, 3, &policy, 2, stamp(50)).expect("prepares");
    Candidate {
        tenant: "acme".into(),
        number: 50,
        kind: Kind::Publish,
        note: "debug for sre".into(),
        requested_by: "ada".into(),
        requested_ms: NOW * 1000,
        control_plane: "https://writ.example/t/acme".into(),
        adds: Some((3, configuration)),
        unsigned,
        roots: roots(world),
        present_list: world.repository.metadata(Role::Targets).map(str::to_owned),
        present_policy: Some(text.to_owned()),
        for_opas: None,
    }
}

fn examined(candidate: &Candidate, world: &World) -> Result<Examined, CeremonyError> {
    // As it travels: written, read.
    Candidate::read(candidate.to_json().as_bytes())?.examine(world.repository.root_sha256())
}

#[test]
fn a_candidate_is_recompiled_compared_and_signed_elsewhere() {
    let (mut world, text) = published();
    let before = world.trusted();
    let candidate = candidate(&world, &text, &world.keys.delegates());
    let found = examined(&candidate, &world).expect("holds");
    assert_eq!(
        found.access.iter().map(|change| (change.direction, change.to_string())).collect::<Vec<_>>(),
        [(Direction::Widens, "Role sre gains logs.debug.write".to_owned())]
    );
    assert_eq!((found.before.map(|policy| policy.version), found.policy.map(|policy| policy.version)), (Some(2), Some(3)));
    assert!(found.changes[0].starts_with("Policy 3 may run (SHA-256 "), "{:?}", found.changes);
    assert_eq!((found.missing.len(), found.missing[0].threshold, found.missing[0].signed()), (1, 1, 0));

    let found = examined(&candidate, &world).expect("holds");
    assert_eq!(candidate.sign(&found, &world.keys.snapshot), Err(CeremonyError::NotASigner(world.keys.snapshot.public().id().to_owned())));
    let signature = candidate.sign(&found, &world.keys.targets).expect("the policy key");
    assert_eq!((signature.candidate, signature.keyid.as_str()), (50, world.keys.targets.public().id()));
    let der = hex::decode(&signature.sig).expect("hex");
    let mut unsigned = candidate.unsigned;
    assert_eq!(unsigned.countersign(world.keys.root.public(), &der), Err(SignError::WrongKey(Role::Targets)));
    unsigned.countersign(world.keys.targets.public(), &der).expect("it is the policy key's");
    // Only the digest of the policy is signed: another file in its place is not taken.
    let other =
        serde_json::to_string(&unsigned).expect("writes").replace("\\\"sre\\\":[\\\"logs.debug.write", "\\\"sre\\\":[\\\"logs.debug.wrote");
    let other: Unsigned = serde_json::from_str(&other).expect("reads");
    assert!(other != unsigned && matches!(world.repository.clone().accept(&other), Err(SignError::WrongFile(_))));
    world.server.extend(world.repository.accept(&unsigned).expect("complete"));
    world.next = 60;
    world.assign(3);
    world.seal();
    let activated = follow(&before, &world.server, NOW).expect("an honest update");
    let policy: PolicySet = serde_json::from_str(activated.policy.text()).expect("a policy");
    assert!(policy.roles["sre"].contains("logs.debug.write"));
}

#[test]
fn the_first_candidate_of_all_names_the_online_keys() {
    let world = World::new("acme");
    let (first, _) = bundle::Repository::create("acme", &world.keys.root_keys(), &[&world.keys.root], NOW + 100_000).expect("signs");
    let configuration = configuration(&["logs.read"]);
    let policy = serde_json::to_string(&configuration.compile(1)).expect("writes");
    let unsigned = first.prepare_policy(&world.keys.delegates(), 1, &policy, 1, stamp(1)).expect("prepares");
    let roots = vec![first.metadata(Role::Root).expect("signed").to_owned()];
    let candidate = Candidate {
        number: 1,
        adds: Some((1, configuration)),
        unsigned,
        roots,
        present_list: None,
        present_policy: None,
        ..candidate(&world, "", &world.keys.delegates())
    };
    let found = candidate.examine(first.root_sha256()).expect("holds");
    assert!(found.before.is_none() && found.access.iter().any(|change| change.to_string() == "Role sre gains logs.read"));
    let named = format!("Key {} may sign for revocations from now on", world.keys.revocations.public().id());
    assert!(found.changes.contains(&named), "{:?}", found.changes);
}

/// A way to put something under a signer's hand.
type Trick = fn(&mut Candidate, &World);

#[test]
fn what_does_not_hold_is_not_signed() {
    let (world, text) = published();
    let honest = candidate(&world, &text, &world.keys.delegates());
    let tricks: [(&str, Trick, &str); 11] = [
        (
            "another configuration is shown than is signed",
            |c, _| c.adds = Some((3, configuration(&["logs.read"]))),
            "not what the configuration compiles to",
        ),
        ("another version is shown than is signed", |c, _| c.adds.as_mut().expect("adds").0 = 4, "not what the configuration compiles to"),
        ("another tenant's configuration", |c, _| c.adds.as_mut().expect("adds").1.tenant = "beta".into(), "more or other changes"),
        ("no configuration at all", |c, _| c.adds = None, "more or other changes"),
        ("a renewal that is none", |c, _| (c.kind, c.number) = (Kind::Renewal, 50), "what the document says in words"),
        ("another number", |c, _| c.number = 51, "more or other changes"),
        ("the list of before is withheld", |c, _| c.present_list = None, "more or other changes"),
        ("the policy of before is withheld", |c, _| c.present_policy = None, "earlier policy"),
        ("another policy of before is shown", |c, _| c.present_policy = Some("{\"version\":2}".into()), "earlier policy"),
        (
            "the list of before is forged",
            |c, _| {
                c.present_list = c.present_list.as_ref().map(|list| list.replace("\"x-writ-min-version\":2", "\"x-writ-min-version\":1"))
            },
            "valid signatures",
        ),
        ("roots of another tenant", |c, _| c.roots = roots(&World::new("acme")), "fingerprint"),
    ];
    for (what, trick, said) in tricks {
        let mut forged = honest.clone();
        trick(&mut forged, &world);
        match examined(&forged, &world) {
            Ok(_) => panic!("{what} is not found"),
            Err(error) => assert!(error.to_string().contains(said), "{what}: {error}"),
        }
    }
    assert!(matches!(Candidate::read(b"{\"format\":\"writ-signature/1\"}"), Err(CeremonyError::Format { .. })));
    assert!(matches!(Candidate::read(b"{}"), Err(CeremonyError::Format { .. })));
}

/// Every value in what would be signed, changed one at a time: either it is refused, or the words tell of it.
#[test]
fn nothing_can_be_hidden_in_what_is_signed() {
    let (world, text) = published();
    let honest = candidate(&world, &text, &world.keys.delegates());
    let words = examined(&honest, &world).expect("holds").changes;
    let document = serde_json::to_value(&honest.unsigned).expect("writes");
    let mut paths = Vec::new();
    leaves(&document["signed"], "/signed".to_owned(), &mut paths);
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        let mut changed = document.clone();
        let value = changed.pointer_mut(&path).expect("there");
        *value = match value.take() {
            Value::String(text) => json!(format!("{text}0")),
            Value::Number(number) => json!(number.as_u64().unwrap_or_default() + 1),
            Value::Bool(flag) => json!(!flag),
            other => other,
        };
        told(&honest, &changed, &world, &words, &path);
        let mut removed = document.clone();
        let (parent, last) = path.rsplit_once('/').expect("a path");
        match removed.pointer_mut(parent).expect("there") {
            Value::Object(map) => drop(map.remove(&last.replace("~1", "/").replace("~0", "~"))),
            Value::Array(items) => drop(items.remove(last.parse().expect("an index"))),
            _ => unreachable!("only these have members"),
        }
        told(&honest, &removed, &world, &words, &format!("{path} removed"));
    }
    let mut more = document.clone();
    more["signed"]["x-more"] = json!(1);
    told(&honest, &more, &world, &words, "a field more");
    let mut target = document;
    target["signed"]["targets"]["policy/9.json"] = json!({ "length": 1, "hashes": { "sha256": "00".repeat(32) } });
    told(&honest, &target, &world, &words, "a policy more");
}

fn told(honest: &Candidate, changed: &Value, world: &World, words: &[String], what: &str) {
    let Ok(unsigned) = serde_json::from_value::<Unsigned>(changed.clone()) else { return };
    let forged = Candidate { unsigned, ..honest.clone() };
    if let Ok(found) = examined(&forged, world) {
        assert_ne!(found.changes, words, "{what} is not told");
    }
}

fn leaves(value: &Value, path: String, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(name, value)| leaves(value, format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), into))
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| leaves(value, format!("{path}/{at}"), into)),
        _ => into.push(path),
    }
}

#[test]
fn a_delegated_key_is_replaced_by_a_candidate_that_says_so() {
    let (world, text) = published();
    let new = key();
    let delegates = Delegates { assignment: of(&[&new], 1), ..world.keys.delegates() };
    let unsigned = world.repository.prepare_targets(Some(&delegates), 0, stamp(50)).expect("prepares");
    let honest = candidate(&world, &text, &world.keys.delegates());
    let candidate = Candidate { kind: Kind::Delegation, adds: None, unsigned, ..honest };
    let found = examined(&candidate, &world).expect("holds");
    let (old, new) = (world.keys.assignment.public().id(), new.public().id());
    assert_eq!(
        found.changes[..2],
        [format!("Key {new} may sign for assignment from now on"), format!("Key {old} may sign for assignment no more")]
    );
    let renewal =
        Candidate { unsigned: world.repository.prepare_targets(None, 0, stamp(50)).expect("prepares"), kind: Kind::Renewal, ..candidate };
    let found = examined(&renewal, &world).expect("holds");
    assert_eq!(found.changes[0], "The list of policies stays as it is, for another while");
}

/// The policy key moves to a machine of its own, and the root to two of three people.
fn proposal(world: &World, people: [&Key; 3], policy: &Key) -> Proposal {
    let keys = RootKeys { root: of(&people, 2), targets: of(&[policy], 1), ..world.keys.root_keys() };
    let root = world.repository.prepare_root(&keys, NOW + 100_000).expect("prepares");
    let after = world.repository.supposing(&root).expect("readable");
    assert!(world.repository.stands(Role::Targets).expect("readable") && !after.stands(Role::Targets).expect("readable"));
    let list = after.prepare_targets(None, 0, stamp(50)).expect("prepares");
    let present = world.repository.metadata(Role::Targets).map(str::to_owned);
    Proposal::new("acme", roots(world), present, root, Some(list)).expect("holds")
}

#[test]
fn a_root_travels_is_signed_on_several_machines_and_merged() {
    let (mut world, _) = published();
    let before = world.trusted();
    let [anna, ben, cleo, policy] = [key(), key(), key(), key()];
    let proposal = proposal(&world, [&anna, &ben, &cleo], &policy);
    let judged = proposal.examine(Some(world.repository.root_sha256())).expect("holds");
    assert_eq!((judged.version, judged.is_complete()), (2, false));
    assert!(judged.changes.contains(&"For root, 2 of 3 keys must sign instead of 1 of 1 keys".to_owned()), "{:?}", judged.changes);
    assert!(judged.changes.contains(&format!("Key {} may sign for targets no more", world.keys.targets.public().id())));

    let mut copies = Vec::new();
    for (signer, roles) in
        [(&anna, vec![Role::Root]), (&cleo, vec![Role::Root]), (&policy, vec![Role::Targets]), (&world.keys.root, vec![Role::Root])]
    {
        let mut copy = Proposal::read(proposal.to_json().as_bytes()).expect("reads");
        copy.examine(Some(world.repository.root_sha256())).expect("holds");
        assert_eq!(copy.sign(signer).expect("signs"), roles);
        copies.push(copy);
    }
    let mut stranger = proposal.clone();
    assert_eq!(stranger.sign(&key()).map_err(|error| matches!(error, CeremonyError::NotASigner(_))), Err(true));

    let mut merged = proposal.clone();
    for copy in &copies {
        merged.merge(copy).expect("the same document");
    }
    assert!(merged.examine(None).expect("holds").is_complete());
    // Garbage under a signer's name neither counts nor pushes out what does.
    let garbage = merged.to_json().replace(merged.root().signature_of(anna.public().id()).expect("signed"), "3006020101020101");
    merged.merge(&Proposal::read(garbage.as_bytes()).expect("reads")).expect("the same document");
    assert!(merged.examine(None).expect("holds").is_complete());

    world.server.extend(world.repository.accept(merged.root()).expect("complete"));
    world.server.extend(world.repository.accept(merged.list().expect("a list")).expect("complete"));
    world.next = 60;
    world.seal();
    let after = follow(&before, &world.server, NOW).expect("an honest update");
    assert_eq!((after.root_version, after.policy.version), (2, 2));
    // It is of yesterday now.
    assert!(matches!(world.repository.accept(merged.root()), Err(SignError::NotNewer { .. })));
}

#[test]
fn a_proposal_says_what_it_is_or_is_not_signed() {
    let (world, _) = published();
    let [anna, ben, cleo, policy] = [key(), key(), key(), key()];
    let honest = proposal(&world, [&anna, &ben, &cleo], &policy);
    let document: Value = serde_json::from_str(&honest.to_json()).expect("JSON");
    let forged = |change: &dyn Fn(&mut Value)| {
        let mut changed = document.clone();
        change(&mut changed);
        Proposal::read(changed.to_string().as_bytes()).and_then(|proposal| proposal.examine(Some(world.repository.root_sha256()))).map(drop)
    };
    assert_eq!(forged(&|_| ()), Ok(()));
    // The words say less than is signed.
    assert_eq!(forged(&|d| drop(d["changes"].as_array_mut().expect("words").remove(0))), Err(CeremonyError::Words));
    assert_eq!(forged(&|d| d["root"]["signed"]["roles"]["root"]["threshold"] = json!(1)), Err(CeremonyError::Words));
    // The list would do more than last longer.
    assert_eq!(forged(&|d| d["list"]["signed"]["x-writ-min-version"] = json!(1)), Err(CeremonyError::Unexplained(Role::Targets)));
    // Another version, another tenant, another root to begin with.
    assert_eq!(forged(&|d| d["root"]["signed"]["version"] = json!(3)), Err(CeremonyError::Unexplained(Role::Root)));
    assert_eq!(forged(&|d| d["root"]["signed"]["x-writ-tenant"] = json!("beta")), Err(CeremonyError::Unexplained(Role::Root)));
    assert!(matches!(honest.examine(Some(&"0".repeat(64))), Err(CeremonyError::Foundation(_))));
    let other = proposal(&world, [&anna, &ben, &key()], &policy);
    assert_eq!(honest.clone().merge(&other), Err(CeremonyError::OtherDocument));
}

#[test]
fn a_chain_is_trusted_from_whichever_root_one_knows() {
    let mut world = World::new("acme");
    world.rotate(|_| ());
    world.rotate(|_| ());
    // The list of policies was signed by a key that counts no more.
    world.rotate(|keys| keys.targets = key());
    let roots = roots(&world);
    let digest = |at: usize| bundle::sha256_hex(roots[at].as_bytes());
    for at in 0..4 {
        let chain = Chain::verify("acme", &digest(at), &roots).expect("holds");
        assert_eq!((chain.version(), chain.expires(), chain.first_sha256()), (4, NOW + 100_000, world.repository.root_sha256()));
    }
    // One missing, one twice, one of another tenant, none.
    let mut gap = roots.clone();
    gap.remove(1);
    assert!(Chain::verify("acme", &digest(0), &gap).is_err());
    let mut twice = roots.clone();
    twice.insert(1, roots[0].clone());
    assert!(Chain::verify("acme", &digest(0), &twice).is_err());
    assert!(Chain::verify("beta", &digest(0), &roots).is_err());
    assert!(Chain::verify("acme", &digest(0), &[]).is_err());
    // What lies before the trusted one is not looked at.
    assert!(Chain::verify("acme", &digest(2), &[String::new(), roots[2].clone(), roots[3].clone()]).is_ok());
    assert!(Chain::verify("acme", &digest(0), &roots).expect("holds").repository(world.repository.metadata(Role::Targets)).is_err());
}

/// A way to have a policy key sign for OPAs what it did not list.
type Twist = fn(&mut ForOpas, &World);

#[test]
fn what_is_signed_for_opas_is_of_policies_that_the_list_names() {
    let (world, text) = published();
    let plain = candidate(&world, &text, &world.keys.delegates());
    let added = plain.unsigned.files().values().next().expect("a policy").clone();
    let keyid = world.keys.targets.public().id().to_owned();
    let asked = ForOpas { keyid: keyid.clone(), signed: NOW, policies: BTreeMap::from([(2, text), (3, added)]) };
    let honest = Candidate { for_opas: Some(asked), ..plain };
    let found = examined(&honest, &world).expect("holds");
    assert_eq!(found.for_opas.keys().copied().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(found.for_opas.get(&3), found.policy.as_ref());
    assert!(found.changes.contains(&format!("Key {keyid} also signs the bundles for OPAs of policies 2, 3")), "{:?}", found.changes);
    let tricks: [(&str, Twist); 6] = [
        ("another policy under that number", |asked, _| drop(asked.policies.insert(2, asked.policies[&3].clone()))),
        ("a policy with one byte more", |asked, _| asked.policies.get_mut(&3).expect("asked").push(' ')),
        ("a policy that the list does not name", |asked, _| drop(asked.policies.insert(1, asked.policies[&2].clone()))),
        ("what is no policy", |asked, _| drop(asked.policies.insert(2, "[]".into()))),
        ("a key that is no policy key", |asked, world| asked.keyid = world.keys.revocations.public().id().to_owned()),
        ("signed when the list has ended", |asked, _| asked.signed = i64::MAX),
    ];
    for (name, trick) in tricks {
        let mut tricked = honest.clone();
        trick(tricked.for_opas.as_mut().expect("asked"), &world);
        let refused = examined(&tricked, &world).expect_err(name);
        assert_eq!(refused, CeremonyError::Unexplained(Role::Targets), "{name}");
    }
}
