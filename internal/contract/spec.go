package contract

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/meseta/meseta/openapi"
)

// spec is one specification, loaded twice: as it is, for requests, and without
// room for unknown members, for what we send.
type spec struct {
	name    string
	lenient routers.Router
	strict  routers.Router
	doc     *openapi3.T // the strict one
}

func loadSpec(name string) (*spec, error) {
	asIs, err := loadDocument(name)
	if err != nil {
		return nil, err
	}
	closed, err := loadDocument(name)
	if err != nil {
		return nil, err
	}
	closeObjects(closed)
	s := &spec{name: name, doc: closed}
	if s.lenient, err = newRouter(asIs); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if s.strict, err = newRouter(closed); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func newRouter(doc *openapi3.T) (routers.Router, error) {
	// Tests listen wherever there is room, not where the servers are said to be.
	doc.Servers = nil
	return legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
}

func loadDocument(name string) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = true
	loader.ReadFromURIFunc = func(_ *openapi3.Loader, location *url.URL) ([]byte, error) {
		return fs.ReadFile(openapi.FS, path.Clean(location.Path))
	}
	doc, err := loader.LoadFromURI(&url.URL{Path: name})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return doc, nil
}

// route finds the operation of a request under one of the methods. Paths are
// compared as the services route them: without empty segments, and with or
// without the alias.
func route(router routers.Router, alias string, r *http.Request, methods []string) (*routers.Route, map[string]string) {
	var segments []string
	for segment := range strings.SplitSeq(r.URL.Path, "/") {
		if segment != "" {
			segments = append(segments, segment)
		}
	}
	if alias != "" && len(segments) > 0 && "/"+segments[0] == alias {
		segments = segments[1:]
	}
	cleaned := *r
	cleaned.URL = new(*r.URL)
	cleaned.URL.Path = "/" + strings.Join(segments, "/")
	for _, method := range methods {
		cleaned.Method = method
		if found, parameters, err := router.FindRoute(&cleaned); err == nil {
			return found, parameters
		}
	}
	return nil, nil
}

// methodsOf are the methods under which a request may be described: GET covers
// HEAD.
func methodsOf(r *http.Request) []string {
	if r.Method == http.MethodHead {
		return []string{http.MethodHead, http.MethodGet}
	}
	return []string{r.Method}
}

// allMethods are the methods of which one at least describes every path. The
// answer to a request with another method, 405, is described there.
var allMethods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch}

// closeObjects forbids members that are not described, in every object of a
// document that describes any and does not say otherwise. The parts of an allOf
// describe one object together and would refuse each other's members, so they
// stay open; a single part is only a reference with a description.
func closeObjects(doc *openapi3.T) {
	parts, all := map[*openapi3.Schema]bool{}, map[*openapi3.Schema]bool{}
	visit := func(ref *openapi3.SchemaRef) {
		walk(ref, all, func(s *openapi3.Schema) {
			for _, part := range s.AllOf {
				if len(s.AllOf) > 1 {
					parts[part.Value] = true
				}
			}
		})
	}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for _, response := range operation.Responses.Map() {
				for _, media := range response.Value.Content {
					visit(media.Schema)
				}
			}
		}
	}
	for _, schema := range doc.Components.Schemas {
		visit(schema)
	}
	for s := range all {
		open := parts[s] || len(s.AllOf) > 1 || s.AdditionalProperties.Has != nil || s.AdditionalProperties.Schema != nil
		if len(s.Properties) > 0 && !open {
			s.AdditionalProperties.Has = new(false)
		}
	}
}

// walk calls see once for every schema reachable from ref and not in seen.
func walk(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool, see func(*openapi3.Schema)) {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return
	}
	s := ref.Value
	seen[s] = true
	see(s)
	walk(s.Items, seen, see)
	walk(s.AdditionalProperties.Schema, seen, see)
	for _, property := range s.Properties {
		walk(property, seen, see)
	}
	for _, part := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf) {
		walk(part, seen, see)
	}
}

// streamItem is the schema of the records that a response streams, nil if it
// is not a stream.
func streamItem(doc *openapi3.T, response *openapi3.Response) (name string, schema *openapi3.SchemaRef) {
	reference, _ := response.Extensions["x-stream-item"].(string)
	name, ok := strings.CutPrefix(reference, "#/components/schemas/")
	if !ok {
		return "", nil
	}
	return name, doc.Components.Schemas[name]
}

// union returns the values of the member "type" of a schema, by which the v1
// API tells apart what an object carries. UNKNOWN is never sent.
func union(ref *openapi3.SchemaRef) []string {
	if ref == nil || ref.Value == nil {
		return nil
	}
	kind := ref.Value.Properties["type"]
	for kind != nil && kind.Value != nil && len(kind.Value.Enum) == 0 && len(kind.Value.AllOf) == 1 {
		kind = kind.Value.AllOf[0]
	}
	if kind == nil || kind.Value == nil {
		return nil
	}
	var values []string
	for _, value := range kind.Value.Enum {
		if text, ok := value.(string); ok && text != "UNKNOWN" {
			values = append(values, text)
		}
	}
	return values
}

// schemaName is the last part of a reference, or where for an inline schema.
func schemaName(ref *openapi3.SchemaRef, where string) string {
	if ref.Ref == "" {
		return where
	}
	return path.Base(ref.Ref)
}
