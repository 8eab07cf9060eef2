// Package smtpclient sends mail by SMTP, submission and LMTP.
//
// One message, one call:
//
//	err := smtpclient.SendMail(ctx, "smtp.example.org:587",
//		&sasl.Credentials{Username: "alice", Password: "…"},
//		"alice@example.org", []string{"bob@example.net"}, body)
//
// Port 465 is spoken to with TLS from the first octet, any other with STARTTLS;
// without TLS nothing is sent. The body is a whole message with its header; line
// ends may be LF or CRLF.
//
// A [Client] holds a connection for several messages and returns a result for
// each recipient:
//
//	c, err := smtpclient.DialStartTLS(ctx, "smtp.example.org:587", &smtpclient.Options{Credentials: cred})
//	defer c.Close()
//	env, err := smtpclient.ParseEnvelope("alice@example.org", "bob@example.net", "carol@example.com")
//	res, err := c.Send(ctx, env, body)
//	for _, r := range res.Recipients { … r.Status, r.Err … }
//
// Send picks what the server offers: PIPELINING makes MAIL, all RCPT and DATA one
// flight, SIZE, 8BITMIME and SMTPUTF8 are used where the message needs them, and
// a message that the server can't take is refused before it is sent.
//
// A [Pool] keeps connections to one server for many messages. [LookupSubmission]
// finds the servers of a domain where its users submit mail. Package smtp/outbound
// delivers to the mail hosts of any domain.
//
// Invariants:
//
//   - No password goes over a connection without TLS, unless
//     Options.AllowInsecureAuth. STARTTLS is never skipped when asked for.
//   - Nothing from an address or a parameter can become a command.
//   - Bodies are streamed. Bare CR and LF never go out in DATA.
//   - When a call returns, the connection is in step for the next, or closed.
//     A message whose body could not be read to its end has not been sent.
//   - Every wait has a limit (RFC 5321 §4.5.3.2) that progress renews, and the
//     context is above all of them.
//
// RFCs: 5321, 2033, 6409, 8314; 4468, 6186; 1870, 2034, 2920, 3030, 3207, 3461, 4954,
// 6152, 6531, 9422 and the parameters that package smtp knows.
package smtpclient
