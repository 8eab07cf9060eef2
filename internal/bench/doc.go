// Package bench runs the same work on Posthorn and on its peers, in the same
// run and over the same loopback connections, and prints the ratios.
//
//	go test -run '^$' -bench . ./internal/bench
package bench
