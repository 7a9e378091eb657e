package wire

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	sent := []Request{
		{Seq: 1, Verb: Hello},
		{Seq: 2, Verb: Start, ID: "c", Launch: &Launch{Path: "/bin/sh", Args: []string{"sh", "-c", "é\n"}, Dir: "/d"}},
	}
	var buffer bytes.Buffer
	out := bufio.NewWriter(&buffer)
	for _, r := range sent {
		if err := Write(out, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(&buffer)
	var got []Request
	for {
		var r Request
		if err := Read(in, &r); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadFramesAreErrors(t *testing.T) {
	t.Parallel()
	for name, frame := range map[string]string{
		"too long": "\xff\xff\xff\xff{}", "cut in its length": "\x00\x00", "cut in its body": "\x00\x00\x00\x09{}",
		"no JSON": "\x00\x00\x00\x02{{", "empty": "\x00\x00\x00\x00",
	} {
		var r Request
		if err := Read(bufio.NewReader(strings.NewReader(frame)), &r); err == nil {
			t.Errorf("a frame that is %s was read", name)
		}
	}
	if err := Write(bufio.NewWriter(io.Discard), Request{ID: strings.Repeat("x", maxFrame)}); err == nil {
		t.Error("a message beyond the limit was written")
	}
}
