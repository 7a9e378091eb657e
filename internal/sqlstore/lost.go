package sqlstore

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"syscall"
)

// lostConnection reports whether err is one of those by which a connection
// that no longer exists shows itself.
func lostConnection(err error) bool {
	for _, lost := range []error{
		io.EOF, io.ErrUnexpectedEOF, driver.ErrBadConn, sql.ErrConnDone,
		syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT,
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}
