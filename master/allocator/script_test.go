package allocator_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/allocator"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// TestScripts runs the scenarios in testdata; README.txt there describes their
// language.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 2 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		if filepath.Base(file) == "README.txt" {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(strings.TrimSpace(string(text))) == 0 {
				t.Fatal("the script is empty")
			}
			got := newScript(t).run(string(text))
			if *update && got != string(text) {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(string(text), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s (-want +got; accept with go test -run TestScripts -update):\n%s", file, diff)
			}
		})
	}
}

// script interprets one scenario.
type script struct {
	t     *testing.T
	a     *allocator.Allocator
	now   time.Time
	start time.Time
	// offers by the number given when they were printed; nil once answered.
	offers     []*allocator.Proposal
	frameworks map[string]allocator.Framework
	agents     map[string]allocator.Agent
}

func newScript(t *testing.T) *script {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := &script{t: t, start: start, now: start, frameworks: map[string]allocator.Framework{}, agents: map[string]allocator.Agent{}}
	s.options(nil)
	return s
}

// run executes the commands of a script and returns it with the output that
// they really have.
func (s *script) run(text string) string {
	var out strings.Builder
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	printed := ""
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case line == "----":
			out.WriteString("----\n" + printed)
			printed = ""
			for i+1 < len(lines) && lines[i+1] != "" {
				i++
			}
			continue
		case line != "" && line[0] != '#':
			printed += s.command(strings.Fields(line))
			if err := s.a.Verify(); err != nil {
				s.t.Fatalf("after %q: %v", line, err)
			}
		case line == "" && printed != "":
			out.WriteString("----\n" + printed)
			printed = ""
		}
		out.WriteString(line + "\n")
	}
	if printed != "" {
		out.WriteString("----\n" + printed)
	}
	return out.String()
}

// command executes one command and returns what it prints.
func (s *script) command(words []string) string {
	name, args := words[0], words[1:]
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	fw, agent := mesosid.FrameworkID(arg(0)), mesosid.AgentID(arg(0))
	var err error
	switch name {
	case "options":
		s.options(args)
	case "framework":
		f := s.framework(args)
		s.a.AddFramework(f, !slices.Contains(args, "inactive"), s.usedOnAgents(args))
	case "update-framework":
		s.a.UpdateFramework(s.framework(args))
	case "remove-framework":
		s.a.RemoveFramework(fw)
	case "activate":
		s.a.ActivateFramework(fw)
	case "deactivate":
		s.a.DeactivateFramework(fw)
	case "suppress":
		s.a.Suppress(fw, args[1:])
	case "revive":
		s.a.Revive(fw, args[1:])
	case "request":
		s.request(fw, args[1:])
	case "agent":
		s.a.AddAgent(s.agent(args), s.usedByFrameworks(args))
	case "update-agent":
		if !s.a.UpdateAgent(s.agent(args)) {
			return "unchanged\n"
		}
	case "remove-agent":
		s.a.RemoveAgent(agent)
	case "activate-agent":
		s.a.ActivateAgent(agent)
	case "deactivate-agent":
		s.a.DeactivateAgent(agent)
	case "unavailable":
		s.a.UpdateUnavailability(agent, &allocator.Unavailability{Start: s.now.Add(s.duration(arg(1)))})
	case "weight":
		err = s.a.UpdateWeight(arg(0), s.number(arg(1)))
	case "quota":
		err = s.quota(args)
	case "allocate":
		return s.print(s.a.Allocate(s.now))
	case "batch":
		return s.print(s.a.AllocateAll(s.now))
	case "tick":
		s.now = s.now.Add(s.duration(arg(0)))
	case "next-expiry":
		at, found := s.a.NextExpiry()
		if !found {
			return "none\n"
		}
		return fmt.Sprintf("in %v\n", at.Sub(s.now))
	case "decline":
		p := s.answer(arg(0))
		err = s.a.Recover(p.Framework, p.Agent, p.Resources, s.refusal(arg(1)), s.now)
	case "decline-copy":
		p := s.answer(arg(0))
		err = s.a.Recover(p.Framework, p.Agent, p.Resources.Filter(func(*resources.Resource) bool { return true }).Map(
			func(r resources.Resource) resources.Resource { return r }), s.refusal(arg(1)), s.now)
	case "rescind":
		p := s.answer(arg(0))
		err = s.a.Rescind(p.Framework, p.Agent, p.Resources)
	case "accept":
		err = s.accept(arg(0), arg(1), arg(2))
	case "finish":
		err = s.a.RecoverUsed(fw, mesosid.AgentID(arg(2)), s.resources(arg(3)).Allocate(arg(1)))
	case "reserve", "unreserve", "create-shared":
		err = s.convert(name, arg(0), args[1:])
	case "reserve-free":
		err = s.a.UpdateAvailable(agent, resources.ReserveConversions(s.resources(arg(1))))
	case "unreserve-free":
		err = s.a.UpdateAvailable(agent, resources.UnreserveConversions(s.resources(arg(1))))
	case "explain":
		return s.a.Explain(fw, arg(1)).String() + "\n"
	case "roles":
		return s.roles()
	default:
		s.t.Fatalf("unknown command %q", name)
	}
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	return ""
}

