package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/meseta/meseta/internal/fault"
)

// Migrations are the versions of one schema.
type Migrations struct {
	// Name is that of the schema, in lower case: its versions are recorded in
	// the table "schema_<name>", so that several schemas share a database.
	Name string
	// Files has the scripts NNNNN_name.sql in its root.
	Files fs.FS
}

// Migrate brings the schemas up to the newest version known, in their order.
// Whichever server comes first does it, under a lock, while others wait. A
// schema that is newer than known is refused with Conflict and left as it is.
// Migrate is idempotent.
func (db *DB) Migrate(ctx context.Context, schemas ...Migrations) error {
	for _, schema := range schemas {
		if err := db.migrate(ctx, schema, 0); err != nil {
			return err
		}
	}
	return nil
}

// MigrateTo brings one schema to a version, also an older one, which loses
// what only the newer had. It is for tests and development.
func (db *DB) MigrateTo(ctx context.Context, schema Migrations, version int64) error {
	return db.migrate(ctx, schema, version)
}

func (db *DB) migrate(ctx context.Context, schema Migrations, version int64) error {
	provider, err := db.provider(schema)
	if err != nil {
		return fmt.Errorf("migrations of %s: %w", schema.Name, err)
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return db.migrationError(schema, err)
	}
	var done []*goose.MigrationResult
	switch {
	case current > known:
		return fault.New(fault.Conflict, fmt.Sprintf(
			"%s has version %d of the schema %q, and this program knows only %d: start a newer program", db.Name(), current, schema.Name, known))
	case version == 0 && current == known:
		return nil
	case version == 0:
		done, err = provider.Up(ctx)
	case version < current:
		done, err = provider.DownTo(ctx, version)
	default:
		done, err = provider.UpTo(ctx, version)
	}
	for _, m := range done {
		db.log.Info("migrated", "database", db.Name(), "schema", schema.Name, "version", m.Source.Version, "dur", m.Duration)
	}
	return db.migrationError(schema, err)
}

func (db *DB) provider(schema Migrations) (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	options := []goose.ProviderOption{
		goose.WithDisableGlobalRegistry(true),
		goose.WithTableName("schema_" + schema.Name),
	}
	if db.target.dialect == Postgres {
		dialect = goose.DialectPostgres
		// One lock for every schema: two services that share a database do not
		// create their common tables at the same time.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(dialect, db.pool, schema.Files, options...)
}

// migrationError explains err and says which schema it is about.
func (db *DB) migrationError(schema Migrations, err error) error {
	if err == nil {
		return nil
	}
	explained := db.Explain(err)
	if explained == err && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(fault.Internal, fmt.Sprintf("%s: the schema %q could not be brought up to date: %v", db.Name(), schema.Name, err), err)
	}
	return explained
}
