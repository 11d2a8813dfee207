//! Many questions about many policies: the Rego's answer is `policy::decide`'s, to the last obligation.

use crate::support::{Draws, LATER, in_batches, revocations, with_policy};
use opa::{Lane, RevocationTerms};
use opa_engines::{Engine, Genuine, Interpreter, genuine, question};
use policy::{Decision, Reason, VerifiedCall, decide, visible_tools};
use serde_json::{Value, json};
use situations::NOW;
use situations::every_kind::{self, Question};
use std::collections::BTreeMap;

/// How many questions each policy is asked.
const EACH: usize = 200;
/// Every so many questions it is also asked what belongs into the caller's list.
const LISTED: usize = 8;

/// A question under a clock.
struct Asked {
    question: Question,
    /// How far the clock is past the revocations' freshness; negative before its end. Seconds.
    stale_by_clock: i64,
    /// Whether the input says what time it is.
    says_now: bool,
}

impl Asked {
    /// The call as policy judges it: stale for as long as either knows.
    fn call(&self) -> VerifiedCall<'_> {
        let call = self.question.call();
        VerifiedCall { stale_for: call.stale_for.max(self.stale_by_clock), ..call }
    }

    /// For the batch module.
    fn document(&self, policy_manifest: &Value) -> Value {
        let terms = RevocationTerms { floor: 1, signed: NOW, fresh_until: NOW - self.stale_by_clock, expires: LATER };
        let (list, manifest) = revocations(&self.question.revocations, terms);
        let mut input = question::input(&self.question, NOW);
        if !self.says_now {
            input["now"] = Value::Null;
        }
        let bundles = json!({ (Lane::Policy.bundle_name()): policy_manifest, (Lane::Revocations.bundle_name()): manifest });
        json!({ "input": input, "revocations": list, "bundles": bundles })
    }
}

/// How often each reason, kind of supply and kind of obligation was seen.
type Seen = BTreeMap<String, usize>;

fn note(seen: &mut Seen, decision: &Decision<'_>) {
    let mut one = |what: String| *seen.entry(what).or_default() += 1;
    match decision {
        Decision::Deny(deny) => one(deny.reason.code().to_owned()),
        Decision::Allow(allow) => {
            let answer = question::wanted(decision);
            one(format!("allowed by {}", answer["supply"]["kind"].as_str().unwrap_or("nothing")));
            for obligation in answer["obligations"].as_array().into_iter().flatten() {
                one(format!("owed: {}", obligation["kind"].as_str().unwrap_or_default()));
            }
            assert_eq!(allow.scope.is_some(), allow.supply.is_some());
        }
    }
}

