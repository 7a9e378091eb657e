package config

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// noAuthentication explains why flags that protect a service cannot be given:
// to accept and ignore them would leave open what the operator believes closed.
const noAuthentication = "this version cannot authenticate or authorize clients, and will not pretend to: " +
	"leave the flag out and restrict who can reach the port"

// addRefusedFlags adds what cannot be given a protecting value.
func (m *Master) addRefusedFlags(t *table) {
	t.in("Security")
	for _, f := range []struct {
		name  string
		alias []string
	}{
		{"authenticate_agents", []string{"authenticate_slaves"}},
		{"authenticate_frameworks", []string{"authenticate"}},
		{"authenticate_http_frameworks", nil},
		{"authenticate_http_readonly", nil},
		{"authenticate_http_readwrite", []string{"authenticate_http"}},
	} {
		addRefusedSwitch(t, &m.inert, f.name).alias(f.alias...)
	}
	addRefusedDocument(t, &m.inert, "acls", noAuthentication)
	addRefusedDocument(t, &m.inert, "firewall_rules", "this version cannot disable endpoints: leave the flag out and restrict who can reach the port")
}

// addRefusedSwitch adds a boolean that may only be false.
func addRefusedSwitch(t *table, values *map[string]string, name string) *flag {
	f := ignore(t, values, name, "false", boolean(), "")
	f.group, f.help = t.current, "Only false is possible: "+noAuthentication+"."
	return f.refuse(noAuthentication)
}

// addRefusedDocument adds a document that may only be left out.
func addRefusedDocument(t *table, values *map[string]string, name, why string) {
	f := ignore[json.RawMessage](t, values, name, "", document(), "").takesJSON()
	f.group, f.help = t.current, "Must be left out: "+why+"."
	f.refuse(why)
}

// weights accepts "role=weight,role=weight".
func weights() codec[map[string]float64] {
	return codec[map[string]float64]{
		kind: "ROLE=WEIGHT,...", list: true,
		parse: func(s string) (map[string]float64, error) {
			out := make(map[string]float64)
			for pair := range strings.SplitSeq(s, ",") {
				role, number, ok := strings.Cut(strings.TrimSpace(pair), "=")
				w, err := strconv.ParseFloat(number, 64)
				if !ok || role == "" || err != nil || !(w > 0) || math.IsInf(w, 0) {
					return nil, fmt.Errorf("%q is not a role and a positive weight, such as web=2.5", pair)
				}
				if _, twice := out[role]; twice {
					return nil, fmt.Errorf("role %q has two weights", role)
				}
				out[role] = w
			}
			return out, nil
		},
		format: func(ws map[string]float64) (string, bool) {
			pairs := make([]string, 0, len(ws))
			for role, w := range ws {
				pairs = append(pairs, role+"="+strconv.FormatFloat(w, 'g', -1, 64))
			}
			slices.Sort(pairs)
			return strings.Join(pairs, ","), len(ws) > 0
		},
	}
}

// Reasons that several flags share.
const (
	whyElection  = "masters elect their leader through the registry database"
	whyModules   = "there are no loadable modules"
	whyNoAuth    = "this version has no authentication"
	whyDriver    = "frameworks and agents use HTTP only"
	whyBuiltInUI = "the web interface is part of the program"
)

// addInertMasterFlags adds the flags of Mesos's master for which there is
// nothing to do.
func addInertMasterFlags(t *table, v *map[string]string) {
	ignore(t, v, "allocator", "hierarchical", oneOf("hierarchical", "HierarchicalDRF"), "there is one allocator")
	ignore(t, v, "authentication_v0_timeout", "15secs", anyDuration(), whyDriver)
	ignore(t, v, "authenticators", "crammd5", text(), whyDriver)
	ignore(t, v, "authorizers", "local", text(), whyNoAuth)
	ignore(t, v, "credentials", "", text(), whyNoAuth).takesPath()
	ignore(t, v, "hooks", "", list(), whyModules)
	ignore(t, v, "http_authenticators", "basic", list(), whyNoAuth)
	ignore(t, v, "http_framework_authenticators", "", list(), whyNoAuth)
	ignore(t, v, "log_auto_initialize", "true", boolean(), "there is no replicated log to initialise")
	ignore(t, v, "master_contender", "", text(), whyElection)
	ignore(t, v, "master_detector", "", text(), whyElection)
	ignore(t, v, "max_executors_per_agent", "", integer(0, math.MaxInt32), "it belongs to the port mapping isolator, which does not exist here").alias("max_executors_per_slave")
	ignore(t, v, "memory_profiling", "false", boolean(), "it belongs to another memory allocator")
	ignore(t, v, "modules", "", document(), whyModules).takesJSON()
	ignore(t, v, "modules_dir", "", text(), whyModules).takesPath()
	ignore(t, v, "quorum", "", integer(1, math.MaxInt32), whyElection)
	ignore(t, v, "rate_limits", "", document(), "it limits the driver protocol, which does not exist here").takesJSON()
	// Mesos refuses to be strict as well.
	ignore(t, v, "registry_strict", "false", boolean(), "the registry is always consulted before an agent is removed").
		refuse("a strict registry cannot be enabled")
	ignore(t, v, "webui_dir", "", text(), whyBuiltInUI).takesPath()
	ignore(t, v, "zk", "", text(), whyElection)
	ignore(t, v, "zk_session_timeout", "10secs", anyDuration(), whyElection)
}
