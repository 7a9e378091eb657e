// Package imports checks that packages depend on one another only as
// docs/architecture.md allows.
package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/meseta/meseta/"

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// load lists every package of the module, without its tests, once for all
// tests. What it returns must not be changed.
var load = sync.OnceValues(func() (map[string]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil, fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		return nil, err
	}
	packages := map[string]pkg{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages[strings.TrimPrefix(p.ImportPath, module)] = p
	}
})

func list(t *testing.T) map[string]pkg {
	t.Helper()
	packages, err := load()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return packages
}

// pure are the packages that decide without doing: neither they nor anything
// they use may reach the network, a database or the log.
var pure = []string{
	"internal/resources", "internal/role", "internal/recordio", "internal/mesosid", "internal/taskstate",
	"master/allocator", "master/validation", "agent/task",
}

func TestPurePackagesReachNeitherNetworkNorDatabaseNorLog(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for _, name := range pure {
		p, ok := packages[name]
		if !ok {
			t.Errorf("package %s does not exist: correct the list", name)
			continue
		}
		for _, dep := range p.Deps {
			switch {
			case dep == "net/http", dep == "database/sql", dep == "log/slog", strings.HasPrefix(dep, "github.com/jackc/pgx"):
				t.Errorf("%s depends on %s", name, dep)
			}
		}
	}
}

// services are separate programs in one binary: they speak over HTTP only.
var services = []string{"master", "agent", "marathon", "chronos"}

func TestServicesDoNotImportOneAnother(t *testing.T) {
	t.Parallel()
	for name, p := range list(t) {
		own := within(name, services)
		if own == "" {
			continue
		}
		for _, dep := range p.Deps {
			if other := within(strings.TrimPrefix(dep, module), services); strings.HasPrefix(dep, module) && other != "" && other != own {
				t.Errorf("%s depends on %s", name, dep)
			}
		}
	}
}

// within gives the one of the roots that the package is or lies below.
func within(name string, roots []string) string {
	for _, root := range roots {
		if name == root || strings.HasPrefix(name, root+"/") {
			return root
		}
	}
	return ""
}

// exclusive libraries have one home; nothing else may import them.
var exclusive = []struct {
	library string
	homes   []string
}{
	{"github.com/jackc/pgx", []string{"internal/sqlstore", "internal/leader/pglock"}},
	{"github.com/moby/moby", []string{"agent/containerizer/docker", "it/engine"}},
	{"github.com/getkin/kin-openapi", []string{"internal/contract"}},
}

func TestLibrariesStayAtHome(t *testing.T) {
	t.Parallel()
	for name, p := range list(t) {
		for _, imported := range p.Imports {
			for _, e := range exclusive {
				if strings.HasPrefix(imported, e.library) && within(name, e.homes) == "" {
					t.Errorf("%s imports %s, which belongs to %s", name, imported, strings.Join(e.homes, ", "))
				}
			}
		}
	}
}

func TestGeneratedCodeImportsOnlyItsRuntime(t *testing.T) {
	t.Parallel()
	for name, p := range list(t) {
		if within(name, []string{"gen"}) == "" {
			continue
		}
		for _, imported := range p.Imports {
			inside := strings.HasPrefix(imported, module)
			switch {
			case inside && strings.HasPrefix(imported, module+"gen/"), imported == module+"openapi/wiretype":
			case inside, strings.Contains(imported, ".") && !strings.HasPrefix(imported, "github.com/oapi-codegen/runtime"):
				t.Errorf("%s imports %s", name, imported)
			}
		}
	}
}
