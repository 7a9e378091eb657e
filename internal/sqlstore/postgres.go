package sqlstore

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Vanished hosts are noticed by both ends within about this time.
const deadPeer = 5 * time.Second

func (db *DB) openPostgres(ctx context.Context, opts Options) error {
	config := db.target.config
	Prepare(config, opts.Application, opts.ConnectTimeout)
	config.RuntimeParams["idle_in_transaction_session_timeout"] = strconv.FormatInt(opts.IdleInTransaction.Milliseconds(), 10)
	// Batches of one size have one statement each; see sizes in bulk.go.
	config.StatementCacheCapacity = 512
	db.pool = stdlib.OpenDB(*config)
	db.pool.SetMaxOpenConns(opts.MaxConnections)
	db.pool.SetMaxIdleConns(opts.MaxConnections)
	return db.Explain(db.pool.PingContext(ctx))
}

// Prepare sets what every connection to PostgreSQL should have: a name, a
// bounded time to connect, and short keepalives on both ends.
func Prepare(config *pgx.ConnConfig, application string, connectTimeout time.Duration) {
	set := func(name, value string) {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	seconds := strconv.Itoa(int(deadPeer / time.Second))
	set("application_name", application)
	set("tcp_keepalives_idle", seconds)
	set("tcp_keepalives_interval", "1")
	set("tcp_keepalives_count", "3")
	set("tcp_user_timeout", strconv.FormatInt(deadPeer.Milliseconds(), 10))
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.DialFunc = dial
}

// refusedCommit reports whether the server itself said that a commit has not
// happened. A connection that is being ended may have been so afterwards.
func refusedCommit(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return errors.Is(err, pgx.ErrTxCommitRollback)
	}
	class := e.Code[:min(2, len(e.Code))]
	return class != "57" && class != "08"
}
