package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// api speaks the few calls of the engine's API that the helpers need. It does
// without the Docker client, which is the product's to use and to be tested.
type api struct{ http *http.Client }

func newAPI(socket string) api {
	var dialer net.Dialer
	return api{&http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
	}}}
}

// call makes one request and decodes the answer into out unless it is nil.
func (a api) call(ctx context.Context, method, path string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, body)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-tar")
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(string(data)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

func (a api) ping(ctx context.Context) error { return a.call(ctx, http.MethodGet, "/_ping", nil, nil) }

// removeContainers destroys every container of the engine.
func (a api) removeContainers(ctx context.Context) error {
	var list []struct{ ID string }
	if err := a.call(ctx, http.MethodGet, "/containers/json?all=1", nil, &list); err != nil {
		return err
	}
	for _, c := range list {
		if err := a.call(ctx, http.MethodDelete, "/containers/"+c.ID+"?force=1&v=1", nil, nil); err != nil {
			return err
		}
	}
	return nil
}
