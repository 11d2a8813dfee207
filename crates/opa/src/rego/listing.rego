package writ.listing

import data.writ.decision
import data.writ.policy

# The tools of `input.resource` that belong into the caller's tools/list: those that they may call, and those that they may call with
# another token of theirs, so that their client can ask for it.
tools contains name if {
	some name, _ in policy.servers[input.resource].tools
	answer := decision.reason with input.method as "tools/call" with input.tool as name
	answer in {"allowed", "scope_not_in_token"}
}