func (s *script) options(args []string) {
	o := allocator.Options{Seed: 1, FilterGPU: true}
	for _, arg := range args {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "seed":
			o.Seed = uint64(s.number(value))
		case "min":
			var err error
			if o.MinAllocatable, err = resources.ParseMinAllocatable(value); err != nil {
				s.t.Fatal(err)
			}
		case "random":
			o.RandomSorter = true
		case "exclude":
			o.ExcludedFairShare = strings.Split(value, ",")
		case "region":
			o.MasterRegion, o.HasRegion = value, true
		default:
			s.t.Fatalf("unknown option %q", arg)
		}
	}
	s.a, s.offers = allocator.New(o), nil
}

func (s *script) framework(args []string) allocator.Framework {
	f := allocator.Framework{ID: mesosid.FrameworkID(args[0]), Roles: []string{"*"}}
	for _, arg := range args[1:] {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "roles":
			f.Roles = slices.DeleteFunc(strings.Split(value, ","), func(r string) bool { return r == "" })
		case "suppressed":
			f.Suppressed = strings.Split(value, ",")
		case "caps":
			for _, name := range strings.Split(value, ",") {
				f.Capabilities |= map[string]allocator.Capabilities{
					"revocable": allocator.CapRevocable, "gpu": allocator.CapGPU, "shared": allocator.CapShared,
					"refinement": allocator.CapRefinement, "region": allocator.CapRegionAware, "multi": allocator.CapMultiRole,
				}[name]
			}
		case "min":
			role, text, _ := strings.Cut(value, ",")
			minimum, err := resources.ParseMinAllocatable(text)
			if err != nil {
				s.t.Fatal(err)
			}
			f.MinAllocatable = map[string][]resources.Quantities{role: minimum}
		case "rack":
			f.Constraints = func(_ string, agent *allocator.Agent) bool {
				rack, _ := agent.Attributes.First("rack")
				return rack.Text == value
			}
		}
	}
	return f
}

func (s *script) agent(args []string) allocator.Agent {
	ag := allocator.Agent{
		ID: mesosid.AgentID(args[0]), Hostname: args[0], Total: s.resources(args[1]),
		Capabilities: allocator.AgentMultiRole | allocator.AgentHierarchicalRole | allocator.AgentReservationRefinement,
	}
	for _, arg := range args[2:] {
		switch key, value, _ := strings.Cut(arg, "="); key {
		case "rack":
			ag.Attributes = resources.Attributes{{Name: "rack", Kind: resources.KindText, Text: value}}
		case "region":
			ag.Region, ag.HasDomain = value, true
		case "old":
			ag.Capabilities = 0
		}
	}
	return ag
}

// usedByFrameworks reads arguments such as used=f1/web/cpus:1;mem:32.
func (s *script) usedByFrameworks(args []string) map[mesosid.FrameworkID]resources.Resources {
	used := map[mesosid.FrameworkID]resources.Resources{}
	for _, arg := range args {
		if text, found := strings.CutPrefix(arg, "used="); found {
			id, rest, _ := strings.Cut(text, "/")
			at := strings.LastIndexByte(rest, '/')
			fw := mesosid.FrameworkID(id)
			used[fw] = used[fw].Add(s.resources(rest[at+1:]).Allocate(rest[:at]))
		}
	}
	return used
}

func (s *script) usedOnAgents(args []string) map[mesosid.AgentID]resources.Resources {
	used := map[mesosid.AgentID]resources.Resources{}
	for agent, res := range s.usedByFrameworks(args) {
		used[mesosid.AgentID(agent)] = res
	}
	return used
}

