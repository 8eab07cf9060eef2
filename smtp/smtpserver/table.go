package smtpserver

import (
	"github.com/posthorn-mail/posthorn/smtp"
)

// states is a set of the states that a connection can be in.
type states uint8

const (
	stStart   states = 1 << iota // no HELO or EHLO yet
	stReady                      // no transaction
	stMail                       // MAIL was accepted, no recipient yet
	stRcpt                       // there is a recipient
	stChunk                      // between the chunks of a message
	stRefused                    // the client was refused at the greeting

	stAny  = stStart | stReady | stMail | stRcpt | stChunk
	stTx   = stMail | stRcpt
	stIdle = stReady | stMail | stRcpt
)

// A command is a row of the table.
type command struct {
	verb    string
	states  states // in which it is valid
	batch   bool   // the reply may wait for those of pipelined commands (RFC 2920 §3.2)
	breaks  bool   // ends a message that comes in chunks
	message bool   // carries a message; see Limits.Idle
	octets  bool   // octets follow, which run has to read even if the command isn't offered

	// chunk, if not nil, makes the command the next chunk of a message under
	// way. An error ends the message; unless ch.replied is set, it is the reply.
	chunk func(ch *chunks, arg string) error

	// run parses the argument, acts and replies, exactly once.
	run func(c *Conn, arg string)

	extension *extension
}

// An extension is a part of the protocol: its commands and its EHLO keyword.
type extension struct {
	commands []command

	keyword bool // has an EHLO keyword
	ext     smtp.Extension

	// offered reports whether the extension is there on a connection; nil: always.
	offered func(c *Conn) bool

	// params appends the parameters of the keyword; nil: none.
	params func(c *Conn, dst []byte) []byte
}

// extensions lists what the server knows, in the order of the EHLO reply.
func extensions() []extension {
	return []extension{
		base(), hello(), transaction(),
		pipelining(), size(), eightBitMIME(), smtputf8(),
		enhancedCodes(), startTLS(), auth(), chunking(), binaryMIME(),
		declared(smtp.ExtDSN), requireTLS(), declared(smtp.ExtMTPriority),
		declared(smtp.ExtDeliverBy), futureRelease(), declared(smtp.ExtRRVS),
		declared(smtp.ExtNoSoliciting), declared(smtp.ExtMTRK), declared(smtp.ExtConPerm), declared(smtp.ExtConNeg),
		limits(), burl(), etrn(), vrfy(), expn(), xclient(), xforward(), help(),
	}
}

// declared is an extension that only adds parameters and that the Backend must
// say it honours.
func declared(e smtp.Extension) extension {
	return extension{
		keyword: true, ext: e,
		offered: func(c *Conn) bool { return c.srv.extender.Has(e) },
		params: func(c *Conn, dst []byte) []byte {
			if p, ok := c.srv.Backend.(ExtensionParams); ok {
				if s := p.ExtensionParams(e); s != "" {
					dst = append(append(dst, ' '), s...)
				}
			}
			return dst
		},
	}
}

// has reports whether an extension is there on the connection now.
func (c *Conn) has(f *extension) bool {
	if f.keyword && c.disabled.Has(f.ext) {
		return false
	}
	return f.offered == nil || f.offered(c)
}

// offer computes the extensions that the connection is offered now.
func (c *Conn) offer() smtp.ExtensionSet {
	var set smtp.ExtensionSet
	for i := range c.srv.extensions {
		if f := &c.srv.extensions[i]; f.keyword && c.has(f) {
			set = set.With(f.ext)
		}
	}
	return set
}

// with makes a command's run function of a parser and a handler.
func with[T any](parse func(p *smtp.Parser, arg string) (T, error), do func(c *Conn, v T)) func(*Conn, string) {
	return func(c *Conn, arg string) {
		v, err := parse(&c.parser, arg)
		if err != nil {
			c.wrong(err)
			return
		}
		do(c, v)
	}
}

// bare makes a run function of a handler whose command takes no argument.
func bare(do func(c *Conn)) func(*Conn, string) {
	return func(c *Conn, arg string) {
		if err := c.parser.None(arg); err != nil {
			c.wrong(err)
			return
		}
		do(c)
	}
}
