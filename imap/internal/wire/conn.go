package wire

import "github.com/posthorn-mail/posthorn/textproto"

// Conn makes a connection a Source.
func Conn(c *textproto.Conn) Source { return conn{c} }

type conn struct{ *textproto.Conn }

func (c conn) Literal(n int64) LiteralReader { return c.CountedReader(n) }
