// Package textproto is the core that servers and clients of line-oriented
// Internet protocols share: a Conn that reads lines, dot-stuffed and counted
// bodies in bulk and upgrades itself to TLS and compression in place, and a
// Server that accepts, limits and shuts down connections.
package textproto
