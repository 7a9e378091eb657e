// Package session keeps the agent's session with the master that leads: it
// finds that master, registers, passes on its events, answers its pings, and
// starts again when the session breaks.
package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/pause"
	"github.com/meseta/meseta/internal/recordio"
)

const (
	path = "/api/v1/node"
	// header carries the id of the session in both directions.
	header = "Meseta-Session-Id"
	// maxBackoff bounds the time between two attempts to register.
	maxBackoff = time.Minute
	// registerTimeout is how long the master may take to admit the agent,
	// and callTimeout to take any other call.
	registerTimeout = time.Minute
	callTimeout     = 30 * time.Second
	// maxRedirects bounds how often one attempt follows masters that point
	// at each other.
	maxRedirects = 5
	// maxRefusal is how much of the text of a refusal is read.
	maxRefusal = 4 << 10
)

// ErrOver means that the session has ended; a new one is under way.
var ErrOver = errors.New("the session with the master is over")

// ErrLeaving is what a Handler answers to Register when the agent is to end:
// no further session is begun.
var ErrLeaving = errors.New("the agent is leaving the cluster")

var errSilent = errors.New("no ping from the master for too long")

// Handler is the agent as the session sees it. All methods are called by one
// goroutine, and may block until ctx is done.
type Handler interface {
	// Register is what the agent introduces itself with, as of now, or
	// ErrLeaving.
	Register(ctx context.Context) (*nodev1.Register, error)
	// Registered says that a session with the master on the host has begun.
	Registered(ctx context.Context, id, host string, r *nodev1.Registered)
	// Event passes on an event other than REGISTERED, PING and ERROR.
	Event(ctx context.Context, e *nodev1.Event)
	// Disconnected says that the session begun last has ended.
	Disconnected(ctx context.Context)
}

// Options of a client.
type Options struct {
	// Masters are the addresses to try: host:port or http(s)://host:port.
	Masters []string
	// Backoff is the first bound of the random time before an attempt.
	Backoff time.Duration
	// HTTP makes the calls. It must not follow redirects nor have a timeout.
	HTTP   *http.Client
	Logger *slog.Logger
}

// Client is the agent's side of the sessions.
type Client struct {
	opts    Options
	handler Handler
	masters []*url.URL

	// current is the session that Call uses.
	mu      sync.Mutex
	current *running
}

type running struct {
	id     string
	master *url.URL
	end    context.CancelCauseFunc
	ctx    context.Context
}

// New makes a client; Run starts it.
func New(opts Options, handler Handler) (*Client, error) {
	c := &Client{opts: opts, handler: handler}
	for _, m := range opts.Masters {
		u, err := parseMaster(m)
		if err != nil {
			return nil, err
		}
		c.masters = append(c.masters, u)
	}
	if len(c.masters) == 0 {
		return nil, errors.New("no address of a master is given")
	}
	return c, nil
}

