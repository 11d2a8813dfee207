//! Worlds and engines.

use opa::{Lane, PolicyTerms, RevocationTerms, policy_bundle, revocations_bundle};
use opa_engines::world::World;
use opa_engines::{BATCH, Engine, Genuine, Interpreter, genuine};
use policy::{PolicySet, Revocations};
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use situations::NOW;

/// Far from everything that a test looks at.
pub const LATER: i64 = NOW + 10_000_000;

/// Draws the same in every run: a seed is a byte that is repeated.
pub struct Draws(TestRunner);

impl Draws {
    pub fn new(seed: u8) -> Self {
        Self(TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32])))
    }

    pub fn draw<S: Strategy>(&mut self, of: &S) -> S::Value {
        of.new_tree(&mut self.0).expect("nothing is filtered away").current()
    }
}

/// The world after the policy bundle was activated.
pub fn with_policy(set: &PolicySet, expires: i64) -> World {
    let terms = PolicyTerms { native_sha256: "0".repeat(64), signed: NOW, expires };
    let mut world = World::default();
    let bundle = policy_bundle(set, &terms).expect("a bundle");
    world.activate(Lane::Policy.bundle_name(), bundle.files()).expect("activates");
    world
}

/// What the other bundle adds: the data at `writ/revocations`, and its manifest.
pub fn revocations(list: &Revocations, terms: RevocationTerms) -> (Value, Value) {
    let name = Lane::Revocations.bundle_name();
    let mut world = World::default();
    world.activate(name, revocations_bundle(list, &terms).expect("a bundle").files()).expect("activates");
    (world.data["writ"]["revocations"].take(), world.data["system"]["bundles"][name].take())
}

/// Both bundles, activated.
pub fn with_both(set: &PolicySet, expires: i64, list: &Revocations, terms: RevocationTerms) -> World {
    let mut world = with_policy(set, expires);
    let (data, manifest) = revocations(list, terms);
    world.data["writ"]["revocations"] = data;
    world.data["system"]["bundles"][Lane::Revocations.bundle_name()] = manifest;
    world
}

/// The engines that there are, over this world at this time.
pub fn engines(world: &World, now_ns: i64) -> Vec<Engine> {
    let mut engines = vec![Engine::Interpreter(Box::new(Interpreter::new(world, now_ns).expect("regorus takes it")))];
    if let Some(library) = genuine::library() {
        engines.push(Engine::Genuine(Box::new(Genuine::new(&library, world).expect("the genuine engine takes it")), now_ns));
    }
    engines
}

/// The world with the module that answers many questions at once.
pub fn in_batches(mut world: World) -> World {
    world.modules.push(("test/batch.rego".to_owned(), BATCH.to_owned()));
    world
}
