package master

import (
	"context"
	"time"

	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosid"
)

// Teardown removes a framework at the request of an operator: its stream ends,
// its tasks are killed. An unknown framework is an Invalid error.
func (m *Master) Teardown(ctx context.Context, id mesosid.FrameworkID) error {
	return m.try(ctx, func(now time.Time) error {
		f := m.frameworks[id]
		if f == nil {
			return fault.New(fault.Invalid, "No framework found with specified ID")
		}
		m.log.Info("framework torn down by an operator", "framework", f.id)
		m.removeFramework(f, now)
		return nil
	})
}
