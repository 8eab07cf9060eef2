// Package pop3 holds what POP3 clients and servers have in common: commands,
// replies and response codes, capabilities, and the lines of listings.
//
// Use pop3server to serve maildrops and pop3client to fetch from them; this
// package declares the values that both exchange with their callers:
//
//	if errors.Is(err, &pop3.Error{Code: pop3.CodeInUse}) {
//		// another session has the maildrop open
//	}
//
// Standards: RFC 1939 (POP3), 2449 (CAPA, response codes, PIPELINING, EXPIRE,
// LOGIN-DELAY, IMPLEMENTATION), 2595 (STLS), 3206 (SYS and AUTH response
// codes), 5034 (AUTH), 6856 (UTF8, LANG).
//
// Invariants: parsers accept any octets, do not panic, and allocate no more
// than the length of their input. What is formatted is one line without CR, LF
// or NUL.
package pop3

// Limits on the wire, in octets with CRLF.
const (
	MaxCommand  = 255 // RFC 2449 §4
	MaxResponse = 512 // the first line of a response, RFC 1939 §3
	MaxUID      = 70  // of a unique-id, RFC 1939 §7
)
