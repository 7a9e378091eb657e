package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

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

// containers lists those of the cluster's agents, running or not.
func (c *cluster) containers(e *engine.Engine) (all []container) {
	c.t.Helper()
	for _, a := range c.agents {
		filter, err := json.Marshal(map[string][]string{"label": {"meseta.work_dir=" + a.WorkDir}})
		if err != nil {
			c.t.Fatal(err)
		}
		var some []container
		if err := e.Call(within(c.t), http.MethodGet, "/containers/json?all=1&filters="+url.QueryEscape(string(filter)), &some); err != nil {
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
