// Package mailbox defines the interface between mail stores and the servers
// that serve from them.
package mailbox
