package mailbox_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/pop3/pop3client"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
)

// An archive is a store of messages that never change: one account, whose
// INBOX holds them, to be read only. Its message i has the UID i+1.
type archive []archived

type archived struct {
	received time.Time
	text     string // with CRLF line ends
}

func (a archive) Account(ctx context.Context, name string) (mailbox.Account, error) {
	if name != "reader" {
		return nil, mailbox.ErrNotExist
	}
	return archiveAccount{a}, ctx.Err()
}

type archiveAccount struct{ archive }

func (a archiveAccount) Mailboxes(ctx context.Context, want mailbox.ListWant) ([]mailbox.Info, error) {
	inbox := archiveInbox(a)
	info := inbox.Info()
	if want&mailbox.ListStatus != 0 {
		st, err := inbox.Status(ctx)
		if err != nil {
			return nil, err
		}
		info.Status = &st
	}
	return []mailbox.Info{info}, ctx.Err()
}

func (a archiveAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	if mailbox.CanonicalName(name) != mailbox.Inbox {
		return nil, mailbox.ErrNotExist
	}
	return archiveInbox(a), ctx.Err()
}

// Nothing can happen that a watcher would be told of.
func (archiveAccount) Watch(ctx context.Context) (<-chan mailbox.Event, error) {
	events := make(chan mailbox.Event)
	context.AfterFunc(ctx, func() { close(events) })
	return events, nil
}

func (archiveAccount) Create(context.Context, string, *mailbox.CreateOptions) (mailbox.Info, error) {
	return mailbox.Info{}, mailbox.ErrPermission
}
func (archiveAccount) Rename(context.Context, string, string) error  { return mailbox.ErrPermission }
func (archiveAccount) Delete(context.Context, string) error          { return mailbox.ErrPermission }
func (archiveAccount) Subscribe(context.Context, string, bool) error { return mailbox.ErrPermission }
func (archiveAccount) Limits() mailbox.Limits                        { return mailbox.Limits{} }
func (archiveAccount) Close() error                                  { return nil }

type archiveInbox struct{ archive }

func (archiveInbox) Info() mailbox.Info {
	return mailbox.Info{ID: "archive", Name: mailbox.Inbox, UIDValidity: 1, Access: mailbox.ReadOnlyAccess()}
}

// Every message has the ModSeq 1, and so has the mailbox.
func (m archiveInbox) state() mailbox.State {
	return mailbox.State{UIDNext: mailbox.UID(len(m.archive) + 1), ModSeq: 1}
}

func (m archiveInbox) uids() mailbox.UIDSet {
	return mailbox.UIDRangeSet(1, mailbox.UID(len(m.archive)))
}

// Status tells of no unseen messages: all have the flag \Seen, see Messages.
func (m archiveInbox) Status(ctx context.Context) (mailbox.Status, error) {
	st := mailbox.Status{
		Messages: uint32(len(m.archive)), UIDNext: m.state().UIDNext, UIDValidity: 1, HighestModSeq: 1,
	}
	for i := range m.archive {
		st.Size += int64(len(m.archive[i].text))
	}
	return st, ctx.Err()
}

func (m archiveInbox) Snapshot(ctx context.Context) (mailbox.Snapshot, error) {
	return mailbox.Snapshot{State: m.state(), UIDs: m.uids()}, ctx.Err()
}

// Changes tells all to those who know nothing, and nothing to others.
func (m archiveInbox) Changes(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
	ch := mailbox.Changes{State: m.state()}
	if since.ModSeq < ch.State.ModSeq {
		ch.New = m.uids().Intersect(mailbox.UIDRangeSet(since.UIDNext, mailbox.MaxUID))
		ch.Changed = m.uids().Subtract(ch.New)
	}
	return ch, ctx.Err()
}

// Messages parses each message that is asked for. A store that can keep a
// summary parses only once, when the message arrives.
func (m archiveInbox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		for uid := range set.Intersect(m.uids()).All() {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			stored := m.archive[uid-1]
			content := strings.NewReader(stored.text)
			msg := &mailbox.Message{Content: content, Entry: mailbox.Entry{
				UID: uid, ModSeq: 1, Flags: mailbox.NewFlagSet(mailbox.FlagSeen),
				InternalDate: stored.received, Size: content.Size(),
			}}
			if want&(mailbox.WantSummary|mailbox.WantHeader) != 0 {
				sum, _, err := message.Parse(strings.NewReader(stored.text), nil)
				if err != nil {
					yield(nil, err)
					return
				}
				msg.Envelope, msg.Structure = &sum.Envelope, sum.Root
				msg.References, msg.Preview = sum.References, sum.Preview
				msg.Header = sum.Root.Header().Reader(content)
			}
			if !yield(msg, nil) {
				return
			}
		}
	}
}

