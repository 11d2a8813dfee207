//! Whatever mixture of old and new files a server sends, nothing accepted ever goes back.

use std::collections::BTreeMap;

use crate::support::{NOW, World, follow};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Publish,
    Revert,
    Revoke,
    Touch,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Publish), Just(Step::Revert), Just(Step::Revoke), Just(Step::Touch)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn never_lower(steps in prop::collection::vec((step(), prop::collection::vec(any::<prop::sample::Index>(), 0..3)), 1..8)) {
        let mut world = World::new("acme");
        let mut history: Vec<BTreeMap<String, Vec<u8>>> = vec![world.server.clone()];
        let (mut policy, mut seq) = (1, 1);
        let mut trusted = world.trusted();
        let mut held = trusted.reverify(NOW).expect("state").activated.expect("state");
        for (step, swaps) in steps {
            match step {
                Step::Publish => { policy += 1; world.publish(policy, 0); world.assign(policy); world.seal(); }
                Step::Revert => { world.assign(1); world.seal(); }
                Step::Revoke => { seq += 1; world.revoke(seq); world.seal(); }
                Step::Touch => world.touch(),
            }
            // The adversary answers some paths with what another path or another time held.
            let mut server = world.server.clone();
            for swap in swaps {
                let source = swap.get(&history);
                let paths: Vec<_> = source.keys().cloned().collect();
                let from = swap.get(&paths);
                let targets: Vec<_> = server.keys().cloned().collect();
                let to = swap.get(&targets).clone();
                server.insert(to, source[from].clone());
                server.insert("metadata/timestamp.json".into(), source["metadata/timestamp.json"].clone());
            }
            if let Ok(next) = follow(&trusted, &server, NOW) {
                prop_assert!(next.timestamp >= held.timestamp);
                prop_assert!(next.revocation_seq >= held.revocation_seq);
                prop_assert!(next.revocations.version >= held.revocations.version);
                prop_assert_eq!(next.revocations.text(), &*format!("{{\"seq\":{}}}", next.revocation_seq));
                prop_assert_eq!(next.policy.text(), &*format!("{{\"version\":{}}}", next.policy.version));
                trusted = next.trusted.clone();
                held = next;
            }
            let honest = follow(&trusted, &world.server, NOW).expect("the honest server is always accepted afterwards");
            prop_assert_eq!(honest.revocation_seq, seq);
            history.push(world.server.clone());
        }
    }
}
