package httpx

import (
	"errors"
	"net/http"

	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosjson"
)

// ReadCall reads the body of a request as a call of the v1 API, in the order
// of Mesos: the Content-Type, the body, its JSON. Errors are for WriteError:
// those of ReadBody, UnsupportedMedia, or Invalid in the words of Mesos.
func ReadCall[T any](w http.ResponseWriter, r *http.Request, decoder *mesosjson.Decoder[T], limits BodyLimits) (*T, error) {
	media, status, refusal := ContentType(r.Header, JSON, Protobuf)
	switch {
	case status == http.StatusUnsupportedMediaType:
		return nil, fault.New(fault.UnsupportedMedia, refusal)
	case status != 0:
		return nil, fault.New(fault.Invalid, refusal)
	case media == Protobuf:
		return nil, fault.New(fault.UnsupportedMedia, "Calls in application/x-protobuf are not supported yet; send application/json")
	}
	body, err := ReadBody(w, r, limits)
	if err != nil {
		return nil, err
	}
	call, err := decoder.Decode(body)
	if err != nil {
		if wrong, ok := errors.AsType[*mesosjson.Error](err); ok {
			return nil, fault.Wrap(fault.Invalid, wrong.BodyText("Call"), err)
		}
		return nil, err
	}
	return call, nil
}
