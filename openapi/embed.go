// Package openapi embeds the specifications of every API of Meseta. They are
// the contract: handlers, clients and tests are generated from or checked
// against these files.
package openapi

import "embed"

// FS holds the specification files under their own names, such as
// "scheduler.yaml". References between them are by relative file name.
//
//go:embed *.yaml
var FS embed.FS