// resources reads the text form with prefixes for what it cannot say, joined
// by "+": rev! for revocable, dyn! for a dynamic reservation, refined!ROLE! for
// another reservation on top, vol!ID! for a shared volume.
func (s *script) resources(text string) resources.Resources {
	var all resources.Resources
	for _, part := range strings.Split(text, "+") {
		words := strings.Split(part, "!")
		rs := parse(s.t, words[len(words)-1])
		// The prefix nearest to the resources comes first.
		for i := len(words) - 2; i >= 0; i-- {
			rs = rs.Map(func(r resources.Resource) resources.Resource {
				switch words[i] {
				case "rev":
					return r.WithRevocable(true)
				case "dyn":
					role := r.ReservationRole()
					return r.PopReservation().PushReservation(resources.Reservation{Type: resources.Dynamic, Role: role})
				case "refined":
					return r.PushReservation(resources.Reservation{Type: resources.Dynamic, Role: words[i+1]})
				case "vol":
					return r.WithDisk(&resources.Disk{Persistence: &resources.Persistence{ID: words[i+1]}}).WithShared(true)
				}
				return r
			})
		}
		all = all.Add(rs)
	}
	return all
}

func (s *script) request(fw mesosid.FrameworkID, args []string) {
	var requests []allocator.Request
	for _, arg := range args {
		agent, text, _ := strings.Cut(arg, "=")
		if agent == "any" {
			agent = ""
		}
		requests = append(requests, allocator.Request{Agent: mesosid.AgentID(agent), Resources: s.resources(text).Quantities()})
	}
	s.a.Request(fw, requests)
}

func (s *script) quota(args []string) error {
	var guarantee resources.Quantities
	var limits resources.Limits
	for _, arg := range args[1:] {
		key, text, _ := strings.Cut(arg, "=")
		q := s.resources(text).Quantities()
		if key == "guarantee" {
			guarantee = q
			continue
		}
		var bounds []resources.Quantity
		for _, item := range strings.Split(text, ";") {
			name, amount, _ := strings.Cut(item, ":")
			bounds = append(bounds, resources.Quantity{Name: name, Amount: resources.Scalar(s.number(amount) * 1000)})
		}
		limits = resources.NewLimits(bounds...)
	}
	return s.a.UpdateQuota(args[0], guarantee, limits)
}

// answer takes an offer that is outstanding.
func (s *script) answer(name string) *allocator.Proposal {
	number, err := strconv.Atoi(strings.TrimPrefix(name, "o"))
	if err != nil || number < 1 || number > len(s.offers) || s.offers[number-1] == nil {
		s.t.Fatalf("there is no offer %s", name)
	}
	p := s.offers[number-1]
	s.offers[number-1] = nil
	return p
}

func (s *script) accept(offer, use, refuse string) error {
	p := s.answer(offer)
	used := s.resources(use).Allocate(p.Role)
	if err := s.a.TransitionToAllocated(p.Framework, p.Agent, used); err != nil {
		return err
	}
	return s.a.Recover(p.Framework, p.Agent, p.Resources.Subtract(used), s.refusal(refuse), s.now)
}

func (s *script) convert(how, offer string, args []string) error {
	p := s.answer(offer)
	res := s.resources(args[0]).Allocate(p.Role)
	conversions := map[string]func(resources.Resources) []resources.Conversion{
		"reserve": resources.ReserveConversions, "unreserve": resources.UnreserveConversions,
		"create-shared": resources.CreateConversions,
	}[how](res)
	if err := s.a.UpdateAllocation(p.Framework, p.Agent, conversions); err != nil {
		return err
	}
	var err error
	if p.Resources, err = p.Resources.ApplyAll(conversions); err != nil {
		return err
	}
	s.offers = append(s.offers, p)
	return nil
}

func (s *script) print(proposals []allocator.Proposal) string {
	if len(proposals) == 0 {
		return "no offers\n"
	}
	var b strings.Builder
	for i := range proposals {
		p := proposals[i]
		s.offers = append(s.offers, &p)
		if role := p.Resources.AllocationRoles(); !slices.Equal(role, []string{p.Role}) {
			s.t.Errorf("offer o%d for role %s is allocated to %v", len(s.offers), p.Role, role)
		}
		fmt.Fprintf(&b, "o%d: %s as %s on %s: %v\n", len(s.offers), p.Framework, p.Role, p.Agent, p.Resources.Unallocated())
	}
	return b.String()
}

func (s *script) roles() string {
	var b strings.Builder
	for _, r := range s.a.Roles() {
		fmt.Fprintf(&b, "%s: weight %v share %.3f offered %v allocated %v reserved %v consumed %v\n",
			r.Role, r.Weight, r.Share, r.Offered, r.Allocated, r.Reserved, r.Consumed)
		for _, f := range r.Frameworks {
			fmt.Fprintf(&b, "  %s: share %.3f offered %v allocated %v refusals %d\n", f.ID, f.Share, f.Offered, f.Allocated, f.Refusals)
		}
	}
	return b.String()
}

func (s *script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// refusal is -1 when a script does not say how long.
func (s *script) refusal(text string) time.Duration {
	if text == "" {
		return -1
	}
	return s.duration(text)
}

func (s *script) number(text string) float64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}
