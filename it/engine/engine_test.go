package engine_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/meseta/meseta/it/engine"
)

func TestMain(m *testing.M) { os.Exit(engine.Run(m)) }

func TestTheSharedEngineIsFoundOrStartedOnce(t *testing.T) {
	first, second := engine.Shared(t), engine.Shared(t)
	if first != second || !strings.HasPrefix(first.Host, "unix://") {
		t.Errorf("got engines at %s and %s, want one on a unix socket", first.Host, second.Host)
	}
	first.BusyboxImage(t)
}

func TestAnEngineOfOnesOwnCanBeStoppedAndStartedAgain(t *testing.T) {
	d := engine.Start(t, engine.Options{})
	d.BusyboxImage(t)
	for _, end := range []func(){d.Stop, d.Kill} {
		end()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := d.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	d.Close()
	if _, err := os.Stat(d.Dir); !os.IsNotExist(err) {
		t.Errorf("the engine's directory %s is still there after Close: %v", d.Dir, err)
	}
}
