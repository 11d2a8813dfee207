//! `bundle` and `server`: documents on their way to people who sign, what comes back, and their key files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle::ceremony::{Candidate, ForOpas, Kind, Proposal, SignatureFile};
use bundle::repository::{RootKeys, Threshold};
use bundle::{Files, Key, Role, Stamp, Unsigned};
use fuzz::samples::keys::{metadata_key, whole_pkcs8};
use fuzz::samples::policy::{policy_set, policy_text};
use fuzz::samples::repository::{EXPIRES, WORLD, World};
use fuzz::samples::{NOW, TENANT};
use fuzz::{Choices, edited, edited_text, target};
use policy::Configuration;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use writ::cli::signer::command::der;
use writ::cli::signer::file::{Sealed, open, seal};

fn roots(world: &World) -> Vec<String> {
    (1..).map_while(|version| world.after.get(&Role::Root.path(version))).map(|root| String::from_utf8_lossy(root).into_owned()).collect()
}

/// A next policy that another role may call.
fn candidate(world: &World) -> Candidate {
    let mut configuration = Configuration::of(&policy_set(2));
    configuration.roles.insert("intern".into(), ["logs.read".to_owned()].into());
    let policy = serde_json::to_string(&configuration.compile(3)).expect("serialises");
    let stamp = Stamp { version: 50, expires: EXPIRES };
    let unsigned = world.repository.prepare_policy(&world.keys.delegates(), 3, &policy, 2, stamp).expect("prepares");
    let policies = [(2, policy_text(2)), (3, policy)].into();
    Candidate {
        tenant: TENANT.into(),
        number: 50,
        kind: Kind::Publish,
        note: "interns read logs".into(),
        requested_by: "ada".into(),
        requested_ms: NOW * 1000,
        control_plane: "https://writ.example/t/acme".into(),
        adds: Some((3, configuration)),
        unsigned,
        roots: roots(world),
        present_list: world.repository.metadata(Role::Targets).map(str::to_owned),
        present_policy: Some(policy_text(2)),
        for_opas: Some(ForOpas { keyid: world.keys.targets.public().id().to_owned(), signed: NOW, policies }),
    }
}

/// Whoever examines a document is told all of what would be signed: an edited one that holds is about the same bytes.
#[test]
fn candidates() {
    let world = &*WORLD;
    let honest = candidate(world);
    let renewal = Candidate {
        kind: Kind::Renewal,
        adds: None,
        unsigned: world.repository.prepare_targets(None, 0, Stamp { version: 51, expires: EXPIRES }).expect("prepares"),
        number: 51,
        for_opas: None,
        ..honest.clone()
    };
    let (samples, trusted) = ([honest.to_json(), renewal.to_json()], world.repository.root_sha256());
    assert!([&honest, &renewal].iter().all(|candidate| candidate.examine(trusted).is_ok()));
    target!(600, |mut choices: Choices<'_>| {
        let Ok(read) = Candidate::read(&edited(&mut choices, &samples)) else { return };
        assert_eq!(Candidate::read(read.to_json().as_bytes()).expect("reads its own"), read);
        let Ok(found) = read.examine(trusted) else { return };
        assert!(!found.changes.is_empty() && found.policy.is_some() == read.adds.is_some());
        let offered = read.unsigned.files().values().next();
        assert_eq!(offered.map(String::as_str), found.policy.map(|policy| serde_json::to_string(&policy).expect("serialises")).as_deref());
        // Only the policy key signs it, and what it signed is what was examined.
        let examined = read.examine(trusted).expect("a moment ago");
        assert!(read.sign(&examined, world.key(Role::Snapshot)).is_err());
        let signature = read.sign(&examined, world.key(Role::Targets)).expect("the policy key");
        let mut unsigned = read.unsigned.clone();
        unsigned.countersign(world.keys.targets.public(), &hex::decode(&signature.sig).expect("hex")).expect("its own signature");
        let files = world.repository.clone().accept(&unsigned).expect("what holds and is signed is taken");
        brings_only_what_it_lists(&unsigned, &files);
        // Of what it signs for OPAs, each is of a policy that the list names.
        let after = world.repository.supposing(&unsigned).expect("it was taken");
        let signed = opa::countersign(&read, &examined, world.key(Role::Targets)).expect("generated");
        for version in signed.keys() {
            let text = &read.for_opas.as_ref().expect("asked").policies[version];
            assert_eq!(after.policy_sha256(*version), Some(bundle::sha256_hex(text.as_bytes())));
        }
    });
}

