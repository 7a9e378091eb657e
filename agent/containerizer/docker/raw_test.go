package docker_test

import (
	"bytes"
	"testing"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// rawClient speaks to the engine past the containerizer, as a person would.
func rawClient(t testing.TB, host string) *client.Client {
	t.Helper()
	c, err := client.New(client.WithHost(host))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// engineLog is what the engine has of a container's standard output.
func engineLog(t testing.TB, host, name string) string {
	t.Helper()
	stream, err := rawClient(t, host).ContainerLogs(t.Context(), name, client.ContainerLogsOptions{ShowStdout: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var stdout, stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, &stderr, stream); err != nil {
		t.Fatal(err)
	}
	return stdout.String()
}

func engineRemove(t testing.TB, host, name string) {
	t.Helper()
	if _, err := rawClient(t, host).ContainerRemove(t.Context(), name, client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
}

func enginePause(t testing.TB, host, name string) {
	t.Helper()
	if _, err := rawClient(t, host).ContainerPause(t.Context(), name, client.ContainerPauseOptions{}); err != nil {
		t.Fatal(err)
	}
}
