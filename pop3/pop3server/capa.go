package pop3server

import "github.com/posthorn-mail/posthorn/pop3"

// base is what every server has (RFC 1939, RFC 2449 §5).
func base() extension {
	return extension{commands: []command{
		{"CAPA", anyState, (*conn).capa},
		{"NOOP", transaction, (*conn).noop},
		{"QUIT", anyState, (*conn).quit},
	}}
}

// capa answers CAPA (RFC 2449 §5). What is announced before login is announced
// after it too.
func (c *conn) capa(pop3.Command) {
	c.say(textCapa)
	for _, x := range c.srv.extensions {
		if x.capabilities == nil {
			continue
		}
		for _, capa := range x.capabilities(c) {
			c.tp.Write(append(capa.Append(c.tp.AvailableBuffer()), '\r', '\n'))
		}
	}
	c.end()
}
