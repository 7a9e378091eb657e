// Package client is the Go driver for frameworks and operators of a cluster
// that speaks the Mesos v1 API over HTTP and JSON.
//
// A framework implements Handler, usually by embedding BaseHandler, and runs a
// Scheduler with it:
//
//	type hello struct{ client.BaseHandler }
//
//	func (h *hello) Offers(ctx context.Context, s *client.Scheduler, offers []mesosv1.Offer) error {
//		// s.Launch, s.Decline, s.SetIdle ...
//	}
//
//	s, err := client.NewScheduler(client.SchedulerOptions{
//		Masters:   []string{"127.0.0.1:5050"},
//		Framework: mesosv1.FrameworkInfo{User: "me", Name: "hello", Roles: []string{"*"}},
//		Handler:   &hello{},
//	})
//	err = s.Run(ctx)
//
// The driver finds the leading master, subscribes, notices a dead connection by
// missing heartbeats, subscribes again under the same framework id, and
// acknowledges status updates. Operator is the client of the operator API,
// AgentFiles reads the sandboxes of tasks.
package client
