package client

import (
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// backoff is a random wait between half of and the whole of first, doubled for
// every earlier failure, up to most. The randomness keeps the clients of a
// failed master from coming back all at once.
func backoff(failures int, first, most time.Duration) time.Duration {
	d := most
	if failures < 30 {
		d = min(most, first<<failures)
	}
	return d/2 + rand.N(d/2+1)
}

// drain reads the little that an answer may have left, so that its connection
// can be used again.
func drain(resp *http.Response) error {
	defer resp.Body.Close()
	_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, errorBodyLimit))
	return err
}
