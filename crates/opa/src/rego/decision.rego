package writ.decision

import data.writ.checks

# Whether the call may go on, once every obligation is discharged.
default allow := false

allow if checks.reason == "allowed"

# `allowed`, or the stable code of the first check that failed. What cannot be judged is denied.
default reason := "invalid_input"

reason := checks.reason

# The scope that the call needs; null where it needs none, or was stopped before that was known.
default scope := null

scope := checks.scope

# What gives that scope: a role or a grant. Null on a denial, and where no scope is needed.
default supply := null

supply := checks.supply if {
	allow
	scope != null
}

# What the caller has to do before it lets the call through. It cannot be left out: an obligation that cannot be met is a denial.
default obligations := []

obligations := checks.obligations if {
	allow
	scope != null
}