fn brings_only_what_it_lists(unsigned: &Unsigned, files: &Files) {
    let metadata = unsigned.role().path(unsigned.version());
    for (path, bytes) in files.iter().filter(|(path, _)| **path != metadata) {
        let sha256 = bundle::sha256_hex(bytes);
        assert!(path.starts_with("targets/policy/") && path.contains(&sha256), "{path} is stored");
        assert!(unsigned.signed().to_string().contains(&sha256), "{path} is not listed");
    }
}

#[test]
fn root_proposals() {
    let world = &*WORLD;
    let (anna, ben, policy) = (metadata_key(21), metadata_key(22), metadata_key(23));
    let people = Threshold { keys: vec![anna.public().clone(), ben.public().clone()], threshold: 2 };
    let keys = RootKeys { root: people, targets: Threshold::one(policy.public()), ..world.keys.root_keys() };
    let root = world.repository.prepare_root(&keys, EXPIRES).expect("prepares");
    let after = world.repository.supposing(&root).expect("readable");
    let list = after.prepare_targets(None, 0, Stamp { version: 50, expires: EXPIRES }).expect("prepares");
    let present = world.repository.metadata(Role::Targets).map(str::to_owned);
    let honest = Proposal::new(TENANT, roots(world), present.clone(), root.clone(), Some(list)).expect("holds");
    let mut signed = honest.clone();
    signed.sign(&anna).expect("one of the keys");
    let same_keys = world.repository.prepare_root(&world.keys.root_keys(), EXPIRES).expect("prepares");
    let renewal = Proposal::new(TENANT, roots(world), present, same_keys, None).expect("holds");
    let samples = [honest.to_json(), signed.to_json(), renewal.to_json()];
    let trusted = world.repository.root_sha256();
    target!(500, |mut choices: Choices<'_>| {
        let Ok(mut read) = Proposal::read(&edited(&mut choices, &samples)) else { return };
        assert_eq!(Proposal::read(read.to_json().as_bytes()).expect("reads its own"), read);
        // A copy of it with whatever signatures leaves what it is about as it is.
        let mut merged = honest.clone();
        if merged.merge(&read).is_ok() {
            assert_eq!((merged.root().signed(), merged.changes()), (honest.root().signed(), honest.changes()));
            let judged = merged.examine(Some(trusted)).expect("an honest one");
            assert!(!judged.is_complete(), "nobody else has signed");
        }
        let Ok(judged) = read.examine(Some(trusted)) else { return };
        // Trust begins where it was said to: what stands before that root is not looked at.
        assert!(judged.version == 3 && !judged.changes.is_empty(), "{judged:?}");
        let _roles = read.sign(world.key(Role::Root));
        let before = world.repository.clone();
        let mut repository = before.clone();
        match repository.accept(read.root()) {
            Ok(_) => assert!(judged.missing.iter().any(|(role, _)| *role == Role::Root)),
            Err(_) => assert_eq!(repository, before, "a refused root leaves a trace"),
        }
    });
}

/// Metadata with its signatures, as it is handed in.
#[test]
fn metadata_to_be_signed() {
    let world = &*WORLD;
    let mut policy = candidate(world).unsigned;
    policy.sign(world.key(Role::Targets)).expect("signs");
    let mut root = world.repository.prepare_root(&world.keys.root_keys(), EXPIRES).expect("prepares");
    root.sign(world.key(Role::Root)).expect("signs");
    let honest = [policy, root];
    let samples = honest.clone().map(|unsigned| serde_json::to_string(&unsigned).expect("serialises"));
    assert!(honest.iter().all(|unsigned| world.repository.clone().accept(unsigned).is_ok()));
    target!(800, |mut choices: Choices<'_>| {
        let Ok(read) = serde_json::from_str::<Unsigned>(&edited_text(&mut choices, &samples)) else { return };
        let again = serde_json::to_string(&read).and_then(|text| serde_json::from_str::<Unsigned>(&text));
        assert_eq!(again.expect("reads its own"), read);
        let mut repository = world.repository.clone();
        let _words = (repository.difference(&read), repository.missing(&read), read.delegates(), read.expires());
        match repository.accept(&read) {
            Ok(files) => {
                assert!(
                    honest.iter().any(|honest| (honest.role(), honest.signed()) == (read.role(), read.signed())),
                    "an edited document was taken"
                );
                brings_only_what_it_lists(&read, &files);
            }
            Err(_) => assert_eq!(repository, world.repository, "a refused document leaves a trace"),
        }
    });
}

