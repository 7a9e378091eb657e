package openapi_test

import (
	"io/fs"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/meseta/meseta/openapi"
)

// document is what the tests look at in a specification.
type document struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	OperationID string                `json:"operationId"`
	Summary     string                `json:"summary"`
	Responses   map[string]*described `json:"responses"`
}

type described struct {
	Description string `json:"description"`
	Ref         string `json:"$ref"`
}

type schema struct {
	Description string            `json:"description"`
	Type        string            `json:"type"`
	Properties  map[string]schema `json:"properties"`
	Items       *schema           `json:"items"`
}

func documents(t *testing.T) map[string]document {
	t.Helper()
	names, err := fs.Glob(openapi.FS, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]document{}
	for _, name := range names {
		text, err := fs.ReadFile(openapi.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		var d document
		if err := yaml.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = d
	}
	return out
}

func TestEverySchemaSaysInASentenceWhatItIs(t *testing.T) {
	t.Parallel()
	for name, d := range documents(t) {
		for schemaName, s := range d.Components.Schemas {
			if !strings.HasSuffix(strings.TrimSpace(s.Description), ".") || !strings.Contains(s.Description, " ") {
				t.Errorf("%s: %s: the description %q is not a sentence", name, schemaName, s.Description)
			}
		}
	}
}

// An object without a name would become a type without a name in the code that
// is generated.
func TestEveryObjectHasAName(t *testing.T) {
	t.Parallel()
	for name, d := range documents(t) {
		for schemaName, s := range d.Components.Schemas {
			for property, p := range s.Properties {
				if p.inline() || p.Items != nil && p.Items.inline() {
					t.Errorf("%s: %s.%s is an object without a name; put it under components", name, schemaName, property)
				}
			}
		}
	}
}

func (s schema) inline() bool { return s.Type == "object" && len(s.Properties) > 0 }

func TestEveryOperationIsNamedAndDescribed(t *testing.T) {
	t.Parallel()
	for name, d := range documents(t) {
		ids := map[string]string{}
		for at, operations := range d.Paths {
			for method, o := range operations {
				where := method + " " + at
				if o.OperationID == "" || o.Summary == "" || len(o.Responses) == 0 {
					t.Errorf("%s: %s lacks an id, a summary or responses", name, where)
				}
				if other, taken := ids[o.OperationID]; taken {
					t.Errorf("%s: %s has the id of %s", name, where, other)
				}
				ids[o.OperationID] = where
				for status, r := range o.Responses {
					if r.Description == "" && r.Ref == "" {
						t.Errorf("%s: %s: the response %s is not described", name, where, status)
					}
				}
			}
		}
	}
}
