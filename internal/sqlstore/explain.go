package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/meseta/meseta/internal/fault"
)

// Explain turns an error of the database into one that says what is wrong,
// with which database, and what to do. Errors that already have a kind, and
// those that are not of the database, come back unchanged; nil stays nil.
func (db *DB) Explain(err error) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*fault.Error](err); known {
		return err
	}
	if db.target.dialect == SQLite {
		if e, ok := errors.AsType[*sqlite.Error](err); ok {
			return db.explainSQLite(e, err)
		}
		return err
	}
	return explainPostgres(db.target, err)
}

// ExplainPostgres is Explain for a connection made from [ConfigOf] and url.
func ExplainPostgres(url string, err error) error {
	t, parseErr := parse(url)
	if err == nil || parseErr != nil || t.dialect != Postgres {
		return err
	}
	return explainPostgres(t, err)
}

func (db *DB) explainSQLite(e *sqlite.Error, cause error) error {
	explain := func(kind fault.Kind, text string) error {
		return fault.Wrap(kind, db.Name()+" "+text, cause)
	}
	// The low byte is the class; the rest tells details that the cause keeps.
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return explain(fault.Unavailable, "cannot be written to: give this user write access to the file and its directory, and see that the file system is not mounted read-only")
	case sqlite3.SQLITE_CANTOPEN:
		return explain(fault.Unavailable, "cannot be opened: see that its directory exists and that this user may write to it")
	case sqlite3.SQLITE_FULL:
		return explain(fault.Unavailable, "has no space left: free some on its disk; nothing was written")
	case sqlite3.SQLITE_NOTADB:
		return explain(fault.Invalid, "is not a SQLite database: name another file, or restore it from a backup")
	case sqlite3.SQLITE_CORRUPT:
		return explain(fault.Internal, "is damaged: restore it from a backup")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return explain(fault.Unavailable, "is locked by another program for too long: stop that program")
	case sqlite3.SQLITE_IOERR:
		return explain(fault.Unavailable, "cannot be read or written: its disk reports an error: "+e.Error())
	default:
		return fault.Wrap(fault.Internal, db.Name()+": "+e.Error(), cause)
	}
}

func explainPostgres(t target, err error) error {
	explain := func(kind fault.Kind, text string) error {
		return fault.Wrap(kind, t.name+" "+text, err)
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return explainServer(t, e, explain)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return explain(fault.Unavailable, fmt.Sprintf("cannot be found: there is no host %q: correct the url", dns.Name))
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[*net.OpError](err)
	switch {
	case connecting && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)):
		return explain(fault.Unavailable, "does not answer in time: see that the server runs and that no firewall is between")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case connecting:
		return explain(fault.Unavailable, "cannot be reached: see that the server runs and that host and port in the url are right")
	case network, pgconn.Timeout(err), errors.Is(err, pgconn.ErrConnClosed), lostConnection(err):
		return explain(fault.Unavailable, "has closed the connection: the server was stopped or the network was cut")
	default:
		return err
	}
}

// explainServer explains what the server itself said.
func explainServer(t target, e *pgconn.PgError, explain func(fault.Kind, string) error) error {
	switch e.Code {
	case "28P01", "28000":
		return explain(fault.Invalid, fmt.Sprintf("refuses user %q: correct the password in the url, or the server's pg_hba.conf", t.config.User))
	case "3D000":
		return explain(fault.Invalid, "does not exist: make it with createdb, or correct the url")
	case "42501", "3F000":
		return explain(fault.Invalid, fmt.Sprintf("does not let user %q do this (%s): grant the user the right to create and write tables", t.config.User, e.Message))
	case "25006":
		return explain(fault.Unavailable, "is read-only, as a standby is: use the url of the primary server")
	case "53100":
		return explain(fault.Unavailable, "has no space left: free some on the server's disk; nothing was written")
	case "53300":
		return explain(fault.Unavailable, "has no connection left: raise the server's max_connections")
	case "57P01", "57P02", "57P03", "57P05":
		return explain(fault.Unavailable, "is not ready: "+e.Message)
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "08", "53", "57", "58", "25", "40":
		return explain(fault.Unavailable, "could not do this now: "+e.Message)
	}
	return explain(fault.Internal, fmt.Sprintf("refuses this: %s (SQLSTATE %s)", e.Message, e.Code))
}
