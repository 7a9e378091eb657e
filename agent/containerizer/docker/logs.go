package docker

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// logPump copies a container's output from the engine's log to the sandbox
// files stdout and stderr. It is the only writer of both while it runs, and
// belongs to the goroutine of run.
//
// The engine's log is complete and in order per stream, and reading it again
// gives the same bytes. So the length of a sandbox file alone says how much of
// the log has been copied, whatever happened before: a pass reads the log,
// skips as many bytes as the file has, and writes the rest. A kill at any
// moment loses nothing and repeats nothing. That a pass need not begin at the
// beginning is an optimisation, see place.
type logPump struct {
	c      *Containerizer
	r      *record
	places places
	sinks  [2]*logSink
	// saved is when places were last written down; unsaved says that they
	// have changed since.
	saved   time.Time
	unsaved bool
}

// The streams of a log, in the order of logPump.sinks.
const (
	stdoutFile = "stdout"
	stderrFile = "stderr"
)

func newLogPump(c *Containerizer, r *record) *logPump { return &logPump{c: c, r: r} }

// run copies until the container has ended and all of its output is in the
// sandbox, or until ctx is done. Errors that time may cure are tried again for
// ever; one is returned only where the output cannot be had at all.
func (p *logPump) run(ctx context.Context) error {
	p.places = p.c.loadPlaces(p.r.id)
	p.saved = time.Now()
	defer p.close()
	var pause backoff
	for {
		// Asked before the pass: only a pass that began after the end is sure
		// to have seen everything.
		dead := isClosed(p.r.dead)
		copied, err := p.pass(ctx, !dead)
		switch {
		case ctx.Err() != nil:
			p.save(true)
			return ctx.Err()
		case err == nil && dead:
			return nil
		case cerrdefs.IsNotFound(err):
			return nil // removed from the engine, and its log with it
		case cerrdefs.IsNotImplemented(err) || isUnreadable(err):
			return p.unreadable(err)
		case err != nil && pause.next == 0 && !unavailable(err): // watch tells of a lost engine
			p.c.log.Warn("container output cannot be copied to its sandbox; trying until it can", "container", p.r.id, "err", err)
		}
		if copied && err == nil {
			pause = backoff{}
		}
		if err == nil && p.awaitDeath(ctx) {
			continue
		}
		if !pause.wait(ctx) {
			return ctx.Err()
		}
	}
}

// deathDelay is how long after the end of a log the news of the container's
// end may take before the log is opened anew.
const deathDelay = time.Second

// awaitDeath is called when a followed log has ended, which it does when the
// container ends or the engine does. It says whether the container has.
func (p *logPump) awaitDeath(ctx context.Context) bool {
	timer := time.NewTimer(deathDelay)
	defer timer.Stop()
	select {
	case <-p.r.dead:
		return true
	case <-timer.C:
		p.r.wake()
		return false
	case <-ctx.Done():
		return false
	}
}

// isUnreadable says whether the task's own log driver gives nothing back.
func isUnreadable(err error) bool {
	return err != nil && cerrdefs.IsInternal(err) && strings.Contains(err.Error(), "does not support reading")
}

// unreadable tells whoever looks into the sandbox why it has no output.
func (p *logPump) unreadable(err error) error {
	if openErr := p.open(); openErr != nil {
		return openErr
	}
	if s := p.sinks[1]; s.size == 0 {
		_, _ = s.file.WriteString("The log driver of this container keeps its output to itself: " + engineWords(err) + "\n")
	}
	return nil
}

// pass reads the log once. It says whether anything was written.
func (p *logPump) pass(ctx context.Context, follow bool) (copied bool, err error) {
	engineID, _ := p.r.started()
	if err := p.open(); err != nil {
		return false, err
	}
	options := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: follow}
	if since := p.places.since(); !since.IsZero() {
		options.Since = since.Format(time.RFC3339Nano)
	}
	stream, err := p.c.client.ContainerLogs(ctx, engineID, options)
	if err != nil {
		return false, err
	}
	defer stream.Close()
	for i, s := range p.sinks {
		if err := s.begin(p.places[i]); err != nil {
			return false, err
		}
	}
	copied, err = p.copy(bufio.NewReaderSize(stream, 32<<10))
	if err == nil && !follow {
		for _, s := range p.sinks {
			s.finish()
		}
	}
	err = errors.Join(err, p.flush())
	p.save(false)
	return copied, err
}

// copy takes the log apart. Each message is a frame: a stream number, three
// zeros, a length of four bytes; then a time stamp, a blank and the output.
func (p *logPump) copy(r *bufio.Reader) (copied bool, err error) {
	var header [8]byte
	var body []byte
	for {
		if r.Buffered() < len(header) {
			// The next read may block: what is here must be seen now.
			if err := p.flush(); err != nil {
				return copied, err
			}
			p.save(false)
		}
		if _, err := io.ReadFull(r, header[:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return copied, err
		}
		n := binary.BigEndian.Uint32(header[4:])
		if n > maxFrame {
			return copied, fmt.Errorf("a log message of %d bytes", n)
		}
		if cap(body) < int(n) {
			body = make([]byte, n)
		}
		body = body[:n]
		if _, err := io.ReadFull(r, body); err != nil {
			return copied, err
		}
		switch header[0] {
		case 1, 2:
			at, output, err := splitMessage(body)
			if err != nil {
				return copied, err
			}
			sink := p.sinks[header[0]-1]
			regressed := sink.regressed
			wrote, err := sink.add(at, output)
			copied = copied || wrote
			if sink.regressed && !regressed {
				p.save(true) // what was written down would now lose output
			}
			if err != nil {
				return copied, err
			}
		default:
			return copied, fmt.Errorf("the engine cannot read its log: %s", oneLine(string(body)))
		}
	}
}

// maxFrame is far more than the engine puts into one message.
const maxFrame = 16 << 20

// splitMessage separates the time stamp of a message from the output.
func splitMessage(body []byte) (time.Time, []byte, error) {
	for i, b := range body {
		if b == ' ' {
			at, err := time.Parse(time.RFC3339Nano, string(body[:i]))
			return at, body[i+1:], err
		}
	}
	return time.Time{}, nil, errors.New("a log message without a time stamp")
}

// open opens the sandbox files.
func (p *logPump) open() error {
	for i, name := range [2]string{stdoutFile, stderrFile} {
		if p.sinks[i] != nil {
			continue
		}
		s, err := openLogSink(p.r.spec.Sandbox, name, p.r.starts[i])
		if err != nil {
			return err
		}
		p.sinks[i] = s
	}
	return nil
}

func (p *logPump) flush() error {
	var errs [2]error
	for i, s := range p.sinks {
		errs[i] = s.flush()
	}
	return errors.Join(errs[:]...)
}

// saveInterval is how often the places reached are written down while output
// flows. What was not is found again by reading more of the log.
const saveInterval = 10 * time.Second

// save writes down the places reached when it is time, or now.
func (p *logPump) save(now bool) {
	if p.sinks[0] == nil || p.sinks[1] == nil {
		return
	}
	reached := reachedPlaces(p.sinks[0], p.sinks[1])
	changed := reached != p.places
	p.places = reached
	p.unsaved = p.unsaved || changed
	if !p.unsaved || !now && time.Since(p.saved) < saveInterval {
		return
	}
	p.saved, p.unsaved = time.Now(), false
	if err := p.c.savePlaces(p.r.id, reached); err != nil {
		p.c.log.Warn("the place reached in a container's log cannot be kept", "container", p.r.id, "err", err)
	}
}

func (p *logPump) close() {
	for _, s := range p.sinks {
		if s != nil {
			s.close()
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
