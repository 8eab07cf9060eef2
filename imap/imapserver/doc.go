// Package imapserver serves IMAP from any mailbox.Store: IMAP4rev1 (RFC 3501),
// as clarified by RFC 9051 where both agree.
//
//	srv := &imapserver.Server{Store: store, Authenticator: users}
//	srv.TLSConfig = tlsConfig
//	go srv.ListenAndServe(":143")
//	go srv.ListenAndServeTLS(":993")
//	…
//	srv.Shutdown(ctx)
//
// The server implements sequence numbers, searching, partial fetches, notifications
// and quotas with the few calls of package mailbox.
//
// # Structure
//
// A command is a row of a table: its name, the states that it is valid in and a
// method of Conn. Commands, capabilities, data items and changes to other
// commands belong to an extension: a function in a file named after it, listed in
// newProtocol. The grammar is in package imap/internal/grammar, which has a file
// of the same name: handlers get typed commands, and never one that the session
// does not offer.
//
// A session runs on the one goroutine of its connection. A view (view.go) holds
// what its client knows of the selected mailbox, and is updated by
// Mailbox.Changes. selected.go determines what the client is told of it, and when.
// hub.go notifies sessions of changes.
//
// # Invariants
//
//   - Commands run one after the other in the order in which they arrive. Output
//     is sent when no more input is waiting, so that pipelined commands are
//     answered in as few packets as possible.
//   - A sequence number means the same message from the response that announces
//     it to the EXPUNGE that removes it. EXPUNGE is never sent during FETCH,
//     STORE and SEARCH, nor between commands (RFC 3501 §7.4.1).
//   - Of messages that another session has expunged, but whose EXPUNGE could
//     not be sent yet, nothing is returned, and SEARCH does not find them (RFC
//     2180 §4.3). While there are any, FETCH, STORE and SEARCH end with OK
//     [EXPUNGEISSUED] (RFC 5530 §3), as with Dovecot: they have done all that
//     could be done, and programs take the NO of RFC 2180 §4.1.2 and §4.2.2 for
//     a failure. COPY and MOVE of sequence numbers with one of such a message do
//     nothing and end with NO [EXPUNGEISSUED] (§4.4.1), after the EXPUNGE.
//   - Messages that are damaged are left out: FETCH and STORE return the others
//     and end with NO [CORRUPTION] (RFC 5530 §3), SEARCH does not find them.
//   - The flags that STORE.SILENT sets are not echoed, unless another session
//     has changed the message at the same time.
//   - Once CONDSTORE is enabled, everything that is told of flags without being
//     asked for has MODSEQ and UID.
//   - When a command is answered, every other session of this server sees its
//     effects with its next command; sessions in IDLE are told at once. Changes
//     by other processes arrive by Account.Watch, at NOOP at the latest.
//   - A sequence number that no message has is answered with BAD; "1:*" in an
//     empty mailbox names nothing and is OK (see imap.NumSet.Seqs).
//   - No message is held in memory, and nothing that grows with a mailbox except
//     the view and the result of a search.
//   - A line that ends in a bare LF, or contains a bare CR or a NUL, is answered
//     with BAD.
//   - A client that has not logged in can make the server hold a line of 64 KiB
//     and as much again of what has been read from a command, for no longer than
//     LoginTimeout; the fields of its ID, up to 64 KiB, stay for Conn.ClientID.
//   - A line that is too long is skipped, up to 1 MiB, and costs the command: BAD
//     [TOOBIG]. BYE follows only where the next command can't be found.
//
// # RFCs
//
// 3501 (IMAP4rev1), 2177 (IDLE), 2180 (several sessions on a mailbox), 2342
// (NAMESPACE), 2971 (ID), 3348 (CHILDREN), 3691 (UNSELECT), 4315 (UIDPLUS),
// 4959 (SASL-IR), 5161 (ENABLE), 5258 (LIST-EXTENDED), 5530 (response codes), 5819
// (LIST-STATUS), 6154 (SPECIAL-USE, CREATE-SPECIAL-USE), 6851 (MOVE), 7162 §3.1
// (CONDSTORE), 7888 (LITERAL+), 8438 (STATUS=SIZE), 9208 (QUOTA).
package imapserver
