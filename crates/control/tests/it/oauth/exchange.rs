//! Token exchange: an agent acts for a person, and no confusion of tokens gets it further.

use super::*;

/// An agent with a key of its own.
pub(super) struct Helper {
    id: String,
    key: SigningKey,
}

pub(super) async fn helper(h: &Harness, id: &str, owners: &[&str]) -> Helper {
    let (key, _) = SigningKey::generate().expect("randomness");
    let row = Agent {
        id: id.into(),
        name: id.into(),
        class: "assistant".into(),
        owners: set(owners).into(),
        public_key: serde_json::to_string(key.public()).expect("a JWK"),
        ceiling: Json(None),
        created_ms: START_MS,
    };
    h.plant(row).await;
    Helper { id: id.into(), key }
}

impl Helper {
    fn claims(&self, h: &Harness, jti: &str) -> Value {
        json!({ "iss": self.id, "sub": self.id, "aud": format!("{PUBLIC_URL}/t/acme"), "iat": h.now_s(), "exp": h.now_s() + 60, "jti": jti })
    }

    fn sign(&self, claims: &Value) -> String {
        self.key.sign("JWT", self.key.kid(), claims).expect("signs")
    }

    pub(super) fn proof(&self, h: &Harness, jti: &str) -> String {
        self.sign(&self.claims(h, jti))
    }
}

pub(super) fn exchange(subject: &str, proof: &str) -> ExchangeToken {
    ExchangeToken {
        client_id: IDE.into(),
        subject_token: subject.into(),
        actor_token: proof.into(),
        resource: Some(RESOURCE.into()),
        scope: BTreeSet::new(),
    }
}

