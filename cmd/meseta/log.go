package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/meseta/meseta/internal/config"
	"github.com/meseta/meseta/internal/verbosity"
)

// serviceLog is the log of a service.
type serviceLog struct {
	logger    *slog.Logger
	verbosity *verbosity.Level
	close     func()
}

// openLog makes the log of a service as its flags say.
func (a *app) openLog(l *config.Logging, service string) (*serviceLog, error) {
	level := new(slog.LevelVar)
	level.Set(map[string]slog.Level{
		"DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARNING": slog.LevelWarn, "ERROR": slog.LevelError,
	}[l.Level])
	log := &serviceLog{verbosity: verbosity.New(level), close: func() {}}
	var to []io.Writer
	if !l.Quiet {
		to = append(to, a.err)
	}
	if l.Dir != "" {
		f, err := appendTo((&config.Logging{Dir: l.Dir}).File(service))
		if err != nil {
			return nil, fmt.Errorf("--log_dir: %w", err)
		}
		to = append(to, f)
		log.close = func() { _ = f.Close() } // every line was written as it came
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(io.MultiWriter(to...), options)
	if l.Format == "json" {
		handler = slog.NewJSONHandler(io.MultiWriter(to...), options)
	}
	log.logger = slog.New(handler)
	return log, nil
}

// appendTo opens a log file for appending and makes its directory.
func appendTo(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
}
