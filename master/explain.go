package master

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/master/allocator"
)

// Explain tells why a framework has no more offers, for one role or, with an
// empty one, for each of its roles. The error is NotFound for an unknown
// framework or a role that it is not subscribed to. It waits for the running
// allocation.
func (m *Master) Explain(ctx context.Context, id mesosid.FrameworkID, role string) ([]allocator.Explanation, error) {
	var roles []string
	err := m.try(ctx, func(time.Time) error {
		f := m.frameworks[id]
		switch {
		case f == nil:
			return fault.New(fault.NotFound, fmt.Sprintf("there is no framework %s", id))
		case role == "":
			roles = slices.Clone(f.roles)
		case !slices.Contains(f.roles, role):
			return fault.New(fault.NotFound, fmt.Sprintf("framework %s is not subscribed to role %s", id, role))
		default:
			roles = []string{role}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	explanations := make([]allocator.Explanation, 0, len(roles))
	err = m.allocation.ask(ctx, func(a *allocator.Allocator, _ time.Time) {
		for _, r := range roles {
			explanations = append(explanations, a.Explain(id, r))
		}
	})
	return explanations, err
}
