package contract

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing/iotest"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Contract is a set of specifications with their coverage. It is safe for
// concurrent use.
type Contract struct {
	// Alias is a first segment that paths may have in front, such as "/master".
	// It is set before the first use.
	Alias string

	specs    []*spec
	coverage *coverage
}

// Load reads specifications by their file names under openapi/. Where a
// request is described by several, the first one counts.
func Load(names ...string) (*Contract, error) {
	c := &Contract{coverage: newCoverage()}
	for _, name := range names {
		s, err := loadSpec(name)
		if err != nil {
			return nil, err
		}
		c.specs = append(c.specs, s)
		c.coverage.declare(s)
	}
	return c, nil
}

// Reporter takes violations; *testing.T is one.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Checker reports the violations of one test.
type Checker struct {
	contract *Contract
	reporter Reporter
}

// Checker makes a checker that reports to a test.
func (c *Contract) Checker(r Reporter) *Checker { return &Checker{contract: c, reporter: r} }

// OffContractHeader marks a request that breaks the contract on purpose: it is
// not checked, and need not be described. The answer is checked if the
// operation is known.
const OffContractHeader = "Meseta-Off-Contract"

type offContractKey struct{}

// OffContract marks the requests made with a context like OffContractHeader
// does, without a trace on the wire. Only Transport can see it.
func OffContract(ctx context.Context) context.Context {
	return context.WithValue(ctx, offContractKey{}, true)
}

func isOffContract(r *http.Request) bool {
	return r.Header.Get(OffContractHeader) != "" || r.Context().Value(offContractKey{}) != nil
}

// options of all validations. Authentication is the services' business, and a
// validator must not change what it looks at.
func options(excludeResponseBody bool) *openapi3filter.Options {
	return &openapi3filter.Options{
		AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
		IncludeResponseStatus: true,
		ExcludeResponseBody:   excludeResponseBody,
		MultiError:            true,
		SkipSettingDefaults:   true,
	}
}

// exchange is one request and what is expected of its answer. It is nil if
// nothing is.
type exchange struct {
	checker    *Checker
	spec       *spec
	route      *routers.Route // of the strict document
	parameters map[string]string
	request    *http.Request
}

// begin checks a request, whose body it reads and puts back.
func (k *Checker) begin(r *http.Request) *exchange {
	k.reporter.Helper()
	off := isOffContract(r)
	body, err := takeBody(r)
	if err != nil {
		if !off {
			k.reporter.Errorf("%s %s: reading the request's body: %v", r.Method, r.URL.Path, err)
		}
		return nil
	}
	if e := k.find(r, methodsOf(r)); e != nil {
		if !off {
			e.checkRequest(body)
		}
		return e
	}
	if !off {
		k.reporter.Errorf("%s %s is not described by any specification", r.Method, r.URL.Path)
	}
	return k.find(r, allMethods)
}

// find looks a request up in the specifications under one of the methods.
func (k *Checker) find(r *http.Request, methods []string) *exchange {
	for _, s := range k.contract.specs {
		if found, parameters := route(s.strict, k.contract.Alias, r, methods); found != nil {
			return &exchange{checker: k, spec: s, route: found, parameters: parameters, request: r}
		}
	}
	return nil
}

func takeBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	again := io.Reader(bytes.NewReader(body))
	if err != nil {
		again = io.MultiReader(again, iotest.ErrReader(err)) // the handler meets the same end
	}
	r.Body = io.NopCloser(again)
	return body, err
}

// plain undoes the compression of a response.
func plain(header http.Header, body []byte) ([]byte, error) {
	if header.Get("Content-Encoding") != "gzip" {
		return body, nil
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unzipped)
}

func (e *exchange) checkRequest(body []byte) {
	e.checker.reporter.Helper()
	asIs, parameters := route(e.spec.lenient, e.checker.contract.Alias, e.request, methodsOf(e.request))
	copied := e.request.Clone(e.request.Context())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	copied.GetBody = nil
	err := openapi3filter.ValidateRequest(e.request.Context(), &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: parameters, Route: asIs, Options: options(false),
	})
	if err != nil {
		e.violation("the request", err, body)
		return
	}
	if content := e.route.Operation.RequestBody; content != nil {
		if media := content.Value.Content.Get(e.request.Header.Get("Content-Type")); media != nil {
			e.checker.contract.coverage.value(e.spec, media.Schema, e.operation()+" request", body)
		}
	}
}