/// Asks so many policies, from a seed of their own.
fn ask(seed: u8, policies: usize) -> Seen {
    let mut draws = Draws::new(seed);
    let (drawn_policies, drawn_questions) = (every_kind::policy(), every_kind::question());
    let mut seen = Seen::new();
    let mut genuine: Option<Genuine> = None;
    // A fraction of a second past the second that everything is measured in.
    let now_ns = NOW * 1_000_000_000 + 999_999_999;
    for number in 0..policies {
        let policy = draws.draw(&drawn_policies);
        let asked: Vec<Asked> = (0..EACH)
            .map(|n| Asked {
                question: draws.draw(&drawn_questions),
                stale_by_clock: [0, -600, 0, 1, -1, 3600, 0, 14_399, 0, 86_400][n % 10],
                says_now: n % 3 == 0,
            })
            .collect();
        let mut world = in_batches(with_policy(&policy, LATER));
        let manifest = world.data["system"]["bundles"][Lane::Policy.bundle_name()].take();
        world.data["writ"]["revocations"] = json!({});
        let mut engines = vec![Engine::Interpreter(Box::new(Interpreter::new(&world, now_ns).expect("regorus takes it")))];
        if let Some(library) = genuine::library() {
            let engine = match genuine.take() {
                Some(mut engine) => engine.replace(&world).map(|()| engine),
                None => Genuine::new(&library, &world),
            };
            engines.push(Engine::Genuine(Box::new(engine.expect("the genuine engine takes it")), now_ns));
        }
        let documents: Vec<Value> = asked.iter().map(|asked| asked.document(&manifest)).collect();
        let listed: Vec<Value> = documents.iter().step_by(LISTED).cloned().collect();
        for mut engine in engines {
            let name = engine.name();
            let answers = engine.document("data.test.decisions", &json!({ "questions": documents })).expect("answers");
            let answers = answers.as_array().expect("a list").clone();
            assert_eq!(answers.len(), asked.len(), "{name} answered fewer than it was asked");
            for (asked, answer) in asked.iter().zip(&answers) {
                let decision = decide(&policy, &asked.question.revocations, &asked.call(), NOW);
                let wanted = question::wanted(&decision);
                assert_eq!(*answer, wanted, "{name}, policy {number} of seed {seed}: {policy:#?}\n{:#?}", asked.question);
                if matches!(engine, Engine::Interpreter(_)) {
                    note(&mut seen, &decision);
                }
            }
            let lists = engine.document("data.test.listings", &json!({ "questions": listed })).expect("answers");
            let lists = lists.as_array().expect("a list").clone();
            assert_eq!(lists.len(), listed.len(), "{name} listed for fewer than it was asked");
            for (asked, list) in asked.iter().step_by(LISTED).zip(lists) {
                let mut wanted = visible_tools(&policy, &asked.question.revocations, &asked.call(), NOW);
                wanted.sort_unstable();
                let mut list: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                list.sort_unstable();
                assert_eq!(list, wanted, "{name}, policy {number} of seed {seed}: {policy:#?}\n{:#?}", asked.question);
            }
            if let Engine::Genuine(engine, _) = engine {
                genuine = Some(*engine);
            }
        }
    }
    seen
}

/// How many policies a part asks about: 6,400 questions.
const POLICIES: usize = 32;

/// One part. Without the genuine engine the first two are enough.
fn part(seed: u8) {
    if seed > 2 && genuine::library().is_none() {
        return;
    }
    let seen = ask(seed, POLICIES);
    println!("{seen:#?}");
    // Every reason that policy has, everything that can give a scope, everything that can be owed: what was never asked was not compared.
    let kinds = ["allowed by role", "allowed by grant", "allowed by nothing", "owed: tool_digest", "owed: arguments", "owed: rate_limit"];
    for what in Reason::ALL.iter().map(|reason| reason.code()).chain(kinds) {
        assert!(seen.contains_key(what), "{what} never came up");
    }
}

/// Where the genuine engine is at hand, both engines are asked 102,400 questions in sixteen parts; otherwise regorus is asked 12,800.
macro_rules! parts {
    ($($name:ident: $seed:literal,)*) => {$(
        #[test]
        fn $name() {
            part($seed);
        }
    )*};
}

parts! {
    the_rego_answers_as_policy_does_01: 1,
    the_rego_answers_as_policy_does_02: 2,
    the_rego_answers_as_policy_does_03: 3,
    the_rego_answers_as_policy_does_04: 4,
    the_rego_answers_as_policy_does_05: 5,
    the_rego_answers_as_policy_does_06: 6,
    the_rego_answers_as_policy_does_07: 7,
    the_rego_answers_as_policy_does_08: 8,
    the_rego_answers_as_policy_does_09: 9,
    the_rego_answers_as_policy_does_10: 10,
    the_rego_answers_as_policy_does_11: 11,
    the_rego_answers_as_policy_does_12: 12,
    the_rego_answers_as_policy_does_13: 13,
    the_rego_answers_as_policy_does_14: 14,
    the_rego_answers_as_policy_does_15: 15,
    the_rego_answers_as_policy_does_16: 16,
}
