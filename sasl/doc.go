// Package sasl implements the authentication mechanisms of Internet mail, for
// clients and servers. It knows nothing of any protocol: IMAP, SMTP and POP3
// carry its octets, each in its own frame.
//
// A server asks an [Authenticator] whether a user is who it claims to be.
// [Users] is one that is ready to use; any other needs one method, and serves
// more mechanisms the more of the optional interfaces it has:
//
//	interface            serves
//	Authenticator        PLAIN, LOGIN
//	SCRAMKeeper          SCRAM-SHA-1, -256, -512, each with -PLUS
//	SecretKeeper         CRAM-MD5, DIGEST-MD5, APOP
//	TokenVerifier        OAUTHBEARER, XOAUTH2
//	CertificateVerifier  EXTERNAL
//	AnonymousGuard       ANONYMOUS
//	Authorizer           acting as somebody else, with all of them
//
// The server of a protocol says how a challenge is sent and the line that
// answers it is read, and [Serve] does the rest. [Attempts] counts the attempts
// of a connection that fail:
//
//	mech, err := sasl.NewServer("SCRAM-SHA-256", users, conn)
//	err = attempts.Try(ctx, conn, mech.Name(), func() (string, error) {
//		return sasl.Serve(ctx, mech, initial, ask) // nil: there was no initial response
//	}, openAccount)
//	if attempts.TooMany() {
//		… // say goodbye
//	}
//
// The client of a protocol has a [Carrier], which sends a line and reads what
// answers it, and logs in with the strongest mechanism:
//
//	cr := sasl.Credentials{Username: "tim", Password: "tanstaaftanstaaf"}
//	err := cr.Authenticate(ctx, offered, conn, carrier)
//
// # What holds
//
//   - A password never crosses a connection without TLS unless
//     Conn.AllowInsecure says that it may.
//   - An unknown user takes the path, the time and the answer of a wrong
//     password. SCRAM shows unknown users salts that stay the same.
//   - Secrets and digests compare in constant time.
//   - User names and passwords go through SASLprep on both sides: see [Prep].
//   - Nothing that a peer sends takes more than [MaxResponse] octets or, on
//     the client, more than a bounded time to compute.
//
// # Standards
//
// RFC 4422 (SASL), 4616 (PLAIN), draft-murchison-sasl-login (LOGIN), 4505
// (ANONYMOUS), 2195 (CRAM-MD5), 2831 (DIGEST-MD5; historic, and off unless
// asked for), 5802 and 7677 (SCRAM), 5929 and 9266 (channel bindings), 7628
// (OAUTHBEARER), 1939 (APOP), 4013 (SASLprep).
package sasl
