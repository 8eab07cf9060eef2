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
// The server's side of an exchange:
//
//	srv, err := sasl.NewServer("SCRAM-SHA-256", users, sasl.Conn{Service: "imap", TLS: state})
//	for response := initial; ; response = readResponse() { // nil: there was no initial response
//		challenge, done, err := srv.Next(ctx, response)
//		if err != nil {
//			return err // ErrAuthFailed, ErrMalformed, ErrUnavailable, …
//		}
//		if done {
//			return login(srv.Identity())
//		}
//		writeChallenge(challenge)
//	}
//
// (Where done comes with a challenge, a protocol that has no place for it in
// its success reply sends it and reads an empty response first.)
//
// The client's side:
//
//	c, err := sasl.Select(ctx, offered, sasl.Credentials{Username: "tim", Password: "tanstaaftanstaaf"}, conn)
//	response, err := c.Start() // nil: no initial response
//	response, err = c.Next(challenge)
//	err = c.Finish() // when the server reports success
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
