package imapserver_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A limitedStore gives its users access to INBOX only as far as it says, and
// panics where they get further. Messages that are damaged are so in all parts.
type limitedStore struct {
	mailbox.Store
	access  mailbox.Access
	damaged mailbox.UIDSet
}

func (s limitedStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return limitedAccount{a, s}, err
}

type limitedAccount struct {
	mailbox.Account
	s limitedStore
}

func (a limitedAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	if err != nil || name != mailbox.Inbox {
		return m, err
	}
	return limitedMailbox{m, a.s}, nil
}

type limitedMailbox struct {
	mailbox.Mailbox
	s limitedStore
}

func (m limitedMailbox) Info() mailbox.Info {
	info := m.Mailbox.Info()
	info.Access = m.s.access
	return info
}

func (m limitedMailbox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		for msg, err := range m.Mailbox.Messages(ctx, set, want) {
			if err == nil && m.s.damaged.Contains(msg.UID) {
				msg, err = nil, &mailbox.MessageError{UID: msg.UID, Err: errors.New("a bit has flipped")}
			}
			if !yield(msg, err) {
				return
			}
		}
	}
}

func (m limitedMailbox) may(needed mailbox.Rights) {
	if !m.s.access.Rights.Has(needed) {
		panic("the store is asked for what needs the rights " + needed.String())
	}
}

func (m limitedMailbox) Append(ctx context.Context, msgs ...mailbox.Incoming) (mailbox.Result, error) {
	m.may(mailbox.RightInsert)
	return m.Mailbox.Append(ctx, msgs...)
}

func (m limitedMailbox) SetFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	if m.s.access.ReadOnly() {
		panic("the store is asked to change flags")
	}
	return m.Mailbox.SetFlags(ctx, set, change)
}

func (m limitedMailbox) Expunge(ctx context.Context, set mailbox.UIDSet, having mailbox.FlagSet) (mailbox.Result, error) {
	m.may(mailbox.RightExpunge)
	return m.Mailbox.Expunge(ctx, set, having)
}

func (m limitedMailbox) Move(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	m.may(mailbox.RightExpunge | mailbox.RightDeleteMessages)
	return m.Mailbox.Move(ctx, set, dest)
}

// limited returns a store with three messages in INBOX, the first of them
// marked \Deleted.
func limited(t testing.TB, letters string) limitedStore {
	rights, err := mailbox.ParseRights(letters)
	require.NoError(t, err)
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	appendTo(t, acct, "INBOX", testMessage(1), mailbox.FlagDeleted)
	appendTo(t, acct, "INBOX", testMessage(2))
	appendTo(t, acct, "INBOX", testMessage(3))
	_, err = acct.Create(t.Context(), "other", nil)
	require.NoError(t, err)
	access := mailbox.FullAccess()
	access.Rights = rights
	return limitedStore{Store: store, access: access}
}

