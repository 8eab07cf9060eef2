// Package testutil holds what the tests of several packages need: certificates,
// servers that play a script, servers under test on a loopback address, what a
// connection is given in one write, and a check for goroutines that are left behind.
//
// It imports no other package of the module, so that the tests of each can use
// it.
package testutil
