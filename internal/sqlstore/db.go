// Package sqlstore opens the database of a service, on PostgreSQL or SQLite,
// and gives both the same shape: transactions in functions, migrations, and
// errors that say what is wrong, with which database, and what to do.
//
// # Portable SQL
//
// One text serves both engines. It numbers its parameters ($1, $2, …), upserts
// with ON CONFLICT, compares several columns with (a, b) IN (VALUES …), and
// keeps instants and durations as nanoseconds in BIGINT columns, which is what
// the Mesos API carries. JSON columns have the type JSON, which SQLite keeps
// as text.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"time"
)

// Dialect is the kind of database.
type Dialect int

const (
	// SQLite is a file of this machine, or memory.
	SQLite Dialect = iota
	// Postgres is a PostgreSQL server.
	Postgres
)

// String is the name of the engine.
func (d Dialect) String() string {
	if d == Postgres {
		return "PostgreSQL"
	}
	return "SQLite"
}

// Options configure a database. The zero value of a field means the default
// that its comment names.
type Options struct {
	// Application is the name that the server shows for the connections,
	// "meseta" by default.
	Application string
	// MaxConnections bounds the connections to PostgreSQL, 8 by default.
	MaxConnections int
	// ConnectTimeout bounds the making of one connection, 5 s by default.
	ConnectTimeout time.Duration
	// IdleInTransaction is after how long the server ends a transaction whose
	// client has gone silent, 5 s by default. A leader that is stopped between
	// two statements must not keep the next one waiting for its locks.
	IdleInTransaction time.Duration
	// Exclusive takes a SQLite file for this process alone, so that a second
	// server that is started on it by mistake is refused.
	Exclusive bool
	// Logger hears of migrations; discarded by default.
	Logger *slog.Logger
}

func (o *Options) defaults() {
	if o.Application == "" {
		o.Application = "meseta"
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 8
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 5 * time.Second
	}
	if o.IdleInTransaction == 0 {
		o.IdleInTransaction = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// DB is an open database. It is safe for any number of goroutines.
type DB struct {
	pool    *sql.DB
	target  target
	log     *slog.Logger
	writing chan struct{} // SQLite has one writer at a time; nil otherwise
	lock    *os.File      // the lock file of an exclusive SQLite database
}

// Open opens the database at url, which is one of
//
//	postgres://user:password@host:port/database
//	sqlite:///absolute/path/file.db
//	sqlite::memory:
//
// and verifies that it answers. A SQLite file that does not exist is made; its
// directory must exist. Errors are Invalid when the url or what it names must
// be corrected, and Unavailable when the same call may succeed later. Open
// blocks until the database has answered, or ctx or ConnectTimeout has ended.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	opts.defaults()
	t, err := parse(url)
	if err != nil {
		return nil, err
	}
	db := &DB{target: t, log: opts.Logger}
	if t.dialect == Postgres {
		err = db.openPostgres(ctx, opts)
	} else {
		err = db.openSQLite(ctx, opts)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Close closes all connections. It waits for queries that have begun.
func (db *DB) Close() error {
	var errs []error
	if db.pool != nil {
		errs = append(errs, db.pool.Close())
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
		db.lock = nil
	}
	return errors.Join(errs...)
}

// Dialect is the kind of database.
func (db *DB) Dialect() Dialect { return db.target.dialect }

// Name names the database in messages for people. It has no password.
func (db *DB) Name() string { return db.target.name }

// Pool gives the database to code that needs more than Read and Write, such
// as tests. Its errors have not been through Explain.
func (db *DB) Pool() *sql.DB { return db.pool }

// Read runs f in a transaction that sees one moment of the database and writes
// nothing. Errors of the database come back explained.
func (db *DB) Read(ctx context.Context, f func(*sql.Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.target.dialect == Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.pool.BeginTx(ctx, opts)
	if err != nil {
		return db.Explain(err)
	}
	// Nothing was written, so that there is nothing to commit.
	return db.Explain(errors.Join(f(tx), tx.Rollback()))
}

// Write runs f in a transaction and commits it, or rolls it back when f fails.
// The isolation is read committed; SQLite runs one Write at a time. When Write
// returns an error nothing has been written, except that after an error for
// which [OutcomeUnknown] is true the commit may or may not have happened.
// Errors of the database come back explained; others as f returned them.
func (db *DB) Write(ctx context.Context, f func(*sql.Tx) error) error {
	if db.writing != nil {
		select {
		case db.writing <- struct{}{}:
			defer func() { <-db.writing }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return db.Explain(err)
	}
	if err := f(tx); err != nil {
		// The rollback of a lost connection fails as well and says no more.
		_ = tx.Rollback()
		return db.Explain(err)
	}
	if err := tx.Commit(); err != nil {
		if db.target.dialect == Postgres && !refusedCommit(err) {
			return &unknownOutcome{db.Explain(err)}
		}
		return db.Explain(err)
	}
	return nil
}

// unknownOutcome marks the error of a commit that got no answer.
type unknownOutcome struct{ error }

func (u *unknownOutcome) Unwrap() error { return u.error }

// OutcomeUnknown reports whether err is that of a Write whose commit was sent
// and not answered: it may have happened.
func OutcomeUnknown(err error) bool {
	_, unknown := errors.AsType[*unknownOutcome](err)
	return unknown
}