// checkResponse checks status, headers and, unless it was a stream, the body
// as it was on the wire.
func (e *exchange) checkResponse(status int, header http.Header, wire []byte, streamed bool) {
	e.checker.reporter.Helper()
	body, err := plain(header, wire)
	if err != nil {
		e.violation("the encoding of the response", err, nil)
		return
	}
	e.checker.contract.coverage.status(e.spec, e.operation(), status)
	// Answers without data have no body whatever the specification offers, and
	// of pages for people only the type is checked.
	mediaType, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	page := mediaType != "application/json" && mediaType != "text/plain"
	withoutBody := streamed || len(body) == 0 || page
	err = openapi3filter.ValidateResponse(e.request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: e.request, PathParams: e.parameters, Route: e.route, Options: options(false),
		},
		Status:  status,
		Header:  header,
		Body:    io.NopCloser(bytes.NewReader(body)),
		Options: options(withoutBody),
	})
	if err != nil {
		e.violation(fmt.Sprintf("the response with status %d", status), err, body)
		return
	}
	response := e.response(status)
	if page && len(body) > 0 && response != nil && len(response.Content) > 0 && response.Content.Get(mediaType) == nil {
		e.violation(fmt.Sprintf("the response with status %d", status), fmt.Errorf("it has the type %q", mediaType), body)
	}
	if response == nil || withoutBody {
		return
	}
	if media := response.Content.Get(header.Get("Content-Type")); media != nil {
		e.checker.contract.coverage.value(e.spec, media.Schema, e.operation()+" response", body)
	}
}

// checkRecord checks one record of a stream.
func (e *exchange) checkRecord(status int, record []byte) {
	e.checker.reporter.Helper()
	name, schema := streamItem(e.spec.doc, e.response(status))
	decoder := json.NewDecoder(bytes.NewReader(record))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		e.violation("a record of the stream", err, record)
		return
	}
	if err := schema.Value.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.MultiErrors()); err != nil {
		e.violation(fmt.Sprintf("a record of the stream, which should be %s", name), err, record)
		return
	}
	e.checker.contract.coverage.value(e.spec, &openapi3.SchemaRef{Ref: "#/" + name, Value: schema.Value}, "", record)
}

// streams reports whether a response with this status may be a stream.
func (e *exchange) streams(status int) bool {
	response := e.response(status)
	if response == nil {
		return false
	}
	_, schema := streamItem(e.spec.doc, response)
	return schema != nil
}

func (e *exchange) response(status int) *openapi3.Response {
	if ref := e.route.Operation.Responses.Status(status); ref != nil {
		return ref.Value
	}
	if ref := e.route.Operation.Responses.Default(); ref != nil {
		return ref.Value
	}
	return nil
}

func (e *exchange) operation() string { return e.route.Method + " " + e.route.Path }

// violation reports in a form that shows what was wrong where, and of what.
func (e *exchange) violation(what string, err error, evidence []byte) {
	e.checker.reporter.Helper()
	const enough = 2000
	if len(evidence) > enough {
		evidence = append(bytes.Clone(evidence[:enough]), "…"...)
	}
	e.checker.reporter.Errorf("%s: %s does not keep the contract of %s:\n%s\nin: %s",
		e.operation(), what, e.spec.name, strings.Join(reasons(err), "\n"), evidence)
}

// reasons flattens the validator's errors into one line each.
func reasons(err error) []string {
	if many, ok := errors.AsType[openapi3.MultiError](err); ok {
		var all []string
		for _, one := range many {
			all = append(all, reasons(one)...)
		}
		return all
	}
	if schema, ok := errors.AsType[*openapi3.SchemaError](err); ok {
		if schema.Origin != nil && schema.Origin != err {
			return reasons(schema.Origin)
		}
		return []string{"  /" + strings.Join(schema.JSONPointer(), "/") + ": " + schema.Reason}
	}
	return []string{"  " + err.Error()}
}
