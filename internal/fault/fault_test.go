package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/meseta/meseta/internal/fault"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	unknown := fault.New(fault.NotFound, "agent S12: unknown")
	down := fault.Wrap(fault.Unavailable, "the registry does not answer", io.ErrUnexpectedEOF)
	for _, test := range []struct {
		name            string
		err             error
		kind            fault.Kind
		message, detail string
	}{
		{"a new error is its message", unknown, fault.NotFound, "agent S12: unknown", "agent S12: unknown"},
		{"a cause is for the log only", down, fault.Unavailable, "the registry does not answer", "the registry does not answer: unexpected EOF"},
		{"words around an error are kept", fmt.Errorf("task t: %w", unknown), fault.NotFound, "task t: agent S12: unknown", "task t: agent S12: unknown"},
		{"the outermost kind counts", fault.Wrap(fault.Conflict, "taken", unknown), fault.Conflict, "taken", "taken: agent S12: unknown"},
		{"the whole chain of causes is told", fault.Wrap(fault.Internal, "lost", down), fault.Internal, "lost", "lost: the registry does not answer: unexpected EOF"},
		{"a foreign error is internal and not shown", io.ErrShortWrite, fault.Internal, "internal error; the server's log has the details", "short write"},
		{"an overdue context is unavailable", fmt.Errorf("query: %w", context.DeadlineExceeded), fault.Unavailable, "unavailable", "query: context deadline exceeded"},
		{"a cancelled context is unavailable", context.Canceled, fault.Unavailable, "unavailable", "context canceled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := fault.KindOf(test.err); got != test.kind || !fault.Is(test.err, test.kind) {
				t.Errorf("its kind is %v, want %v", got, test.kind)
			}
			if got := fault.Message(test.err); got != test.message {
				t.Errorf("its message is %q, want %q", got, test.message)
			}
			if got := fault.Detail(test.err); got != test.detail {
				t.Errorf("its detail is %q, want %q", got, test.detail)
			}
		})
	}
	if !errors.Is(down, io.ErrUnexpectedEOF) {
		t.Error("the cause is not found by errors.Is")
	}
	if fault.Is(nil, fault.Internal) {
		t.Error("no error is taken for an internal one")
	}
}

func TestEveryKindHasAName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for kind := fault.Internal; kind <= fault.UnsupportedMedia; kind++ {
		if name := kind.String(); name == "unknown" || seen[name] {
			t.Errorf("kind %d is called %q", kind, name)
		} else {
			seen[name] = true
		}
	}
	if name := fault.Kind(-1).String(); name != "unknown" {
		t.Errorf("no kind is called %q", name)
	}
}
