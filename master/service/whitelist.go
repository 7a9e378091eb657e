package service

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"
)

// whitelistInterval is how often the file of --whitelist is read again, as in
// Mesos.
const whitelistInterval = 5 * time.Second

// watchWhitelist applies the file whenever its content has changed. While the
// file cannot be read the last list goes on to hold.
func (s *Service) watchWhitelist(ctx context.Context) error {
	ticks := time.NewTicker(whitelistInterval)
	defer ticks.Stop()
	var last []string
	first := true
	for {
		names, err := readWhitelist(s.whitelist)
		switch {
		case err != nil:
			s.log.Warn("the whitelist cannot be read; the last one holds", "file", s.whitelist, "err", err)
		case first || !slices.Equal(names, last):
			if err := s.master.SetWhitelist(ctx, names); err != nil {
				return nil // the master or this component is stopping
			}
			s.log.Info("whitelist applied", "file", s.whitelist, "hostnames", len(names))
			first, last = false, names
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// readWhitelist reads host names, one a line.
func readWhitelist(path string) ([]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for line := range strings.Lines(string(content)) {
		if name := strings.TrimSpace(line); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}
