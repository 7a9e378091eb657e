// Package recordio reads and writes the framing of the v1 API's streams: each
// record is its length in bytes as an unsigned decimal, a line feed, and the
// bytes themselves. Nothing follows a record but the length of the next one.
//
// The package does no I/O of its own and knows nothing of HTTP. Chunk borders
// of the transport have no meaning here.
package recordio

import "strconv"

// maxHeader is the longest header that the decoder accepts and the encoder
// produces: the twenty digits of the largest uint64, and the line feed.
const maxHeader = 21

// Append adds one record to dst as a complete frame and returns the extended
// slice. An empty record is legal.
func Append(dst, record []byte) []byte {
	dst = strconv.AppendUint(dst, uint64(len(record)), 10)
	dst = append(dst, '\n')
	return append(dst, record...)
}

// Frame returns one record as a frame in a slice of exactly the size needed,
// to be shared by many readers that do not change it.
func Frame(record []byte) []byte {
	return Append(make([]byte, 0, FrameSize(len(record))), record)
}

// FrameSize is the number of bytes that a record of n bytes takes on the wire.
func FrameSize(n int) int {
	digits := 1
	for rest := n; rest >= 10; rest /= 10 {
		digits++
	}
	return digits + 1 + n
}
