package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/meseta/meseta/internal/redact"
)

// RegistryKind is where the master keeps what must survive it.
type RegistryKind string

const (
	// RegistryMemory forgets everything with the process.
	RegistryMemory RegistryKind = "in_memory"
	// RegistrySQLite is a file; one master only.
	RegistrySQLite RegistryKind = "sqlite"
	// RegistryPostgres is a PostgreSQL database, which also elects the leader.
	RegistryPostgres RegistryKind = "postgres"
)

// Registry is the parsed --registry.
type Registry struct {
	Kind RegistryKind
	// Path is the file of RegistrySQLite. It is empty while it follows from
	// the work directory; Master.RegistryPath gives it in every case.
	Path string
	// DSN is the connection string of RegistryPostgres, password included.
	DSN Secret
	// shown is the flag's value without the password.
	shown string
}

// replicatedLog is the default of Mesos. Its users expect a registry kept in
// the work directory, and that is what they get.
const replicatedLog = "replicated_log"

func registryCodec() codec[Registry] {
	return codec[Registry]{
		kind:   "REGISTRY",
		parse:  parseRegistry,
		format: func(r Registry) (string, bool) { return r.shown, r.shown != "" },
	}
}

func parseRegistry(s string) (Registry, error) {
	scheme, rest, _ := strings.Cut(s, "://")
	switch {
	case s == string(RegistryMemory):
		return Registry{Kind: RegistryMemory, shown: s}, nil
	case s == replicatedLog:
		return Registry{Kind: RegistrySQLite, shown: s}, nil
	case scheme == "sqlite":
		if !filepath.IsAbs(rest) {
			return Registry{}, fmt.Errorf("%q needs an absolute path, as in sqlite:///var/lib/meseta/registry.db", s)
		}
		return Registry{Kind: RegistrySQLite, Path: filepath.Clean(rest), shown: s}, nil
	case scheme == "postgres" || scheme == "postgresql":
		u, err := url.Parse(s)
		if err != nil {
			// The error of url.Parse repeats the text with its password.
			return Registry{}, fmt.Errorf("the %s address is not a URL: write postgres://user:password@host:5432/database", scheme)
		}
		return Registry{Kind: RegistryPostgres, DSN: Secret(s), shown: redact.URL(u)}, nil
	}
	return Registry{}, fmt.Errorf("%q is none of in_memory, replicated_log, sqlite:///path and postgres://host/database", schemeOnly(s))
}

// schemeOnly cuts an unknown address after its scheme: the rest may hold a
// password.
func schemeOnly(s string) string {
	if scheme, _, ok := strings.Cut(s, "://"); ok {
		return scheme + "://…"
	}
	return s
}
