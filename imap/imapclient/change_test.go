package imapclient_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// subjects returns the subjects in a mailbox, as another connection sees it.
func (s *site) subjects(t testing.TB, name string) []string {
	t.Helper()
	c := s.dial(t, nil)
	defer c.Close()
	m, err := c.Examine(t.Context(), name)
	require.NoError(t, err)
	var out []string
	for msg, err := range m.Fetch(t.Context(), imapclient.All(), imapclient.Envelope) {
		require.NoError(t, err)
		out = append(out, msg.Subject())
	}
	return out
}

// variants are what the server is taken to lack.
var variants = [][]imap.Cap{
	nil,
	{imap.CapQResync, imap.CapCondStore},
	{imap.CapMove},
	{imap.CapMove, imap.CapUIDPlus},
	{imap.CapReplace, imap.CapMove, imap.CapUIDPlus, imap.CapQResync, imap.CapESearch, imap.CapSearchRes, imap.CapIMAP4rev2},
}

func testMove(t *testing.T, s *site) {
	ctx := t.Context()
	for _, disable := range variants {
		o := s.options()
		o.Disable = disable
		o.Limits.Batch = 3
		c := s.dial(t, o)
		dest := s.box(t, c)
		m := s.box(t, c, count(10)...)
		uids, err := m.UIDs(ctx)
		require.NoError(t, err)

		// One that others have marked as deleted remains.
		require.NoError(t, m.AddFlags(ctx, imapclient.UIDs(uids.At(9)), mailbox.FlagDeleted))
		moved, err := m.Move(ctx, imapclient.Where(search.Not{Key: search.Subject("message 10")}), dest.Name())
		require.NoError(t, err)
		require.Equal(t, 9, moved.Done.Len())
		require.Equal(t, 1, m.Exists())
		var to, last mailbox.UID
		at := 0
		for _, p := range moved.Moved {
			for to = p.Dest.First; to <= p.Dest.Last; to++ {
				require.Equal(t, uids.At(at), p.Source.First+to-p.Dest.First)
				require.Greater(t, to, last)
				last = to
				at++
			}
		}
		require.Equal(t, 9, at)
		require.Equal(t, []string{"message 10"}, s.subjects(t, m.Name()))
		var want []string
		for i := range 9 {
			want = append(want, fmt.Sprintf("message %d", i+1))
		}
		require.Equal(t, want, s.subjects(t, dest.Name()))
		for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Flags) {
			require.NoError(t, err)
			require.True(t, msg.Entry.Flags.Has(mailbox.FlagDeleted))
		}

		copied, err := m.Copy(ctx, imapclient.All(), dest.Name())
		require.NoError(t, err)
		require.Equal(t, 1, copied.Done.Len())
		_, err = m.Move(ctx, imapclient.All(), "no such mailbox")
		require.ErrorIs(t, err, mailbox.ErrNotExist)
		require.Equal(t, 1, m.Exists())
		gone, err := m.Expunge(ctx, imapclient.All())
		require.NoError(t, err)
		require.Equal(t, mailbox.UIDSetOf(uids.At(9)), gone)
		require.Zero(t, m.Exists())
		moved, err = m.Move(ctx, imapclient.All(), dest.Name())
		require.NoError(t, err)
		require.Zero(t, moved.Done.Len())

		o.NoEmulation = imapclient.EmulateAll
		c = s.dial(t, o)
		m, err = c.Select(ctx, dest.Name(), nil)
		require.NoError(t, err)
		_, err = m.Move(ctx, imapclient.All(), "x")
		var u *imapclient.UnsupportedError
		require.Equal(t, !c.Capabilities().Has(imap.CapMove), errors.As(err, &u))
	}
}

