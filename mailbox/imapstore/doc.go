// Package imapstore is a mail store whose accounts are on IMAP servers: a program
// written against package mailbox runs on a remote account. It can be served by the
// servers of this module, copied to and from other stores, searched and sorted.
//
//	store := &imapstore.Store{Dial: func(ctx context.Context, account string) (*imapclient.Client, error) {
//		return imapclient.DialTLS(ctx, "imap.example.org", &imapclient.Options{
//			Credentials: &sasl.Credentials{Username: account, Password: passwords[account]},
//		})
//	}}
//	defer store.Close()
//	account, err := store.Account(ctx, "tim")
//	if err != nil {
//		return err
//	}
//	defer account.Close()
//	inbox, err := account.Mailbox(ctx, "INBOX")
//	if err != nil {
//		return err
//	}
//	for msg, err := range inbox.Messages(ctx, mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantEnvelope) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(msg.UID, msg.Envelope.Subject)
//	}
//
// # Connections
//
// Each account has a pool of at most Store.MaxConns connections, which its handles
// share, and Watch has some besides. No call holds a connection while the caller has
// its turn: neither in the loop over Messages nor while a Body is read. So all works
// with one connection, and no call can wait for itself.
//
// # What a server can't promise
//
// Package mailbox promises more than IMAP does. What the optional interfaces can say,
// they say: an account is a [mailbox.QuotaKeeper] only if the server has QUOTA, and a
// mailbox is neither a [mailbox.RecentMarker] nor a [mailbox.Replacer]. The rest is:
//
//   - IMAP does not tell what lies between two changes. The results of Append, Copy,
//     Move and Expunge have [mailbox.UnknownSteps]: a view is moved on by Changes.
//     SetFlags has exact steps where the server has CONDSTORE.
//   - Where it has not, the store gives mod-sequences of its own to what it sees
//     change, which last as long as the Store: see Changes. Every call of Changes then
//     reads the flags of all messages.
//   - Several messages are appended in one step only with MULTIAPPEND, moved in one
//     step only with MOVE, and copied so up to the 2,000 that one command names.
//   - Without OBJECTID, an ID is made of the name and UIDVALIDITY, is kept when the
//     mailbox is renamed through this Store, and is another one otherwise.
//   - Create may create superiors; octets, dates and keywords are kept as well as the
//     server keeps them; texts of summaries are the server's.
//
// The test suite, package mailboxtest, has a name for each of these, and checks
// everything else.
//
// # RFCs
//
// RFC 3501 and 9051 are enough. Used where there: CONDSTORE (RFC 7162), MAILBOXID (RFC
// 8474), UIDPLUS (RFC 4315), MOVE (RFC 6851), MULTIAPPEND (RFC 3502), LIST-EXTENDED,
// LIST-STATUS and SPECIAL-USE (RFC 5258, 5819, 6154), STATUS=SIZE (RFC 8438),
// APPENDLIMIT (RFC 7889), ESEARCH (RFC 4731), PREVIEW (RFC 8970), QUOTA (RFC 9208),
// NAMESPACE (RFC 2342), ACL (RFC 4314), NOTIFY (RFC 5465), IDLE (RFC 2177), response
// codes (RFC 5530).
//
// # Inside
//
//   - A state is read before what belongs to it (state.go): what happens in between is
//     found again by the next call, and nothing is lost.
//   - A mailbox is known by its ID. Before anything is sent about it, the selection is
//     compared with UIDVALIDITY and MAILBOXID (box.go): a name that another mailbox has
//     taken is never mistaken for it.
//   - Nothing that grows with a mailbox is kept, but UIDs as ranges, and flags where
//     the server has no mod-sequences (view.go).
package imapstore
