package e2e

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/meseta/meseta/it/engine"
	"github.com/meseta/meseta/it/harness"
)

// parallel is how many tests run at a time unless -parallel says otherwise.
// They mostly wait for processes, so that there may be more of them than
// processors.
const parallel = "6"

// patience bounds every wait for something that takes far less on an idle
// machine.
const patience = 60 * time.Second

// current is what all tests share: the program, ports and marks.
var current *harness.Run

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", parallel) // the flag exists and takes numbers
	}
	run, err := harness.Begin()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	current = run
	code := engine.Run(m)
	if err := run.End(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// missing ends a test whose machine lacks something: it fails where CI is set,
// so that a green run never means that nothing was tested.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if ci := os.Getenv("CI"); ci != "" && ci != "0" && ci != "false" {
		t.Fatalf(format+" (required, because CI is set)", args...)
	}
	t.Skipf(format, args...)
}
