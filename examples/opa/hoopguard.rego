# What may run without a person, for relay.py.  The input is the data of
# hoopguard's event.  {"allow": true} approves, {"allow": false} denies, no
# result at all leaves it to people.
package hoopguard

import rego.v1

# Denied: whatever reaches every row of a table.
approval := {"allow": false, "reason": "reaches every row"} if {
	some act in input.facts.acts
	act.unbounded
}

# Approved: what a rehearsal has seen to change at most ten rows, for a ticket,
# of tables that hold nothing of money or health.
else := {"allow": true, "reason": "small, rehearsed, for a ticket",
	"max_rows": 10, "grant_ttl_s": 300} if {
	input.evidence.rehearsed
	not input.evidence.would_fail
	input.evidence.total_rows <= 10
	regex.match(`\bticket [0-9]+\b`, input.requester.intent)
	not touches({"credit_card", "iban", "us_ssn", "diagnosis"})
}

touches(classes) if {
	some act in input.facts.acts
	some class in array.concat(object.get(act, "holds", []), object.get(act, "classes", []))
	class in classes
}
