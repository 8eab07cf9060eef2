// Package textproto is the core that clients and servers of line-oriented
// Internet protocols (SMTP, LMTP, IMAP, POP3) share: a [Conn] that reads and
// writes lines, dot-stuffed and counted bodies, and upgrades itself to TLS and
// compression in place; and a [Server] that accepts, limits, traces and shuts
// down connections.
//
// A server is a [Handler]:
//
//	func (p myProtocol) ServeConn(ctx context.Context, c *textproto.Conn) {
//		c.SetAutoFlush(true)
//		c.WriteLine("220 ready")
//		for {
//			if err := c.Wait(); err != nil { // ErrServerClosed, ErrWoken, a timeout, io.EOF …
//				return
//			}
//			line, err := c.ReadLine()
//			…
//		}
//	}
//
//	s := &textproto.Server{MaxConns: 1000}
//	err := s.ListenAndServe(":2525", myProtocol{})
//
// A client is a Conn over a connection that [Dial] made, perhaps through a proxy,
// with [Conn.StartTLSClient] at once (implicit TLS) or after the protocol's
// command:
//
//	proxy, err := textproto.ThroughProxy(&url.URL{Scheme: "socks5", Host: "localhost:1080"}, nil)
//	nc, host, err := textproto.Dial(ctx, proxy, "mail.example.org", "993", time.Minute)
//	c := textproto.NewConn(nc, nil)
//	err = c.StartTLSClient(ctx, textproto.ClientTLS(nil, host))
//
// # What it implements
//
//   - lines, dot-stuffing and the end of a body: RFC 5321 §2.3.8, §4.1.1.4, §4.5.2;
//     RFC 1939 §3
//   - counted bodies: RFC 9051 §4.3 (literals), RFC 3030 (BDAT chunks)
//   - STARTTLS and implicit TLS: RFC 3207, RFC 2595, RFC 8314
//   - COMPRESS=DEFLATE: RFC 4978, with RFC 1951
//   - the PROXY protocol, versions 1 and 2, of HAProxy, on both sides
//   - proxies: RFC 9110 §9.3.6 (CONNECT), RFC 1928 and RFC 1929 (SOCKS5)
//
// # Invariants
//
//   - Only CRLF.CRLF ends a dot-stuffed body, in any mode. Only Close ends one
//     that is sent.
//   - After a line or a body that was refused the connection is in step: ReadLine
//     skips the rest of a long line, Drain the rest of a body, and a body that was
//     not read to its end blocks the next ReadLine ([ErrUnreadBody]).
//   - No input takes memory before it has arrived, and none more than the limit
//     that applies to it (MaxLine for a line, two buffers for a body of any size).
//   - What the peer sent in the clear is never treated as sent under TLS.
//   - Deadlines are set in one place (transport), under one mutex, from the
//     timeouts, the bound contexts and the waiting state. A layer above it sees
//     only a timeout, which it survives; Conn reports the reason afterwards.
//   - A peer that writes a command in pieces does not wait for a delayed
//     acknowledgement, on Linux, and one that writes it whole causes no system
//     call for that (quickAck).
//   - A failed write is permanent, a read that timed out is not.
//   - The reading side and the writing side share no unguarded state, so each may
//     have a goroutine of its own.
//   - The context of a Handler ends when the client has gone, even if nothing is
//     read or written; no input is taken from the connection to find that out.
//   - No allocations grow with the number of lines or bodies. A waiting
//     connection holds no buffer.
package textproto
