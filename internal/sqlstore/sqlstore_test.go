package sqlstore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/sqlstore"
	"github.com/meseta/meseta/it/pgtest"
)

// engines runs a test on each kind of database.
func engines(t *testing.T, test func(t *testing.T, url string)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		// Nothing in the name of a file is special to the engine.
		file := url.URL{Scheme: "sqlite", Path: filepath.Join(t.TempDir(), "a b?c%#.db")}
		test(t, file.String())
	})
	t.Run("SQLite in memory", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite::memory:")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.New(t).URL)
	})
}

func open(t *testing.T, url string, opts sqlstore.Options) *sqlstore.DB {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatalf("open %s: %v", url, fault.Detail(err))
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestAFailedWriteLeavesNothing(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		db := open(t, url, sqlstore.Options{})
		ctx := t.Context()
		exec := func(statement string, args ...any) func(*sql.Tx) error {
			return func(tx *sql.Tx) error { _, err := tx.ExecContext(ctx, statement, args...); return err }
		}
		if err := db.Write(ctx, exec("CREATE TABLE t (k TEXT PRIMARY KEY, v JSON)")); err != nil {
			t.Fatal(err)
		}
		refusal := errors.New("no")
		err := db.Write(ctx, func(tx *sql.Tx) error {
			if err := exec("INSERT INTO t VALUES ($1, $2)", "a", `{"n": 1}`)(tx); err != nil {
				return err
			}
			return refusal
		})
		if err != refusal {
			t.Errorf("the error of the function came back as %v", err)
		}
		if err := db.Write(ctx, exec("INSERT INTO t VALUES ($1, $2)", "b", `{"n": 2}`)); err != nil {
			t.Fatal(err)
		}
		if err := db.Read(ctx, func(tx *sql.Tx) error {
			var keys string
			if err := tx.QueryRowContext(ctx, "SELECT k FROM t").Scan(&keys); err != nil || keys != "b" {
				return fmt.Errorf("read %q, %w", keys, err)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
}

func TestManyRowsAreUpsertedAndDeleted(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		db := open(t, url, sqlstore.Options{})
		ctx := t.Context()
		table := sqlstore.Table{Name: "t", Keys: []string{"a", "b"}, Columns: []string{"n", "j"}}
		rows := make([][]any, 1000)
		keys := make([][]any, 0, 990)
		for i := range rows {
			rows[i] = []any{fmt.Sprint(i % 10), fmt.Sprint(i), int64(i), []byte(`{"i":1}`)}
			if i >= 10 {
				keys = append(keys, rows[i][:2])
			}
		}
		if err := db.Write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "CREATE TABLE t (a TEXT NOT NULL, b TEXT NOT NULL, n BIGINT NOT NULL, j JSON, PRIMARY KEY (a, b))")
			if err != nil {
				return err
			}
			if err := table.Upsert(ctx, tx, rows); err != nil {
				return err
			}
			for _, row := range rows {
				row[2] = row[2].(int64) + 1
			}
			if err := table.Upsert(ctx, tx, rows); err != nil {
				return err
			}
			return table.Delete(ctx, tx, keys)
		}); err != nil {
			t.Fatal(err)
		}
		var count, sum int
		if err := db.Pool().QueryRowContext(ctx, "SELECT count(*), sum(n) FROM t").Scan(&count, &sum); err != nil || count != 10 || sum != 55 {
			t.Errorf("%d rows with sum %d are left, want 10 and 55: %v", count, sum, err)
		}
	})
}

func scripts(versions int) sqlstore.Migrations {
	files := fstest.MapFS{}
	for v := 1; v <= versions; v++ {
		files[fmt.Sprintf("%05d_v.sql", v)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"-- +goose Up\nCREATE TABLE v%d (n INTEGER);\n-- +goose Down\nDROP TABLE v%d;\n", v, v)}
	}
	return sqlstore.Migrations{Name: "test", Files: files}
}

