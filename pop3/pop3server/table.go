package pop3server

import "github.com/posthorn-mail/posthorn/pop3"

// states is a set of the states of RFC 1939 §3. UPDATE is entered by QUIT and
// has no commands.
type states uint8

const (
	authorization states = 1 << iota
	transaction

	anyState = authorization | transaction
)

// An extension is a part of the protocol: its commands and what it announces.
// Each stands in a file of its own, as a function that returns it, and is listed
// in extensions.
type extension struct {
	commands []command

	// capabilities returns what CAPA announces on a connection now; nil:
	// nothing.
	capabilities func(c *conn) pop3.Capabilities
}

// A command is a row of the table.
type command struct {
	verb   string
	states states // in which it is valid
	run    func(c *conn, cmd pop3.Command)
}

// extensions lists what the server knows, in the order in which CAPA announces
// it.
func extensions() []extension {
	return []extension{
		base(), maildropExt(), retrExt(), topExt(), uidlExt(), respCodes(), pipelining(),
		userExt(), apopExt(), saslExt(), stlsExt(), utf8Ext(), langExt(), policyExt(), implementation(),
	}
}

// announce is an extension that is nothing but a capability: what it promises is
// done elsewhere.
func announce(names ...string) extension {
	var list pop3.Capabilities
	for _, name := range names {
		list = append(list, pop3.Capability{Name: name})
	}
	return extension{capabilities: func(*conn) pop3.Capabilities { return list }}
}

// respCodes is RESP-CODES (RFC 2449 §6.4) and AUTH-RESP-CODE (RFC 3206 §6).
func respCodes() extension { return announce("RESP-CODES", "AUTH-RESP-CODE") }

// pipelining is PIPELINING (RFC 2449 §6.6): see conn.next and startAhead.
func pipelining() extension { return announce("PIPELINING") }

// implementation is IMPLEMENTATION (RFC 2449 §6.9).
func implementation() extension {
	return extension{capabilities: func(*conn) pop3.Capabilities {
		return pop3.Capabilities{{Name: "IMPLEMENTATION", Args: []string{"Posthorn"}}}
	}}
}
