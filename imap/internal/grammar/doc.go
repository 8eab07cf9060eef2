// Package grammar turns commands on the wire into the values of package imap,
// and such values into responses. It knows nothing of sessions: what a command
// does, and in which state it is allowed, is the server's.
//
// A command is an entry in a table, by name; an extension is one file with the
// parsers of its commands and the writers of its responses.
package grammar
