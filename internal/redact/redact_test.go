package redact

import (
	"net/url"
	"strings"
	"testing"
)

func TestNoPasswordOfAURLIsShown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"postgres://anna:secret@db/meseta",
		"postgres://db/meseta?password=secret",
		"postgres://db/meseta?sslmode=require&sslpassword=secret",
		"postgres://db/meseta?password=%zzsecret",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := URL(u); strings.Contains(got, "secret") || !strings.HasPrefix(got, "postgres://") {
			t.Errorf("%s is shown as %s", text, got)
		}
		if u.String() != text {
			t.Errorf("%s was changed to %s", text, u)
		}
	}
}

func TestTheRestOfAURLIsShown(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "postgres", User: url.User("anna"), Host: "db:5432", Path: "/meseta", RawQuery: "sslmode=require"}
	if got := URL(u); got != u.String() {
		t.Errorf("%s is shown as %s", u, got)
	}
}