// What a user may not do is refused before the store is asked.
func TestRefusedBeforeTheStore(t *testing.T) {
	for _, tc := range []struct{ letters, readOnly, store, expunge, move, appends string }{
		{"lr", "[READ-ONLY]", "NO [READ-ONLY]", "NO [READ-ONLY]", "NO [READ-ONLY]", "NO [NOPERM]"},
		{"lrswt", "[READ-WRITE]", "OK", "NO [NOPERM]", "NO [NOPERM]", "NO [NOPERM]"},
		{"lrswe", "[READ-WRITE]", "OK", "OK", "NO [NOPERM]", "NO [NOPERM]"},
		{"lri", "[READ-WRITE]", "OK", "NO [NOPERM]", "NO [NOPERM]", "OK"},
	} {
		s := limited(t, tc.letters)
		c := login(t, start(t, &imapserver.Server{Store: s, AllowInsecureAuth: true, Authenticator: plainUsers{}}))
		_, status := c.cmd("SELECT INBOX")
		require.Contains(t, status, "OK "+tc.readOnly, tc.letters)
		for cmd, want := range map[string]string{
			`STORE 2 +FLAGS (\Flagged)`:        tc.store,
			"MOVE 2 other":                     tc.move,
			"UID MOVE 2 other":                 tc.move,
			"APPEND INBOX {5+}\r\nhello":       tc.appends,
			"COPY 2 other":                     "OK",
			"FETCH 3 (RFC822.SIZE BODY[TEXT])": "OK",
		} {
			_, status := c.cmd(cmd)
			require.Contains(t, status, want, "%s: %s", tc.letters, cmd)
		}
		if tc.appends != "OK" { // nothing is asked for
			_, status := c.cmd("APPEND INBOX {5}")
			require.Contains(t, status, tc.appends, tc.letters)
		}
		_, status = c.cmd("UID EXPUNGE 3")
		require.Contains(t, status, tc.expunge, tc.letters)
		c.ok("CLOSE")
		inbox, err := s.Store.Account(t.Context(), "fred")
		require.NoError(t, err)
		m, err := inbox.Mailbox(t.Context(), "INBOX")
		require.NoError(t, err)
		snap, err := m.Snapshot(t.Context())
		require.NoError(t, err)
		require.Equal(t, tc.expunge != "OK", snap.UIDs.Contains(1), "%s: CLOSE expunges by right", tc.letters)
	}
}

func TestWithoutRead(t *testing.T) {
	c := login(t, start(t, &imapserver.Server{Store: limited(t, "lit"), AllowInsecureAuth: true, Authenticator: plainUsers{}}))
	for _, cmd := range []string{"SELECT INBOX", "EXAMINE INBOX", "STATUS INBOX (MESSAGES)"} {
		_, status := c.cmd(cmd)
		require.Contains(t, status, "NO [NOPERM]", cmd)
	}
	c.ok("APPEND INBOX {5+}\r\nhello")
}

// A damaged message costs itself only, in each command that reads messages.
func TestDamagedMessage(t *testing.T) {
	s := limited(t, "lrswite")
	s.damaged = mailbox.UIDSetOf(2)
	c := login(t, start(t, &imapserver.Server{Store: s, AllowInsecureAuth: true, Authenticator: plainUsers{}}))
	c.ok("SELECT INBOX")
	for cmd, want := range map[string][]string{
		"FETCH 1:3 (RFC822.SIZE)":     {"* 1 FETCH (RFC822.SIZE 171)", "* 3 FETCH (RFC822.SIZE 171)"},
		"UID FETCH 1:* (RFC822.SIZE)": {"* 1 FETCH (UID 1 RFC822.SIZE 171)", "* 3 FETCH (UID 3 RFC822.SIZE 171)"},
		"FETCH 2 (ENVELOPE)":          nil,
	} {
		lines, status := c.cmd(cmd)
		require.Equal(t, want, lines, cmd)
		require.Contains(t, status, "NO [CORRUPTION]", cmd)
	}
	require.Equal(t, []string{"* SEARCH 1 3"}, c.ok("SEARCH TEXT body"))
	require.Equal(t, []string{"* SEARCH 1"}, c.ok("SEARCH DELETED"))
	for _, cmd := range []string{`STORE 1:3 +FLAGS (\Answered)`, `UID STORE 1:* +FLAGS (\Flagged)`} {
		lines, status := c.cmd(cmd)
		require.Len(t, lines, 2, cmd)
		require.Contains(t, status, "NO [CORRUPTION]", cmd)
	}
	lines, status := c.cmd(`STORE 1:3 +FLAGS.SILENT (\Draft)`)
	require.Empty(t, lines)
	require.Contains(t, status, "OK")
}

