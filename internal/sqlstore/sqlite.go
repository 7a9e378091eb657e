package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/meseta/meseta/internal/fault"
)

// sqliteConnections is how many goroutines can read a SQLite file at once.
const sqliteConnections = 4

func (db *DB) openSQLite(ctx context.Context, opts Options) error {
	db.writing = make(chan struct{}, 1)
	params := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "foreign_keys(1)"},
	}
	dsn, connections := ":memory:?"+params.Encode(), 1
	if db.target.path != "" {
		if err := db.prepareFile(opts.Exclusive); err != nil {
			return err
		}
		// Only FULL makes a commit survive the loss of power.
		params["_pragma"] = append(params["_pragma"], "journal_mode(WAL)", "synchronous(FULL)")
		u := url.URL{Scheme: "file", Path: db.target.path, RawQuery: params.Encode()}
		dsn, connections = u.String(), sqliteConnections
	}
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return db.Explain(err)
	}
	db.pool = pool
	// Memory belongs to its connection, which therefore must be the only one
	// and never be closed.
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return db.probeSQLite(ctx)
}

// probeSQLite reads and begins to write, so that a damaged or read-only file
// is found at the start.
func (db *DB) probeSQLite(ctx context.Context) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		var tables int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "CREATE TABLE meseta_probe (n INTEGER)")
		if err == nil {
			_, err = tx.ExecContext(ctx, "DROP TABLE meseta_probe")
		}
		return err
	})
}

// prepareFile finds the mistakes that SQLite itself would report without
// saying which they are, and takes the file for this process if asked to.
func (db *DB) prepareFile(exclusive bool) error {
	path := db.target.path
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, os.ErrNotExist):
		return fault.Wrap(fault.Invalid, fmt.Sprintf("%s: the directory %s does not exist: make it, or name another file", db.Name(), dir), err)
	case err != nil:
		return fault.Wrap(fault.Invalid, fmt.Sprintf("%s: the directory %s cannot be looked at: %v", db.Name(), dir, err), err)
	case !info.IsDir():
		return fault.New(fault.Invalid, fmt.Sprintf("%s: %s is not a directory: name another file", db.Name(), dir))
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fault.New(fault.Invalid, db.Name()+" is a directory: name a file in it")
	}
	if !exclusive {
		return nil
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fault.Wrap(fault.Invalid, fmt.Sprintf("%s: its lock file cannot be opened: %v: give this user write access to %s", db.Name(), err, dir), err)
	}
	db.lock = lock
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fault.Wrap(fault.Conflict, db.Name()+" is in use by another server: stop that one, or use PostgreSQL for several servers", err)
	}
	return nil
}
