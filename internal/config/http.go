package config

import "time"

// HTTP bounds what one client can use of a service.
type HTTP struct {
	// MaxRequestSize is the largest request body that is not a stream.
	MaxRequestSize Bytes
	// ReadHeaderTimeout is how long a client may take to send its headers.
	ReadHeaderTimeout time.Duration
	// IdleTimeout is how long an unused connection is kept.
	IdleTimeout time.Duration
	// StreamQueue is the number of bytes that may wait for a slow subscriber
	// before its stream is closed.
	StreamQueue Bytes
	// StreamWriteTimeout is how long one write to a subscriber may take before
	// its stream is closed.
	StreamWriteTimeout time.Duration
	// Check validates every request and answer against the API description.
	Check bool
}

func (h *HTTP) addFlags(t *table) {
	t.in("HTTP limits")
	add(t, &h.MaxRequestSize, "http_max_request_size", 32*Megabytes, size(Kilobytes),
		"Largest body of a request. Larger ones are answered with 413.")
	add(t, &h.ReadHeaderTimeout, "http_read_header_timeout", 10*time.Second, positiveDuration(),
		"How long a client may take to send the headers of a request.")
	add(t, &h.IdleTimeout, "http_idle_timeout", 2*time.Minute, positiveDuration(),
		"How long a connection is kept without a request.")
	add(t, &h.StreamQueue, "http_stream_queue", 64*Megabytes, size(Kilobytes),
		"How much may wait for a subscriber that reads slowly before its stream is closed.")
	add(t, &h.StreamWriteTimeout, "http_stream_write_timeout", 10*time.Second, positiveDuration(),
		"How long one write to a subscriber may take before its stream is closed.")
	add(t, &h.Check, "check", false, boolean(),
		"Validate requests and answers against the API description and log what differs. For development: it costs time.").later("tests hold every request and answer against the API description")
}
