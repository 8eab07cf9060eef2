package smtpserver_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/dsn"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// erring is a store whose account "bob" takes no message while err is set, after
// it has been opened.
type erring struct {
	mailbox.Store
	err *atomic.Pointer[error]
}

func (e erring) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := e.Store.Account(ctx, name)
	if err != nil || name != "bob" {
		return a, err
	}
	return erringAccount{a, e.err}, nil
}

type erringAccount struct {
	mailbox.Account
	err *atomic.Pointer[error]
}

func (e erringAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := e.Account.Mailbox(ctx, name)
	return erringMailbox{m, e.err}, err
}

type erringMailbox struct {
	mailbox.Mailbox
	err *atomic.Pointer[error]
}

func (e erringMailbox) Append(ctx context.Context, m ...mailbox.Incoming) (mailbox.Result, error) {
	if err := *e.err.Load(); err != nil {
		return mailbox.Result{}, err
	}
	return e.Mailbox.Append(ctx, m...)
}

// partial returns a Delivery to alice, bob and carol, and a function that sets the
// error of bob's mailbox.
func partial(t *testing.T) (*memory.Store, *smtpserver.Delivery, func(error)) {
	st, d := store(t, nil, "alice", "bob", "carol", "sender")
	resolve := d.Resolve
	d.Resolve = func(ctx context.Context, to smtp.Address) (string, string, error) {
		if account, _, err := resolve(ctx, to); err != nil || account != "nobody" {
			return account, "", err
		}
		return "", "", smtpserver.ErrNoSuchUser
	}
	var failure atomic.Pointer[error]
	set := func(err error) { failure.Store(&err) }
	set(nil)
	d.Store = erring{st, &failure}
	return st, d, set
}

const (
	local   = "sender@example.org"
	foreign = "sender@remote.example"
)

var three = []string{"alice@example.org", "bob@example.org", "carol@example.org"}

// A message that fails for some of its recipients for now is refused, and the next
// attempt reaches those only that have not got it.
func TestPartialTemporary(t *testing.T) {
	st, d, fail := partial(t)
	k := talk(t, start(t, &smtpserver.Server{Backend: d}))
	k.do("EHLO c", "250")
	count := func(alice, bob, carol int) {
		t.Helper()
		require.Equal(t, []int{alice, bob, carol}, []int{len(stored(t, st, "alice")), len(stored(t, st, "bob")), len(stored(t, st, "carol"))})
	}
	fail(mailbox.ErrOverQuota)
	message := "Return-Path: <x>\r\nSubject: x\r\n\r\nx\r\n"
	k.send(foreign, three, message, "452 4.2.2 <bob@example.org>: mailbox full")
	count(1, 0, 1)
	k.send(foreign, three, message, "452 4.2.2 <bob@example.org>: mailbox full")
	count(1, 0, 1)
	k.send(foreign, three, message+"another\r\n", "452")
	count(2, 0, 2)
	k.send(local, three, message, "452") // another sender
	count(3, 0, 3)
	k.send(foreign, []string{three[0]}, message, "250") // to one of them alone
	count(3, 0, 3)
	fail(nil)
	k.send(foreign, three[1:], message, "250")
	count(3, 1, 3)
	k.send(foreign, three, message, "250") // accepted: it is a new message
	count(4, 2, 4)
	require.Empty(t, stored(t, st, "sender"))
}