// What a change has done before it fails is told to the client, which must
// conclude from NO that nothing has changed (mailbox.Mailbox: the finished part
// remains).
func TestPartialStore(t *testing.T) {
	for cmd, want := range map[string][]string{
		`STORE 1:3 +FLAGS (\Answered)`:                              {`* 1 FETCH (FLAGS (\Answered))`},
		`STORE 1:3 +FLAGS.SILENT (\Answered)`:                       {`* 1 FETCH (FLAGS (\Answered))`},
		`UID STORE 1:3 (UNCHANGEDSINCE 999) +FLAGS.SILENT (\Draft)`: {`* 1 FETCH (UID 1 FLAGS (\Draft) MODSEQ (`},
		`FETCH 1:3 (BODY[])`:                                        {`* 1 FETCH (FLAGS (\Seen))`},
	} {
		for _, changed := range []bool{false, true} { // by another session, at the same time
			store := newStore(t, nil)
			acct, err := store.Account(t.Context(), "fred")
			require.NoError(t, err)
			for i := range 3 {
				appendTo(t, acct, "INBOX", testMessage(i+1))
			}
			box, err := acct.Mailbox(t.Context(), "INBOX")
			require.NoError(t, err)
			half := &halfStore{Store: store}
			c := login(t, start(t, &imapserver.Server{Store: half, AllowInsecureAuth: true, Authenticator: plainUsers{}}))
			c.ok("SELECT INBOX")
			if changed {
				half.before = func() {
					_, err := box.SetFlags(t.Context(), mailbox.UIDSetOf(3), mailbox.FlagChange{Flags: mailbox.NewFlagSet("$Junk")})
					require.NoError(t, err)
				}
			}
			lines, status := c.cmd(cmd)
			require.Contains(t, status, "NO ", cmd)
			for _, line := range want {
				require.True(t, slices.ContainsFunc(lines, func(got string) bool {
					return strings.HasPrefix(strings.ReplaceAll(got, ` \Recent`, ""), line)
				}), "%s (%v): %q has no %q", cmd, changed, lines, line)
			}
		}
	}
}

// A halfStore's SetFlags changes the first message of the set, and then fails.
type halfStore struct {
	mailbox.Store
	before func()
}

type halfAccount struct {
	mailbox.Account
	s *halfStore
}

type halfMailbox struct {
	mailbox.Mailbox
	s *halfStore
}

func (s *halfStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return halfAccount{a, s}, err
}

func (a halfAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return halfMailbox{m, a.s}, err
}

func (m halfMailbox) SetFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	if m.s.before != nil {
		m.s.before()
		m.s.before = nil
	}
	res, err := m.Mailbox.SetFlags(ctx, mailbox.UIDSetOf(set.Min()), change)
	if err == nil {
		err = errors.New("disk is full")
	}
	return res, err
}

// Where the content of a message can't be read, the message is left out as long
// as nothing of it has been sent; the connection ends where a literal has begun
// that can't be completed.
func TestDamagedContent(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	for i := range 3 {
		appendTo(t, acct, "INBOX", testMessage(i+1))
	}
	c := login(t, start(t, &imapserver.Server{Store: damagedStore{store}, AllowInsecureAuth: true, Authenticator: plainUsers{}}))
	c.ok("SELECT INBOX")
	lines, status := c.cmd("FETCH 1:3 (UID BODY[HEADER.FIELDS (SUBJECT)])")
	require.Contains(t, status, "NO [CORRUPTION]")
	require.Equal(t, []string{
		"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {22}", "Subject: Message 1", "", ` FLAGS (\Seen))`,
		"* 3 FETCH (UID 3 BODY[HEADER.FIELDS (SUBJECT)] {22}", "Subject: Message 3", "", ` FLAGS (\Seen))`,
	}, lines)
	require.Equal(t, []string{"* SEARCH 2"}, c.ok("SEARCH UNSEEN"))
	c.ok("FETCH 2 (FLAGS ENVELOPE)")
	c.send("b FETCH 2:3 (BODY.PEEK[])\r\n")
	rest, err := io.ReadAll(c.r)
	require.NoError(t, err)
	require.NotContains(t, string(rest), "b ")
	require.NotContains(t, string(rest), "* 3 FETCH")
}
