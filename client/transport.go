package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Credentials authenticate a client by HTTP Basic.
type Credentials struct {
	Principal, Secret string
}

// DefaultMaster is where a master listens unless it is told otherwise.
const DefaultMaster = "127.0.0.1:5050"

const (
	// callTimeout bounds one call that is not a stream.
	callTimeout = 30 * time.Second
	// dialTimeout bounds the attempt to connect to one master.
	dialTimeout = 5 * time.Second
	// maxRedirects bounds the search for the leader in one call.
	maxRedirects = 5
)

// transport sends calls to the leading one of several masters. It is safe for
// concurrent use.
type transport struct {
	client *http.Client
	// owned tells that the client was made here, and so are its connections.
	owned bool
	auth  *Credentials

	masters []*url.URL

	mu sync.Mutex
	// leader answered last as the leading master; nil if none has.
	leader *url.URL
}

func newTransport(masters []string, client *http.Client, auth *Credentials) (*transport, error) {
	t := &transport{client: client, auth: auth}
	if client == nil {
		t.client, t.owned = newHTTPClient(), true
	} else {
		// Redirects are followed here, not by the caller's client.
		own := *client
		own.CheckRedirect = keepRedirects
		t.client = &own
	}
	if len(masters) == 0 {
		masters = []string{DefaultMaster}
	}
	for _, m := range masters {
		u, err := parseAddress(m, "5050")
		if err != nil {
			return nil, err
		}
		t.masters = append(t.masters, u)
	}
	return t, nil
}

func newHTTPClient() *http.Client {
	return &http.Client{
		CheckRedirect: keepRedirects,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout: dialTimeout,
			MaxIdleConnsPerHost: ackWorkers + 2,
			IdleConnTimeout:     time.Minute,
		},
	}
}

func keepRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// parseAddress reads "host", "host:port" or an http or https URL.
func parseAddress(s, defaultPort string) (*url.URL, error) {
	text := strings.TrimSuffix(strings.TrimSpace(s), "/")
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil ||
		u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the address of a server: write host:port", s)
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), defaultPort)
	}
	return u, nil
}

// addresses are the configured masters, for messages.
func (t *transport) addresses() []string {
	out := make([]string, len(t.masters))
	for i, m := range t.masters {
		out[i] = m.Host
	}
	return out
}

// close drops idle connections, if they are this transport's own.
func (t *transport) close() {
	if t.owned {
		t.client.CloseIdleConnections()
	}
}

// candidates lists the masters in the order in which to try them.
func (t *transport) candidates() []*url.URL {
	t.mu.Lock()
	leader := t.leader
	t.mu.Unlock()
	if leader == nil {
		return t.masters
	}
	rest := slices.DeleteFunc(slices.Clone(t.masters), func(u *url.URL) bool { return u.Host == leader.Host })
	return append([]*url.URL{leader}, rest...)
}

func (t *transport) setLeader(u *url.URL) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leader = u
}

// send finds the leading master and sends it the call, following redirects. It
// goes on to the next master only where the call cannot have had an effect: no
// connection, or an answer that says so. The answer may have any status but
// those; its body is the caller's to close. An error is an *UnreachableError,
// a *StatusError of the last master that would not serve, or the context's.
func (t *transport) send(ctx context.Context, call, path string, body []byte) (*http.Response, *url.URL, error) {
	var causes []error
	var refused *StatusError
	for _, master := range t.candidates() {
		at := master
		for range maxRedirects {
			resp, err := t.sendTo(ctx, at, path, body, nil)
			if err != nil {
				if ctx.Err() != nil {
					return nil, nil, context.Cause(ctx)
				}
				causes = append(causes, err)
				if !notSent(err) {
					t.setLeader(nil)
					return nil, nil, &UnreachableError{Masters: t.addresses(), Cause: errors.Join(causes...)}
				}
				break
			}
			switch resp.StatusCode {
			case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
				next, err := at.Parse(resp.Header.Get("Location"))
				resp.Body.Close()
				if err != nil || next.Host == "" {
					causes = append(causes, fmt.Errorf("%s redirects to nowhere", at.Host))
				} else if next.Host != at.Host {
					at = &url.URL{Scheme: next.Scheme, Host: next.Host}
					continue
				} else {
					causes = append(causes, fmt.Errorf("%s redirects to itself", at.Host))
				}
			case http.StatusServiceUnavailable:
				refused = statusError(call, resp)
				causes = append(causes, fmt.Errorf("%s: %w", at.Host, refused))
			default:
				t.setLeader(at)
				return resp, at, nil
			}
			break
		}
	}
	t.setLeader(nil)
	if refused != nil {
		return nil, nil, refused
	}
	return nil, nil, &UnreachableError{Masters: t.addresses(), Cause: errors.Join(causes...)}
}

// sendTo sends to one server.
func (t *transport) sendTo(ctx context.Context, server *url.URL, path string, body []byte, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.Scheme+"://"+server.Host+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if t.auth != nil {
		req.SetBasicAuth(t.auth.Principal, t.auth.Secret)
	}
	return t.client.Do(req)
}

// notSent tells that no connection came about, so nobody has seen the call.
func notSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
