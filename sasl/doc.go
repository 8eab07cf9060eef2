// Package sasl implements the authentication mechanisms of Internet mail, for
// clients and servers. It is independent of the protocols that carry an
// exchange: IMAP, SMTP and POP3.
//
// A server checks credentials with an [Authenticator]. [Users] is one that is
// ready to use. Any other needs one method, and the optional interfaces that it
// implements decide which mechanisms it serves:
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
// The server of a protocol provides a function that sends a challenge and reads
// the answer, and [Serve] does the rest. [Attempts] counts the failed attempts
// of a connection:
//
//	mech, err := sasl.NewServer("SCRAM-SHA-256", users, conn)
//	err = attempts.Try(ctx, conn, mech.Name(), func() (string, error) {
//		return sasl.Serve(ctx, mech, initial, ask) // nil: there was no initial response
//	}, openAccount)
//	if attempts.TooMany() {
//		… // say goodbye
//	}
//
// Checks of passwords are made to cost much. [Checks] bounds how many are at work,
// and lets the networks of clients take turns; [Users] uses it.
//
// The client of a protocol provides a [Carrier], which sends a line and reads
// the answer, and logs in with the strongest mechanism:
//
//	cr := sasl.Credentials{Username: "tim", Password: "tanstaaftanstaaf"}
//	err := cr.Authenticate(ctx, offered, conn, carrier)
//
// # Invariants
//
//   - A password is never sent over a connection without TLS unless
//     Conn.AllowInsecure is set.
//   - An unknown user and a wrong password take the same time and get the same
//     answer. SCRAM gives an unknown user the same salt each time.
//   - Secrets and digests are compared in constant time.
//   - User names and passwords go through SASLprep on both sides: see [Prep].
//   - Checks of passwords take half of the processors, and none is made for a client
//     that has gone while it waited.
//   - A challenge or response has at most [MaxResponse] octets, and a server
//     cannot make a client compute for longer than a bounded time.
//
// # Standards
//
// RFC 4422 (SASL), 4616 (PLAIN), draft-murchison-sasl-login (LOGIN), 4505
// (ANONYMOUS), 2195 (CRAM-MD5), 2831 (DIGEST-MD5; historic, and off unless
// asked for), 5802 and 7677 (SCRAM), 5929 and 9266 (channel bindings), 7628
// (OAUTHBEARER), 1939 (APOP), 4013 (SASLprep).
package sasl