func testReplace(t *testing.T, s *site) {
	ctx := t.Context()
	for _, disable := range variants {
		o := s.options()
		o.Disable = disable
		c := s.dial(t, o)
		m := s.box(t, c, count(3)...)
		uids, err := m.UIDs(ctx)
		require.NoError(t, err)
		require.NoError(t, m.AddFlags(ctx, imapclient.UIDs(uids.At(0)), mailbox.FlagDeleted))
		d := incoming(letter("second try", "x"))
		d.Flags = mailbox.NewFlagSet(mailbox.FlagDraft)
		uid, err := m.Replace(ctx, uids.At(1), d)
		require.NoError(t, err)
		require.Greater(t, uid, uids.At(2))
		require.Equal(t, []string{"message 1", "message 3", "second try"}, s.subjects(t, m.Name()))
		_, err = m.Replace(ctx, uids.At(1), incoming(letter("third try", "x")))
		require.Error(t, err)
		require.Len(t, s.subjects(t, m.Name()), 3)
	}
}

func testCatenate(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	text := "From: a@example.org\r\nSubject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nold text\r\n--b\r\nContent-Type: image/png\r\n\r\npicture\r\n--b--\r\n"
	m := s.box(t, c, text)
	require.NoError(t, c.Create(ctx, m.Name()+"/Entwürfe & Co"))
	uids, err := m.UIDs(ctx)
	require.NoError(t, err)
	d := mailbox.Incoming{Flags: mailbox.NewFlagSet(mailbox.FlagDraft)}
	if !c.Capabilities().Has(imap.CapCatenate) {
		var u *imapclient.UnsupportedError
		_, err := c.Catenate(ctx, m.Name(), d, imapclient.CatPart{URL: m.URL(uids.At(0), imapclient.Header())})
		require.ErrorAs(t, err, &u)
		return
	}
	part := func(s string) imapclient.CatPart {
		return imapclient.CatPart{Body: strings.NewReader(s), Size: int64(len(s))}
	}
	dest := m.Name() + "/Entwürfe & Co"
	uid, err := c.Catenate(ctx, dest, d,
		imapclient.CatPart{URL: m.URL(uids.At(0), imapclient.Header())},
		part("--b\r\nContent-Type: text/plain\r\n\r\nnew text\r\n--b\r\n"),
		imapclient.CatPart{URL: m.URL(uids.At(0), imapclient.Part(2).MIME())},
		imapclient.CatPart{URL: m.URL(uids.At(0), imapclient.Part(2))},
		imapclient.CatPart{Body: strings.NewReader("\r\n--b--\r\n"), Size: mailbox.SizeUnknown})
	require.NoError(t, err)
	dm, err := c.Select(ctx, dest, nil)
	require.NoError(t, err)
	msg, err := dm.Message(ctx, uid, imapclient.Entry, imapclient.Whole())
	require.NoError(t, err)
	require.True(t, msg.Entry.Flags.Has(mailbox.FlagDraft))
	b, err := msg.Body().Bytes(10000)
	require.NoError(t, err)
	require.Equal(t, strings.Replace(text, "old", "new", 1), string(b))
	msg.Close()

	// From the mailbox with the strange name. Cyrus knows no single fields in URLs.
	header := imapclient.Header("Subject", "From")
	if s.name == "cyrus" {
		header = imapclient.Header()
	}
	_, err = c.Catenate(ctx, m.Name(), d, imapclient.CatPart{URL: dm.URL(uid, header)}, part("body\r\n"))
	require.NoError(t, err)

	_, err = c.Catenate(ctx, m.Name(), d, imapclient.CatPart{URL: dm.URL(uid+100, imapclient.Whole())}, part("x"))
	require.ErrorIs(t, err, &imap.Error{Code: imap.CodeBadURL})
	_, err = c.Catenate(ctx, "no such mailbox", d, part(letter("x", "y")))
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.NoError(t, c.Noop(ctx))
}