func TestASchemaIsMigratedOnceByWhoeverComesFirst(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		db := open(t, url, sqlstore.Options{})
		others := []*sqlstore.DB{db}
		if db.Dialect() == sqlstore.Postgres {
			others = append(others, open(t, url, sqlstore.Options{}), open(t, url, sqlstore.Options{}))
		}
		errs := make(chan error)
		for _, other := range others {
			go func() { errs <- other.Migrate(t.Context(), scripts(2)) }()
		}
		for range others {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if _, err := db.Pool().ExecContext(t.Context(), "INSERT INTO v2 VALUES (1)"); err != nil {
			t.Error(err)
		}
	})
}

func TestANewerSchemaIsRefusedAndKept(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		db := open(t, url, sqlstore.Options{})
		if err := db.Migrate(t.Context(), scripts(3)); err != nil {
			t.Fatal(err)
		}
		err := db.Migrate(t.Context(), scripts(2))
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), `has version 3 of the schema "test", and this program knows only 2: start a newer program`) {
			t.Errorf("the refusal is %v", err)
		}
		if _, err := db.Pool().ExecContext(t.Context(), "INSERT INTO v3 VALUES (1)"); err != nil {
			t.Error(err)
		}
	})
}

func TestSchemasGoUpAndDown(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		db := open(t, url, sqlstore.Options{})
		for _, version := range []int64{1, 3, 2, 3} {
			if err := db.MigrateTo(t.Context(), scripts(3), version); err != nil {
				t.Fatalf("to version %d: %v", version, err)
			}
		}
		if err := db.MigrateTo(t.Context(), scripts(3), 1); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Pool().ExecContext(t.Context(), "SELECT * FROM v2"); err == nil {
			t.Error("the tables of version 2 are still there")
		}
	})
}

func TestMistakesInTheURLAreExplained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, url, want string }{
		{"an empty url", "", "the database url is empty: use postgres://"},
		{"a kind that is not known", "mysql://root:secret@host/db", `the database url "mysql://root:xxxxx@host/db" is of no known kind: use postgres://`},
		{"a malformed url", "postgres://u:secret@host:port/db", `the database url "postgres://…" is malformed: use`},
		{"a relative path", "sqlite://file.db", "does not name an absolute path"},
		{"a directory", "sqlite://" + dir + "/", "names a directory, not a file"},
		{"a directory without a slash", "sqlite://" + dir, "is a directory: name a file in it"},
		{"a directory that is not there", "sqlite://" + dir + "/no/file.db", "the directory " + dir + "/no does not exist: make it"},
		{"a file as a directory", "sqlite://" + file + "/file.db", "is not a directory: name another"},
		{"a file that is no database", "sqlite://" + file, "is not a SQLite database: name another file"},
		{"a server that is not there", "postgres://u:secret@127.0.0.1:1/db", `PostgreSQL database "db" at 127.0.0.1:1 cannot be reached: see that the server runs`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db, err := sqlstore.Open(t.Context(), test.url, sqlstore.Options{})
			if err == nil {
				t.Fatalf("%q was opened as %s", test.url, db.Name())
			}
			if text := err.Error(); !strings.Contains(text, test.want) || strings.Contains(text, "secret") {
				t.Errorf("the error is %q, want it to say %q and no password", text, test.want)
			}
			if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Unavailable) {
				t.Errorf("its kind is %v", fault.KindOf(err))
			}
		})
	}
}

func TestAFileThatMayNotBeWrittenIsExplained(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "registry.db")
	if err := open(t, "sqlite://"+path, sqlstore.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o755) })
	errs := make(chan error)
	go func() {
		// Root may write everything, so that this thread opens files as
		// nobody. It ends with the goroutine, since it is never unlocked.
		runtime.LockOSThread()
		if os.Getuid() == 0 {
			for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
				_ = os.Chmod(dir, 0o755) // as the owner sets it up for its users
			}
			_ = os.Chmod(filepath.Dir(path), 0o555)
			if _, _, errno := unix.RawSyscall(unix.SYS_SETFSUID, 65534, 0, 0); errno != 0 {
				errs <- errno
				return
			}
		}
		db, err := sqlstore.Open(t.Context(), "sqlite://"+path, sqlstore.Options{})
		if err == nil {
			err = errors.Join(errors.New("it was opened"), db.Close())
		}
		errs <- err
	}()
	err := <-errs
	if !strings.Contains(err.Error(), "give this user write access") && !strings.Contains(err.Error(), "see that its directory exists and that this user may write to it") {
		t.Errorf("the error is %q", fault.Detail(err))
	}
}

func TestAFullDiskIsExplainedAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	db := open(t, "sqlite::memory:", sqlstore.Options{})
	ctx := t.Context()
	for _, statement := range []string{"CREATE TABLE t (v TEXT)", "PRAGMA max_page_count = 20"} {
		if _, err := db.Pool().ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	err := db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO t VALUES ('small')"); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO t VALUES ($1)", strings.Repeat("x", 1<<20))
		return err
	})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "has no space left: free some on its disk; nothing was written") {
		t.Errorf("the error is %v", err)
	}
	var rows int
	if err := db.Pool().QueryRowContext(ctx, "SELECT count(*) FROM t").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows are there, %v", rows, err)
	}
}

func TestAFileIsTakenByOneServer(t *testing.T) {
	t.Parallel()
	url := "sqlite://" + filepath.Join(t.TempDir(), "registry.db")
	first := open(t, url, sqlstore.Options{Exclusive: true})
	_, err := sqlstore.Open(t.Context(), url, sqlstore.Options{Exclusive: true})
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "is in use by another server") {
		t.Errorf("a second server gets %v", err)
	}
	open(t, url, sqlstore.Options{}) // tools may look at it
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, url, sqlstore.Options{Exclusive: true})
}

func TestWhatPostgreSQLRefusesIsExplained(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{})
	db := server.NewDatabase(t)
	admin := open(t, db.URL, sqlstore.Options{})
	for _, statement := range []string{
		"CREATE ROLE guarded LOGIN PASSWORD 'right'", "CREATE ROLE reader LOGIN", "REVOKE ALL ON SCHEMA public FROM PUBLIC",
	} {
		if _, err := admin.Pool().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	as := func(user string) string { return strings.Replace(db.URL, "meseta@", user+"@", 1) }
	for _, test := range []struct{ name, url, want string }{
		{"a wrong password", as("guarded:secret"), `refuses user "guarded": correct the password in the url`},
		{"no password", as("guarded"), `refuses user "guarded": correct the password in the url`},
		{"a database that is not there", server.URL("absent"), "does not exist: make it with createdb"},
		{"a user that is not there", as("stranger"), `refuses user "stranger"`},
		{"a user without rights", as("reader"), `does not let user "reader" do this`},
		{"a read-only server", db.URL + "&options=-c%20default_transaction_read_only%3Don", "is read-only, as a standby is: use the url of the primary"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db, err := sqlstore.Open(t.Context(), test.url, sqlstore.Options{})
			if err == nil {
				err = errors.Join(db.Migrate(t.Context(), scripts(1)), db.Close())
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestACommitWithoutAnAnswerIsMarked(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{})
	proxy := pgtest.NewProxy(t, server.Address())
	database := server.NewDatabase(t)
	direct := open(t, database.URL, sqlstore.Options{})
	if _, err := direct.Pool().ExecContext(t.Context(), "CREATE TABLE t (n INTEGER)"); err != nil {
		t.Fatal(err)
	}
	db := open(t, server.URLAt(proxy.Address(), database.Name), sqlstore.Options{})
	err := db.Write(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), "INSERT INTO t VALUES (1)"); err != nil {
			return err
		}
		proxy.Cut()
		return nil
	})
	if !sqlstore.OutcomeUnknown(err) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("a cut commit gives %v", err)
	}
	err = db.Write(t.Context(), func(*sql.Tx) error { return nil })
	if err == nil || sqlstore.OutcomeUnknown(err) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("a transaction that could not begin gives %v", err)
	}
}
