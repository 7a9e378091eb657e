// Command meseta is the whole of Meseta in one program: the master, the agent,
// a cluster on one machine, and the command line client.
package main

import (
	"os"

	"github.com/mattn/go-isatty"

	"github.com/meseta/meseta/agent/containerizer/process"
)

func main() {
	// Supervisors of containers are this program as well. There may be many of
	// them, so that they must not build what only the client needs.
	if len(os.Args) > 1 && os.Args[1] == "executor" {
		os.Exit(process.SupervisorMain(os.Args[2:]))
	}
	a := &app{
		name:     programName(os.Args[0]),
		out:      os.Stdout,
		err:      os.Stderr,
		env:      os.Environ(),
		terminal: isatty.IsTerminal(os.Stderr.Fd()),
		exit:     os.Exit,
	}
	os.Exit(a.main(os.Args[1:]))
}
