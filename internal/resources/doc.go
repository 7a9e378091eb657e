// Package resources is the arithmetic of what agents have and frameworks use.
//
// An amount is one of three kinds: a scalar in fixed point (cpus, mem), ranges
// of integers (ports) or a set of strings. Around the amount lies its identity:
// the role it is allocated to, the stack of reservations, the disk it stands
// for, whether it is revocable or shared, and its provider. Amounts with the
// same identity merge; all others stay apart as distinct objects.
//
// Three shapes serve three needs:
//
//   - [Resources] is an immutable value: operations return a new one and may
//     share memory with their operands.
//   - [Builder] is the mutable counterpart for loops that would otherwise
//     allocate at every step. It belongs to one goroutine.
//   - [Quantities] and [Limits] drop all identity and keep name and scalar,
//     which is all that fair sharing and quota look at.
//
// The package is pure: it does no I/O, reads no clock and logs nothing.
package resources