func parseMaster(address string) (*url.URL, error) {
	text := address
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("address of a master: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("address of a master %q: only http and https are supported", address)
	case u.Host == "" || u.Port() == "":
		return nil, fmt.Errorf("address of a master %q must be host:port", address)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// Run registers again and again until ctx is done.
func (c *Client) Run(ctx context.Context) error {
	bound := c.opts.Backoff
	first := rand.IntN(len(c.masters))
	for {
		if pause.For(ctx, time.Duration(rand.Float64()*float64(bound))) != nil {
			return nil
		}
		lasted, err := c.attempt(ctx, first)
		if errors.Is(err, ErrLeaving) {
			<-ctx.Done()
		}
		if ctx.Err() != nil {
			return nil
		}
		if lasted {
			bound = c.opts.Backoff
			c.opts.Logger.Warn("the session with the master has ended", "err", err)
			continue
		}
		c.opts.Logger.Warn("no master has admitted this agent; trying again", "err", err)
		bound = min(2*max(bound, time.Millisecond), maxBackoff)
		first++
	}
}

// attempt asks each master once, following what they say about who leads. It
// reports whether a session came about, and why it ended or did not begin.
func (c *Client) attempt(ctx context.Context, first int) (bool, error) {
	var errs []error
	for i := range c.masters {
		master := c.masters[(first+i)%len(c.masters)]
		for hops := 0; ; hops++ {
			if hops > maxRedirects {
				errs = append(errs, fmt.Errorf("%s: the masters point at each other", master.Host))
				break
			}
			lasted, leader, err := c.session(ctx, master)
			if lasted || ctx.Err() != nil {
				return lasted, err
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", master.Host, err))
			}
			if leader == nil {
				break
			}
			master = leader
		}
	}
	return false, errors.Join(errs...)
}

// session registers with one master and follows the stream to its end. With
// a redirect it returns the master that is said to lead.
func (c *Client) session(ctx context.Context, master *url.URL) (lasted bool, leader *url.URL, err error) {
	register, err := c.handler.Register(ctx)
	if err != nil {
		return false, nil, err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	watchdog := time.AfterFunc(registerTimeout, func() { end(errSilent) })
	defer watchdog.Stop()

	response, err := c.post(ctx, master, "", &nodev1.Call{Type: nodev1.CallTypeRegister, Register: register})
	if err != nil {
		return false, nil, causeOf(ctx, err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusTemporaryRedirect:
		leader, err := response.Location()
		if err != nil {
			return false, nil, fmt.Errorf("redirect of the master: %w", err)
		}
		return false, &url.URL{Scheme: leader.Scheme, Host: leader.Host}, nil
	default:
		return false, nil, refusal(response)
	}

	s := &running{id: response.Header.Get(header), master: master, ctx: ctx, end: end}
	f := &follower{client: c, session: s, watchdog: watchdog, timeout: registerTimeout}
	defer f.pongs.Wait()
	defer end(nil)
	err = f.follow(ctx, recordio.NewReader(response.Body, 0))
	return f.registered, nil, causeOf(ctx, err)
}

// causeOf prefers the reason for which a session was ended to the error that
// this produced in the stream.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// follower reads the stream of one session.
type follower struct {
	client     *Client
	session    *running
	watchdog   *time.Timer
	timeout    time.Duration
	registered bool
	pongs      sync.WaitGroup
	ponging    sync.Mutex // held while a PONG is on its way
}

func (f *follower) follow(ctx context.Context, events *recordio.Reader) error {
	c := f.client
	defer func() {
		if f.registered {
			c.setCurrent(nil)
			// The agent must hear of the end even when ctx is done.
			c.handler.Disconnected(context.WithoutCancel(ctx))
		}
	}()
	for {
		record, err := events.Next()
		if err != nil {
			return fmt.Errorf("stream of the master: %w", err)
		}
		f.watchdog.Reset(f.timeout)
		e := new(nodev1.Event)
		if err := json.Unmarshal(record, e); err != nil {
			return fmt.Errorf("stream of the master: malformed event: %w", err)
		}
		if err := f.event(ctx, e); err != nil {
			return err
		}
	}
}

func (f *follower) event(ctx context.Context, e *nodev1.Event) error {
	c := f.client
	switch {
	case e.Type == nodev1.EventTypeError && e.Error != nil:
		return fmt.Errorf("the master refuses this agent: %s", e.Error.Message)
	case e.Type == nodev1.EventTypeRegistered && e.Registered != nil && !f.registered:
		f.registered = true
		if seconds := e.Registered.PingTimeoutSeconds; seconds > 0 {
			f.timeout = time.Duration(seconds * float64(time.Second))
		}
		f.watchdog.Reset(f.timeout)
		c.setCurrent(f.session)
		c.handler.Registered(ctx, f.session.id, f.session.master.Hostname(), e.Registered)
	case !f.registered:
		return fmt.Errorf("stream of the master: the first event is %s, not REGISTERED", e.Type)
	case e.Type == nodev1.EventTypePing:
		f.pong(ctx)
	default:
		c.handler.Event(ctx, e)
	}
	return nil
}

// pong answers without holding up the stream. While one answer is on its way
// a further ping needs none: the master hears from the agent anyway.
func (f *follower) pong(ctx context.Context) {
	if !f.ponging.TryLock() {
		return
	}
	f.pongs.Go(func() {
		defer f.ponging.Unlock()
		// An error has ended the session, which is all there is to do.
		_ = f.client.call(ctx, f.session, &nodev1.Call{Type: nodev1.CallTypePong})
	})
}

// Call makes a call in the session with the given id and waits until the
// master has taken it. ErrOver, and every error but a refusal of the content,
// means that the session has ended.
func (c *Client) Call(ctx context.Context, id string, call *nodev1.Call) error {
	c.mu.Lock()
	s := c.current
	c.mu.Unlock()
	if s == nil || s.id != id {
		return ErrOver
	}
	return c.call(ctx, s, call)
}

func (c *Client) call(ctx context.Context, s *running, call *nodev1.Call) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if call.Type != nodev1.CallTypeUnregister {
		// No call outlives its session, but for the one that ends it.
		stop := context.AfterFunc(s.ctx, cancel)
		defer stop()
	}
	response, err := c.post(ctx, s.master, s.id, call)
	if err != nil {
		err = fmt.Errorf("%s to the master: %w", call.Type, err)
		s.end(err)
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusAccepted:
		return nil
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		// Another session would not change what is wrong with the call.
		return fmt.Errorf("%s to the master: %w", call.Type, refusal(response))
	default:
		err := fmt.Errorf("%s to the master: %w", call.Type, errors.Join(ErrOver, refusal(response)))
		s.end(err)
		return err
	}
}

func (c *Client) setCurrent(s *running) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = s
}

func (c *Client) post(ctx context.Context, master *url.URL, id string, call *nodev1.Call) (*http.Response, error) {
	body, err := json.Marshal(call)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, master.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if id != "" {
		request.Header.Set(header, id)
	}
	return c.opts.HTTP.Do(request)
}

func refusal(response *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err != nil {
		return fmt.Errorf("%s: %w", response.Status, err)
	}
	return fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(text))
}
