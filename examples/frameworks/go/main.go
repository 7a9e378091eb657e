// Command go is a framework on package client: it runs a command a number of
// times and ends when every task has ended.
//
//	go run ./examples/frameworks/go --master 127.0.0.1:5050 --tasks 5 --command 'echo hello'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/meseta/meseta/client"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
)

func main() {
	master := flag.String("master", "127.0.0.1:5050", "host:port of the masters, separated by commas")
	command := flag.String("command", "echo hello from Go", "shell command to run")
	tasks := flag.Int("tasks", 3, "how many tasks to run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, strings.Split(*master, ","), *command, *tasks); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// framework is the handler. The driver calls it from one goroutine.
type framework struct {
	client.BaseHandler
	command string
	waiting []string
	running map[string]bool
	failed  []string
}

// errDone ends Run when every task has ended.
var errDone = errors.New("every task has ended")

func run(ctx context.Context, masters []string, command string, tasks int) error {
	f := &framework{command: command, running: map[string]bool{}}
	for i := range tasks {
		f.waiting = append(f.waiting, fmt.Sprintf("go-%d", i))
	}
	scheduler, err := client.NewScheduler(client.SchedulerOptions{
		Masters: masters,
		Handler: f,
		Framework: mesosv1.FrameworkInfo{
			User: "root", Name: "go-example", Roles: []string{"*"},
			Capabilities: []mesosv1.FrameworkInfoCapability{
				{Type: new(mesosv1.FrameworkInfoCapabilityTypeMultiRole)},
				{Type: new(mesosv1.FrameworkInfoCapabilityTypeReservationRefinement)},
				{Type: new(mesosv1.FrameworkInfoCapabilityTypePartitionAware)},
			},
		},
	})
	if err != nil {
		return err
	}
	if err := scheduler.Run(ctx); !errors.Is(err, errDone) {
		return err
	}
	if len(f.failed) > 0 {
		return fmt.Errorf("%d tasks failed: %s", len(f.failed), strings.Join(f.failed, ", "))
	}
	return nil
}

// Subscribed says under which id.
func (f *framework) Subscribed(_ context.Context, _ *client.Scheduler, e *schedulerv1.EventSubscribed) error {
	fmt.Println("subscribed as", e.FrameworkID.Value)
	return nil
}

// Disconnected gives up where no master was ever reached, since the address is
// most likely wrong then. Otherwise the driver tries again, and this says so.
func (f *framework) Disconnected(_ context.Context, s *client.Scheduler, cause error, retry time.Duration) error {
	if s.FrameworkID() == nil {
		return cause
	}
	fmt.Fprintf(os.Stderr, "%v; trying again in %s\n", cause, retry)
	return nil
}

// Offers launches one task on each offer and declines the others for a while.
func (f *framework) Offers(ctx context.Context, s *client.Scheduler, offers []mesosv1.Offer) error {
	for i := range offers {
		if len(f.waiting) == 0 {
			if err := s.Decline(ctx, time.Minute, offers[i].ID); err != nil {
				return err
			}
			continue
		}
		id := f.waiting[0]
		f.waiting = f.waiting[1:]
		f.running[id] = true
		if err := s.Launch(ctx, 0, &offers[i], mesosv1.TaskInfo{
			Name:    id,
			TaskID:  mesosv1.TaskID{Value: id},
			AgentID: offers[i].AgentID,
			Command: &mesosv1.CommandInfo{Value: &f.command},
			Resources: []mesosv1.Resource{
				{Name: "cpus", Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: 0.1}},
				{Name: "mem", Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: 32}},
			},
		}); err != nil {
			return err
		}
	}
	return nil
}

// Update follows the tasks; the driver acknowledges when it returns nil.
func (f *framework) Update(ctx context.Context, s *client.Scheduler, status *mesosv1.TaskStatus) error {
	message := ""
	if status.Message != nil {
		message = *status.Message
	}
	id := status.TaskID.Value
	fmt.Printf("%s: %s %s\n", id, status.State, message)
	switch status.State {
	case mesosv1.TaskStaging, mesosv1.TaskStarting, mesosv1.TaskRunning, mesosv1.TaskKilling, mesosv1.TaskUnreachable:
		return nil
	case mesosv1.TaskFinished:
	default:
		f.failed = append(f.failed, id)
	}
	delete(f.running, id)
	if len(f.waiting) > 0 || len(f.running) > 0 {
		return nil
	}
	if err := s.Acknowledge(ctx, status); err != nil {
		return err
	}
	if err := s.Teardown(ctx); err != nil {
		return err
	}
	return errDone
}
