package httpx_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/stream"
)

func TestAServerStopsInOrder(t *testing.T) {
	t.Parallel()
	inside, release := make(chan struct{}), make(chan struct{})
	server, err := httpx.Listen(t.Context(), "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(inside)
		<-release
		_, _ = io.WriteString(w, "done")
	}), httpx.ServerOptions{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- server.Run(t.Context()) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answered := make(chan string, 1)
	go func() {
		response, err := client.Get("http://" + server.Addr().String())
		if err != nil {
			answered <- err.Error()
			return
		}
		defer func() { _ = response.Body.Close() }()
		text, _ := io.ReadAll(response.Body)
		answered <- string(text)
	}()
	<-inside
	stopped := make(chan error, 1)
	go func() { stopped <- server.Stop(context.Background()) }()
	if err := <-ran; err != nil {
		t.Errorf("Run returned %v", err)
	}
	close(release)
	if got := <-answered; got != "done" {
		t.Errorf("the request that was being served got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Stop returned %v", err)
	}
	again, err := net.Listen("tcp", server.Addr().String())
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	_ = again.Close()
}

func TestAServerThatNeverRanFreesItsPort(t *testing.T) {
	t.Parallel()
	server, err := httpx.Listen(t.Context(), "127.0.0.1:0", http.NotFoundHandler(), httpx.ServerOptions{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	again, err := net.Listen("tcp", server.Addr().String())
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	_ = again.Close()
}

func TestATakenPortIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, err = httpx.Listen(t.Context(), taken.Addr().String(), http.NotFoundHandler(), httpx.ServerOptions{Logger: silent})
	if err == nil {
		t.Fatal("two servers on one port")
	}
}

func TestAHeaderThatDoesNotArriveIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, http.NotFoundHandler())
		c.send("GET / HTTP/1.1\nHost: x\n")
		began := time.Now()
		_, err := io.ReadAll(c.in)
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("it took %s until %v", took, err)
		}
	})
}

var errOver = errors.New("over")

func TestAStreamThroughTheServerKeepsOneFramePerChunk(t *testing.T) {
	t.Parallel()
	queue := stream.New(stream.Options{})
	frames := []string{"3\none", "3\ntwo", "5\nthree"}
	for _, frame := range frames {
		queue.Offer([]byte(frame))
	}
	queue.Close(errOver, nil)
	server, err := httpx.Listen(t.Context(), "127.0.0.1:0", httpx.AccessLog(silent, httpx.Recover(silent, http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", httpx.JSON)
			if err := queue.Run(r.Context(), w); !errors.Is(err, errOver) {
				t.Errorf("the stream ended with %v", err)
			}
		}))), httpx.ServerOptions{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- server.Run(t.Context()) }()
	c, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	const want = "\r\n\r\n5\r\n3\none\r\n5\r\n3\ntwo\r\n7\r\n5\nthree\r\n0\r\n\r\n"
	if got := string(raw); len(got) < len(want) || got[len(got)-len(want):] != want {
		t.Errorf("on the wire was %q, want its end %q", got, want)
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
