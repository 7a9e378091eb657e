// Package daemon holds what every service of Meseta needs alike when it is
// put together from its settings.
package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/config"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/internal/verbosity"
)

// Environment is what a process gives to the services that run in it.
type Environment struct {
	// Logger receives what operators should know; required.
	Logger *slog.Logger
	// Verbosity is how much is logged; nil means that it cannot be changed.
	Verbosity *verbosity.Level
	// LogFile is the file that the logger writes to, empty for none.
	LogFile string
}

// Listen binds the address that the settings name and tells how others reach
// it, with the real port. It blocks as [config.Network.Resolved] does; the
// caller closes the listener.
func Listen(ctx context.Context, settings config.Network) (net.Listener, config.Endpoint, error) {
	network, err := settings.Resolved(ctx)
	if err != nil {
		return nil, config.Endpoint{}, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", network.ListenAddress())
	if err != nil {
		return nil, config.Endpoint{}, fmt.Errorf("cannot listen on %s: %w", network.ListenAddress(), err)
	}
	endpoint, err := network.Advertised(listener.Addr().(*net.TCPAddr).Port)
	if err != nil {
		return nil, config.Endpoint{}, errors.Join(err, listener.Close())
	}
	return listener, endpoint, nil
}

// NewServer makes the server of a service. Panics of its handlers and requests
// are logged.
func NewServer(listener net.Listener, handler http.Handler, settings config.HTTP, logger *slog.Logger) *httpx.Server {
	return httpx.NewServer(listener, httpx.Recover(logger, httpx.AccessLog(logger, handler)), httpx.ServerOptions{
		Logger:        logger,
		HeaderTimeout: settings.ReadHeaderTimeout,
		IdleTimeout:   settings.IdleTimeout,
	})
}

// Domain reads the fault domain of --domain; nil stands for none.
func Domain(text json.RawMessage) (*mesosv1.DomainInfo, error) {
	if text == nil {
		return nil, nil
	}
	domain, err := mesosjson.NewDecoder[mesosv1.DomainInfo](mesosjson.Limits{}).Decode(text)
	if err != nil {
		return nil, fmt.Errorf("--domain: %w", err)
	}
	return domain, nil
}