// One that fails for good for some is accepted, and the sender is told of the
// failure if it can be told; otherwise it is refused.
func TestPartialPermanent(t *testing.T) {
	st, d, fail := partial(t)
	var sent []string
	d.Report = func(_ context.Context, to smtp.Address, report *io.SectionReader) error {
		if to.Local == "unreachable" {
			return io.ErrClosedPipe
		}
		b, err := io.ReadAll(report)
		sent = append(sent, to.String()+"\r\n"+string(b))
		require.EqualValues(t, len(b), report.Size())
		return err
	}
	k := talk(t, start(t, &smtpserver.Server{Backend: d}))
	k.do("EHLO c", "250")
	fail(mailbox.ErrPermission)
	message := "Subject: x\r\n\r\nthe text\r\n"

	k.send(local, three, message, "250")
	got := stored(t, st, "sender")
	require.Len(t, got, 1)
	require.True(t, strings.HasPrefix(got[0], "Return-Path: <>\r\nDate: "), got[0])
	report, err := dsn.Parse(strings.NewReader(got[0]), nil)
	require.NoError(t, err)
	require.Len(t, report.Recipients, 1)
	p := report.Recipients[0]
	require.Equal(t, "bob@example.org", p.Final.Address)
	require.Equal(t, dsn.Failed, p.Action)
	require.Equal(t, smtp.EnhancedCode{5, 2, 1}, p.Status)
	require.Equal(t, "550 5.2.1 mailbox does not accept messages", p.Diagnostic.Text)
	require.NotContains(t, got[0], "the text")

	k.send(foreign, three, message, "250")
	require.Len(t, sent, 1)
	require.True(t, strings.HasPrefix(sent[0], foreign+"\r\nDate: "), sent[0])

	k.send("", three, message, "250") // RFC 5321 §6.1: nobody to tell
	require.Len(t, sent, 1)

	// All fail: there is nothing to be accepted.
	k.send(local, three[1:2], message, "550 5.2.1 mailbox")
	k.send(local, []string{three[1], three[1]}, message, "550 5.2.1 <bob@example.org>: ")
	require.Len(t, stored(t, st, "sender"), 1)

	// The report can't be sent: the client is told, and does not double it.
	n := len(stored(t, st, "alice"))
	k.send("unreachable@remote.example", three, message, "550 5.2.1 <bob@example.org>: ")
	k.send("unreachable@remote.example", three, message, "550 5.2.1 <bob@example.org>: ")
	require.Len(t, stored(t, st, "alice"), n+1)

	// NOTIFY=NEVER is no failure (RFC 3461 §5.2.6).
	k.do("MAIL FROM:<unreachable@remote.example> RET=FULL", "250")
	k.do("RCPT TO:<alice@example.org>", "250")
	k.do("RCPT TO:<bob@example.org> NOTIFY=NEVER", "250")
	k.do("DATA", "354")
	k.do("Subject: y\r\n\r\nx\r\n.", "250")

	// RET=FULL returns the text of a message that has failed.
	k.do("MAIL FROM:<"+local+"> RET=FULL", "250")
	k.do("RCPT TO:<alice@example.org>", "250")
	k.do("RCPT TO:<bob@example.org>", "250")
	k.do("DATA", "354")
	k.do(message+".", "250")
	got = stored(t, st, "sender")
	require.Len(t, got, 2)
	require.Contains(t, got[1], "the text")

	// The reports are as long as the messages are.
	k.do("MAIL FROM:<"+local+"> RET=FULL", "250")
	k.do("RCPT TO:<alice@example.org>", "250")
	k.do("RCPT TO:<bob@example.org>", "250")
	k.do("DATA", "354")
	big := strings.Repeat(strings.Repeat("x", 70)+"\r\n", 10_000)
	k.do("Return-Path: <z>\r\nSubject: big\r\n\r\n"+big+".", "250")
	got = stored(t, st, "sender")
	require.True(t, strings.Contains(got[2], "\r\n\r\nSubject: big\r\n\r\n"+big))

	t.Run("refuse", func(t *testing.T) {
		st, d, fail := partial(t)
		d.RefusePartial = true
		k := talk(t, start(t, &smtpserver.Server{Backend: d}))
		k.do("EHLO c", "250")
		fail(mailbox.ErrPermission)
		for range 2 {
			k.send(local, three, message, "550 5.2.1 <bob@example.org>: ")
			require.Len(t, stored(t, st, "alice"), 1)
		}
		require.Empty(t, stored(t, st, "sender"))
	})
	t.Run("no way to report", func(t *testing.T) {
		st, d, fail := partial(t)
		k := talk(t, start(t, &smtpserver.Server{Backend: d}))
		k.do("EHLO c", "250")
		fail(mailbox.ErrPermission)
		for range 2 {
			k.send(foreign, three, message, "550 5.2.1 <bob@example.org>: ")
			require.Len(t, stored(t, st, "alice"), 1)
		}
		k.send(local, three, message, "250")
		require.Len(t, stored(t, st, "sender"), 1)
	})
}

