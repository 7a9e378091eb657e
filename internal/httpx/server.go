package httpx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/meseta/meseta/internal/stream"
)

// ServerOptions bound what a client may cost. Zero fields take the defaults.
type ServerOptions struct {
	// Logger takes what net/http has to say; required.
	Logger *slog.Logger
	// HeaderTimeout is how long a client may take for the header of a request,
	// 10 s by default. Bodies are bounded by BodyLimits, responses by whoever
	// writes them: a general write timeout would cut streams.
	HeaderTimeout time.Duration
	// UnreadTimeout is how long net/http may wait for a body that its handler
	// did not read, 15 s by default. ReadBody has deadlines of its own.
	UnreadTimeout time.Duration
	// IdleTimeout ends connections without a request, after 3 min by default.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds the header of a request, 64 KiB by default.
	MaxHeaderBytes int
}

// Server is one listening HTTP/1 server.
type Server struct {
	http     *http.Server
	listener net.Listener
}

// Listen binds the address and prepares the server. Connections queue up until
// Run is called, so the port is known and reachable before the service is.
func Listen(ctx context.Context, address string, handler http.Handler, o ServerOptions) (*Server, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return NewServer(l, handler, o), nil
}

// NewServer is Listen on a listener that exists already. The server closes it.
func NewServer(l net.Listener, handler http.Handler, o ServerOptions) *Server {
	if o.HeaderTimeout <= 0 {
		o.HeaderTimeout = 10 * time.Second
	}
	if o.UnreadTimeout <= 0 {
		o.UnreadTimeout = 15 * time.Second
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 3 * time.Minute
	}
	if o.MaxHeaderBytes <= 0 {
		o.MaxHeaderBytes = 64 << 10
	}
	// Streams hold back bytes of a whole connection, which only HTTP/1 allows.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &Server{
		listener: listener{l},
		http: &http.Server{
			Handler:           boundUnread(handler, o.UnreadTimeout),
			ReadHeaderTimeout: o.HeaderTimeout,
			IdleTimeout:       o.IdleTimeout,
			MaxHeaderBytes:    o.MaxHeaderBytes,
			Protocols:         protocols,
			ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				if corker, ok := c.(stream.Corker); ok {
					return stream.WithCorker(ctx, corker)
				}
				return ctx
			},
		},
	}
}

// boundUnread sets a deadline for the body before the handler is called: if the
// handler answers without reading it, net/http reads it to the end, and would
// wait for ever for a client that does not send it.
func boundUnread(next http.Handler, timeout time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(timeout))
		}
		next.ServeHTTP(w, r)
	})
}

// Addr is the address that is being listened on, with the real port.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until Stop is called or ctx ends, whichever comes first. When it
// returns the port is free. Requests that Stop has not seen to their end are
// cut.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.http.Close() })
	defer stop()
	err := s.http.Serve(s.listener)
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", s.Addr(), err)
	}
	return nil
}

// Stop accepts no more connections and waits for the requests that are being
// served, until ctx ends; then it cuts them and reports that. Streams must be
// closed by their owners before, or they count as unfinished requests. It may
// be called without Run and more than once.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("some requests on %s were cut: %w", s.Addr(), err), s.http.Close())
	}
	// Shutdown knows the listener only once Run has started.
	_ = s.listener.Close()
	return err
}
