package pop3server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
)

// sharedDrop serves tim the INBOX of mrose, with these rights.
func sharedDrop(t testing.TB, letters string) (*memory.Store, *Server, mailbox.Mailbox) {
	store, box := openStore(t, messages...)
	rights, err := mailbox.ParseRights(letters)
	require.NoError(t, err)
	require.NoError(t, store.Share(t.Context(), "mrose", mailbox.Inbox, "tim", rights))
	srv := newServer(t, store)
	srv.Mailbox = "Other Users/mrose/INBOX"
	return store, srv, box
}

// Without the right to expunge nothing is deleted, neither by DELE nor by the
// policy; without the one to \Seen nothing is marked.
func TestMaildropWithoutExpunge(t *testing.T) {
	for letters, unseen := range map[string]uint32{"lr": 2, "lrswit": 1} {
		_, srv, box := sharedDrop(t, letters)
		srv.Policy.Expire = -1 // at once, what has been retrieved
		srv.MarkSeen = true
		p := dial(t, testutil.Serve(t, srv))
		p.line()
		p.do("USER tim")
		require.Contains(t, p.do("PASS tanstaaf"), "+OK Logged in, 2 messages")
		require.Contains(t, p.do("CAPA"), "+OK")
		require.Contains(t, p.body(), "EXPIRE NEVER\r\n")
		require.Equal(t, "-ERR "+textReadOnly, p.do("DELE 1"))
		require.Contains(t, p.do("STAT"), "+OK 2 ")
		require.Contains(t, p.do("RETR 1"), "+OK")
		require.Equal(t, messages[0], p.body())
		require.Contains(t, p.do("QUIT"), "+OK")
		status, err := box.Status(context.Background())
		require.NoError(t, err)
		require.EqualValues(t, 2, status.Messages)
		require.Equal(t, unseen, status.Unseen, letters)
	}
}

func TestMaildropOfAge(t *testing.T) {
	_, srv, box := sharedDrop(t, "lrswit")
	srv.Policy.Expire = time.Nanosecond // rounded up to a day
	old := "Subject: old\r\n\r\nx\r\n"
	_, err := box.Append(t.Context(), mailbox.Incoming{Body: strings.NewReader(old), Size: int64(len(old))})
	require.NoError(t, err)
	srv.Store = &damaging{Store: srv.Store, saved: time.Now().AddDate(0, 0, -10)}
	p := dial(t, testutil.Serve(t, srv))
	p.line()
	p.do("USER tim")
	require.Contains(t, p.do("PASS tanstaaf"), "3 messages")
	require.Contains(t, p.do("QUIT"), "+OK")
	status, err := box.Status(context.Background())
	require.NoError(t, err)
	require.EqualValues(t, 3, status.Messages)
}

func TestMaildropWithoutRead(t *testing.T) {
	_, srv, _ := sharedDrop(t, "li")
	p := dial(t, testutil.Serve(t, srv))
	p.line()
	p.do("USER tim")
	require.Contains(t, p.do("PASS tanstaaf"), "-ERR [SYS/PERM] "+textNoMaildrop)
}

// A damaging store yields errors in place of some messages: entries when the
// mailbox is opened, contents when they are read.
type damaging struct {
	mailbox.Store
	entries, contents mailbox.UIDSet
	saved             time.Time // unless zero, when each message came into its mailbox
}

func (d *damaging) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := d.Store.Account(ctx, name)
	return &damagingAccount{a, d}, err
}

type damagingAccount struct {
	mailbox.Account
	d *damaging
}

func (a *damagingAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return &damagingMailbox{m, a.d}, err
}

type damagingMailbox struct {
	mailbox.Mailbox
	d *damaging
}

func (m *damagingMailbox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	damaged := m.d.entries
	if want&mailbox.WantContent != 0 {
		damaged = damaged.Union(m.d.contents)
	}
	return func(yield func(*mailbox.Message, error) bool) {
		for msg, err := range m.Mailbox.Messages(ctx, set, want) {
			if err == nil && damaged.Contains(msg.UID) {
				msg, err = nil, &mailbox.MessageError{UID: msg.UID, Err: errors.New("a bit has flipped")}
			} else if err == nil && !m.d.saved.IsZero() {
				msg.SaveDate = m.d.saved
			}
			if !yield(msg, err) {
				return
			}
		}
	}
}

// A damaged message costs itself only.
func TestDamagedMessages(t *testing.T) {
	var msgs []string
	for i := range 6 {
		msgs = append(msgs, fmt.Sprintf("Subject: %d\r\n\r\nBody\r\n", i+1))
	}
	store, box := openStore(t, msgs...)
	srv := newServer(t, &damaging{Store: store, entries: mailbox.UIDSetOf(2), contents: mailbox.UIDSetOf(4, 5)})
	p := dial(t, testutil.Serve(t, srv))
	p.line()
	p.do("USER mrose")
	require.Contains(t, p.do("PASS tanstaaf"), "+OK Logged in, 5 messages")
	left := []int{1, 3, 4, 5, 6} // UIDs by message number
	p.send("RETR 1\r\nRETR 2\r\nRETR 3\r\nTOP 4 0\r\nRETR 5\r\nRETR 3\r\nDELE 5\r\nNOOP\r\n")
	for _, n := range []int{1, 2, 3, 4, 5, 3} {
		if uid := left[n-1]; uid == 4 || uid == 5 {
			require.Equal(t, "-ERR [SYS/PERM] "+textDamaged, p.line(), "message %d", n)
			continue
		}
		require.Contains(t, p.line(), "+OK", "message %d", n)
		require.Equal(t, msgs[left[n-1]-1], p.body())
	}
	require.Contains(t, p.line(), "+OK")
	require.Contains(t, p.line(), "+OK")
	require.Contains(t, p.do("QUIT"), "+OK")
	snap, err := box.Snapshot(context.Background())
	require.NoError(t, err)
	require.Equal(t, "1:5", snap.UIDs.String(), "the damaged ones are still there")
}
