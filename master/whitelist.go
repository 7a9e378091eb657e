package master

import (
	"context"
	"time"

	"github.com/meseta/meseta/master/allocator"
)

// SetWhitelist restricts the agents whose resources are offered to those with
// one of the host names; nil allows all. Offers that are outstanding and tasks
// that run stay as they are, as in Mesos.
func (m *Master) SetWhitelist(ctx context.Context, hostnames []string) error {
	return m.submit(ctx, func(time.Time) {
		m.whitelist = nil
		if hostnames != nil {
			m.whitelist = make(map[string]bool, len(hostnames))
			for _, name := range hostnames {
				m.whitelist[name] = true
			}
		}
		for id, a := range m.agents {
			before := a.offerable()
			a.unlisted = !m.listed(a.info.Hostname)
			after := a.offerable()
			if before == after {
				continue
			}
			a.record = nil
			m.changed()
			m.allocation.do(func(core *allocator.Allocator, _ time.Time) {
				if after {
					core.ActivateAgent(id)
				} else {
					core.DeactivateAgent(id)
				}
			})
		}
	})
}

func (m *Master) listed(hostname string) bool { return m.whitelist == nil || m.whitelist[hostname] }
