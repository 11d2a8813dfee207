//! The one entry: a request comes in, an outcome and a log line go out.

use crate::active::Active;
use crate::cause::Cause;
use crate::outcome::{Challenge, ChallengeError, Outcome, StepUp};
use crate::rate::Limiter;
use crate::record::{Record, Rule};
use crate::rpc::MethodOwned;
use arc_swap::ArcSwapOption;
use jsonschema::{ValidationError, Validator};
use policy::{Decision, McpServer, Obligation, PolicySet, Reason, Risk, TokenFacts, VerifiedCall};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// Holds what is in force and answers calls from it. Shared by all requests; nothing in it waits.
#[derive(Debug, Default)]
pub struct Enforcer {
    active: ArcSwapOption<Active>,
    limiter: Limiter,
}

/// A call as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The bearer token, if one came.
    pub bearer: Option<&'a str>,
    /// The resource URI that was called.
    pub resource: &'a str,
    /// What is asked of it.
    pub method: &'a MethodOwned,
    /// `params.arguments` of a `tools/call`.
    pub arguments: Option<&'a Value>,
    /// [`crate::definition_digest`] of the tool as the server last showed it; `None` if that is not known. A tool of high risk whose
    /// definition is not known is denied.
    pub live_tool_digest: Option<&'a str>,
    /// The request's id, for the log.
    pub request_id: &'a str,
    /// The trace that the call belongs to, for the log.
    pub trace_id: Option<&'a str>,
    /// Unix milliseconds.
    pub now_ms: i64,
}

/// What to do, and what to write down.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What to do.
    pub outcome: Outcome,
    /// What to write down before doing it. `None` for an allowed lifecycle method, and where no token verified: there is nobody to name.
    pub record: Option<Record>,
    /// Whose token it was, if one verified.
    pub facts: Option<Arc<TokenFacts>>,
    /// The policy and list that were decided by, to see whether they were replaced meanwhile.
    pub active: Option<Arc<Active>>,
}

impl Enforcer {
    /// Nothing in force: everything is refused as [`Cause::Closed`].
    pub fn closed() -> Self {
        Self::default()
    }

    /// Puts `active` in force at once for every later call. Tokens verified before are verified again.
    pub fn activate(&self, active: Arc<Active>) {
        let other_policy = self.active.load().as_ref().is_none_or(|before| !before.same_policy(&active));
        if other_policy {
            self.limiter.keep(active.limits());
        }
        self.active.store(Some(active));
    }

    /// What is in force now.
    pub fn active(&self) -> Option<Arc<Active>> {
        self.active.load_full()
    }

    /// Verify → decide → discharge → record.
    pub fn authorize(&self, ask: &Ask<'_>) -> Answer {
        let Some(active) = self.active() else {
            return Answer { outcome: Outcome::Denied(Cause::Closed), record: None, facts: None, active: None };
        };
        let now = ask.now_ms.div_euclid(1000);
        let refused = |error: Option<ChallengeError>, cause| {
            let scopes = active.policy().servers.get(ask.resource).map_or_else(Vec::new, |server| minimal_scopes(active.policy(), server));
            Outcome::Challenge(Challenge { error, cause, scopes })
        };
        let facts = match ask.bearer {
            None => Err(refused(None, Cause::TokenMissing)),
            Some(token) => active.verify(token, now).map_err(|why| refused(Some(ChallengeError::InvalidToken), Cause::Token(why))),
        };
        let (outcome, record, facts) = match facts {
            Err(outcome) => (outcome, None, None),
            Ok(facts) => {
                let (outcome, record) = self.judge(&active, &facts, ask, now);
                (outcome, record, Some(facts))
            }
        };
        Answer { outcome, record, facts, active: Some(active) }
    }

