// Package imapclient is a client of IMAP servers (RFC 9051, RFC 3501).
//
// A [Client] is a connection, and a [Mailbox] one selection on it:
//
//	c, err := imapclient.DialTLS(ctx, "imap.example.org", &imapclient.Options{
//		Credentials: &sasl.Credentials{Username: "tim", Password: password},
//	})
//	if err != nil {
//		return err
//	}
//	defer c.Logout(ctx)
//	inbox, err := c.Select(ctx, "INBOX", nil)
//	if err != nil {
//		return err
//	}
//	for msg, err := range inbox.Fetch(ctx, imapclient.Where(search.Unseen), imapclient.Envelope) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(msg.UID, msg.Subject())
//	}
//
// # Messages
//
// A [Set] says which messages are meant: UIDs, all, the last n, or those that a
// search finds. What Fetch is to return are items: a [Want], such as Envelope or
// Summary, and a [Section], such as Whole or Part(1). A message's octets are read
// from a [Body], within the loop's step.
//
// # Concurrency
//
// A Client and its Mailboxes may be used by several goroutines, and within loops
// over their own results: commands are sent without waiting for earlier ones as
// far as their answers can't be confused (RFC 9051 §5.5). A caller that reads
// slowly, stops reading or goes away holds nobody up, since no loop asks for more
// than a window of data ahead.
//
// A Message and its bodies belong to one goroutine at a time.
//
// # Several connections
//
// A [Pool] keeps connections to one account for many callers: Pool.Select runs a
// function with a mailbox, on a connection that is shared only with others that
// want the same one. Pool.Watch follows a mailbox for as long as a program runs,
// over breaks, and, by a [State], from one run to the next.
//
// # Contexts and errors
//
// A call returns when its context ends, whatever the server does. Whether the
// command was sent is in the [InterruptedError]; the connection remains usable,
// except in the middle of a literal, and unless the rest of the answer holds
// others up for too long. A refusal is an [*imap.Error] within a [CommandError],
// and errors.Is finds the errors of package mailbox in it, such as
// mailbox.ErrNotExist. Whatever an error is, [Client.Err] tells whether the
// connection is still of use.
//
// # What the server lacks
//
// The Client does by itself what the server can't, where that is cheap and
// honest: see [Emulation]. Otherwise the error is an [UnsupportedError], before
// anything is sent. Responses that this package does not know arrive as values;
// what can't be understood costs the item that it stands in.
//
// # Invariants
//
//   - One goroutine reads, always: it waits for no caller, and runs no code of
//     the user but Options.Logger and Options.Trace, without a lock.
//   - Framing comes before grammar: where a response ends never depends on
//     whether it can be understood.
//   - Who has the turn writes (queue.go); a command has its place in the queue, and
//     its selection is checked, in one step. A Mailbox that is no longer selected
//     sends nothing.
//   - No secret crosses a connection without TLS unless Options.AllowInsecureAuth,
//     and none appears in traces and errors. What the server said before TLS or
//     before the login is not believed after it.
//   - No value can become another command: all are written by the grammar.
package imapclient
