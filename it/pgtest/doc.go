// Package pgtest gives tests a PostgreSQL.
//
// It is found in this order: the server that TEST_DATABASE_URL names, whose
// user must have the right to create databases; the programs initdb and
// postgres on PATH or below /usr/lib/postgresql, started below a directory of
// its own under the temporary directory, on a Unix socket and a loopback port,
// as the user postgres or nobody when the test runs as root. Without either
// the test is skipped with the reason, or fails when CI is set or IT_REQUIRE
// names postgres.
//
//	db := pgtest.New(t)              // a database of a server shared by the test program
//	server := pgtest.Start(t, ...)   // a server of one's own, to stop, pause and restart
//
// The shared server starts with the first test that asks for it. A guard
// process ends every server and removes its files when the test program ends
// in whatever way.
package pgtest
