// Package pop3server serves maildrops by POP3 from any mailbox.Store.
//
//	srv := &pop3server.Server{Store: store, Authenticator: users}
//	srv.TLSConfig = cfg // STLS, and the certificate of ServeTLS
//	err := srv.ListenAndServeTLS(":995")
//
// The zero value of every other field is a sensible default. Shutdown, Close,
// limits, timeouts and logging are those of the embedded textproto.Server.
//
// It implements RFC 1939 with its optional commands, 2449 (CAPA, PIPELINING,
// RESP-CODES, EXPIRE, LOGIN-DELAY, IMPLEMENTATION), 2595 (STLS), 3206
// (AUTH-RESP-CODE), 5034 (AUTH) and 6856 (UTF8, LANG). What requires TLS,
// secrets or a policy is offered only where these are configured.
//
// # Invariants
//
//   - The maildrop of a session is what the mailbox held at login. Numbers and
//     unique-ids do not change; a message that another session expunges
//     meanwhile is answered with -ERR.
//   - Nothing is deleted before QUIT, and then all in one call of the store: a
//     session that ends in another way deletes nothing.
//   - A message is never held in memory: it streams from the store to the
//     connection. When a client pipelines, the messages it asks for come from
//     one pass over the mailbox.
//   - A session is one goroutine, and waits without buffers.
//   - A client that has not logged in can hold a connection for no longer than
//     LoginTimeout.
//   - An unknown user gets the same replies as a wrong password.
package pop3server
