package contract

import (
	"bytes"
	"fmt"
	"strconv"
)

// records takes a response's body in pieces, as it passes by, and checks it:
// record by record if it turns out to be a stream, as a whole at its end
// otherwise. It must never wait for more, which package recordio's Reader would.
type records struct {
	exchange *exchange
	status   int
	held     []byte // not complete yet
	streamed bool   // the body began with a digit
	broken   bool   // reported once
	count    int    // complete records so far
}

func (b *records) add(piece []byte) {
	b.exchange.checker.reporter.Helper()
	if b.broken {
		return
	}
	b.held = append(b.held, piece...)
	if !b.streamed {
		b.streamed = len(b.held) > 0 && '0' <= b.held[0] && b.held[0] <= '9' && b.exchange.streams(b.status)
	}
	for b.streamed && b.next() {
	}
}

// next checks the first held record and reports whether it was complete.
func (b *records) next() bool {
	b.exchange.checker.reporter.Helper()
	digits, rest, complete := bytes.Cut(b.held, []byte{'\n'})
	if !complete && len(b.held) < 20 {
		return false
	}
	length, err := strconv.ParseUint(string(digits), 10, 32)
	if err != nil {
		b.broken = true
		b.exchange.violation("the framing of the stream", fmt.Errorf("%q is not the length of a record", digits), b.held)
		return false
	}
	if uint64(len(rest)) < length {
		return false
	}
	b.count++
	b.exchange.checkRecord(b.status, rest[:length])
	b.held = bytes.Clone(rest[length:])
	return true
}

// partial reports whether the bytes so far end inside a record.
func (b *records) partial() bool { return b.streamed && !b.broken && len(b.held) > 0 }
