package sqlstore

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/redact"
)

// target is what a database url means.
type target struct {
	dialect Dialect
	// name is for messages and has no password.
	name string
	// path is the file of a SQLite database, "" for memory.
	path string
	// config is the parsed url of a PostgreSQL database.
	config *pgx.ConnConfig
}

const forms = "use postgres://user:password@host:5432/database, sqlite:///path/file.db or sqlite::memory:"

// IsPostgres reports whether the url is one of PostgreSQL, without looking
// further at it.
func IsPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

func parse(raw string) (target, error) {
	scheme, rest, ok := strings.Cut(raw, ":")
	switch {
	case raw == ":memory:", scheme == "sqlite" && strings.TrimPrefix(rest, "//") == ":memory:":
		return target{dialect: SQLite, name: "SQLite in memory"}, nil
	case scheme == "sqlite":
		path, absolute := strings.CutPrefix(rest, "//")
		if !ok || !absolute || !strings.HasPrefix(path, "/") {
			return target{}, fault.New(fault.Invalid, fmt.Sprintf("the database url %q does not name an absolute path: use sqlite:///path/file.db", raw))
		}
		path, err := url.PathUnescape(path)
		if err != nil {
			return target{}, fault.Wrap(fault.Invalid, fmt.Sprintf("the database url %q is malformed: %v", raw, err), err)
		}
		if strings.HasSuffix(path, "/") {
			return target{}, fault.New(fault.Invalid, fmt.Sprintf("the database url %q names a directory, not a file: use sqlite:///path/file.db", raw))
		}
		return target{dialect: SQLite, name: "SQLite file " + path, path: path}, nil
	case IsPostgres(raw):
		config, err := pgx.ParseConfig(raw)
		if err != nil {
			return target{}, fault.Wrap(fault.Invalid, fmt.Sprintf("the database url %s is malformed: %s", shown(raw), forms), err)
		}
		return target{dialect: Postgres, name: postgresName(config), config: config}, nil
	case raw == "":
		return target{}, fault.New(fault.Invalid, "the database url is empty: "+forms)
	default:
		return target{}, fault.New(fault.Invalid, fmt.Sprintf("the database url %s is of no known kind: %s", shown(raw), forms))
	}
}

// ConfigOf parses the url of a PostgreSQL database for a connection outside
// the pool. Its errors are Invalid and name no password.
func ConfigOf(url string) (*pgx.ConnConfig, error) {
	t, err := parse(url)
	if err != nil {
		return nil, err
	}
	if t.dialect != Postgres {
		return nil, fault.New(fault.Invalid, t.name+" is not a PostgreSQL database")
	}
	return t.config, nil
}

func postgresName(config *pgx.ConnConfig) string {
	at := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	if strings.HasPrefix(config.Host, "/") {
		at = config.Host
	}
	return fmt.Sprintf("PostgreSQL database %q at %s", config.Database, at)
}

// shown gives a url without its password, or without everything after the
// scheme when the url cannot be read.
func shown(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		return strconv.Quote(redact.URL(u))
	}
	if scheme, _, ok := strings.Cut(raw, "://"); ok {
		return strconv.Quote(scheme + "://…")
	}
	return strconv.Quote("…")
}
