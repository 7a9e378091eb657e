package pgtest

import (
	"net"
	"sync"
	"testing"
)

// Proxy forwards connections to a server until it is told to cut or to hold
// them. It is safe for any number of goroutines.
type Proxy struct {
	listener net.Listener
	target   string
	wait     sync.WaitGroup

	mu    sync.Mutex
	flow  *sync.Cond
	conns map[net.Conn]bool
	// held stops bytes in both directions; refusing closes new connections.
	held, refusing, closed bool
}

// NewProxy starts a proxy in front of target, which ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("proxy: %v", err)
	}
	p := &Proxy{listener: listener, target: target, conns: map[net.Conn]bool{}}
	p.flow = sync.NewCond(&p.mu)
	p.wait.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Hold lets nothing pass in either direction while connections stay open, as
// a network does that loses every packet.
func (p *Proxy) Hold() { p.set(func() { p.held = true }) }

// Release undoes Hold and Cut: what was held passes now.
func (p *Proxy) Release() { p.set(func() { p.held, p.refusing = false, false }) }

// Cut closes all connections and refuses new ones until Release.
func (p *Proxy) Cut() {
	p.set(func() {
		p.refusing = true
		for c := range p.conns {
			_ = c.Close()
		}
	})
}

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.flow.Broadcast()
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.Cut()
	p.set(func() { p.closed = true })
	p.wait.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.track(client, server) {
			continue
		}
		p.wait.Go(func() { p.pipe(server, client) })
		p.wait.Go(func() { p.pipe(client, server) })
	}
}

func (p *Proxy) track(client, server net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refusing || p.closed {
		_ = client.Close()
		_ = server.Close()
		return false
	}
	p.conns[client], p.conns[server] = true, true
	return true
}

// pipe forwards one direction. The end of either side ends both.
func (p *Proxy) pipe(to, from net.Conn) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
		p.set(func() { delete(p.conns, from) })
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		for p.held && !p.closed {
			p.flow.Wait()
		}
		p.mu.Unlock()
		if _, writing := to.Write(buffer[:n]); writing != nil || err != nil {
			return
		}
	}
}
