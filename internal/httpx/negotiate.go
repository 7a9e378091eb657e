package httpx

import (
	"net/http"
	"strconv"
	"strings"
)

// Media types of the v1 API.
const (
	JSON     = "application/json"
	Protobuf = "application/x-protobuf"
	RecordIO = "application/recordio"
)

// Negotiate picks the first of the offered media types that the client's
// Accept headers allow. Like Mesos it does not weigh qualities: the server's
// preference decides, and only q=0 excludes a type. Without Accept everything
// is allowed. Several headers count as one.
func Negotiate(h http.Header, offers ...string) (mediaType string, ok bool) {
	return negotiate(h.Values("Accept"), offers...)
}

// NegotiateMessage is Negotiate for the messages inside a RecordIO stream,
// which have a header of their own.
func NegotiateMessage(h http.Header, offers ...string) (mediaType string, ok bool) {
	return negotiate(h.Values("Message-Accept"), offers...)
}

func negotiate(values []string, offers ...string) (string, bool) {
	accept := strings.Join(values, ",")
	if strings.TrimSpace(accept) == "" {
		return offers[0], true
	}
	for _, offer := range offers {
		if allowed(accept, func(pattern string) int { return mediaMatch(pattern, offer) }) {
			return offer, true
		}
	}
	return "", false
}

// allowed looks for the most specific element of a list such as Accept or
// Accept-Encoding that matches, and reports whether its quality is not zero.
// Match gives the specificity of a match, 0 for none.
func allowed(list string, match func(pattern string) int) bool {
	best, ok := 0, false
	for element := range strings.SplitSeq(list, ",") {
		pattern, parameters, _ := strings.Cut(element, ";")
		if specific := match(strings.TrimSpace(pattern)); specific > best {
			best, ok = specific, quality(parameters) > 0
		}
	}
	return ok
}

// mediaMatch is 3 for the type itself, 2 for its group, 1 for all.
func mediaMatch(pattern, mediaType string) int {
	group, _, _ := strings.Cut(mediaType, "/")
	switch {
	case strings.EqualFold(pattern, mediaType):
		return 3
	case strings.EqualFold(pattern, group+"/*"):
		return 2
	case pattern == "*/*":
		return 1
	default:
		return 0
	}
}

// quality is the value of q, 1 if it is missing or not a number.
func quality(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
				return q
			}
		}
	}
	return 1
}

// ContentType checks the Content-Type of a request as Mesos does: by plain
// comparison, so that neither parameters nor another case are accepted. It
// returns a status of 0 if it is one of the supported types; otherwise the
// status and the text with which to refuse the request.
func ContentType(h http.Header, supported ...string) (mediaType string, status int, refusal string) {
	values, present := h["Content-Type"]
	if !present || len(values) == 0 {
		return "", http.StatusBadRequest, "Expecting 'Content-Type' to be present"
	}
	for _, s := range supported {
		if values[0] == s {
			return s, 0, ""
		}
	}
	return "", http.StatusUnsupportedMediaType, "Expecting 'Content-Type' of " + strings.Join(supported, " or ")
}
