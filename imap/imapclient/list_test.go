package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Options with which a scripted client does nothing by itself.
var quietly = imapclient.Options{ID: imap.IDFields{}}

// RFC 9590 §4, and RFC 8440 §4, in one command with RFC 5819.
func TestListInOneCommand(t *testing.T) {
	c := scripted(t, "LIST-EXTENDED LIST-STATUS LIST-METADATA LIST-MYRIGHTS METADATA ACL SPECIAL-USE", `
C: {{tag:}} LIST "" % RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN) METADATA ("/shared/vendor/cmu/cyrus-imapd/color") MYRIGHTS)
S: * LIST () "." "INBOX"
S: * METADATA "INBOX" ("/shared/vendor/cmu/cyrus-imapd/color" "#b71c1c")
S: * STATUS INBOX (MESSAGES 17 UNSEEN 16)
S: * MYRIGHTS INBOX lrswipkxtecda
S: * LIST (\sent \HasNoChildren) "." "foo"
S: * METADATA "foo" ("/shared/vendor/cmu/cyrus-imapd/color" NIL)
S: * METADATA "foo" /shared/comment
S: * STATUS "foo" (MESSAGES 30 UNSEEN 29)
S: * MYRIGHTS foo lrs
S: * LIST (\NonExistent \HasChildren) "." bar
S: ${tag} OK done
`, &quietly)
	entries, err := c.List(t.Context(), &imapclient.ListOptions{
		Patterns: []string{"%"}, Status: []imap.StatusItem{imap.StatusMessages, imap.StatusUnseen},
		Metadata: []string{"/shared/vendor/cmu/cyrus-imapd/color"}, Rights: true,
	})
	require.NoError(t, err)
	require.Equal(t, []string{"INBOX", "foo", "bar"}, names(entries))
	require.Equal(t, "#b71c1c", string(entries[0].Metadata[0].Value))
	require.Equal(t, uint32(16), *entries[0].Status.Unseen)
	require.Equal(t, imap.Rights("lrs"), entries[1].Rights)
	require.Equal(t, mailbox.UseSent, entries[1].Use)
	require.Nil(t, entries[1].Metadata[0].Value)
	require.False(t, entries[2].Selectable())
	require.Equal(t, &imapclient.MetadataChanged{Mailbox: "foo", Entries: []string{"/shared/comment"}}, c.NextEvent())
}

// What the server has no options for is asked in single commands, in one flight. A
// failure of one does not stop the others.
func TestListSingleCommands(t *testing.T) {
	script := `
C: {{tag:}} LIST "" *
S: * LIST () "/" a
S: * LIST (\NOSELECT) "/" b
S: * LIST () "/" c
S: ${tag} OK done
C: {{t1:}} STATUS a (MESSAGES)
C: {{t2:}} GETMETADATA a /private/comment
C: {{t3:}} MYRIGHTS a
C: {{t4:}} STATUS c (MESSAGES)
C: {{t5:}} GETMETADATA c /private/comment
C: {{t6:}} MYRIGHTS c
S: * STATUS a (MESSAGES 1)
S: ${t1} OK done
S: * METADATA a (/private/comment "one")
S: * METADATA c (/private/comment "two")
S: ${t2} OK done
S: ${t3} NO [NOPERM] not you
S: ${t4} NO no
S: ${t5} OK done
S: * MYRIGHTS c lr
S: ${t6} OK done
`
	o := &imapclient.ListOptions{Status: []imap.StatusItem{imap.StatusMessages}, Metadata: []string{"/private/comment"}, Rights: true}
	c := scripted(t, "METADATA ACL", script, &quietly)
	entries, err := c.List(t.Context(), o)
	require.ErrorIs(t, err, mailbox.ErrPermission) // the first
	require.Equal(t, []string{"a", "b", "c"}, names(entries))
	require.Equal(t, uint32(1), *entries[0].Status.Messages)
	require.Equal(t, "one", string(entries[0].Metadata[0].Value))
	require.Equal(t, "two", string(entries[2].Metadata[0].Value))
	require.Nil(t, entries[2].Status)
	require.Equal(t, imap.Rights("lr"), entries[2].Rights)

	// Nothing is sent if that is forbidden, or impossible.
	var unsupported *imapclient.UnsupportedError
	c = scripted(t, "METADATA ACL", "", &imapclient.Options{NoEmulation: imapclient.EmulateListItems})
	for _, o := range []*imapclient.ListOptions{o, {Rights: true}, {SpecialUse: true}} {
		_, err = c.List(t.Context(), o)
		require.ErrorAs(t, err, &unsupported)
	}
	c = scripted(t, "", "", nil)
	for _, o := range []*imapclient.ListOptions{{Rights: true}, {Metadata: []string{"/shared/a"}}, {Remote: true}, {SpecialUse: true, RecursiveMatch: true}} {
		_, err = c.List(t.Context(), o)
		require.ErrorAs(t, err, &unsupported)
	}
}

