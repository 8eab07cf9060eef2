// Package grammar turns what one side of an IMAP connection sends into the values
// of package imap for the other: a server's [Reader] yields commands, a client's
// [ResponseReader] responses, and [WriteCommand] writes what the former reads. It
// knows nothing of sessions: what a command does, and in which state it is
// allowed, is the server's.
//
// Commands, search keys, fetch items and responses are entries in tables, by
// name; an extension adds entries and the file with what they read.
package grammar
