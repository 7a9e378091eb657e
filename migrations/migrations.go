// Package migrations has the versions of every database schema.
//
// A script is named NNNNN_name.sql, is plain SQL that PostgreSQL and SQLite
// both understand, and is never edited once a release has it: a change is a
// new script. Each version works with the program of the release before, so
// that servers can be replaced one by one. The parts marked Down are for
// development; production only goes forward.
//
// Instants and durations are BIGINT columns in nanoseconds, instants since
// 1970 in UTC, as in the Mesos API. Columns of primary keys are TEXT. What the
// user defined is kept as it is in a column of type JSON; columns beside it
// hold what is searched for.
package migrations

import (
	"embed"
	"io/fs"

	"github.com/meseta/meseta/internal/sqlstore"
)

//go:embed leadership/*.sql registry/*.sql
var files embed.FS

// Leadership is the schema of elections, which all services share.
func Leadership() sqlstore.Migrations { return schema("leadership") }

// Registry is the schema of the master's registry.
func Registry() sqlstore.Migrations { return schema("registry") }

func schema(name string) sqlstore.Migrations {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic("the migrations of " + name + " are not embedded: " + err.Error())
	}
	return sqlstore.Migrations{Name: name, Files: sub}
}
