package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// Table describes the columns of a table for writes of many rows.
type Table struct {
	Name string
	// Keys are the columns of the primary key, and Columns all others.
	Keys    []string
	Columns []string
}

// sizes are the numbers of rows that one statement writes. A few fixed ones
// keep the number of distinct statements small, so that each is prepared once
// for a connection.
var sizes = [...]int{256, 32, 4, 1}

// Upsert writes rows, each of which has the values of the keys and then those
// of the other columns. Existing rows are replaced. No key may occur twice.
func (t *Table) Upsert(ctx context.Context, tx *sql.Tx, rows [][]any) error {
	return inChunks(ctx, tx, rows, t.upsert)
}

// Delete deletes the rows with the given keys. Missing rows are no error.
func (t *Table) Delete(ctx context.Context, tx *sql.Tx, keys [][]any) error {
	return inChunks(ctx, tx, keys, t.delete)
}

// Select gives the statement that reads every row, keys first.
func (t *Table) Select() string {
	return "SELECT " + strings.Join(append(t.Keys[:len(t.Keys):len(t.Keys)], t.Columns...), ", ") + " FROM " + t.Name
}

func inChunks(ctx context.Context, tx *sql.Tx, rows [][]any, statement func(rows int) string) error {
	var args []any
	for _, size := range sizes {
		for len(rows) >= size {
			args = args[:0]
			for _, row := range rows[:size] {
				args = append(args, row...)
			}
			if _, err := tx.ExecContext(ctx, statement(size), args...); err != nil {
				return err
			}
			rows = rows[size:]
		}
	}
	return nil
}

func (t *Table) upsert(rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + t.Name + " (")
	b.WriteString(strings.Join(append(t.Keys[:len(t.Keys):len(t.Keys)], t.Columns...), ", "))
	b.WriteString(") VALUES ")
	writeTuples(&b, rows, len(t.Keys)+len(t.Columns))
	b.WriteString(" ON CONFLICT (" + strings.Join(t.Keys, ", ") + ") DO ")
	if len(t.Columns) == 0 {
		b.WriteString("NOTHING")
		return b.String()
	}
	b.WriteString("UPDATE SET ")
	for i, column := range t.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(column + " = excluded." + column)
	}
	return b.String()
}

func (t *Table) delete(rows int) string {
	var b strings.Builder
	b.WriteString("DELETE FROM " + t.Name + " WHERE (" + strings.Join(t.Keys, ", ") + ") IN (VALUES ")
	writeTuples(&b, rows, len(t.Keys))
	b.WriteString(")")
	return b.String()
}

// writeTuples writes ($1, $2), ($3, $4), ….
func writeTuples(b *strings.Builder, rows, columns int) {
	n := 0
	for row := range rows {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for column := range columns {
			if column > 0 {
				b.WriteString(", ")
			}
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		}
		b.WriteByte(')')
	}
}
