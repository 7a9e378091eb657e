package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Readiness can only be asked for, so it is asked for this often.
const pollInterval = 5 * time.Millisecond

// Login is a name and a password for HTTP basic authentication.
type Login struct {
	Principal, Secret string
}

// AgentRecord is what the master says about one agent.
type AgentRecord struct {
	ID           string
	Hostname     string
	Active       bool
	Registered   json.Number // nanoseconds since 1970
	Reregistered json.Number // the same; empty if the agent never came back
}

// WaitHealthy blocks until GET /health answers 200. It gives up when ctx is
// done or the process has ended; the error holds the end of the log.
func (n *Node) WaitHealthy(ctx context.Context) error {
	return n.poll(ctx, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL()+"/health", nil)
		if err != nil {
			return err
		}
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("GET /health answers %s", response.Status)
		}
		return nil
	})
}

// poll repeats check until it succeeds, the process ends or ctx is done.
func (n *Node) poll(ctx context.Context, check func(context.Context) error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	var last error
	for {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := check(once)
		cancel()
		if err == nil {
			return nil
		}
		// What the last complete attempt said is worth more than the end of ctx.
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-n.Process().Done():
			return n.failure("ended before it was ready")
		case <-ctx.Done():
			return n.failure(fmt.Sprintf("was not ready in time: %v", last))
		case <-ticker.C:
		}
	}
}

// Agents asks the master for its registered agents.
func (m *Master) Agents(ctx context.Context) ([]AgentRecord, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL()+"/api/v1",
		bytes.NewReader([]byte(`{"type":"GET_AGENTS"}`)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if m.login != nil {
		request.SetBasicAuth(m.login.Principal, m.login.Secret)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("GET_AGENTS: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET_AGENTS: %s: %s", response.Status, body)
	}
	return parseAgents(body)
}

func parseAgents(body []byte) ([]AgentRecord, error) {
	type moment struct {
		Nanoseconds json.Number `json:"nanoseconds"`
	}
	var answer struct {
		GetAgents struct {
			Agents []struct {
				AgentInfo struct {
					ID struct {
						Value string `json:"value"`
					} `json:"id"`
					Hostname string `json:"hostname"`
				} `json:"agent_info"`
				Active           bool   `json:"active"`
				RegisteredTime   moment `json:"registered_time"`
				ReregisteredTime moment `json:"reregistered_time"`
			} `json:"agents"`
		} `json:"get_agents"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("answer to GET_AGENTS: %w", err)
	}
	var records []AgentRecord
	for _, a := range answer.GetAgents.Agents {
		records = append(records, AgentRecord{
			ID:           a.AgentInfo.ID.Value,
			Hostname:     a.AgentInfo.Hostname,
			Active:       a.Active,
			Registered:   a.RegisteredTime.Nanoseconds,
			Reregistered: a.ReregisteredTime.Nanoseconds,
		})
	}
	return records, nil
}

// Registered accepts an agent that the master counts as active.
func Registered(a AgentRecord) bool { return a.Active }

// RegisteredSince accepts an agent that has registered, newly or again, since
// the record before was taken.
func RegisteredSince(before AgentRecord) func(AgentRecord) bool {
	return func(a AgentRecord) bool { return a.Active && a != before }
}

// ErrNoAgent means that the master lists no agent of the name asked for.
var ErrNoAgent = errors.New("no such agent is registered")

// AgentRecord returns what the master says now about the agent with this
// hostname. If it is not listed the error is ErrNoAgent.
func (c *Cluster) AgentRecord(ctx context.Context, hostname string) (AgentRecord, error) {
	master := c.Master()
	if master == nil {
		return AgentRecord{}, errors.New("the cluster has no master")
	}
	records, err := master.Agents(ctx)
	if err != nil {
		return AgentRecord{}, err
	}
	for _, r := range records {
		if r.Hostname == hostname {
			return r, nil
		}
	}
	return AgentRecord{}, fmt.Errorf("%s: %w", hostname, ErrNoAgent)
}

// WaitForAgent blocks until the master lists the agent with this hostname in
// a way that accept agrees with, and returns the record. It gives up when ctx
// is done or the agent's process has ended.
func (c *Cluster) WaitForAgent(ctx context.Context, hostname string, accept func(AgentRecord) bool) (AgentRecord, error) {
	agent := c.agent(hostname)
	if agent == nil {
		return AgentRecord{}, fmt.Errorf("%s: the cluster has no such agent", hostname)
	}
	var record AgentRecord
	err := agent.poll(ctx, func(ctx context.Context) error {
		var err error
		if record, err = c.AgentRecord(ctx, hostname); err != nil {
			return err
		}
		if !accept(record) {
			return fmt.Errorf("the master shows %+v", record)
		}
		return nil
	})
	return record, err
}

func (c *Cluster) agent(hostname string) *Agent {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.agents {
		if a.Hostname == hostname {
			return a
		}
	}
	return nil
}
