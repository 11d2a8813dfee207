# Verifies an access token, then asks the policy. Loaded beside Writ's bundles:
#
#   opa run --server --addr 127.0.0.1:8181 --config-file opa.yaml authz.rego mask.rego
#
# POST /v1/data/app/authz with {"input": {"access_token": …, "resource": …, "method": …, "tool": …, "tool_digest": …}}.
package app.authz

import data.writ.decision
import data.writ.listing
import data.writ.policy

default allow := false

allow if writ.decision.allow

default reason := "invalid_token"

reason := writ.decision.reason

default obligations := []

obligations := writ.decision.obligations

# For tools/list: what to leave in the answer.
default tools := []

tools := names if {
	names := listing.tools with input as question
}

# What was asked and what was answered: the control plane reads it out of the decision log.
writ := {"input": question, "decision": answer} if {
	answer := decision with input as question
}

question := {
	"token": claims,
	"resource": input.resource,
	"method": input.method,
	"tool": object.get(input, "tool", null),
	"tool_digest": object.get(input, "tool_digest", null),
}

# The claims of a token that one of the policy's issuers signed for this resource and that has not ended. Type and algorithm are fixed:
# what the token says of itself is compared, never followed.
claims := payload if {
	[header, unverified, _] := io.jwt.decode(input.access_token)
	header.typ in {"at+jwt", "application/at+jwt"}
	is_string(header.kid)
	[valid, _, payload] := io.jwt.decode_verify(input.access_token, {
		"cert": policy.issuers[unverified.iss].jwks,
		"alg": "ES256",
		"iss": unverified.iss,
		"aud": input.resource,
	})
	valid

	# Not from the future; clocks may differ by a minute.
	payload.iat * 1000000000 <= time.now_ns() + 60000000000
}