// RFC 5258 §5, examples 5, 8 and 11, and RFC 6154 §5.2.
func TestListExtended(t *testing.T) {
	c := scripted(t, "LIST-EXTENDED SPECIAL-USE", `
C: {{tag:}} LIST (SUBSCRIBED REMOTE) "" * RETURN (SUBSCRIBED CHILDREN SPECIAL-USE)
S: * LIST (\Subscribed) "/" "Fruit/Banana"
S: * LIST (\Remote \Subscribed) "/" "Bread"
S: ${tag} OK done
C: {{tag:}} LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (SUBSCRIBED CHILDREN SPECIAL-USE)
S: * LIST () "/" "foo2" ("CHILDINFO" ("SUBSCRIBED"))
S: * LIST (\Subscribed) "/" "baz2" ("CHILDINFO" ("SUBSCRIBED") "X-NEW" (1 "2"))
S: ${tag} OK done
C: {{tag:}} LIST "" (INBOX Drafts Sent/%) RETURN (SUBSCRIBED CHILDREN SPECIAL-USE)
S: * LIST () "/" "INBOX"
S: * LIST (\NoInferiors) "/" "Drafts"
S: * LIST () "/" "Sent/March2004" (OLDNAME ("Sent/Maerz"))
S: ${tag} OK done
C: {{tag:}} LIST (SPECIAL-USE) "" * RETURN (SUBSCRIBED CHILDREN SPECIAL-USE)
S: * LIST (\Marked \Drafts) "/" MyDrafts
S: * LIST (\TRASH \junk) "/" Rubbish
S: ${tag} OK done
`, &quietly)
	ctx := t.Context()
	entries, err := c.List(ctx, &imapclient.ListOptions{Subscribed: true, Remote: true})
	require.NoError(t, err)
	require.True(t, entries[1].Has(imap.AttrRemote))
	entries, err = c.List(ctx, &imapclient.ListOptions{Subscribed: true, RecursiveMatch: true, Patterns: []string{"%"}})
	require.NoError(t, err)
	require.Equal(t, []string{"SUBSCRIBED"}, entries[0].ChildInfo)
	require.Equal(t, "X-NEW", entries[1].Unknown[0].Name)
	entries, err = c.List(ctx, &imapclient.ListOptions{Patterns: []string{"INBOX", "Drafts", "Sent/%"}})
	require.NoError(t, err)
	require.True(t, entries[1].Has(`\noinferiors`))
	require.Zero(t, entries[1].Use) // not guessed from a part of the list
	require.Equal(t, "Sent/Maerz", entries[2].OldName)
	name, err := c.FindMailbox(ctx, mailbox.UseJunk)
	require.NoError(t, err)
	require.Equal(t, "Rubbish", name)
}

// Roles that nobody tells are guessed, for the mailbox with the shortest path.
func TestListGuesses(t *testing.T) {
	c := scripted(t, "", `
C: {{tag:}} LIST "" *
S: * LIST () "." INBOX
S: * LIST () "." INBOX.Old.Sent
S: * LIST () "." "INBOX.Sent Items"
S: * LIST (\Noselect) "." INBOX.Trash
S: * LIST () "." INBOX.Spam
S: ${tag} OK done
`, nil)
	entries, err := c.List(t.Context(), &imapclient.ListOptions{SpecialUse: true})
	require.NoError(t, err)
	require.Equal(t, []string{"INBOX.Sent Items", "INBOX.Spam"}, names(entries))
	require.True(t, entries[0].Guessed)
}

// XLIST, as Gmail and QQ have had it: names may be translated, the role decides. The
// dialogue is that of Gmail's documentation.
func TestXList(t *testing.T) {
	c := scripted(t, "XLIST CHILDREN", `
C: {{tag:}} XLIST "" "*"
S: * XLIST (\HasNoChildren \Inbox) "/" "Inbox"
S: * XLIST (\Noselect \HasChildren) "/" "[Gmail]"
S: * XLIST (\HasNoChildren \AllMail) "/" "[Gmail]/All Mail"
S: * XLIST (\HasNoChildren \Spam) "/" "[Gmail]/Spam"
S: * XLIST (\HasNoChildren \Starred) "/" "[Gmail]/Starred"
S: * XLIST (\HasNoChildren \Trash) "/" "[Gmail]/&BBoEPgRABDcEOAQ9BDA-"
S: ${tag} OK Success
C: {{tag:}} XLIST "" "*"
S: * XLIST (\HasNoChildren \Inbox) "/" "Posteingang"
S: ${tag} OK Success
`, nil)
	name, err := c.FindMailbox(t.Context(), mailbox.UseAll)
	require.NoError(t, err)
	require.Equal(t, "[Gmail]/All Mail", name)
	entries, err := c.List(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"INBOX"}, names(entries))
}

