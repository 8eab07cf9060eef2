// Package imapserver serves IMAP from any mailbox.Store: IMAP4rev1 (RFC 3501),
// with what RFC 9051 made clearer where both agree.
//
//	srv := &imapserver.Server{Store: store, Authenticator: users}
//	srv.TLSConfig = tlsConfig
//	go srv.ListenAndServe(":143")
//	go srv.ListenAndServeTLS(":993")
//	…
//	srv.Shutdown(ctx)
//
// There is nothing else to write: sequence numbers, searching, partial fetches,
// notifications and quotas follow from the few calls of package mailbox.
//
// # What is where
//
// A command is a row of a table: its name, the states that it is valid in and a
// method of Conn. What adds commands, capabilities or data items, or changes
// what other commands do, is an extension: a function in a file named after it,
// listed in newProtocol. The grammar is in package imap/internal/grammar, which
// has a file of the same name: handlers get typed commands, and never one that
// uses what the session does not offer.
//
// A session owns everything about its connection and runs on one goroutine. What
// its client knows of the selected mailbox is a view (view.go), which moves
// forward by Mailbox.Changes. What is told of it, and when, is in selected.go.
// How sessions hear of changes is in hub.go.
//
// # What holds
//
//   - Commands run one after the other in the order in which they came. Output
//     leaves when no more input is waiting, so pipelined commands are answered
//     in as few packets as there can be.
//   - A sequence number means the same message from the response that told of
//     it to the EXPUNGE that ends it. EXPUNGE is never sent during FETCH, STORE
//     and SEARCH, nor between commands (RFC 3501 §7.4.1).
//   - Of messages that another session has expunged, but whose EXPUNGE could
//     not be sent yet, nothing is returned, and FETCH and STORE by sequence
//     number end with NO [EXPUNGEISSUED] (RFC 2180 §4.1.2, §4.2.3). COPY and
//     MOVE of such messages do nothing (§4.4.1). SEARCH does not find them
//     (§4.3).
//   - The flags that STORE.SILENT sets are not echoed, unless another session
//     has changed the message at the same time.
//   - Once CONDSTORE is enabled, everything that is told of flags without being
//     asked for has MODSEQ and UID.
//   - When a command is answered, every other session of this server sees its
//     effects with its next command; sessions in IDLE are told at once. Changes
//     by other processes arrive by Account.Watch, at NOOP at the latest.
//   - A sequence number that no message has is answered with BAD; "1:*" in an
//     empty mailbox names nothing and is OK (see imap.NumSet.Seqs).
//   - No message, and nothing that grows with a mailbox but the view and the
//     result of a search, is held in memory.
//   - A line that ends in a bare LF, or has a bare CR or a NUL in it, is no
//     command: BAD.
//   - A client that has not logged in can make the server hold no more than
//     some kilobytes, for no longer than LoginTimeout.
//
// # RFCs
//
// 3501 (IMAP4rev1), 2177 (IDLE), 2180 (several sessions on a mailbox), 2342
// (NAMESPACE), 2971 (ID), 3348 (CHILDREN), 3691 (UNSELECT), 4315 (UIDPLUS),
// 4959 (SASL-IR), 5161 (ENABLE), 5258 (LIST-EXTENDED), 5530 (response codes), 5819
// (LIST-STATUS), 6154 (SPECIAL-USE, CREATE-SPECIAL-USE), 6851 (MOVE), 7162 §3.1
// (CONDSTORE), 7888 (LITERAL+), 8438 (STATUS=SIZE), 9208 (QUOTA).
package imapserver
