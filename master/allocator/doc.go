// Package allocator decides which framework is offered what on which agent.
//
// It is a pure library: facts and the present time go in, [Proposal] values
// come out. It has no goroutine, clock, lock or log, and with the same seed
// and history it gives the same answers. An [Allocator] belongs to one
// goroutine.
//
// # The rule
//
// Fairness is weighted dominant-resource fairness in a tree. A competitor's
// share is the largest part that it holds of any one resource of the cluster,
// divided by its weight; whoever has the least is served first, equal shares
// go to the one served less often, then by name. Roles compete with their
// siblings; the frameworks of a role that also has sub-roles compete as one
// virtual leaf beside them; inside a role frameworks compete with each other.
// What is offered counts as held.
//
// Agents are gone through in random order. For each one the roles, and in them
// the frameworks, are asked in the order of their shares, and the first that
// qualifies gets everything on the agent that it may have. To qualify, the
// agent must satisfy the framework's constraints and capabilities, what is
// left after taking away what the framework cannot handle and what quota holds
// back must be worth offering, and the framework must not have refused at
// least as much of this agent for this role recently.
//
// Roles with a quota guarantee are served first, up to the guarantee. After
// that everybody competes for what is not needed to fulfil guarantees and
// within the limit of its top-level role; reservations are never held back.
//
// # How it is fast
//
//   - Resources of an agent lie in pools by who may have them (pool.go). Nearly
//     all agents have one pool, which is offered and comes back as a whole:
//     that flips a flag and touches no resource arithmetic.
//   - Amounts are vectors of integers by numbered resource name (vector.go).
//   - Competitors lie in sorted lists that are repaired where something
//     changed and never sorted again (order.go, tree.go); names take part in
//     the comparison as numbers (rank.go).
//   - A refusal is one bit in a set kept per agent and refused amount; whether
//     the amount covers what is free now is decided once per amount, not once
//     per framework (filter.go). Refusals end by bucket (calendar.go).
//   - An agent for which nobody qualified is not looked at again before
//     something changes that could help (run.go).
package allocator
