// Package engine gives tests a Docker engine: the one that DOCKER_HOST or the
// usual socket names, or one of their own, started on a private socket with
// private directories and stopped when the tests end.
//
// A test process has at most one shared engine. Tests that stop or restart an
// engine start one for themselves with Start.
//
// Where no engine can be had, tests are skipped with the reason, except where
// CI is set or IT_REQUIRE names docker: there they fail, so that a green run
// never means that nothing was tested.
package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// defaultSocket is where an engine that belongs to the machine listens.
const defaultSocket = "/var/run/docker.sock"

// startTimeout bounds the start of an engine, the installation of its package
// not included.
const startTimeout = 60 * time.Second

// Engine is a Docker engine that answers. It is safe for concurrent use.
type Engine struct {
	// Host is the engine's address in the form of DOCKER_HOST.
	Host string

	api    api
	images imageCache
}

// Call makes one call of the engine's API, such as GET /containers/json, without
// a body, and decodes the answer into out unless that is nil. An answer that
// refuses is an error.
func (e *Engine) Call(ctx context.Context, method, path string, out any) error {
	return e.api.call(ctx, method, path, nil, out)
}

// shared is the engine of this test process. Test helpers have no owner to
// hang it on: TestMain ends it through Run.
var shared struct {
	sync.Mutex
	engine *Engine
	daemon *Daemon
	err    error
}

// Run runs the tests of a package and ends the shared engine. It is called as
// os.Exit(engine.Run(m)) in TestMain.
func Run(m *testing.M) int {
	defer stopShared()
	return m.Run()
}

func stopShared() {
	shared.Lock()
	defer shared.Unlock()
	if shared.engine != nil {
		shared.engine.images.removeAll(shared.engine.api)
	}
	if shared.daemon != nil {
		shared.daemon.Close()
	}
	shared.engine, shared.daemon = nil, nil
}

// Shared returns the engine of this test process and starts it when it is the
// first to ask. TestMain of the package must call Run.
func Shared(t testing.TB) *Engine {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.engine == nil && shared.err == nil {
		shared.engine, shared.daemon, shared.err = find()
	}
	if shared.err != nil {
		unavailable(t, shared.err)
	}
	return shared.engine
}

// Start starts an engine for this test alone, and stops it when the test ends.
func Start(t testing.TB, opts Options) *Daemon {
	t.Helper()
	d, err := startOwn(opts)
	if err != nil {
		unavailable(t, err)
	}
	t.Cleanup(d.Close)
	return d
}

// find looks for an engine in the order that the package comment gives.
func find() (*Engine, *Daemon, error) {
	for _, host := range []string{os.Getenv("DOCKER_HOST"), "unix://" + defaultSocket} {
		socket, ok := strings.CutPrefix(host, "unix://")
		if !ok {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		e := newEngine(socket)
		err := e.api.ping(ctx)
		cancel()
		if err == nil {
			return e, nil, nil
		}
	}
	d, err := startOwn(Options{})
	if err != nil {
		return nil, nil, err
	}
	return d.Engine, d, nil
}

func startOwn(opts Options) (*Daemon, error) {
	if err := install("dockerd", "docker.io", "iproute2"); err != nil {
		return nil, fmt.Errorf("no Docker engine answers at %s, and none can be started: %w", defaultSocket, err)
	}
	sweep()
	d, err := newDaemon(opts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := d.Start(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func newEngine(socket string) *Engine {
	return &Engine{Host: "unix://" + socket, api: newAPI(socket)}
}

// unavailable ends the test: it fails where an engine is required.
func unavailable(t testing.TB, err error) {
	t.Helper()
	if required() {
		t.Fatalf("docker: %v (required by CI or IT_REQUIRE)", err)
	}
	t.Skipf("docker: %v", err)
}

func required() bool {
	ci := os.Getenv("CI")
	return ci != "" && ci != "0" && ci != "false" ||
		slices.Contains(strings.Split(os.Getenv("IT_REQUIRE"), ","), "docker")
}

var errNotRoot = errors.New("starting one needs root")
