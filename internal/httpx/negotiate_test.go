package httpx_test

import (
	"net/http"
	"testing"

	"github.com/meseta/meseta/internal/httpx"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		accept []string
		want   string
	}{
		{"without Accept it is JSON", nil, httpx.JSON},
		{"with an empty Accept it is JSON", []string{""}, httpx.JSON},
		{"anything is JSON", []string{"*/*"}, httpx.JSON},
		{"any application is JSON", []string{"application/*"}, httpx.JSON},
		{"protobuf if only that is accepted", []string{"application/x-protobuf"}, httpx.Protobuf},
		{"JSON is preferred whatever the order", []string{"application/x-protobuf, application/json"}, httpx.JSON},
		{"JSON is preferred whatever the qualities", []string{"application/x-protobuf;q=1, application/json;q=0.1"}, httpx.JSON},
		{"quality zero excludes", []string{"application/json;q=0, */*"}, httpx.Protobuf},
		{"quality zero excludes with blanks and decimals", []string{"application/json ; q=0.000 ,application/*"}, httpx.Protobuf},
		{"everything may be excluded", []string{"*/*;q=0"}, ""},
		{"the more specific range counts", []string{"application/*;q=0, application/json"}, httpx.JSON},
		{"foreign types are not satisfied", []string{"text/html"}, ""},
		{"a foreign type beside ours is ignored", []string{"application/json;q=0.5, text/html"}, httpx.JSON},
		{"another group is not ours", []string{"text/*"}, ""},
		{"several headers count as one", []string{"text/html", "application/json"}, httpx.JSON},
		{"the same header twice is fine", []string{"application/json", "application/json"}, httpx.JSON},
		{"case does not matter", []string{"Application/JSON"}, httpx.JSON},
		{"a bare star is no media range", []string{"*"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, ok := httpx.Negotiate(http.Header{"Accept": test.accept}, httpx.JSON, httpx.Protobuf)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("%q gives %q (%t), want %q", test.accept, got, ok, test.want)
			}
		})
	}
}

func TestContentType(t *testing.T) {
	t.Parallel()
	const unsupported = "Expecting 'Content-Type' of application/json or application/x-protobuf"
	for _, test := range []struct {
		name    string
		header  http.Header
		want    string
		status  int
		refusal string
	}{
		{"ours is taken", http.Header{"Content-Type": {"application/json"}}, httpx.JSON, 0, ""},
		{"the other one is taken", http.Header{"Content-Type": {"application/x-protobuf"}}, httpx.Protobuf, 0, ""},
		{"none is refused", http.Header{}, "", 400, "Expecting 'Content-Type' to be present"},
		{"an empty one is unsupported", http.Header{"Content-Type": {""}}, "", 415, unsupported},
		{"a foreign one is unsupported", http.Header{"Content-Type": {"text/plain"}}, "", 415, unsupported},
		{"a parameter makes it foreign", http.Header{"Content-Type": {"application/json; charset=utf-8"}}, "", 415, unsupported},
		{"case makes it foreign", http.Header{"Content-Type": {"Application/JSON"}}, "", 415, unsupported},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, status, refusal := httpx.ContentType(test.header, httpx.JSON, httpx.Protobuf)
			if got != test.want || status != test.status || refusal != test.refusal {
				t.Errorf("got %q, %d, %q", got, status, refusal)
			}
		})
	}
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"":                            false,
		"gzip":                        true,
		"GZIP":                        true,
		"*":                           true,
		"deflate":                     false,
		"deflate, gzip":               true,
		"gzip;q=0":                    false,
		"gzip; q=0.0":                 false,
		"gzip;q=0, *":                 false,
		"*;q=0, gzip":                 true,
		"*;q=0":                       false,
		"identity;q=1, gzip;q=0.5":    true,
		"gzip;q=broken":               true,
		"x-gzip":                      false,
		"br;q=1.0, gzip;q=0.8, *;q=0": true,
	} {
		if got := httpx.AcceptsGzip(http.Header{"Accept-Encoding": {accept}}); got != want {
			t.Errorf("%q: got %t, want %t", accept, got, want)
		}
	}
	if httpx.AcceptsGzip(http.Header{}) {
		t.Error("without the header nothing is asked for")
	}
}
