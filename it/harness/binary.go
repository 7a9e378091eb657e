package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// binaryVariable names the environment variable that points to a binary to be
// tested instead of one built from the sources.
const binaryVariable = "MESETA_BIN"

// findBinary returns the binary to test, building it into dir if need be. It
// blocks for the time of the build.
func findBinary(dir string) (string, error) {
	if path := os.Getenv(binaryVariable); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s: %w", binaryVariable, err)
		}
		return filepath.Abs(path)
	}
	root, err := ModuleRoot()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "meseta")
	// The build time that the API shows comes from the repository, if there is one.
	build := exec.Command("go", "build", "-buildvcs=auto", "-o", path, "./cmd/meseta")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/meseta: %w\n%s", err, out)
	}
	return path, nil
}

// ModuleRoot returns the directory of the go.mod that the working directory
// belongs to.
func ModuleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		} else if !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod in %s or above it", start)
		}
	}
}
