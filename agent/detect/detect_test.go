package detect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestResources(t *testing.T) {
	t.Parallel()
	large := Machine{CPUs: 8, Memory: 16 << 10, Disk: 100 << 10}
	tests := []struct {
		name, text, role string
		machine          Machine
		want             string
	}{
		{"a large machine keeps a gigabyte of memory and five of disk", "", "*", large, "cpus:8; mem:15360; disk:97280; ports:[31000-32000]"},
		{"a small machine keeps half", "", "*", Machine{CPUs: 1, Memory: 1 << 10, Disk: 6 << 10}, "cpus:1; mem:512; disk:3072; ports:[31000-32000]"},
		{"an unknown machine has a little of everything", "", "*", Machine{}, "cpus:1; mem:1024; disk:10240; ports:[31000-32000]"},
		{"what is named is not detected", "cpus:2;ports:[1-2]", "*", large, "cpus:2; ports:[1-2]; mem:15360; disk:97280"},
		{"not even when there is none of it", "mem:0", "*", large, "cpus:8; disk:97280; ports:[31000-32000]"},
		{"a reserved amount is a mention too", "mem(web):64", "*", large, "mem(reservations: [(STATIC,web)]):64; cpus:8; disk:97280; ports:[31000-32000]"},
		{"what is detected belongs to the default role", "cpus:1;mem:2;disk:3", "web", large,
			"cpus(reservations: [(STATIC,web)]):1; mem(reservations: [(STATIC,web)]):2; disk(reservations: [(STATIC,web)]):3; ports(reservations: [(STATIC,web)]):[31000-32000]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Resources(test.text, test.role, test.machine)
			if err != nil || got.String() != test.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, test.want)
			}
		})
	}
}

func TestResourcesComeFromAFileAsWell(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "resources")
	if err := os.WriteFile(path, []byte("cpus:3;mem:4;disk:5;ports:[6-7]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{path, "file://" + path} {
		got, err := Resources(text, "*", Machine{})
		if err != nil || got.String() != "cpus:3; mem:4; disk:5; ports:[6-7]" {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"/no/such/file", "cpus:x", "cpus"} {
		if _, err := Resources(text, "*", Machine{}); err == nil || !strings.HasPrefix(err.Error(), "resources: ") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestThisMachineHasSomething(t *testing.T) {
	t.Parallel()
	m := Look(filepath.Join(t.TempDir(), "does/not/exist/yet"))
	if m.CPUs < 1 || m.Memory == 0 || m.Disk == 0 {
		t.Errorf("%+v", m)
	}
}
