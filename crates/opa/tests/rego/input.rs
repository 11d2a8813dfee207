//! Inputs of every wrong shape: denied, and never undefined.

use crate::support::{Draws, LATER, engines, in_batches, with_both, with_policy};
use opa::RevocationTerms;
use opa_engines::question;
use policy::{Decision, Revocations, decide};
use proptest::prelude::*;
use serde_json::{Value, json};
use situations::{NOW, every_kind};

const TERMS: RevocationTerms = RevocationTerms { floor: 1, signed: NOW, fresh_until: LATER, expires: LATER };

/// A policy and an input that it allows by a grant, with an agent acting.
fn allowed() -> (policy::PolicySet, Revocations, Value) {
    let mut draws = Draws::new(42);
    let (policies, questions) = (every_kind::policy(), every_kind::question());
    loop {
        let (policy, question) = (draws.draw(&policies), draws.draw(&questions));
        if question.token.agent.is_none() || question.token.inner_actors.is_empty() || question.digest.is_none() {
            continue;
        }
        let decision = decide(&policy, &question.revocations, &question.call(), NOW);
        if matches!(&decision, Decision::Allow(allow) if matches!(allow.supply, Some(policy::Supply::Grant(_)))) {
            let mut input = question::input(&question, NOW);
            input["stale_for"] = json!(0);
            return (policy, question.revocations, input);
        }
    }
}

/// Every place in a document, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let place = format!("{at}/{name}");
                found.push(place.clone());
                places(member, &place, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let place = format!("{at}/{index}");
                found.push(place.clone());
                places(item, &place, found);
            }
        }
        _ => {}
    }
}

fn remove(input: &mut Value, place: &str) {
    let (parent, name) = place.rsplit_once('/').expect("a pointer");
    match input.pointer_mut(parent).expect("a place") {
        Value::Object(members) => drop(members.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().expect("an index"))),
        _ => unreachable!("a place is in something"),
    }
}

#[test]
fn a_field_that_is_missing_or_of_another_type_never_allows_what_was_not_allowed() {
    let (policy, revocations, input) = allowed();
    let world = with_both(&policy, LATER, &revocations, TERMS);
    let mut all = Vec::new();
    places(&input, "", &mut all);
    // What may be left out, and what is only the caller's word for something that it leaves to OPA.
    let optional = ["/tool_digest", "/stale_for", "/now", "/token/acr", "/token/auth_time", "/token/amr", "/token/sub_profile"];
    for mut engine in engines(&world, NOW * 1_000_000_000) {
        let name = engine.name();
        let mut decide = |input: &Value| engine.document("data.writ.decision", input).expect("a decision is never undefined");
        assert_eq!(decide(&input)["reason"], "allowed", "{name}");
        let mut invalid = 0;
        for place in &all {
            let free = optional.contains(&place.as_str()) || place.ends_with("/sub_profile");
            let mut without = input.clone();
            remove(&mut without, place);
            let decision = decide(&without);
            // A grant, a scope or an actor less is another input that is in order; the rest of it has to be there.
            let list_item = place.rsplit('/').next().is_some_and(|last| last.parse::<usize>().is_ok());
            let whole = ["/token/grants", "/token/roles", "/token/act", "/token/act/act", "/tool"].contains(&place.as_str());
            let grant_agent = place.starts_with("/token/grants/") && place.ends_with("/agent");
            if !(free || list_item || whole || grant_agent) {
                assert_eq!(decision["reason"], "invalid_input", "{name} without {place}");
                invalid += 1;
            }
            for wrong in [json!(true), json!({ "x": 1 }), json!([[]]), json!(1.5), json!(["x"])] {
                let mut changed = input.clone();
                *changed.pointer_mut(place).expect("a place") = wrong.clone();
                let decision = decide(&changed);
                let ignored = place.ends_with("/sub_profile") || place.ends_with("/amr");
                // A list of strings is what some of these are.
                let in_order = wrong == json!(["x"]) && (place.ends_with("/roles") || place.ends_with("/scopes"));
                if !ignored && !in_order {
                    assert_eq!(decision["reason"], "invalid_input", "{name} with {wrong} at {place}");
                    assert_eq!(decision["allow"], false, "{name} with {wrong} at {place}");
                    invalid += 1;
                }
            }
        }
        assert!(invalid > 100, "{name} was given {invalid} wrong inputs");
        for odd in [json!(null), json!([]), json!("x"), json!({}), json!({ "token": [] })] {
            assert_eq!(decide(&odd)["reason"], "invalid_input", "{name} with {odd}");
        }
        let mut deep = input.clone();
        let mut chain = json!({ "sub": "agt_a", "class": "assistant" });
        for _ in 0..4 {
            chain = json!({ "sub": "agt_a", "class": "assistant", "act": chain });
        }
        deep["token"]["act"] = chain;
        assert_eq!(decide(&deep)["reason"], "invalid_input", "{name} with a chain of five actors");
    }
}

/// Anything that JSON can say, with the words of an input in the places of keys.
fn anything() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "token",
        "resource",
        "method",
        "tool",
        "act",
        "sub",
        "grants",
        "scopes",
        "roles",
        "now",
        "exp",
        "seq",
        "tools/call",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(|number: f64| json!(number)),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())),
        ]
    })
}

#[test]
fn whatever_comes_in_is_denied() {
    let mut draws = Draws::new(7);
    let policy = draws.draw(&every_kind::policy());
    let mut world = in_batches(with_policy(&policy, LATER));
    let both = with_both(&policy, LATER, &Revocations::new("acme".into(), 9, Vec::new()), TERMS);
    let (list, bundles) = (both.data["writ"]["revocations"].clone(), both.data["system"]["bundles"].clone());
    world.data["writ"]["revocations"] = json!({});
    let drawn = anything();
    let inputs: Vec<Value> = (0..2_000).map(|_| draws.draw(&drawn)).collect();
    let questions: Vec<Value> = inputs.iter().map(|input| json!({ "input": input, "revocations": list, "bundles": bundles })).collect();
    for mut engine in engines(&world, NOW * 1_000_000_000) {
        let answers = engine.document("data.test.decisions", &json!({ "questions": questions })).expect("answers");
        let answers = answers.as_array().expect("a list").clone();
        assert_eq!(answers.len(), inputs.len(), "{} left some undefined", engine.name());
        for (input, answer) in inputs.iter().zip(answers) {
            assert_eq!(answer["allow"], false, "{}: {input}", engine.name());
            assert_eq!(answer["reason"], "invalid_input", "{}: {input}", engine.name());
        }
    }
}