// testConflicts is about changes since a mod-sequence (RFC 7162 §3.1.3).
func testConflicts(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	m := s.box(t, c, count(4)...)
	uids, err := m.UIDs(ctx)
	require.NoError(t, err)
	var since mailbox.ModSeq
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.ModSeq) {
		require.NoError(t, err)
		since = max(since, msg.ModSeq)
	}
	require.NotZero(t, since)
	other, err := s.dial(t, nil).Select(ctx, m.Name(), nil)
	require.NoError(t, err)
	require.NoError(t, other.AddFlags(ctx, imapclient.UIDs(uids.At(1)), mailbox.FlagFlagged))
	change := mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.NewFlagSet("$Forwarded"), UnchangedSince: &since}
	stored, err := m.Store(ctx, imapclient.All(), change)
	require.NoError(t, err)
	require.Equal(t, mailbox.UIDSetOf(uids.At(1)), stored.Conflicts)
	n := 0
	for msg, err := range other.Fetch(ctx, imapclient.All(), imapclient.Flags|imapclient.ModSeq) {
		require.NoError(t, err)
		changed := msg.UID != uids.At(1)
		require.Equal(t, changed, msg.Entry.Flags.Has("$forwarded"))
		require.Greater(t, msg.ModSeq, since-1)
		n++
	}
	require.Equal(t, 4, n)
	require.Error(t, m.AddFlags(ctx, imapclient.All(), "no keyword"))
	require.NoError(t, c.Noop(ctx))
}

// RFC 8508 §3.2, §3.3, on a server that no package here has.
func TestReplaceScript(t *testing.T) {
	c := scripted(t, "REPLACE LITERAL+ UIDPLUS", `
C: {{tag:}} SELECT Drafts
S: * 4 EXISTS
S: * OK [UIDVALIDITY 1] x
S: ${tag} OK [READ-WRITE] done
C: {{tag:}} UID REPLACE 2000 Drafts (\Draft) {14+}
C- "Subject: a\r\n\r\n\r\n"
S: * OK [APPENDUID 1 2001] Replacement Message ready
S: * 5 EXISTS
S: * 4 EXPUNGE
S: ${tag} OK Replace completed
C: {{tag:}} UID REPLACE 2000 Drafts {14+}
C- "Subject: a\r\n\r\n\r\n"
S: ${tag} NO [NONEXISTENT] no such message
`, nil)
	ctx := t.Context()
	m, err := c.Select(ctx, "Drafts", nil)
	require.NoError(t, err)
	d := incoming("Subject: a\r\n\r\n")
	d.Flags = mailbox.NewFlagSet(mailbox.FlagDraft)
	uid, err := m.Replace(ctx, 2000, d)
	require.NoError(t, err)
	require.Equal(t, mailbox.UID(2001), uid)
	require.Equal(t, 4, m.Exists())
	_, err = m.Replace(ctx, 2000, incoming("Subject: a\r\n\r\n"))
	require.ErrorIs(t, err, mailbox.ErrNotExist)
}

// A failure half way names the step.
func TestMoveStep(t *testing.T) {
	c := scripted(t, "UIDPLUS", `
C: {{tag:}} SELECT INBOX
S: * 3 EXISTS
S: ${tag} OK [READ-WRITE] done
C: {{tag:}} UID COPY 7:9 Trash
S: ${tag} OK [COPYUID 1 9,7:8 1:3] done
C: {{tag:}} UID STORE 7:9 +FLAGS.SILENT (\Deleted)
S: ${tag} NO [NOPERM] may not delete
`, nil)
	ctx := t.Context()
	m, err := c.Select(ctx, "INBOX", nil)
	require.NoError(t, err)
	moved, err := m.Move(ctx, imapclient.UIDs(7, 8, 9), "Trash")
	var step *imapclient.StepError
	require.ErrorAs(t, err, &step)
	require.Equal(t, "STORE", step.Step)
	require.ErrorIs(t, err, mailbox.ErrPermission)
	require.Zero(t, moved.Done.Len())
	require.Equal(t, []mailbox.Moved{
		{Source: mailbox.UIDRange{First: 9, Last: 9}, Dest: mailbox.UIDRange{First: 1, Last: 1}},
		{Source: mailbox.UIDRange{First: 7, Last: 8}, Dest: mailbox.UIDRange{First: 2, Last: 3}},
	}, moved.Moved)
}
