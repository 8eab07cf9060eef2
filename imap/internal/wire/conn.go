package wire

import "github.com/posthorn-mail/posthorn/textproto"

// Conn returns a Source that reads from c.
func Conn(c *textproto.Conn) Source { return conn{c} }

type conn struct{ *textproto.Conn }

func (c conn) Literal(n int64) LiteralReader { return c.CountedReader(n) }
