package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/meseta/meseta/it/engine"
)

// container is as much of a container as tests look at.
type container struct {
	ID     string   `json:"Id"`
	Names  []string `json:"Names"`
	State  string   `json:"State"`
	Status string   `json:"Status"`
	Labels map[string]string
}

// engineCall makes one call to an engine's API and returns the answer's body.
func engineCall(t *testing.T, e *engine.Engine, method, path string) []byte {
	t.Helper()
	socket := strings.TrimPrefix(e.Host, "unix://")
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(within(t), method, "http://engine"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s: %s %v", method, path, response.Status, body, err)
	}
	return body
}

// containers lists those of the cluster's agents, running or not.
func (c *cluster) containers(e *engine.Engine) (all []container) {
	c.t.Helper()
	for _, a := range c.agents {
		filter, err := json.Marshal(map[string][]string{"label": {"meseta.work_dir=" + a.WorkDir}})
		if err != nil {
			c.t.Fatal(err)
		}
		var some []container
		body := engineCall(c.t, e, http.MethodGet, "/containers/json?all=1&filters="+url.QueryEscape(string(filter)))
		if err := json.Unmarshal(body, &some); err != nil {
			c.t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

// noContainer waits until no container of the cluster is left.
func (c *cluster) noContainer(e *engine.Engine) {
	c.t.Helper()
	until(c.t, "no container of the test is left", func() error {
		if left := c.containers(e); len(left) > 0 {
			return fmt.Errorf("these are: %+v", left)
		}
		return nil
	})
}