// Where some failures may pass, the message is to be sent again.
func TestPartialMixed(t *testing.T) {
	st, d, fail := partial(t)
	k := talk(t, start(t, &smtpserver.Server{Backend: d}))
	k.do("EHLO c", "250")
	fail(mailbox.ErrUnavailable)
	k.do("MAIL FROM:<"+local+">", "250")
	for _, to := range three {
		k.do("RCPT TO:<"+to+">", "250")
	}
	require.NoError(t, st.DeleteAccount(t.Context(), "alice"))
	k.do("DATA", "354")
	k.do("x\r\n.", "451 4.3.0 <bob@example.org>: ")
	require.Len(t, stored(t, st, "carol"), 1)
	require.Empty(t, stored(t, st, "sender"))
}

// In LMTP each recipient has its answer, and nothing is remembered or reported.
func TestPartialLMTP(t *testing.T) {
	st, d, fail := partial(t)
	k := talk(t, start(t, &smtpserver.Server{Backend: d, LMTP: true}))
	k.do("LHLO c", "250")
	for i, err := range []error{mailbox.ErrPermission, mailbox.ErrOverQuota} {
		fail(err)
		k.send(local, three, "x", "250")
		k.expect([]string{"550", "452"}[i])
		k.expect("250")
		require.Len(t, stored(t, st, "alice"), i+1)
	}
	require.Empty(t, stored(t, st, "sender"))
}

// lateStore stores a message only once the client has gone, if late is set.
type lateStore struct {
	mailbox.Store
	late *atomic.Bool
}

func (s lateStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return lateAccount{a, s.late}, err
}

type lateAccount struct {
	mailbox.Account
	late *atomic.Bool
}

func (a lateAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return lateMailbox{m, a.late}, err
}

type lateMailbox struct {
	mailbox.Mailbox
	late *atomic.Bool
}

func (m lateMailbox) Append(ctx context.Context, in ...mailbox.Incoming) (mailbox.Result, error) {
	if m.late.Load() {
		<-ctx.Done()
	}
	return m.Mailbox.Append(context.WithoutCancel(ctx), in...)
}

// A client that goes before it is told that its message was delivered sends it
// again, and it is not doubled.
func TestPartialUnheard(t *testing.T) {
	st, d, _ := partial(t)
	var late atomic.Bool
	late.Store(true)
	d.Store = lateStore{d.Store, &late}
	srv := &smtpserver.Server{Backend: d}
	addr := start(t, srv)
	k := talk(t, addr)
	k.do("HELO c", "250")
	k.do("MAIL FROM:<"+foreign+">", "250")
	k.do("RCPT TO:<alice@example.org>", "250")
	k.do("DATA", "354")
	k.c.WriteString("Subject: once\r\n\r\nhello\r\n.\r\n")
	require.NoError(t, k.c.Flush())
	k.c.Close()
	require.Eventually(t, func() bool { return srv.Stats().Active == 0 }, time.Minute, 10*time.Millisecond)
	require.Len(t, stored(t, st, "alice"), 1)
	late.Store(false)
	for range 2 {
		k = talk(t, addr)
		k.do("HELO c", "250")
		k.send(foreign, []string{"alice@example.org"}, "Subject: once\r\n\r\nhello\r\n", "250")
	}
	require.Len(t, stored(t, st, "alice"), 2, "the second attempt is not the first, the third is another message")
}
