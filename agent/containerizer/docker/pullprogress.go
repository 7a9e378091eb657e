package docker

import (
	"fmt"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/jsonstream"
)

// progressInterval is the least time between two sentences about one pull:
// each becomes a status update that the framework acknowledges.
const progressInterval = 2 * time.Second

// pullProgress turns the many messages of a pull into few sentences. It
// belongs to one goroutine.
type pullProgress struct {
	image  string
	tell   func(string)
	layers map[string]layerProgress
	last   time.Time
}

// layerProgress is how far one layer has come, in bytes.
type layerProgress struct {
	done, total int64
	complete    bool
}

func newPullProgress(image string, tell func(string)) *pullProgress {
	return &pullProgress{image: image, tell: tell, layers: map[string]layerProgress{}, last: time.Now()}
}

// add takes one message of the engine and tells of the whole when it is time.
func (p *pullProgress) add(m jsonstream.Message) {
	layer, known := p.layers[m.ID]
	switch m.Status {
	case "Pulling fs layer", "Waiting":
	case "Already exists", "Pull complete":
		layer.complete = true
		layer.done = layer.total
	case "Downloading":
		if m.Progress != nil {
			layer.done, layer.total = m.Progress.Current, max(m.Progress.Total, m.Progress.Current)
		}
	case "Verifying Checksum", "Download complete", "Extracting":
		layer.done = layer.total
	default:
		// The tag, the digest and the closing words are about no layer.
		if !known {
			return
		}
	}
	p.layers[m.ID] = layer
	if now := time.Now(); now.Sub(p.last) >= progressInterval {
		p.last = now
		p.tell(p.sentence())
	}
}

// sentence says how far the pull is.
func (p *pullProgress) sentence() string {
	var done, total int64
	complete := 0
	for _, l := range p.layers {
		done, total = done+l.done, total+l.total
		if l.complete {
			complete++
		}
	}
	s := fmt.Sprintf("Pulling image %s: %d of %d layers", p.image, complete, len(p.layers))
	if total > 0 {
		s += fmt.Sprintf(", %s of %s", units.HumanSize(float64(done)), units.HumanSize(float64(total)))
	}
	return s
}
