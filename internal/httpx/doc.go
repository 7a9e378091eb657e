// Package httpx is what the HTTP services of Meseta have in common: a server
// with sane limits, reading of request bodies, content negotiation, routing by
// prefix as Mesos does it, plain-text errors, compression, authentication
// hooks, access log and recovery from panics.
//
// Responses that never end are package stream's business; the server here
// lends it the connection (stream.WithCorker). Middleware of this package
// keeps http.ResponseController working; none of it buffers a response.
package httpx
