package docker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/jsonstream"
)

func TestManyMessagesOfAPullBecomeFewSentences(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		p := newPullProgress("app:1", func(s string) { told = append(told, s) })
		p.add(jsonstream.Message{Status: "Pulling from library/app", ID: "1"})
		for _, layer := range []string{"a", "b", "c"} {
			p.add(jsonstream.Message{Status: "Pulling fs layer", ID: layer})
		}
		p.add(jsonstream.Message{Status: "Already exists", ID: "a"})
		for i := range 50 {
			time.Sleep(100 * time.Millisecond)
			p.add(jsonstream.Message{Status: "Downloading", ID: "b", Progress: &jsonstream.Progress{Current: int64(i+1) * 1e6, Total: 50e6}})
		}
		p.add(jsonstream.Message{Status: "Pull complete", ID: "b"})
		time.Sleep(3 * time.Second)
		p.add(jsonstream.Message{Status: "Extracting", ID: "c"})
		p.add(jsonstream.Message{Status: "Digest: sha256:0"})
		want := []string{
			"Pulling image app:1: 1 of 3 layers, 20MB of 50MB",
			"Pulling image app:1: 1 of 3 layers, 40MB of 50MB",
			"Pulling image app:1: 2 of 3 layers, 50MB of 50MB",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
