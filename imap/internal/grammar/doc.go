// Package grammar converts between the wire and the values of package imap: a
// server's [Reader] reads the commands that [WriteCommand] writes, and a client's
// [ResponseReader] reads the responses that [WriteResponse] writes. It knows
// nothing of sessions: the server decides what a command does, and in which state
// it is allowed.
//
// Each command or extension has a file, which reads and writes all that it adds.
// Every name in it is a row of a table: commands, their parameters, options and
// modifiers, search keys, data items, responses and response codes. An extension
// is a function that returns its rows, listed in allExtensions.
//
// Invariants:
//
//   - A row writes all that it reads, and reads all that it writes (TestRows).
//   - The table refuses a name whose capabilities are not offered, as it refuses
//     an unknown one; syntax without a name (the parentheses of LIST-EXTENDED,
//     "$") asks decoder.offers.
package grammar