func (archiveInbox) Append(context.Context, ...mailbox.Incoming) (mailbox.Result, error) {
	return mailbox.Result{}, mailbox.ErrReadOnly
}
func (archiveInbox) SetFlags(context.Context, mailbox.UIDSet, mailbox.FlagChange) (mailbox.FlagResult, error) {
	return mailbox.FlagResult{}, mailbox.ErrReadOnly
}
func (archiveInbox) Expunge(context.Context, mailbox.UIDSet, mailbox.FlagSet) (mailbox.Result, error) {
	return mailbox.Result{}, mailbox.ErrReadOnly
}
func (archiveInbox) Copy(context.Context, mailbox.UIDSet, string) (mailbox.Result, error) {
	return mailbox.Result{}, mailbox.ErrReadOnly
}
func (archiveInbox) Move(context.Context, mailbox.UIDSet, string) (mailbox.Result, error) {
	return mailbox.Result{}, mailbox.ErrReadOnly
}

var list = archive{
	{time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), "From: ann@example.org\r\nSubject: Welcome\r\n\r\nThis is the list.\r\n"},
	{time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), "From: bob@example.net\r\nSubject: A question\r\n\r\nIs this the list?\r\n"},
}

// A store of one's own, with the least that the interfaces ask for, served by
// POP3. An IMAP server serves it in the same way: it does search, partial
// fetches and so on by itself, and shows the mailbox as read-only.
func Example_store() {
	ctx := context.Background()
	users := &sasl.Users{}
	if err := users.Set("reader", "a good password"); err != nil {
		log.Fatal(err)
	}
	srv := &pop3server.Server{Store: list, Authenticator: users}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Shutdown(ctx)

	c, err := pop3client.Dial(ctx, l.Addr().String(), &pop3client.Options{
		Credentials: &sasl.Credentials{Username: "reader", Password: "a good password"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Quit(ctx)
	for m, err := range c.Messages(ctx, nil) {
		if err != nil {
			log.Fatal(err)
		}
		text, err := io.ReadAll(m.Body)
		if err != nil {
			log.Fatal(err)
		}
		_, body, _ := strings.Cut(string(text), "\r\n\r\n")
		fmt.Println(m.Num, strings.TrimSpace(body))
	}
	fmt.Println(c.Delete(ctx, 1))
	// Output:
	// 1 This is the list.
	// 2 Is this the list?
	// pop3: DELE refused: Maildrop is read-only
}

// What the example shows keeps the promises of the interfaces.
func TestExampleStore(t *testing.T) {
	ctx := t.Context()
	_, err := list.Account(ctx, "nobody")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	account, err := list.Account(ctx, "reader")
	require.NoError(t, err)
	_, err = account.Mailbox(ctx, "Sent")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	inbox, err := account.Mailbox(ctx, "inbox")
	require.NoError(t, err)
	infos, err := account.Mailboxes(ctx, mailbox.ListStatus)
	require.NoError(t, err)
	require.Len(t, infos, 1)
	st, err := inbox.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, st, *infos[0].Status)
	snap, err := inbox.Snapshot(ctx)
	require.NoError(t, err)
	require.Equal(t, st.State(), snap.State)

	for since, want := range map[mailbox.State][2]string{
		{}:                          {"1:2", ""},
		{UIDNext: 2}:                {"2", "1"},
		{UIDNext: mailbox.MaxUID}:   {"", "1:2"},
		{UIDNext: 1, ModSeq: 1}:     {"", ""},
		snap.State:                  {"", ""},
		{UIDNext: 100, ModSeq: 100}: {"", ""},
	} {
		ch, err := inbox.Changes(ctx, since)
		require.NoError(t, err)
		require.Equal(t, want, [2]string{ch.New.String(), ch.Changed.String()}, "%v", since)
		require.True(t, ch.Vanished.IsEmpty())
		require.Equal(t, snap.State, ch.State)
	}

	var size int64
	for m, err := range inbox.Messages(ctx, mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantHeader|mailbox.WantSummary) {
		require.NoError(t, err)
		require.NotEmpty(t, m.Envelope.Subject)
		require.Equal(t, m.Structure.BodyOffset, m.Header.Size())
		require.True(t, m.Flags.Has(mailbox.FlagSeen))
		size += m.Size
	}
	require.Equal(t, st.Size, size)
	found, err := search.Find(ctx, inbox, mailbox.AllUIDs(), search.Body{Value: "THIS THE"}, nil)
	require.NoError(t, err)
	require.Equal(t, "2", found.String())

	_, err = inbox.Append(ctx)
	require.ErrorIs(t, err, mailbox.ErrReadOnly)
	watched, stop := context.WithCancel(ctx)
	events, err := account.Watch(watched)
	require.NoError(t, err)
	stop()
	_, open := <-events
	require.False(t, open)
	for _, err := range inbox.Messages(watched, mailbox.AllUIDs(), 0) {
		require.ErrorIs(t, err, context.Canceled)
	}
}
