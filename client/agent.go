package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"

	"github.com/meseta/meseta/gen/agentv1"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosjson"
)

// AgentOptions says which agent an Agent talks to.
type AgentOptions struct {
	// Address is the agent's "host:port" or URL.
	Address string
	// HTTPClient replaces the client's own.
	HTTPClient *http.Client
	// Credentials authenticate the operator; nil means not to.
	Credentials *Credentials
}

// Agent reads what an agent keeps, above all the sandboxes of tasks. It is safe
// for concurrent use.
type Agent struct {
	net     *transport
	address *url.URL
}

// NewAgent makes a client. It connects to nothing yet.
func NewAgent(opts AgentOptions) (*Agent, error) {
	address, err := parseAddress(opts.Address, "5051")
	if err != nil {
		return nil, err
	}
	net, err := newTransport(nil, opts.HTTPClient, opts.Credentials)
	if err != nil {
		return nil, err
	}
	return &Agent{net: net, address: address}, nil
}

// Close drops idle connections. The Agent can still be used.
func (a *Agent) Close() { a.net.close() }

// Sandbox is the path under which an agent serves the sandbox of an executor's
// newest run. The executor of a command task has the id of the task.
func Sandbox(framework mesosv1.FrameworkID, executor mesosv1.ExecutorID) string {
	return path.Join("/frameworks", framework.Value, "executors", executor.Value, "runs/latest")
}

// ReadFile returns up to length bytes of a file from offset, and the size of
// the file. Past its end the data is empty. A file that does not exist gives a
// *StatusError with status 404, an agent that does not answer an
// *UnreachableAgentError.
func (a *Agent) ReadFile(ctx context.Context, file string, offset, length uint64) (data []byte, size uint64, err error) {
	answer, err := a.Call(ctx, agentv1.Call{
		Type:     agentv1.CallTypeReadFile,
		ReadFile: &agentv1.CallReadFile{Path: file, Offset: offset, Length: &length},
	})
	if err != nil {
		return nil, 0, err
	}
	if answer == nil || answer.ReadFile == nil {
		return nil, 0, fmt.Errorf("agent %s: the answer to READ_FILE lacks its content", a.address.Host)
	}
	return answer.ReadFile.Data, answer.ReadFile.Size, nil
}

// Call sends any call that is not a stream and returns the answer, which is nil
// for calls that only change something.
func (a *Agent) Call(ctx context.Context, call agentv1.Call) (*agentv1.Response, error) {
	body, err := mesosjson.Marshal(call)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := a.net.sendTo(ctx, a.address, operatorPath, body, nil)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &UnreachableAgentError{Address: a.address.Host, Cause: err}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(string(call.Type), resp)
	}
	defer resp.Body.Close()
	return decodeAnswer[agentv1.Response](string(call.Type), resp)
}

// UnreachableAgentError means that an agent does not answer.
type UnreachableAgentError struct {
	Address string
	Cause   error
}

func (e *UnreachableAgentError) Error() string {
	return fmt.Sprintf("agent %s does not answer: %v", e.Address, e.Cause)
}

func (e *UnreachableAgentError) Unwrap() error { return e.Cause }

// decodeAnswer reads an answer, which may be empty: nil.
func decodeAnswer[T any](call string, resp *http.Response) (*T, error) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("answer to %s: %w", call, err)
	}
	if len(body) == 0 {
		return nil, nil
	}
	var answer T
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("answer to %s: %w", call, err)
	}
	return &answer, nil
}
