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
	var refusal error
	err := m.submit(ctx, func(now time.Time) {
		f := m.frameworks[id]
		if f == nil {
			refusal = fault.New(fault.Invalid, "No framework found with specified ID")
			return
		}
		m.log.Info("framework torn down by an operator", "framework", f.id)
		m.removeFramework(f, now)
	})
	if err != nil {
		return err
	}
	return refusal
}
