package recordio_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meseta/meseta/internal/recordio"
)

func readAll(in io.Reader, limit int) (records []string, err error) {
	r := recordio.NewReader(in, limit)
	for {
		record, err := r.Next()
		if err != nil {
			return records, err
		}
		records = append(records, string(record))
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in string
		want     []string
		err      error
	}{
		{"an empty stream ends cleanly", "", nil, io.EOF},
		{"records follow each other without a separator", "1\na3\nbcd", []string{"a", "bcd"}, io.EOF},
		{"a record of no bytes is legal", "0\n2\nok", []string{"", "ok"}, io.EOF},
		{"a line feed inside a record belongs to it", "3\na\nb1\nc", []string{"a\nb", "c"}, io.EOF},
		{"leading zeros do not change a length", "003\nabc", []string{"abc"}, io.EOF},
		{"the end inside a length is an error", "12", nil, io.ErrUnexpectedEOF},
		{"the end right after a length is an error", "2\n", nil, io.ErrUnexpectedEOF},
		{"the end inside a record is an error", "1\na5\nab", []string{"a"}, io.ErrUnexpectedEOF},
		{"an empty line is not a length", "\n1\na", nil, recordio.ErrLength},
		{"a letter is not a length", "1\nax\n", []string{"a"}, recordio.ErrLength},
		{"a sign is refused", "+1\na", nil, recordio.ErrLength},
		{"a minus sign is refused", "-1\na", nil, recordio.ErrLength},
		{"a blank is refused", "1 \na", nil, recordio.ErrLength},
		{"a carriage return is refused", "1\r\na", nil, recordio.ErrLength},
		{"a length above the limit is refused before its bytes", "17\n", nil, recordio.ErrTooLarge},
		{"a length that does not fit 64 bits is refused", "99999999999999999999999\n", nil, recordio.ErrTooLarge},
		{"a length is not searched for ever", strings.Repeat("0", 30) + "1\na", nil, recordio.ErrLength},
		{"a record of exactly the limit passes", "16\n0123456789abcdef", []string{"0123456789abcdef"}, io.EOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, in := range []io.Reader{strings.NewReader(test.in), iotest.OneByteReader(strings.NewReader(test.in))} {
				got, err := readAll(in, 16)
				if !errors.Is(err, test.err) {
					t.Errorf("ended with %v, want %v", err, test.err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("records (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestAReaderKeepsItsError(t *testing.T) {
	t.Parallel()
	r := recordio.NewReader(strings.NewReader("x1\na"), 0)
	_, first := r.Next()
	_, second := r.Next()
	if !errors.Is(first, recordio.ErrLength) || !errors.Is(second, recordio.ErrLength) {
		t.Errorf("got %v, then %v; want the malformed length twice", first, second)
	}
}

func TestWhatIsFramedIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOf(rapid.String()).Draw(t, "records")
		var wire []byte
		for _, record := range records {
			before := len(wire)
			wire = recordio.Append(wire, []byte(record))
			if size := len(wire) - before; size != recordio.FrameSize(len(record)) {
				t.Fatalf("a record of %d bytes takes %d, FrameSize says %d", len(record), size, recordio.FrameSize(len(record)))
			}
			if !bytes.Equal(wire[before:], recordio.Frame([]byte(record))) {
				t.Fatal("Frame and Append differ")
			}
		}
		got, err := readAll(bytes.NewReader(wire), 0)
		if err != io.EOF {
			t.Fatal(err)
		}
		if len(got) != len(records) {
			t.Fatalf("wrote %d records, read %d", len(records), len(got))
		}
		for i := range got {
			if got[i] != records[i] {
				t.Fatalf("record %d: wrote %q, read %q", i, records[i], got[i])
			}
		}
	})
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{"", "0\n", "1\na", "5\nab", "x", "3\nabc4\nabcd", "99999999999999999999\n", "\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		const limit = 1 << 16
		records, err := readAll(bytes.NewReader(wire), limit)
		var again []byte
		for _, record := range records {
			if len(record) > limit {
				t.Fatalf("a record of %d bytes passed the limit", len(record))
			}
			again = recordio.Append(again, []byte(record))
		}
		if err != io.EOF {
			return
		}
		if back, err := readAll(bytes.NewReader(again), limit); err != io.EOF || !cmp.Equal(back, records) {
			t.Fatalf("framed again: %q (%v), want %q", back, err, records)
		}
	})
}