#[test]
fn signatures_that_come_back() {
    let mut file = SignatureFile::new(TENANT, 50, WORLD.keys.targets.public().id(), &"30".repeat(70));
    let list_alone = file.to_json();
    file.for_opas = [(2, "30".repeat(70)), (3, "31".repeat(70))].into();
    let samples = [list_alone, file.to_json()];
    target!(2_000, |mut choices: Choices<'_>| {
        if let Ok(read) = SignatureFile::read(&edited(&mut choices, &samples)) {
            assert_eq!(SignatureFile::read(read.to_json().as_bytes()).expect("reads its own"), read);
        }
    });
}

/// What a program prints, and what comes in for a candidate: only the key's own signature over it counts.
#[test]
fn signatures_of_programs() {
    let world = &*WORLD;
    let unsigned = candidate(world).unsigned;
    let mut signed = unsigned.clone();
    signed.sign(world.key(Role::Targets)).expect("signs");
    let key = world.keys.targets.public();
    let honest = hex::decode(signed.signature_of(key.id()).expect("it has signed")).expect("hex");
    let digits = hex::encode(&honest);
    let (one, other) = digits.split_at(64);
    let samples = [
        honest.clone(),
        digits.clone().into_bytes(),
        format!("{one}\n{other}\n").into_bytes(),
        format!(" {}\r\n", digits.to_uppercase()).into_bytes(),
    ];
    assert!(samples.iter().all(|printed| der(printed) == honest));
    target!(1_500, |mut choices: Choices<'_>| {
        let printed = edited(&mut choices, &samples);
        let signature = der(&printed);
        assert!(signature == printed || printed.len() >= 2 * signature.len());
        let mut read = unsigned.clone();
        match read.countersign(key, &signature) {
            Ok(()) => assert!(signature == honest && read == signed, "another signature was taken"),
            Err(_) => assert_eq!(read, unsigned, "a refused signature leaves a trace"),
        }
    });
}

/// What a key file says of the work that opening it takes is read before anything can be verified.
#[test]
fn key_files() {
    const PASSPHRASE: &str = "correct horse battery";
    let key = Key::from_pkcs8(&whole_pkcs8(24)).expect("a P-256 key");
    let pem = seal(&key, PASSPHRASE, 2, &mut ChaCha8Rng::seed_from_u64(1)).expect("seals");
    let wrapped = |der: &[u8]| {
        format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n", lines(&STANDARD.encode(der)))
    };
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).expect("base64");
    // scrypt's N = 2, r = 8, p = 5, and what they may not become.
    let costs = [0x02, 0x01, 0x02, 0x02, 0x01, 0x08, 0x02, 0x01, 0x05];
    let at = der.windows(costs.len()).position(|window| window == costs).expect("they are in it");
    let with = |place: usize, value: u8| {
        let mut der = der.clone();
        der[at + place] = value;
        der
    };
    let samples = [der.clone(), with(2, 0), with(5, 0), with(8, 0), with(8, 127)];
    assert!(open(&Sealed::parse(&wrapped(&der)).expect("a key"), PASSPHRASE).is_ok());
    assert!(samples[1..4].iter().all(|der| Sealed::parse(&wrapped(der)).is_err()));
    target!(800, |mut choices: Choices<'_>| {
        let text =
            if choices.below(4) == 0 { edited_text(&mut choices, &[pem.as_str()]) } else { wrapped(&edited(&mut choices, &samples)) };
        let Ok(sealed) = Sealed::parse(&text) else { return };
        // What is bearable once is too much for thousands of inputs.
        if sealed.work().expect("it was read").is_some_and(|work| work < 10_000)
            && let Ok(opened) = open(&sealed, PASSPHRASE)
        {
            assert_eq!(opened.public(), key.public());
        }
    });
}

/// As PEM breaks them.
fn lines(encoded: &str) -> String {
    encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>().join("\n")
}
