package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/meseta/meseta/agent/containerizer"
)

// explain turns an error of the client into one for the agent. A lost engine
// becomes ErrUnavailable with the address and what to do; the end of ctx stays
// what it is; the rest are the engine's own words.
func (c *Containerizer) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case strings.Contains(err.Error(), "permission denied while trying to connect"):
		return fmt.Errorf("docker engine at %s: %w: permission denied: run the agent as root or add its user to the group that owns the socket", c.opts.Host, containerizer.ErrUnavailable)
	case unavailable(err):
		return fmt.Errorf("docker engine at %s: %w: %s: start it (systemctl start docker), or name another with --docker_socket", c.opts.Host, containerizer.ErrUnavailable, oneLine(err.Error()))
	default:
		return err
	}
}

// unavailable says whether an error means that the engine, and not the
// request, is at fault: no connection, one cut off in the middle, or an engine
// that is on its way down and has lost its containerd.
func unavailable(err error) bool {
	if client.IsErrConnectionFailed(err) || cerrdefs.IsUnavailable(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNREFUSED) {
		return true
	}
	if !cerrdefs.IsInternal(err) {
		return false
	}
	text := err.Error()
	for _, sign := range []string{
		"containerd.sock", "transport is closing", "client connection is closing",
		"ttrpc: closed", "error reading from server: EOF", "daemon is shutting down",
	} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// unsupported refuses what a spec asks for.
func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", containerizer.ErrUnsupported, fmt.Sprintf(format, args...))
}

// engineWords strips what the engine puts in front of every message.
func engineWords(err error) string {
	return oneLine(strings.TrimPrefix(err.Error(), "Error response from daemon: "))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
