package read

import (
	"testing"

	"github.com/meseta/meseta/master"
)

func TestRolesHaveWhatTheRolesBelowThemHave(t *testing.T) {
	t.Parallel()
	sameJSON(t, legacyRoles(sample(t), nil), `{"roles":[
		{"name":"*","weight":1,"quota":{"role":"*","guarantee":{},"limit":{},"consumed":{"cpus":0.1}},
			"resources":{"cpus":0.1},"allocated":{"cpus":0.1},"offered":{},"reserved":{},"frameworks":["F2"]},
		{"name":"eng","weight":2.5,"quota":{"role":"eng","guarantee":{},"limit":{},"consumed":{"cpus":1.5,"mem":32}},
			"resources":{"cpus":0.5,"mem":96,"ports":3},"allocated":{"cpus":0.5,"mem":32},"offered":{"mem":64,"ports":3},
			"reserved":{"cpus":1},"frameworks":[]},
		{"name":"eng/web","weight":1,"quota":{"role":"eng/web","guarantee":{},"limit":{},"consumed":{"cpus":0.5,"mem":32}},
			"resources":{"cpus":0.5,"mem":96,"ports":3},"allocated":{"cpus":0.5,"mem":32},"offered":{"mem":64,"ports":3},
			"reserved":{},"frameworks":["F1"]},
		{"name":"ops","weight":1,"quota":{"role":"ops","guarantee":{},"limit":{},"consumed":{}},
			"resources":{},"allocated":{},"offered":{},"reserved":{},"frameworks":["F1"]}]}`)
}

func TestAWhitelistDecidesWhichRolesAreKnown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		whitelist []string
		want      string
	}{
		"without one, roles that are used, reserved for or weighted": {nil, "* eng eng/web ops "},
		"with one, those on it and above them":                       {[]string{"eng/db/main", "ops"}, "eng eng/db eng/db/main ops "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			for _, u := range rolesOf(sample(t), test.whitelist) {
				got += u.name + " "
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestWeightsAreThoseThatHaveBeenSet(t *testing.T) {
	t.Parallel()
	sameJSON(t, weights(sample(t)), `[{"role":"eng","weight":2.5}]`)
	sameJSON(t, weights(new(master.View)), `[]`)
}
