//! "Can they?": the very decision that a gateway would take, over facts that the tenant has stored.

use crate::control::Control;
use crate::ctx::Ctx;
use crate::delivery::{compile, revocation_list};
use crate::error::{Error, Result};
use crate::permission::Permission;
use policy::{
    Actor, Counted, Decision, GrantFact, Method, Name, Obligation, PolicySet, Reason, SubjectKind, Supply, TokenFacts, Trace, VerifiedCall,
};
use store::{Agent, Client, Grant, GrantFilter, GrantIs, Reader, Server, Tool, User};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// `usr_…`.
    pub user: String,
    /// `cli_…`.
    pub client: String,
    /// `agt_…`, where one acts.
    pub agent: Option<String>,
    /// `srv_…`.
    pub server: String,
    /// The tool's name.
    pub tool: String,
    /// Under the draft rather than under what is live.
    pub draft: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Why not; none when the call is allowed.
    pub denied: Option<Reason>,
    /// The scope that the call needs, where that is known.
    pub scope: Option<String>,
    /// What gives the scope: `role sre` or `grant grt_…`.
    pub rule: Option<String>,
    /// What the gateway has yet to see to, in words.
    pub obligations: Vec<String>,
    /// The links of the chain, as the decision function walked it.
    pub trace: Trace,
    /// The version that was asked; with `draft`, the one that it would become.
    pub version: u64,
    /// Roles that the person's groups give.
    pub roles: Vec<String>,
    /// Their groups at the last sign-in.
    pub groups: Vec<String>,
}

/// Answers a question. What no stored fact can say is assumed in the caller's favour: the token is fresh, was asked for every scope, and
/// comes of a sign-in that is recent and strong enough.
///
/// # Errors
/// [`Error::NotFound`] for an unknown person, client, agent or server; [`Error::Refused`] with `nothing_live` before the first publish.
pub async fn explain(control: &Control, cx: &Ctx, question: &Question) -> Result<Explanation> {
    cx.needs(Permission::ReadConfig)?;
    cx.needs(Permission::ReadPeople)?;
    let db = control.read(cx);
    let user = db.get::<User>(&question.user).await?.ok_or(Error::NotFound)?;
    let client = db.get::<Client>(&question.client).await?.ok_or(Error::NotFound)?;
    let server = db.get::<Server>(&question.server).await?.ok_or(Error::NotFound)?;
    let agent = match &question.agent {
        Some(id) => Some(db.get::<Agent>(id).await?.ok_or(Error::NotFound)?),
        None => None,
    };
    let policy = match question.draft {
        true => compile::compile(&db, control.parts()).await?,
        false => {
            compile::live(&db).await?.ok_or_else(|| Error::refused("nothing_live", "nothing is published yet, so every call is denied"))?
        }
    };
    // As gateways have it, or will in a moment.
    let revocations = revocation_list(&db, control.parts(), cx.now_s()).await?;
    let roles = db.roles_of_groups(&user.groups).await?;
    let facts =
        facts(control, cx, &policy, &revocations, &user, &client, agent.as_ref(), &server, roles.clone(), grants(&db, cx, &user).await?);
    let seen = db.get::<Tool>(&format!("{}/{}", server.id, question.tool)).await?.filter(|tool| tool.present == 1);
    let call = VerifiedCall {
        token: &facts,
        resource: &server.resource,
        method: Method::CallTool(&question.tool),
        tool_digest: seen.as_ref().map(|tool| tool.digest.as_str()),
        stale_for: 0,
    };
    let (decision, trace) = policy::explain(&policy, &revocations, &call, cx.now_s());
    let (denied, scope, rule, obligations) = match decision {
        Decision::Deny(deny) => (Some(deny.reason), deny.scope, None, Vec::new()),
        Decision::Allow(allow) => (None, allow.scope, allow.supply.map(rule), allow.obligations.iter().map(say).collect()),
    };
    let scope = scope.map(str::to_owned);
    Ok(Explanation { denied, scope, rule, obligations, trace, version: policy.version, roles, groups: user.groups.0 })
}

fn rule(supply: Supply<'_>) -> String {
    match supply {
        Supply::Role(role) => format!("role {role}"),
        Supply::Grant(grant) => format!("grant {grant}"),
    }
}

fn say(obligation: &Obligation<'_>) -> String {
    match obligation {
        Obligation::ToolDigest(digest) => {
            format!("The tool is still defined as it was reviewed (SHA-256 {}…)", &digest[..digest.len().min(12)])
        }
        Obligation::Arguments(_) => "The arguments satisfy the reviewed schema".to_owned(),
        Obligation::RateLimit(counted, limit) => {
            let whose = match counted {
                Counted::Subject => "of this person",
                Counted::Client => "through this client",
                Counted::Agent => "of this agent",
                Counted::Tool => "of this tool by this person through this client",
            };
            format!("At most {} calls a minute {whose}", limit.per_minute)
        }
    }
}

/// The grants that a token issued now would carry, those that ended or were revoked lately too: they are why something stopped working.
async fn grants(db: &Reader<'_>, cx: &Ctx, user: &User) -> Result<Vec<GrantFact>> {
    let filter = |state| GrantFilter { user: Some(user.id.clone()), state: Some(state), now_s: cx.now_s(), ..GrantFilter::default() };
    let mut rows = db.all_grants(&filter(GrantIs::Active)).await?;
    rows.extend(db.all_grants(&filter(GrantIs::Revoked)).await?);
    rows.extend(db.all_grants(&filter(GrantIs::Ended)).await?.into_iter().filter(|grant| cx.now_s() - grant.exp_s < LATELY_S));
    Ok(rows.into_iter().map(fact).collect())
}

/// For how long an ended grant is still worth naming.
const LATELY_S: i64 = 7 * 86_400;

fn fact(grant: Grant) -> GrantFact {
    let Grant { id, scopes, resource, client_id, agent_id, exp_s, .. } = grant;
    GrantFact { id, scopes: scopes.0, resource, client: client_id, agent: agent_id, exp: exp_s }
}

#[expect(clippy::too_many_arguments, reason = "a token brings the facts of everybody who takes part")]
fn facts(
    control: &Control,
    cx: &Ctx,
    policy: &PolicySet,
    revocations: &policy::Revocations,
    user: &User,
    client: &Client,
    agent: Option<&Agent>,
    server: &Server,
    roles: Vec<String>,
    grants: Vec<GrantFact>,
) -> TokenFacts {
    let now = cx.now_s();
    let needed = policy.servers.get(&server.resource).into_iter().flat_map(|server| server.scopes());
    let acr = needed.filter_map(|scope| policy.scopes.get(scope)?.acr.clone()).next();
    TokenFacts {
        tenant: cx.tenant.to_string(),
        issuer: control.parts().issuer(&cx.tenant),
        audience: server.resource.clone(),
        jti: "asked-in-the-console".to_owned(),
        subject: user.id.clone(),
        subject_kind: SubjectKind::User,
        client: client.id.clone(),
        client_class: client.class.clone(),
        agent: agent.map(|agent| Actor { id: agent.id.clone(), class: agent.class.clone() }),
        inner_actors: Vec::new(),
        session: "asked-in-the-console".to_owned(),
        lineage: "asked-in-the-console".to_owned(),
        scope: policy.scopes.keys().map(Name::to_string).collect(),
        roles,
        grants,
        acr,
        auth_time: Some(now),
        iat: now,
        exp: now + 60,
        seq: revocations.seq(),
    }
}
