package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/meseta/meseta/internal/sqlstore"
)

// Database is an empty database of one test, dropped when the test ends.
type Database struct {
	// URL is how to open it, and Name its name on the server.
	URL  string
	Name string
}

// theServer is the server that the tests of a program share.
var theServer = sync.OnceValues(func() (*Server, error) {
	b, err := theBase()
	if err != nil {
		return nil, err
	}
	return b.newServer(Options{})
})

// New makes a database on the server of TEST_DATABASE_URL or the shared one.
// Advisory locks and notifications are per database, so that tests do not hear
// of one another.
func New(t testing.TB) Database {
	t.Helper()
	if given := os.Getenv("TEST_DATABASE_URL"); given != "" {
		u, err := url.Parse(given)
		if err != nil {
			t.Fatalf("TEST_DATABASE_URL: %v", err)
		}
		return create(t, given, func(name string) string {
			one := *u
			one.Path = "/" + name
			return one.String()
		})
	}
	if _, err := theBase(); err != nil {
		missing(t, err)
	}
	server, err := theServer()
	if err != nil {
		t.Fatalf("postgres: %v", err)
	}
	return server.NewDatabase(t)
}

// NewDatabase makes a database on this server.
func (s *Server) NewDatabase(t testing.TB) Database {
	t.Helper()
	return create(t, s.URL("postgres"), s.URL)
}

func create(t testing.TB, admin string, urlOf func(name string) string) Database {
	t.Helper()
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	exec := func(ctx context.Context, statement string) error {
		db, err := sqlstore.Open(ctx, admin, sqlstore.Options{MaxConnections: 1})
		if err != nil {
			return err
		}
		_, err = db.Pool().ExecContext(ctx, statement)
		if closing := db.Close(); err == nil {
			err = closing
		}
		return err
	}
	if err := exec(t.Context(), fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0", name)); err != nil {
		t.Fatalf("postgres: a database for the test: %v", err)
	}
	t.Cleanup(func() {
		// A server that the test stopped takes its databases with it.
		_ = exec(context.Background(), fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", name))
	})
	return Database{URL: urlOf(name), Name: name}
}
