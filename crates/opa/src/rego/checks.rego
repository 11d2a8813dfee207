package writ.checks

import data.writ.policy
import data.writ.revocations

# ---- The answer: the first check that fails is the reason. -------------------------------------------------------------------------
#
# Every check is a statement that has to hold. What is undefined does not hold, so whatever is missing denies.

reason := "invalid_input" if not well_formed
else := why if {
	why := barred
}
else := "allowed" if converses
else := "unknown_method" if not calls_tool
else := "unknown_tool" if not tool
else := "tool_unbound" if not needed
else := "tool_drifted" if not tool_as_reviewed
else := "client_ceiling" if not client_may
else := "agent_ceiling" if not agents_may
else := unsupplied if not supply
else := "scope_not_in_token" if not scope_in_token
else := "stale_high_risk" if not fresh_for_risk
else := "authentication_too_old" if not signed_in_recently
else := "authentication_too_weak" if not signed_in_strongly
else := "allowed" if supply

# What stops a call whatever it asks for.
barred := "behind_revocations" if not revocations_known
else := "stale_all" if not in_force
else := "tenant_blocked" if not tenant_open
else := "wrong_tenant" if not same_tenant
else := "unknown_issuer" if not issuer_known
else := "wrong_audience" if not audience_is_resource
else := "unknown_resource" if not server
else := "token_expired" if not token_lives
else := "behind_revocations" if not caught_up
else := "token_revoked" if listed("token", [token.jti])
else := "session_revoked" if listed("session", [token.sid])
else := "lineage_revoked" if listed("lineage", [token.lineage])
else := "subject_revoked" if cut_off
else := "user_blocked" if listed("user", [token.sub])
else := "client_blocked" if listed("client", [token.client_id])
else := "agent_blocked" if an_agent_is_blocked
else := "server_blocked" if listed("server", [input.resource])
else := "unknown_client_class" if not client_class
else := "unknown_agent_class" if not agent_classes_known
else := too_stale if too_stale

# The scope that the call needs, once it is known which tool it calls. Without default: null stands for it in the decision.
scope := needed if {
	well_formed
	not barred
	calls_tool
}

# ---- Time: the clock is OPA's, the limits stand in the signed manifests. -----------------------------------------------------------

clock_ns := time.now_ns()

policy_facts := data.system.bundles["writ-policy"].manifest.metadata

revocations_facts := data.system.bundles["writ-revocations"].manifest.metadata

# The time that tokens and grants are held against, Unix seconds. Only replays and tests give one.
now := input.now if is_number(input.now)
else := whole_seconds(clock_ns)

# Both bundles are those that belong together with their manifests; revocations that were never loaded are not known.
revocations_known if {
	revocations_facts.tenant == revocations.tenant
	revocations_facts.seq == revocations.seq
}

# Neither bundle has ended, and this version of the policy may still run.
in_force if {
	policy_facts.tenant == policy.tenant
	policy_facts.version == policy.version
	clock_ns < policy_facts.expires_ns
	clock_ns < revocations_facts.expires_ns
	policy.version >= revocations_facts.floor
	is_string(policy.revocation_key)
	is_object(revocations.marks)
}

# For how many seconds the newest revocations have been out of date. The caller may know of more, never of less.
stale_for := max([0, whole_seconds(clock_ns - revocations_facts.fresh_until_ns), object.get(input, "stale_for", 0)])

whole_seconds(ns) := (ns - (ns % 1000000000)) / 1000000000 if ns >= 0
else := 0

token_age := now - token.iat

# ---- The call and its token. -------------------------------------------------------------------------------------------------------

# Nothing is read of a token before it is known to have the right shape.
token := input.token if well_formed

server := policy.servers[input.resource]

tool := server.tools[input.tool]

needed := tool.scope

calls_tool if {
	input.method == "tools/call"
	is_string(input.tool)
}

# What a client needs to hold a conversation at all.
converses if input.method in {"initialize", "ping", "server/discover", "tools/list"}

converses if startswith(input.method, "notifications/")

# The agent that acts, then those that acted before it: they can only be a reason to deny.
actors := chain if token

agent := actors[0].sub if count(actors) > 0
else := null

roles := object.get(token, "roles", [])

grants := object.get(token, "grants", [])

tenant_open if revocations.tenant_blocked == false

same_tenant if {
	token.tenant == policy.tenant
	revocations.tenant in {"", policy.tenant}
}

issuer_known if policy.issuers[token.iss]

audience_is_resource if token.aud == input.resource

token_lives if now < token.exp

# The token's issuer knew no revocation that is not known here.
caught_up if token.seq <= revocations.seq

# ---- Revocations: the list names whom it concerns by a keyed hash. -----------------------------------------------------------------

# HMAC-SHA-256 over `kind:part:part`, truncated to 128 bits.
mark(kind, parts) := substring(crypto.hmac.sha256(concat(":", array.concat([kind], parts)), policy.revocation_key), 0, 32)

# Nothing is hashed for a kind that has no entry.
listed(kind, parts) if {
	marks := revocations.marks[kind]
	marks[mark(kind, parts)]
}

# Tokens of the subject that were issued before a sequence are cut off.
cut_off if {
	count(revocations.subjects) > 0
	token.seq < revocations.subjects[mark("subject", [token.sub])]
}

an_agent_is_blocked if {
	some actor in actors
	listed("agent", [actor.sub])
}

# ---- Classes and ceilings: nothing adds what a ceiling leaves out. -----------------------------------------------------------------

client_class := policy.client_classes[token.client_class]

