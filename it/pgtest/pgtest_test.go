package pgtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/meseta/meseta/internal/sqlstore"
	"github.com/meseta/meseta/it/pgtest"
)

func open(t *testing.T, url string) *sqlstore.DB {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestDatabasesOfTestsAreApart(t *testing.T) {
	t.Parallel()
	for _, url := range []string{pgtest.New(t).URL, pgtest.New(t).URL} {
		if _, err := open(t, url).Pool().ExecContext(t.Context(), "CREATE TABLE mine (n INTEGER)"); err != nil {
			t.Errorf("a new database is not empty: %v", err)
		}
	}
}

func TestAServerCanBePausedStoppedAndRestarted(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{})
	db := open(t, server.NewDatabase(t).URL)
	ping := func(patience time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return db.Pool().PingContext(ctx)
	}
	server.Pause(t)
	if err := ping(50 * time.Millisecond); err == nil {
		t.Error("a paused server answers")
	}
	server.Resume(t)
	if err := ping(10 * time.Second); err != nil {
		t.Errorf("a resumed server does not answer: %v", err)
	}
	server.Stop(t)
	if err := ping(10 * time.Second); err == nil {
		t.Error("a stopped server answers")
	}
	server.Restart(t)
	if err := ping(10 * time.Second); err != nil {
		t.Errorf("a restarted server does not answer: %v", err)
	}
}

func TestAProxyHoldsAndCutsConnections(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{})
	proxy := pgtest.NewProxy(t, server.Address())
	db := open(t, server.URLAt(proxy.Address(), "postgres"))
	ping := func(patience time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return db.Pool().PingContext(ctx)
	}
	proxy.Hold()
	if err := ping(50 * time.Millisecond); err == nil {
		t.Error("a held connection answers")
	}
	proxy.Cut()
	if err := ping(10 * time.Second); err == nil {
		t.Error("a cut connection answers")
	}
	proxy.Release()
	if err := ping(10 * time.Second); err != nil {
		t.Errorf("a released proxy does not pass: %v", err)
	}
}
