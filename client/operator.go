package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/internal/recordio"
)

// operatorPath is the endpoint of the operator API of masters and agents.
const operatorPath = "/api/v1"

// OperatorOptions says which cluster an Operator talks to.
type OperatorOptions struct {
	// Masters are the addresses, "host:port" or URLs, of all masters of the
	// cluster, in any order; empty means DefaultMaster.
	Masters []string
	// HTTPClient replaces the client's own.
	HTTPClient *http.Client
	// Credentials authenticate the operator; nil means not to.
	Credentials *Credentials
}

// Operator calls the operator API of the leading master. It is safe for
// concurrent use. Every method returns an *UnreachableError when no master
// answers, and a *StatusError when the call is refused.
type Operator struct{ net *transport }

// NewOperator makes a client. It connects to nothing yet.
func NewOperator(opts OperatorOptions) (*Operator, error) {
	net, err := newTransport(opts.Masters, opts.HTTPClient, opts.Credentials)
	if err != nil {
		return nil, err
	}
	return &Operator{net: net}, nil
}

// Close drops idle connections. The Operator can still be used.
func (o *Operator) Close() { o.net.close() }

// Call sends any call but SUBSCRIBE and returns the answer, which is nil for
// calls that only change something.
func (o *Operator) Call(ctx context.Context, call operatorv1.Call) (*operatorv1.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, _, err := o.post(ctx, call)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		return nil, statusError(string(call.Type), resp)
	}
	defer resp.Body.Close()
	return decodeAnswer[operatorv1.Response](string(call.Type), resp)
}

func (o *Operator) post(ctx context.Context, call operatorv1.Call) (*http.Response, string, error) {
	body, err := mesosjson.Marshal(call)
	if err != nil {
		return nil, "", err
	}
	resp, master, err := o.net.send(ctx, string(call.Type), operatorPath, body)
	if err != nil {
		return nil, "", err
	}
	return resp, master.Host, nil
}

// Subscribe delivers the events of the cluster to each, the state at this
// moment first, until ctx is done, each returns an error, or the stream breaks.
// It returns the cause of ctx, nil for ErrStop, or the error. It does not
// subscribe again: a new subscription begins with the state anew.
func (o *Operator) Subscribe(ctx context.Context, each func(*operatorv1.Event) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, master, err := o.post(ctx, operatorv1.Call{Type: operatorv1.CallTypeSubscribe})
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return statusError("SUBSCRIBE", resp)
	}
	defer resp.Body.Close()
	for records := recordio.NewReader(resp.Body, 0); ; {
		record, err := records.Next()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("stream from the master %s: %w", master, err)
		}
		var event operatorv1.Event
		if err := json.Unmarshal(record, &event); err != nil {
			return fmt.Errorf("event from the master %s: %w", master, err)
		}
		if err := each(&event); err != nil {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return err
		}
	}
}
