package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/meseta/meseta/internal/version"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	b := version.Current()
	_, err := fmt.Fprintf(a.out, "meseta %s (Mesos API %s, %s, %s)\n", version.Meseta, version.Mesos, b.GoVersion, b.Platform)
	if err == nil && b.Revision != "" {
		_, err = fmt.Fprintf(a.out, "commit %s of %s\n", b.Revision, b.Time.Format(time.RFC3339))
	}
	return err
}
