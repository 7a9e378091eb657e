package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHierarchiesAreFoundAsTheyAreMounted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mounts, own string
		want        []hierarchy
	}{
		"version 2 alone": {
			"29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
			"0::/system.slice/meseta.service\n",
			[]hierarchy{{point: "/sys/fs/cgroup", own: "system.slice/meseta.service", v2: true}},
		},
		"both versions, two controllers in one hierarchy": {
			"30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" +
				"33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:15 - cgroup cgroup rw,cpu,cpuacct\n" +
				"34 25 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
				"35 25 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n",
			"12:memory:/user.slice\n4:cpu,cpuacct:/\n1:name=systemd:/x\n0::/user.slice\n",
			[]hierarchy{
				{point: "/sys/fs/cgroup/unified", own: "user.slice", v2: true},
				{point: "/sys/fs/cgroup/cpu,cpuacct", own: ".", controller: "cpu"},
				{point: "/sys/fs/cgroup/cpu,cpuacct", own: ".", controller: "cpuacct"},
				{point: "/sys/fs/cgroup/memory", own: "user.slice", controller: "memory"},
			},
		},
		"in a container, of whose group only a part is mounted": {
			"34 25 0:30 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
			"12:memory:/docker/abc/inner\n",
			[]hierarchy{{point: "/sys/fs/cgroup/memory", own: "inner", controller: "memory"}},
		},
		"a group outside what is mounted": {
			"34 25 0:30 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
			"12:memory:/elsewhere\n",
			[]hierarchy{{point: "/sys/fs/cgroup/memory", own: ".", controller: "memory"}},
		},
		"nonsense": {"a\n\n - cgroup\n", "x\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(test.mounts, test.own)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(hierarchy{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	t.Parallel()
	l, missing := choose(nil, Options{Name: "x", PIDs: true})
	want := []string{
		"control group controller memory: not mounted", "control group controller cpu: not mounted",
		"control group controller pids: not mounted",
	}
	if diff := cmp.Diff(want, missing); diff != "" || l.Enabled() {
		t.Errorf("%+v (-want +got):\n%s", l, diff)
	}
}

// files makes a group as a file system that is none of the kernel's own can.
func files(t *testing.T, dir string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		if text := read(filepath.Join(dir, e.Name())); text != "" {
			got[e.Name()] = text
		}
	}
	return got
}

func TestLimitsAreWrittenInTheTermsOfEachVersion(t *testing.T) {
	t.Parallel()
	limits := Limits{CPUs: 0.5, MaxCPUs: 1.5, MaxMemoryBytes: 1 << 30, SoftMemoryBytes: 1 << 29, MaxPIDs: 9}
	two := t.TempDir()
	l2 := Layout{Unified: two, Memory: two, CPU: two, PIDs: two}
	files(t, filepath.Join(two, "c"), "memory.max", "memory.low", "memory.oom.group", "pids.max", "cpu.weight", "cpu.max")
	one := t.TempDir()
	l1 := Layout{Memory: filepath.Join(one, "m"), CPU: filepath.Join(one, "c"), PIDs: filepath.Join(one, "p")}
	files(t, filepath.Join(one, "m", "c"), "memory.limit_in_bytes", "memory.soft_limit_in_bytes")
	files(t, filepath.Join(one, "c", "c"), "cpu.shares", "cpu.cfs_quota_us")
	files(t, filepath.Join(one, "p", "c"), "pids.max")
	for _, l := range []Layout{l1, l2} {
		if err := l.Create("c", limits); err != nil {
			t.Fatal(err)
		}
		if err := l.LimitCPU("c", limits); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string]map[string]string{
		filepath.Join(two, "c"): {
			"memory.max": "1073741824", "memory.low": "536870912", "memory.oom.group": "1", "pids.max": "9",
			"cpu.weight": "20", "cpu.max": "150000 100000",
		},
		filepath.Join(one, "m", "c"): {"memory.limit_in_bytes": "1073741824", "memory.soft_limit_in_bytes": "536870912"},
		filepath.Join(one, "c", "c"): {"cpu.shares": "512", "cpu.cfs_quota_us": "150000"},
		filepath.Join(one, "p", "c"): {"pids.max": "9"},
	} {
		if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", dir, diff)
		}
	}
}

func TestWeightsCoverTheWholeRange(t *testing.T) {
	t.Parallel()
	for shares, want := range map[int64]int64{0: 1, 2: 1, 1024: 39, 262144: 10000, 1 << 40: 10000} {
		if got := weight(shares); got != want {
			t.Errorf("%d shares weigh %d, want %d", shares, got, want)
		}
	}
}

func TestUsageIsReadInTheTermsOfEachVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := Layout{Unified: dir, Memory: dir, CPU: dir}
	group := filepath.Join(dir, "c")
	files(t, group)
	for name, text := range map[string]string{
		"cgroup.procs": "1\n2\n", "memory.current": "4096\n", "memory.max": "max\n", "memory.peak": "9000\n",
		"memory.events": "low 0\noom 1\noom_kill 1\n", "memory.stat": "anon 10\nfile 20\n",
		"cpu.stat": "usage_usec 30\nuser_usec 1500000\nsystem_usec 250000\nnr_periods 4\n",
	} {
		if err := os.WriteFile(filepath.Join(group, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	u := l.Usage("c")
	if u.Processes != 2 || u.UserCPU.Seconds() != 1.5 || u.SystemCPU.Seconds() != 0.25 || *u.Periods != 4 ||
		*u.Memory != 4096 || u.MemoryLimit != nil || *u.Anonymous != 10 || *u.File != 20 || u.Swap != nil {
		t.Errorf("usage is %+v", u)
	}
	if killed, peak := l.OutOfMemory("c"); !killed || peak != 9000 {
		t.Errorf("OutOfMemory says %v, %d", killed, peak)
	}
	if killed, _ := l.OutOfMemory("other"); killed {
		t.Error("a group that does not exist ran out of memory")
	}
}