    /// Whether what was allowed a moment ago still is by what is in force now: without counting against a limit or checking arguments again.
    /// What is under way for longer is judged by [`Enforcer::ends`]. `now` in Unix seconds.
    ///
    /// # Errors
    /// Why it would be denied.
    pub fn still_allows(&self, facts: &TokenFacts, resource: &str, method: &MethodOwned, now: i64) -> Result<(), Reason> {
        self.decides(facts, resource, method, now, now)
    }

    /// What is in force says of a call as of `at`, which may be over, in a gateway that is as stale as it is `now`. Unix seconds.
    pub(crate) fn decides(&self, facts: &TokenFacts, resource: &str, method: &MethodOwned, at: i64, now: i64) -> Result<(), Reason> {
        let Some(active) = self.active() else { return Err(Reason::StaleAll) };
        let call = call(facts, resource, method, None, active.stale_for(now));
        match policy::decide(active.policy(), active.revocations(), &call, at) {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(deny) => Err(deny.reason),
        }
    }

    fn judge(&self, active: &Active, facts: &Arc<TokenFacts>, ask: &Ask<'_>, now: i64) -> (Outcome, Option<Record>) {
        let policy = active.policy();
        let call = call(facts, ask.resource, ask.method, ask.live_tool_digest, active.stale_for(now));
        let decision = policy::decide(policy, active.revocations(), &call, now);
        let mut record = Record::about(facts, ask.request_id, ask.trace_id, ask.now_ms);
        record.method = ask.method.name().to_owned();
        record.tool = ask.method.tool().map(str::to_owned);
        record.resource = ask.resource.to_owned();
        record.server = policy.servers.get(ask.resource).map(|server| server.name.clone());
        record.policy_version = policy.version;
        record.revocation_seq = active.revocations().seq();
        let outcome = match decision {
            Decision::Deny(deny) => {
                record.scope = deny.scope.map(str::to_owned);
                refusal(policy, ask.resource, deny.reason, deny.scope)
            }
            Decision::Allow(allow) => {
                record.scope = allow.scope.map(str::to_owned);
                record.rule = allow.supply.map(Rule::from);
                let risk = allow.scope.and_then(|scope| policy.scopes.get(scope)).map_or(Risk::Critical, |scope| scope.risk);
                match self.discharge(active, facts, ask, &allow.obligations, risk) {
                    Ok(()) => Outcome::Allow { facts: Arc::clone(facts), scope: record.scope.clone(), rule: record.rule.clone() },
                    Err(cause) => Outcome::Denied(cause),
                }
            }
        };
        let (decision, reason) = outcome.cause().map_or(("allow", "allowed"), |cause| ("deny", cause.code()));
        record.decision = decision.to_owned();
        record.reason = reason.to_owned();
        let unremarkable = ask.method.is_lifecycle() && decision == "allow";
        (outcome, (!unremarkable).then_some(record))
    }