// A name that the server has encoded wrongly goes back as it came (Q33: Yandex), until
// the mailbox is gone.
func TestRawNames(t *testing.T) {
	c := scripted(t, "", `
C: {{tag:}} LIST "" *
S: * LIST () "|" "&BBAEMQQyACYEMwQ0BDU-"
S: * LIST () "|" "a&b"
S: ${tag} OK done
C: {{tag:}} STATUS &BBAEMQQyACYEMwQ0BDU- (MESSAGES)
S: * STATUS "&BBAEMQQyACYEMwQ0BDU-" (MESSAGES 5)
S: ${tag} OK done
C: {{tag:}} STATUS a&b (MESSAGES)
S: * STATUS a&b (MESSAGES 6)
S: ${tag} OK done
C: {{tag:}} DELETE &BBAEMQQyACYEMwQ0BDU-
S: ${tag} OK done
C: {{tag:}} CREATE &BBAEMQQy-&-&BDMENAQ1-
S: ${tag} OK done
`, nil)
	ctx := t.Context()
	entries, err := c.List(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"Абв&где", "a&b"}, names(entries))
	for i, n := range []uint32{5, 6} {
		st, err := c.Status(ctx, entries[i].Name, imap.StatusMessages)
		require.NoError(t, err)
		require.Equal(t, n, *st.Messages)
	}
	require.NoError(t, c.Delete(ctx, "Абв&где"))
	require.NoError(t, c.Create(ctx, "Абв&где"))
}

// LSUB and LIST in one flight.
func TestListSubscribed(t *testing.T) {
	c := scripted(t, "", `
C: {{t1:}} LSUB "" %
C: {{t2:}} LIST "" %
S: * LSUB () "/" INBOX
S: * LSUB (\Noselect) "/" lists
S: * LSUB () "/" gone
S: ${t1} OK done
S: * LIST (\Marked) "/" INBOX
S: * LIST (\HasChildren) "/" lists
S: ${t2} OK done
`, nil)
	entries, err := c.List(t.Context(), &imapclient.ListOptions{Subscribed: true, RecursiveMatch: true, Patterns: []string{"%"}})
	require.NoError(t, err)
	require.Equal(t, []string{"INBOX", "lists", "gone"}, names(entries))
	require.True(t, entries[0].Has(imap.AttrMarked) && entries[0].Has(imap.AttrSubscribed))
	require.Equal(t, []string{"SUBSCRIBED"}, entries[1].ChildInfo)
	require.False(t, entries[1].Has(imap.AttrSubscribed))
	require.True(t, entries[2].Has(imap.AttrNonExistent))
}

// One line that can't be read does not cost the others.
func TestListUnreadable(t *testing.T) {
	c := scripted(t, "", `
C: {{tag:}} LIST "" a%
S: * LIST () "/" a1
S: * LIST () "/
S: * LIST () "/" a2
S: ${tag} OK done
C: {{tag:}} LIST "" b
S: * LIST () NIL b
S: ${tag} OK done
C: {{t1:}} STATUS a1 (MESSAGES)
C: {{t2:}} STATUS a2 (MESSAGES)
C: {{t3:}} STATUS b (MESSAGES)
S: * STATUS a1 (MESSAGES 1)
S: ${t1} OK done
S: * STATUS a2 (MESSAGES 2)
S: ${t2} OK done
S: * STATUS b (MESSAGES 3)
S: ${t3} OK done
`, nil)
	entries, err := c.List(t.Context(), &imapclient.ListOptions{Patterns: []string{"a%", "b"}, Status: []imap.StatusItem{imap.StatusMessages}})
	var unreadable *imapclient.ResponseError
	require.ErrorAs(t, err, &unreadable)
	require.Equal(t, []string{"a1", "a2", "b"}, names(entries))
	require.Equal(t, uint32(3), *entries[2].Status.Messages)
}

// RFC 2193 §5.1 and §5.2.
func TestListRemote(t *testing.T) {
	c := scripted(t, "MAILBOX-REFERRALS", `
C: {{tag:}} RLIST "" %
S: * LIST () "/" INBOX
S: * LIST (\Noselect) "/" REMOTE
S: ${tag} OK done
C: {{t1:}} RLSUB "" *
C: {{t2:}} RLIST "" *
S: * LSUB () "/" "#public/x"
S: ${t1} OK done
S: ${t2} OK done
`, nil)
	entries, err := c.List(t.Context(), &imapclient.ListOptions{Remote: true, Patterns: []string{"%"}})
	require.NoError(t, err)
	require.Equal(t, []string{"INBOX", "REMOTE"}, names(entries))
	entries, err = c.List(t.Context(), &imapclient.ListOptions{Remote: true, Subscribed: true})
	require.NoError(t, err)
	require.Equal(t, []string{"#public/x"}, names(entries))
}
