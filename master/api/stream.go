package api

import (
	"errors"
	"net/http"

	"github.com/meseta/meseta/internal/recordio"
	"github.com/meseta/meseta/internal/stream"
	"github.com/meseta/meseta/master"
)

// subscriber is a stream of events to a framework or an agent, as the actor
// sees it.
type subscriber struct{ queue *stream.Queue }

var _ master.Subscriber = subscriber{}

func (s subscriber) Send(event []byte) bool { return s.queue.Offer(recordio.Frame(event)) }

func (s subscriber) Close(last []byte, reason string) {
	var final []byte
	if last != nil {
		final = recordio.Frame(last)
	}
	s.queue.Close(errors.New(reason), final)
}

// maxFrames bounds what may wait for one stream, beside the bound in bytes. A
// framework that launches a hundred thousand tasks at once gets as many small
// updates within a second and must not lose its subscription for that.
const maxFrames = 1 << 18

// heartbeat is the event that keeps a scheduler's stream alive.
var heartbeat = recordio.Frame([]byte(`{"type":"HEARTBEAT"}`))

// serveStream writes the headers of a stream and then its events, until the
// client leaves, the actor closes the stream, or the server shuts down.
func serveStream(w http.ResponseWriter, r *http.Request, q *stream.Queue, header, id string) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set(header, id)
	h.Set("Cache-Control", "no-store")
	return q.Run(r.Context(), w)
}
