// Package wire reads and writes the lexical elements of IMAP: atoms, strings,
// literals, numbers, lists, sets, flags, mailbox names and dates (RFC 9051 §4
// and §9). It serves both sides of a connection: client and server are mirror
// images, and what one's [Encoder] writes the other's [Decoder] reads.
//
// Invariants:
//
//   - A Decoder holds one line at a time, and after an error it can still skip
//     to the end of the command, literals included (Skip), so that one bad
//     command doesn't affect the next one.
//   - Limits are checked before anything is allocated or asked for: a literal
//     that is too big is never requested from the peer, and never stored.
//   - No CR, LF or NUL that came in a value leaves an Encoder outside a literal,
//     and no NUL at all.
package wire
