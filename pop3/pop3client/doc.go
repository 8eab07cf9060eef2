// Package pop3client fetches mail by POP3.
//
//	c, err := pop3client.DialTLS(ctx, "pop.example.org:995", &pop3client.Options{
//		Credentials: &sasl.Credentials{Username: "mrose", Password: "…"},
//	})
//	defer c.Close()
//	for m, err := range c.Messages(ctx, nil) {
//		if m != nil && err != nil {
//			log.Print(err) // of this message only
//			continue
//		}
//		if err != nil {
//			return err
//		}
//		io.Copy(file, m.Body)
//		m.Delete() // when it is stored
//	}
//	err = c.Quit(ctx) // deletes
//
// Messages requests many messages at once if the server allows it, and streams
// each. Download builds on it: it fetches new messages, and leaves or
// deletes them after some time, without losing or repeating a message when the
// connection breaks. Lookup finds the servers of a domain.
//
// # Invariants
//
//   - No password goes over a connection without TLS, unless
//     Options.AllowInsecureAuth. STLS is never skipped when requested.
//   - Nothing in an argument can become a command.
//   - Messages are streamed; lines of any length are passed on unchanged.
//   - When a call returns, the connection is ready for the next, or closed.
//   - Every wait has a limit that progress renews, and ends with the context. A
//     context that ends during a call closes the connection.
//   - A Client handles one call at a time: a call while another runs, or while
//     a message is unread, returns ErrBusy and has no effect.
//
// Capabilities are hints: commands that a server does not announce are tried if
// that is safe. Known deviations of servers are tolerated if nothing is lost:
// among them lines that end with LF alone (Options.StrictLineEnds refuses them)
// and lines of LIST and UIDL that cannot be read, each of which costs its message
// (ListingError).
//
// RFCs: 1939, 2449, 2595, 3206, 5034, 6186, 6856, 8314.
package pop3client