    fn discharge(
        &self,
        active: &Active,
        facts: &TokenFacts,
        ask: &Ask<'_>,
        obligations: &[Obligation<'_>],
        risk: Risk,
    ) -> Result<(), Cause> {
        let tool = ask.method.tool().unwrap_or_default();
        let mut to_compile = None;
        for obligation in obligations {
            match obligation {
                Obligation::ToolDigest(reviewed) => match ask.live_tool_digest {
                    Some(live) if live != *reviewed => return Err(Cause::Policy(Reason::ToolDrifted)),
                    None if risk >= Risk::High => return Err(Cause::DefinitionUnknown),
                    _ => {}
                },
                Obligation::Arguments(schema) => match active.schemas().at_hand(schema) {
                    Some(compiled) => fits(&compiled, ask.arguments)?,
                    None => to_compile = Some(schema),
                },
                Obligation::RateLimit(counted, limit) => {
                    let (counted, called) = (*counted, (ask.resource, tool));
                    let checked = self.limiter.check(counted, *limit, facts, called, ask.now_ms);
                    checked.map_err(|retry_after_ms| Cause::RateLimited { counted, retry_after_ms })?;
                }
            }
        }
        // What has to be compiled first costs something, and comes after what bounds how often it is asked for.
        to_compile.map_or(Ok(()), |schema| {
            // Seen to compile with the policy; one that does not is no permission to skip it.
            let refused = || Cause::ArgumentsRefused { what: "the schema does not compile".to_owned() };
            fits(&*active.schemas().compiled(schema).ok_or_else(refused)?, ask.arguments)
        })
    }
}

/// Holds the arguments of a call, or their absence, against the tool's schema.
fn fits(schema: &Validator, arguments: Option<&Value>) -> Result<(), Cause> {
    let none = Value::Object(serde_json::Map::new());
    let arguments = arguments.unwrap_or(&none);
    // Most calls are in order; only for others it is asked what is wrong, and the first thing is enough.
    if schema.is_valid(arguments) {
        return Ok(());
    }
    let first = schema.validate(arguments).err();
    let said = |error| format!("at `{}`: breaks `{}`", ValidationError::instance_path(error), error.schema_path());
    Err(Cause::ArgumentsRefused { what: first.as_ref().map_or_else(|| "they do not satisfy the schema".to_owned(), said) })
}

impl Active {
    /// The tools of `resource` that belong into this caller's list.
    pub fn visible_tools(&self, facts: &TokenFacts, resource: &str, now: i64) -> HashSet<String> {
        let call =
            VerifiedCall { token: facts, resource, method: policy::Method::ListTools, tool_digest: None, stale_for: self.stale_for(now) };
        policy::visible_tools(self.policy(), self.revocations(), &call, now).into_iter().map(str::to_owned).collect()
    }

    /// The scopes that a client of `resource` starts with: those of low risk, or of the lowest risk that the server has. Never the whole
    /// catalogue.
    pub fn minimal_scopes(&self, resource: &str) -> Vec<String> {
        self.policy().servers.get(resource).map_or_else(Vec::new, |server| minimal_scopes(self.policy(), server))
    }
}

fn call<'a>(
    facts: &'a TokenFacts,
    resource: &'a str,
    method: &'a MethodOwned,
    digest: Option<&'a str>,
    stale_for: i64,
) -> VerifiedCall<'a> {
    VerifiedCall { token: facts, resource, method: method.as_policy(), tool_digest: digest, stale_for }
}

fn refusal(policy: &PolicySet, resource: &str, reason: Reason, scope: Option<&str>) -> Outcome {
    let cause = Cause::Policy(reason);
    let minimal = || policy.servers.get(resource).map_or_else(Vec::new, |server| minimal_scopes(policy, server));
    let scopes = || scope.map_or_else(minimal, |scope| vec![scope.to_owned()]);
    if reason.is_invalid_token() {
        return Outcome::Challenge(Challenge { error: Some(ChallengeError::InvalidToken), cause, scopes: scopes() });
    }
    if reason.is_step_up() {
        let rules = scope.and_then(|scope| policy.scopes.get(scope));
        let step_up = StepUp { max_age: rules.and_then(|rules| rules.max_auth_age), acr: rules.and_then(|rules| rules.acr.clone()) };
        return Outcome::Challenge(Challenge { error: Some(ChallengeError::StepUp(step_up)), cause, scopes: scopes() });
    }
    match scope {
        Some(scope) if reason.is_insufficient_scope() => Outcome::Forbidden { scope: scope.to_owned(), cause },
        _ => Outcome::Denied(cause),
    }
}

fn minimal_scopes(policy: &PolicySet, server: &McpServer) -> Vec<String> {
    let risk = |scope: &str| policy.scopes.get(scope).map_or(Risk::Critical, |scope| scope.risk);
    let all = server.scopes();
    let Some(lowest) = all.iter().map(|scope| risk(scope)).min() else { return Vec::new() };
    all.into_iter().filter(|scope| risk(scope) == lowest).map(str::to_owned).collect()
}