on_each_database! {
    async fn an_agent_acts_for_its_owner_with_no_more_than_they_have(h: Harness) {
        ready(&h).await;
        let agent = helper(&h, AGENT, &["usr_dev"]).await;
        let person = signed_in(&h, "usr_dev", "logs.read").await;
        h.advance_s(100);
        let issued = run(&h, exchange(&person.access_token, &agent.proof(&h, "1"))).await.expect("issues");
        let (own, theirs) = (claims(&person.access_token), claims(&issued.access_token));
        assert_eq!(theirs["act"], json!({ "sub": AGENT, "sub_profile": "ai_agent", "class": "assistant" }));
        for same in ["sub", "aud", "client_id", "lineage", "sid", "scope", "auth_time", "roles"] {
            assert_eq!(own[same], theirs[same], "{same}");
        }
        assert_eq!((theirs["exp"].as_i64(), issued.refresh_token), (own["exp"].as_i64(), None), "it does not outlive the person's token");
        let more = ExchangeToken { scope: set(&["incidents.trigger"]), ..exchange(&person.access_token, &agent.proof(&h, "2")) };
        assert_eq!(code_of(run(&h, more).await), "invalid_scope");
        let event = h.rows::<store::AuditEvent>().await.into_iter().find(|event| event.agent_id.is_some()).expect("an event");
        assert_eq!((event.actor_id.as_str(), event.client_id.as_deref(), event.agent_id.as_deref()), ("usr_dev", Some(IDE), Some(AGENT)));
    }

    async fn every_confusion_is_refused(h: Harness) {
        ready(&h).await;
        let agent = helper(&h, AGENT, &["usr_dev"]).await;
        let stranger = helper(&h, "agt_stranger", &["usr_kim"]).await;
        let forger = Helper { id: AGENT.into(), key: SigningKey::generate().expect("randomness").0 };
        h.plant(Client { id: "cli_other".into(), name: "Other".into(), ..h.row::<Client>(IDE).await.expect("a client") }).await;
        let person = signed_in(&h, "usr_dev", "logs.read").await.access_token;
        let good = agent.claims(&h, "0");
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            agent.sign(&claims)
        };
        let without = |name: &str| {
            let mut claims = good.clone();
            claims.as_object_mut().expect("an object").remove(name);
            agent.sign(&claims)
        };
        let issuer = format!("{PUBLIC_URL}/t/acme");
        for (actor, error) in [
            (forger.proof(&h, "0"), "invalid_grant"),
            (stranger.proof(&h, "0"), "actor_unauthorized"),
            (Helper { id: "agt_none".into(), key: SigningKey::generate().expect("randomness").0 }.proof(&h, "0"), "invalid_grant"),
            (with("iss", json!("agt_stranger")), "invalid_grant"),
            (with("sub", json!("agt_stranger")), "invalid_grant"),
            (with("sub", json!("usr_dev")), "invalid_grant"),
            (with("aud", json!(RESOURCE)), "invalid_grant"),
            (with("aud", json!(format!("{PUBLIC_URL}/t/beta"))), "invalid_grant"),
            (with("aud", json!([issuer, "https://elsewhere.example"])), "invalid_grant"),
            (with("aud", json!([])), "invalid_grant"),
            (with("exp", json!(h.now_s())), "invalid_grant"),
            (with("exp", json!(h.now_s() + 301)), "invalid_grant"),
            (with("exp", json!("9999999999")), "invalid_request"),
            (with("nbf", json!(h.now_s() + 61)), "invalid_grant"),
            (with("iat", json!(h.now_s() + 61)), "invalid_grant"),
            (with("jti", json!("")), "invalid_request"),
            (with("jti", json!(7)), "invalid_request"),
            (without("jti"), "invalid_request"),
            (without("exp"), "invalid_request"),
            (without("aud"), "invalid_request"),
            (agent.key.sign("at+jwt", agent.key.kid(), &good).expect("signs"), "invalid_request"),
            (agent.key.sign("gateway+jwt", agent.key.kid(), &good).expect("signs"), "invalid_request"),
            (person.clone(), "invalid_request"),
            ("nonsense".into(), "invalid_request"),
            ("x".repeat(100_000), "invalid_request"),
        ] {
            assert_eq!(code_of(run(&h, exchange(&person, &actor)).await), error, "{actor:.200}");
        }
        let kim = signed_in(&h, "usr_kim", "logs.read").await.access_token;
        let proof = agent.proof(&h, "1");
        let mut tampered = person.clone().into_bytes();
        let last = tampered.len() - 10;
        tampered[last] ^= 1;
        for (wrong, error) in [
            (exchange(&kim, &proof), "actor_unauthorized"),
            (exchange(&proof, &proof), "invalid_grant"),
            (exchange("nonsense", &proof), "invalid_grant"),
            (exchange(&String::from_utf8(tampered).expect("text"), &proof), "invalid_grant"),
            (ExchangeToken { client_id: "cli_other".into(), ..exchange(&person, &proof) }, "invalid_grant"),
            (ExchangeToken { client_id: "cli_none".into(), ..exchange(&person, &proof) }, "invalid_client"),
            (ExchangeToken { resource: Some(OTHER_RESOURCE.into()), ..exchange(&person, &proof) }, "invalid_target"),
        ] {
            assert_eq!(code_of(run(&h, wrong).await), error);
        }
        // None of this used the proof up: it works, once.
        run(&h, exchange(&person, &proof)).await.expect("issues");
        assert_eq!(code_of(run(&h, exchange(&person, &proof)).await), "invalid_grant", "a proof worked twice");
        run(&h, exchange(&person, &with("aud", json!([format!("{issuer}/token")])))).await.expect("the token endpoint will do");
    }

    async fn a_token_that_was_taken_back_makes_no_other(h: Harness) {
        ready(&h).await;
        let agent = helper(&h, AGENT, &["usr_dev", "usr_kim"]).await;
        let cx = h.cx(Actor::Anonymous).await;
        let admin = h.person("usr_ada", &[AdminRole::Owner]).await;
        let dev = signed_in(&h, "usr_dev", "logs.read").await.access_token;
        let kim = signed_in(&h, "usr_kim", "logs.read").await.access_token;
        RevokeToken { client_id: IDE.into(), token: dev.clone() }.run_on(&h.control, &cx).await.expect("taken back");
        assert_eq!(code_of(run(&h, exchange(&dev, &agent.proof(&h, "1"))).await), "invalid_grant");
        run(&h, exchange(&kim, &agent.proof(&h, "2"))).await.expect("another's is as it was");
        h.control.run(&admin, InvalidateSubject { user: "usr_kim".into(), reason: "lost".into() }).await.expect("cut off");
        assert_eq!(code_of(run(&h, exchange(&kim, &agent.proof(&h, "3"))).await), "invalid_grant");
        session(&h, "usr_kim").await;
        let fresh = signed_in(&h, "usr_kim", "logs.read").await.access_token;
        run(&h, exchange(&fresh, &agent.proof(&h, "4"))).await.expect("issued after the cut-off");
        h.advance_s(3600);
        assert_eq!(code_of(run(&h, exchange(&fresh, &agent.proof(&h, "5"))).await), "invalid_grant", "it has ended");
    }

    async fn a_grant_is_for_the_agent_it_was_approved_for(h: Harness) {
        ready(&h).await;
        let (agent, other) = (helper(&h, AGENT, &["usr_dev"]).await, helper(&h, "agt_other", &["usr_dev"]).await);
        // One for the person alone, one for the agent alone.
        granted(&h).await;
        let mut for_agent = ask();
        (for_agent.agent, for_agent.scopes) = (Some(AGENT.into()), set(&["analytics.query"]));
        let request = h.control.run(&dev(&h).await, for_agent).await.expect("asked");
        decide(&h, &approver(&h, "usr_sam").await, &request, true).await.expect("approved");

        let person = signed_in(&h, "usr_dev", "logs.read logs.debug.write").await;
        assert_eq!(names(&person.scope), ["logs.debug.write", "logs.read"]);
        let with = run(&h, exchange(&person.access_token, &agent.proof(&h, "1"))).await.expect("issues");
        assert_eq!(names(&with.scope), ["analytics.query", "logs.read"], "its own grant, not the person's");
        let grants = claims(&with.access_token)["grants"].clone();
        assert_eq!((grants.as_array().map(Vec::len), grants[0]["agent"].as_str()), (Some(1), Some(AGENT)));
        let without = run(&h, exchange(&person.access_token, &other.proof(&h, "2"))).await.expect("issues");
        assert_eq!(names(&without.scope), ["logs.read"]);
    }

    async fn a_chain_is_bounded_by_every_agent_in_it_and_has_an_end(h: Harness) {
        ready(&h).await;
        let first = helper(&h, AGENT, &["usr_kim"]).await;
        let narrow = Agent { ceiling: Json(Some(set(&["logs.read"]))), ..h.row::<Agent>(AGENT).await.expect("an agent") };
        h.plant(narrow).await;
        let second = helper(&h, "agt_second", &["usr_kim"]).await;
        let person = signed_in(&h, "usr_kim", "").await.access_token;
        let direct = run(&h, exchange(&person, &second.proof(&h, "1"))).await.expect("issues");
        assert_eq!(direct.scope.len(), 3);
        let one = run(&h, exchange(&person, &first.proof(&h, "2"))).await.expect("issues");
        assert_eq!(names(&one.scope), ["logs.read"]);
        let two = run(&h, exchange(&one.access_token, &second.proof(&h, "3"))).await.expect("issues");
        let act = claims(&two.access_token)["act"].clone();
        assert_eq!((act["sub"].as_str(), act["act"]["sub"].as_str()), (Some("agt_second"), Some(AGENT)));
        assert_eq!(names(&two.scope), ["logs.read"], "nothing that an inner agent may not");
        let mut token = two.access_token;
        for jti in ["4", "5"] {
            token = run(&h, exchange(&token, &second.proof(&h, jti))).await.expect("issues").access_token;
        }
        assert_eq!(code_of(run(&h, exchange(&token, &second.proof(&h, "6"))).await), "invalid_request", "five actors");
        let block = Block { target: Target::Agent(AGENT.into()), reason: "wild".into() };
        h.control.run(&h.person("usr_ada", &[AdminRole::Owner]).await, block).await.expect("blocked");
        assert_eq!(code_of(run(&h, exchange(&one.access_token, &second.proof(&h, "7"))).await), "invalid_grant", "an inner agent is blocked");
    }
}
