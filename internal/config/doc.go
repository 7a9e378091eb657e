// Package config reads the settings of the services: flags as Mesos names
// them, with the environment and a file behind them.
//
// Each service has one struct (Master, Agent) whose fields are typed and never
// ambiguous: a pointer is nil exactly when the flag is unset and has no
// default. Beside it stands one table that gives each flag its name, older
// names, default, limits and meaning; help, validation and the listing for
// GET_FLAGS all come from that table.
//
// A value is taken from the first of these that has it:
//
//  1. the command line: --name=value, --name value, --name and --no-name for
//     booleans; dashes may stand for underscores;
//  2. the environment: MESOS_NAME;
//  3. the YAML or JSON file named by --config, whose keys are the flag names;
//  4. the default.
//
// Any value may be written file:///path, which stands for the content of that
// file (for flags that name a path, it is the path itself). Loading reports
// every problem at once. Flags of Mesos for which there is nothing to do here
// are accepted, explained in the help, and listed by Notices.
//
// Values are bound once, while the process starts, and are only read after
// that; they may be read from any goroutine.
package config
