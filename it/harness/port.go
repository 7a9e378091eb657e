package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports are taken from below the range that the kernel uses for outgoing
// connections and below the ranges that agents offer to tasks in tests, so
// that neither can take a port between its choice and its use.
const (
	firstPort = 12000
	lastPort  = 29999
)

// portSource hands out loopback ports. It starts at a random place so that
// test programs that run at the same time rarely meet.
type portSource struct {
	mu   sync.Mutex
	last int
}

func newPortSource() *portSource {
	return &portSource{last: firstPort + rand.IntN(lastPort-firstPort)}
}

func (p *portSource) next() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range lastPort - firstPort {
		p.last++
		if p.last > lastPort {
			p.last = firstPort
		}
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.last))
		if err != nil {
			continue
		}
		return p.last, listener.Close()
	}
	return 0, fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}
