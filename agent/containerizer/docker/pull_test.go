package docker_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/docker"
	"github.com/meseta/meseta/it/engine"
)

// sentences collects progress.
type sentences struct {
	mu   sync.Mutex
	list []string
}

func (s *sentences) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, text)
}

func (s *sentences) has(part string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(strings.Join(s.list, "\n"), part)
}

// pullAgent is newAgent with options.
func pullAgent(t *testing.T, opts docker.Options) *agent {
	t.Helper()
	t.Parallel()
	return newAgentOn(t, engine.Shared(t).Host, opts)
}

func TestAMissingImageIsPulledAndAPresentOneOnlyByForce(t *testing.T) {
	a := pullAgent(t, docker.Options{})
	r := engine.NewRegistry(t)
	spec := a.spec("true")
	spec.Container.Docker.Image = r.Image("app")
	for i, want := range []bool{true, false, true} {
		spec.Container.Docker.ForcePullImage = new(i == 2)
		var told sentences
		if _, err := a.Prepare(t.Context(), spec, told.add); err != nil {
			t.Fatal(err)
		}
		if got := told.has("Pulled image " + spec.Container.Docker.Image); got != want {
			t.Errorf("preparation %d: pulled is %t, want %t: %q", i+1, got, want, told.list)
		}
	}
}

func TestAPullTellsOfItsProgressAndEndsWithItsContext(t *testing.T) {
	a := pullAgent(t, docker.Options{})
	r := engine.NewRegistry(t)
	stall := make(chan struct{})
	r.Stall = stall
	spec := a.spec("true")
	spec.Container.Docker.Image = r.Image("slow")
	ctx, cancel := context.WithCancel(t.Context())
	var told sentences
	done := make(chan error, 1)
	go func() {
		_, err := a.Prepare(ctx, spec, told.add)
		done <- err
	}()
	until(t, "the pull begins", func() bool { return told.has("Pulling image") })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
	close(stall)
}

func TestAPullThatTakesTooLongIsGivenUp(t *testing.T) {
	a := pullAgent(t, docker.Options{PullTimeout: 300 * time.Millisecond})
	r := engine.NewRegistry(t)
	stall := make(chan struct{})
	r.Stall = stall
	defer close(stall)
	spec := a.spec("true")
	spec.Container.Docker.Image = r.Image("slow")
	_, err := a.Prepare(t.Context(), spec, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "took longer than 300ms") || errors.Is(err, containerizer.ErrUnavailable) {
		t.Errorf("got %v, want a final error about the time", err)
	}
}

func TestAFailedPullCarriesTheRegistrysWords(t *testing.T) {
	a := pullAgent(t, docker.Options{})
	r := engine.NewRegistry(t)
	locked := engine.NewRegistry(t)
	locked.User, locked.Password = "me", "secret"
	for image, want := range map[string]string{
		r.Image("missing"):     "manifest unknown",
		locked.Image("app"):    "no basic auth credentials",
		"127.0.0.1:1/nobody:1": "connection refused",
	} {
		spec := a.spec("true")
		spec.Container.Docker.Image = image
		_, err := a.Prepare(t.Context(), spec, func(string) {})
		if err == nil || errors.Is(err, containerizer.ErrUnavailable) {
			t.Errorf("%s: got %v, want a final error", image, err)
			continue
		}
		for _, part := range []string{image, want} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error does not mention %q: %v", image, part, err)
			}
		}
	}
}

func TestARegistryThatAsksGetsTheCredentials(t *testing.T) {
	t.Parallel()
	r := engine.NewRegistry(t)
	r.User, r.Password = "me", "secret"
	a := newAgentOn(t, engine.Shared(t).Host, docker.Options{
		Credentials: func(registry string) (docker.Credentials, bool) {
			return docker.Credentials{Username: "me", Password: "secret"}, registry == r.Host
		},
	})
	spec := a.spec("true")
	spec.Container.Docker.Image = r.Image("private")
	if _, err := a.Prepare(t.Context(), spec, func(string) {}); err != nil {
		t.Error(err)
	}
}
