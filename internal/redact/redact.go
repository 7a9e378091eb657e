// Package redact makes texts fit to be shown and logged.
package redact

import (
	"net/url"
	"strings"
)

// Hidden stands for a secret.
const Hidden = "xxxxx"

// URL prints u without its passwords, wherever they stand: behind the user, and
// in every parameter of the query that is named after one, such as password
// and sslpassword. A parameter that cannot be read is left out.
func URL(u *url.URL) string {
	shown := *u
	query := shown.Query()
	for name := range query {
		if strings.Contains(name, "password") {
			query.Set(name, Hidden)
		}
	}
	shown.RawQuery = query.Encode()
	return shown.Redacted()
}
