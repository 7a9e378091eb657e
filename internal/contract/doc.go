// Package contract checks HTTP traffic against the specifications under
// openapi/. It is for tests: it is the only package that imports kin-openapi,
// and no service imports it.
//
// A Contract holds the loaded specifications and what has been exercised of
// them; make one per test package. A Checker belongs to one test and reports
// its violations there. It comes in two forms, which may be combined:
//
//   - Transport wraps the client's http.RoundTripper;
//   - Middleware wraps the server's handler, and also sees where chunks end.
//
// Both check each request, each response, and each record of a stream that a
// response describes with x-stream-item. Requests are held against the
// specification as it is; responses and records must in addition have no
// member that it does not name, since existing clients refuse those.
package contract
