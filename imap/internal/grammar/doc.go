// Package grammar turns what one side of an IMAP connection sends into the values
// of package imap for the other, and back: a server's [Reader] yields the commands
// that [WriteCommand] writes, and a client's [ResponseReader] the responses that
// [WriteResponse] writes. It knows nothing of sessions: what a command does, and
// in which state it is allowed, is the server's.
//
// A command or an extension has a file, which holds reading and writing of all
// that it adds. What has a name there is a row of a table: commands, their
// parameters, options and modifiers, search keys, data items, responses and
// response codes. An extension is a function that returns its rows, listed in
// allExtensions.
//
// Invariants:
//
//   - What a row reads it writes, and what it writes it reads (TestRows).
//   - A name whose capabilities are not offered is refused as one that is not
//     known, by the table; what is no name (the parentheses of LIST-EXTENDED,
//     "$") asks decoder.offers.
package grammar