agent_classes_known if {
	every actor in actors {
		policy.agent_classes[actor.class]
	}
}

client_may if {
	admits(client_class)
	not_narrowed(token.client_id)
}

agents_may if {
	every actor in actors {
		admits(policy.agent_classes[actor.class])
		not_narrowed(actor.sub)
	}
}

admits(ceiling) if ceiling.any

admits(ceiling) if ceiling.only[needed]

# Named clients and agents may have a ceiling of their own below their class's.
not_narrowed(id) if not policy.narrowed[id]

not_narrowed(id) if admits(policy.narrowed[id])

# ---- What gives the scope: roles of the token that the policy defines, and grants that are for this very call. ---------------------

giving_roles := [role |
	some role in roles
	policy.roles[role][needed]
]

open_roles := [role |
	some role in giving_roles
	not listed("role_scope", [role, needed])
]

giving_grants := [grant |
	some grant in grants
	needed in grant.scopes
]

open_grants := [grant |
	some grant in giving_grants
	not grant_fails(grant)
]

supply := {"kind": "role", "id": open_roles[0]} if count(open_roles) > 0
else := {"kind": "grant", "id": open_grants[0].id} if count(open_grants) > 0

# Why nothing gives the scope: what was looked at last.
unsupplied := failures[count(failures) - 1] if count(failures) > 0
else := "scope_not_held"

failures := array.concat(
	["role_scope_blocked" | some _ in giving_roles],
	[why |
		some grant in giving_grants
		why := grant_fails(grant)
	],
)

grant_fails(grant) := "grant_elsewhere" if not for_this_call(grant)
else := "grant_revoked" if listed("grant", [grant.id])
else := "grant_expired" if not now < grant.exp

for_this_call(grant) if {
	grant.resource == input.resource
	grant.client == token.client_id
	object.get(grant, "agent", null) == agent
}

scope_in_token if needed in split(token.scope, " ")

# ---- Rules of the tool and of the scope. A scope without rules of its own is judged by the strictest. ------------------------------

tool_as_reviewed if {
	digest := object.get(input, "tool_digest", null)
	object.get(tool, "digest", digest) == digest
}

tool_as_reviewed if object.get(input, "tool_digest", null) == null

fresh_for_risk if not high_risk_denied

fresh_for_risk if policy.scopes[needed].risk in {"low", "moderate"}

signed_in_recently if not policy.scopes[needed].max_auth_age

signed_in_recently if now - token.auth_time <= policy.scopes[needed].max_auth_age

signed_in_strongly if not policy.scopes[needed].acr

signed_in_strongly if token.acr == policy.scopes[needed].acr

# ---- Obligations, in the order in which they are best discharged: what costs nothing comes before what is counted. -----------------

obligations := array.concat(array.concat(digest_to_check, arguments_to_check), rates_to_count)

digest_to_check := [{"kind": "tool_digest", "sha256": digest} | digest := tool.digest]

arguments_to_check := [{"kind": "arguments", "schema": json.unmarshal(schema)} | schema := tool.arguments]

rates_to_count := array.concat(
	[{"kind": "rate_limit", "counted": limit.counted, "per_minute": limit.per_minute} |
		some limit in policy.limits
		counts(limit.counted)
	],
	[{"kind": "rate_limit", "counted": "tool", "per_minute": limit} | limit := tool.per_minute],
)

counts(whose) if whose in {"subject", "client"}

counts("agent") if agent != null

# ---- The shape of the input. What has another shape is the caller's mistake, and denied as such. -----------------------------------

well_formed if {
	is_string(input.resource)
	is_string(input.method)
	optional_string(input, "tool")
	optional_string(input, "tool_digest")
	optional_integer(input, "stale_for")
	optional_integer(input, "now")
	token_well_formed(input.token)
	chain_well_formed
}

token_well_formed(claims) if {
	is_string(claims.iss)
	is_string(claims.aud)
	is_string(claims.sub)
	is_string(claims.client_id)
	is_string(claims.client_class)
	is_string(claims.scope)
	is_string(claims.jti)
	is_string(claims.sid)
	is_string(claims.lineage)
	is_string(claims.tenant)
	is_integer(claims.iat)
	is_integer(claims.exp)
	is_integer(claims.seq)
	optional_string(claims, "acr")
	optional_integer(claims, "auth_time")
	strings(object.get(claims, "roles", []))
	grants_well_formed(object.get(claims, "grants", []))
}

# Actors from the outermost on, four at the most.
chain := [actor |
	some path in [["act"], ["act", "act"], ["act", "act", "act"], ["act", "act", "act", "act"]]
	actor := object.get(input.token, path, null)
	actor != null
]

# A longer chain is refused, never cut.
chain_well_formed if {
	object.get(input.token, ["act", "act", "act", "act", "act"], null) == null
	every actor in chain {
		is_string(actor.sub)
		is_string(actor.class)
	}
}

grants_well_formed(list) if {
	is_array(list)
	every grant in list {
		is_string(grant.id)
		is_string(grant.resource)
		is_string(grant.client)
		strings(grant.scopes)
		optional_string(grant, "agent")
		is_integer(grant.exp)
	}
}

strings(list) if {
	is_array(list)
	every item in list {
		is_string(item)
	}
}

optional_string(holder, name) if object.get(holder, name, null) == null

optional_string(holder, name) if is_string(holder[name])

optional_integer(holder, name) if object.get(holder, name, null) == null

optional_integer(holder, name) if is_integer(holder[name])

is_integer(number) if {
	is_number(number)
	number == floor(number)
}
