package config

import "path/filepath"

// Logging says what a service logs and where.
type Logging struct {
	// Level is DEBUG, INFO, WARNING or ERROR.
	Level string
	// Format is text or json.
	Format string
	// Dir receives a log file; empty means none.
	Dir string
	// Quiet keeps the log off the standard error stream.
	Quiet bool
	// ExternalFile is a log file that something else writes and that is
	// offered for reading instead of our own; empty if unset.
	ExternalFile string
}

// Log is the receiver: what a service logs, whichever service it is.
func (l *Logging) Log() *Logging { return l }

// File is the log file that the API offers for reading, where service is the
// name of the service: the external one, or ours in Dir; empty if there is none.
func (l *Logging) File(service string) string {
	switch {
	case l.ExternalFile != "":
		return l.ExternalFile
	case l.Dir != "":
		return filepath.Join(l.Dir, "meseta-"+service+".log")
	}
	return ""
}

func (l *Logging) addFlags(t *table, inert *map[string]string) {
	t.in("Logging")
	add(t, &l.Level, "logging_level", "INFO", oneOf("DEBUG", "INFO", "WARNING", "ERROR"),
		"Least important messages to log.")
	add(t, &l.Format, "log_format", "text", oneOf("text", "json"), "Form of log lines.")
	add(t, &l.Dir, "log_dir", "", text(),
		"Directory for a log file, which is then readable through the API. Unset means the standard error stream only.").takesPath()
	add(t, &l.Quiet, "quiet", false, boolean(), "Keep the log off the standard error stream.")
	add(t, &l.ExternalFile, "external_log_file", "", text(),
		"Log file written by something else, to be readable through the API in place of the one in --log_dir.").takesPath()
	ignore(t, inert, "logbufsecs", "0", integer(0, 1<<31-1), "log lines are never held back")
	ignore(t, inert, "initialize_driver_logging", "true", boolean(), "there is no driver library with a log of its own")
}
