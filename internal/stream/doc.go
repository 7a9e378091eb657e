// Package stream sends events to one subscriber over a response that never
// ends.
//
// The publisher, usually an actor that must not wait, hands frames to a Queue
// with Offer. The HTTP handler of the subscription runs the Queue's writer,
// which is the only one to touch the connection:
//
//	publisher ──Offer(frame)──▶ ring, bounded by frames and bytes ──▶ Run ──▶ client
//	          ◀─false: too slow or closed─┘                            └─ heartbeats
//
// Guarantees:
//
//   - Offer and Close never block on the subscriber.
//   - Frames arrive in the order of Offer, none missing: a subscriber that does
//     not keep up is disconnected, with a reason, rather than served a gap.
//   - Each frame is one HTTP chunk. Existing clients of Mesos depend on it.
//     What is waiting together leaves in one write to the socket all the same,
//     if the server offers a Corker.
//   - A frame is encoded once by its publisher and shared by all queues. Nobody
//     changes it.
package stream
