package imapclient_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/textproto"
)

// testWatchAll follows several mailboxes: by NOTIFY where the server has it, and
// always by asking.
func testWatchAll(t *testing.T, s *site) {
	for _, notify := range []bool{true, false} {
		o := s.options()
		if !notify {
			o.Disable = []imap.Cap{imap.CapNotify}
		}
		o.Timeouts.Poll = 50 * time.Millisecond
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		c := s.dial(t, o)
		if c.Capabilities().Has(imap.CapNotify) { // then the client need not ask
			o.Timeouts.Poll = time.Hour
			c = s.dial(t, o)
		}
		quiet := s.box(t, c, count(1)...)
		m := s.box(t, c, count(2)...)
		other := s.dial(t, nil)
		var got []string
		note := func(text string, do func()) {
			got = append(got, text)
			if do != nil {
				do()
			}
		}
		var wg sync.WaitGroup
		defer wg.Wait()
		act := func(f func() error) {
			wg.Go(func() {
				if err := f(); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			})
		}
		box := m.Name() + "new"
		known := 0
		for ev, err := range c.Watch(ctx, &imapclient.WatchOptions{Personal: true, Fetch: imapclient.Flags | imapclient.Envelope}) {
			require.NoError(t, err)
			switch ev := ev.(type) {
			case *imapclient.MailboxStatus:
				switch {
				case ev.Mailbox == quiet.Name() && ev.Messages != nil && *ev.Messages == 1 && known == 0:
					known = 1
					note("first", func() {
						act(func() error { _, err := other.Append(ctx, quiet.Name(), incoming(letter("to quiet", "x"))); return err })
					})
				case ev.Mailbox == quiet.Name() && ev.Messages != nil && *ev.Messages == 2 && known == 1:
					known = 2
					note("arrived elsewhere", func() {
						act(func() error { _, err := other.Append(ctx, m.Name(), incoming(letter("to us", "x"))); return err })
					})
				}
			case *imapclient.Update:
				if ev.Arrived == 0 || known != 2 {
					continue
				}
				known = 3
				require.Same(t, m, ev.Mailbox)
				require.Len(t, ev.Messages, 1)
				require.Equal(t, "to us", ev.Messages[0].Subject())
				note("arrived here", func() { act(func() error { return other.Create(ctx, box) }) })
			case *imapclient.MailboxChanged:
				if ev.Mailbox != box {
					continue
				}
				entry := imapclient.ListEntry{Attrs: ev.Attrs}
				if entry.Has(imap.AttrNonExistent) {
					note("deleted", nil)
				} else if known == 3 {
					known = 4
					note("created", func() { act(func() error { return other.Delete(ctx, box) }) })
				}
			}
			if slices.Contains(got, "deleted") {
				break
			}
		}
		require.Equal(t, []string{"first", "arrived elsewhere", "arrived here", "created", "deleted"}, got)
		require.NoError(t, c.Noop(ctx))

		// Then all is as before.
		wg.Go(func() { other.Append(ctx, m.Name(), incoming(letter("once more", "x"))) })
		for u, err := range m.Watch(ctx) {
			require.NoError(t, err)
			if u.Arrived > 0 {
				break
			}
		}
		wg.Wait()
		c.Close()
		other.Close()
	}
}

func testPoll(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	m := s.box(t, c, count(2)...)
	u, err := m.Poll(ctx)
	require.NoError(t, err)
	require.Nil(t, u)
	other := s.dial(t, nil)
	_, err = other.Append(ctx, m.Name(), incoming(letter("new", "x")))
	require.NoError(t, err)
	u, err = m.Poll(ctx)
	require.NoError(t, err)
	require.NotNil(t, u)
	require.Equal(t, 1, u.Arrived)
	require.Equal(t, 3, u.Exists)
	om, err := other.Select(ctx, m.Name(), nil)
	require.NoError(t, err)
	_, err = om.Delete(ctx, imapclient.Numbers(1, 2))
	require.NoError(t, err)
	u, err = m.Poll(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, u.Removed)
	require.Equal(t, 2, u.Vanished.Len())
}

// A session plays a script in fake time, over a pipe.
func watchSession(t *testing.T, caps, script string, o *imapclient.Options, f func(t *testing.T, c *imapclient.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := transcript.Serve(t, "@timeout 10h\nS: * PREAUTH [CAPABILITY IMAP4rev1 "+caps+"] ready\n"+script, &transcript.ServeOptions{Pipe: true})
		c, err := imapclient.NewClient(t.Context(), srv.Dial(), o)
		require.NoError(t, err)
		f(t, c)
		srv.Wait()
		c.Close()
	})
}

const selectInbox = `
C: {{t:}} SELECT INBOX
S: * 0 EXISTS
S: * OK [UIDVALIDITY 1] x
S: ${t} OK [READ-WRITE] done
`

// IDLE is issued anew before servers end it, and ended when ctx is.
func TestIdleAnew(t *testing.T) {
	watchSession(t, "IDLE", selectInbox+`
C: {{t:}} IDLE
S: + idling
SILENT 8m
C: DONE
S: ${t} OK done
C: {{t:}} IDLE
S: + idling
SILENT 8m
C: DONE
S: ${t} OK done
C: {{t:}} IDLE
S: + idling
SILENT 1m
C: DONE
`, nil, func(t *testing.T, c *imapclient.Client) {
		m, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Minute, cancel)
		for u, err := range m.Watch(ctx) {
			require.Nil(t, u)
			require.ErrorIs(t, err, context.Canceled)
			break
		}
		require.NoError(t, c.Err())
	})
}

// A Watch whose context ends before IDLE has begun returns at once, and IDLE is ended
// nevertheless.
func TestIdleCancelledEarly(t *testing.T) {
	watchSession(t, "IDLE", selectInbox+`
C: {{t:}} IDLE
WAIT 10s
S: + idling
C: DONE
S: ${t} OK
C: {{t:}} NOOP
S: ${t} OK
`, nil, func(t *testing.T, c *imapclient.Client) {
		m, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		for _, err := range m.Watch(ctx) {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		require.Equal(t, time.Second, time.Since(start))
		time.Sleep(time.Minute)
		require.NoError(t, c.Noop(t.Context()))
	})
}

// A dead link is noticed when IDLE is issued anew.
func TestIdleDead(t *testing.T) {
	for _, x := range []struct{ name, script, op string }{
		{"no answer to DONE", "C: {{t:}} IDLE\nS: + idling\nSILENT 8m\nC: DONE\n", "DONE"},
		{"no continuation", "C: {{t:}} IDLE\n", "IDLE"},
	} {
		t.Run(x.name, func(t *testing.T) {
			watchSession(t, "IDLE", selectInbox+x.script, nil, func(t *testing.T, c *imapclient.Client) {
				m, err := c.Select(t.Context(), "INBOX", nil)
				require.NoError(t, err)
				n := 0
				for _, err := range m.Watch(t.Context()) {
					require.ErrorIs(t, err, imapclient.ErrClosed)
					var timeout *textproto.TimeoutError
					require.ErrorAs(t, err, &timeout)
					require.Equal(t, x.op, timeout.Op)
					n++
				}
				require.Equal(t, 1, n)
			})
		})
	}
}

// The server's DONE is not answered though another call has sent it.
func TestIdleDeadBehindCall(t *testing.T) {
	watchSession(t, "IDLE", selectInbox+`
C: {{t:}} IDLE
S: + idling
C: DONE
C: {{n:}} NOOP
`, nil, func(t *testing.T, c *imapclient.Client) {
		m, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		start := time.Now()
		time.AfterFunc(time.Second, func() { c.Noop(t.Context()) })
		for _, err := range m.Watch(t.Context()) {
			require.ErrorIs(t, err, imapclient.ErrClosed)
		}
		require.Less(t, time.Since(start), 20*time.Second)
	})
}

// A server that refuses IDLE is asked instead.
func TestIdleRefused(t *testing.T) {
	watchSession(t, "IDLE", selectInbox+`
C: {{t:}} IDLE
S: ${t} BAD not today
SILENT 55s
C: {{t:}} NOOP
S: ${t} OK
SILENT 55s
C: {{t:}} NOOP
S: * 1 EXISTS
S: ${t} OK
C: {{t:}} UID SEARCH 1
S: * SEARCH 7
S: ${t} OK
`, nil, watchOne)
}

// So is one without IDLE.
func TestIdleLacking(t *testing.T) {
	script := selectInbox + `
SILENT 55s
C: {{t:}} NOOP
S: * 1 EXISTS
S: ${t} OK
C: {{t:}} UID SEARCH 1
S: * SEARCH 7
S: ${t} OK
`
	watchSession(t, "", script, nil, watchOne)
	watchSession(t, "", selectInbox, &imapclient.Options{NoEmulation: imapclient.EmulateIdle}, func(t *testing.T, c *imapclient.Client) {
		m, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		for _, err := range m.Watch(t.Context()) {
			var u *imapclient.UnsupportedError
			require.ErrorAs(t, err, &u)
		}
	})
}

// watchOne waits for one new message.
func watchOne(t *testing.T, c *imapclient.Client) {
	m, err := c.Select(t.Context(), "INBOX", nil)
	require.NoError(t, err)
	for u, err := range m.Watch(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, 1, u.Arrived)
		break
	}
}

func TestIdleBye(t *testing.T) {
	watchSession(t, "IDLE", selectInbox+`
C: {{t:}} IDLE
S: + idling
WAIT 1m
S: * BYE [UNAVAILABLE] shutting down
CLOSE
`, nil, func(t *testing.T, c *imapclient.Client) {
		m, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		for _, err := range m.Watch(t.Context()) {
			require.ErrorIs(t, err, imapclient.ErrClosed)
			require.ErrorIs(t, err, &imap.Error{Status: imap.BYE, Code: imap.CodeUnavailable})
		}
	})
}

// Another call ends IDLE: DONE and the command are one write. While a Watch is active
// there is no second one.
func TestIdleOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		writes := make(chan string)
		go func() {
			defer close(writes)
			far.Write([]byte("* PREAUTH [CAPABILITY IMAP4rev1 IDLE] ready\r\n"))
			buf := make([]byte, 10000)
			for {
				n, err := far.Read(buf)
				if err != nil {
					return
				}
				writes <- string(buf[:n])
			}
		}()
		c, err := imapclient.NewClient(t.Context(), near, nil)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for _, err := range c.Watch(ctx, nil) {
				if !errors.Is(err, imapclient.ErrClosed) {
					t.Error(err)
				}
			}
		})
		require.Equal(t, "P1 IDLE\r\n", <-writes)
		for _, err := range c.Watch(ctx, nil) {
			require.ErrorIs(t, err, imapclient.ErrWatching)
		}
		far.Write([]byte("+ idling\r\n"))
		synctest.Wait()
		wg.Go(func() {
			if err := c.Noop(t.Context()); err != nil {
				t.Error(err)
			}
		})
		require.Equal(t, "DONE\r\nP2 NOOP\r\n", <-writes)
		far.Write([]byte("P1 OK\r\nP2 OK\r\n"))
		require.Equal(t, "P3 IDLE\r\n", <-writes) // after a moment of quiet
		c.Close()
		wg.Wait()
		cancel()
		far.Close()
		for range writes {
		}
	})
}

// NOOP is sent when nothing else was (Timeouts.KeepAlive).
func TestKeepAlive(t *testing.T) {
	watchSession(t, "", `
SILENT 4m59s
C: {{t:}} NOOP
S: ${t} OK
C: {{t:}} NOOP
S: ${t} OK
C: {{t:}} STATUS x (MESSAGES)
S: * STATUS x (MESSAGES 0)
S: ${t} OK
SILENT 4m
C: {{t:}} NOOP
S: ${t} OK
`, nil, func(t *testing.T, c *imapclient.Client) {
		time.Sleep(11 * time.Minute)
		_, err := c.Status(t.Context(), "x", imap.StatusMessages)
		require.NoError(t, err)
		time.Sleep(6 * time.Minute)
		require.NoError(t, c.Err())
	})
}

// Its tags are of the same series as those of all commands.
func TestKeepAliveTag(t *testing.T) {
	session := strings.Repeat("C: {{t:}} NOOP\nS: ${t} OK\n", 9) + "SILENT 4m59s\nC: Pa NOOP\nS: Pa OK\nC: Pb NOOP\nS: Pb OK\n"
	watchSession(t, "", session, nil, func(t *testing.T, c *imapclient.Client) {
		for range 9 {
			require.NoError(t, c.Noop(t.Context()))
		}
		time.Sleep(6 * time.Minute)
		require.NoError(t, c.Noop(t.Context()))
	})
}

// A server that does not answer to that is dead.
func TestKeepAliveDead(t *testing.T) {
	watchSession(t, "", "C: {{t:}} NOOP\n", nil, func(t *testing.T, c *imapclient.Client) {
		time.Sleep(16 * time.Minute)
		require.ErrorIs(t, c.Err(), imapclient.ErrClosed)
	})
}

// RFC 5465: what the server does not know is left out, and after an overflow it is
// asked instead.
func TestNotify(t *testing.T) {
	watchSession(t, "IDLE NOTIFY METADATA", selectInbox+`
C: {{t:}} NOTIFY SET STATUS (SELECTED-DELAYED (MessageNew (UID FLAGS ENVELOPE) MessageExpunge FlagChange)) (SUBSCRIBED (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)) (MAILBOXES Work (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange))
S: ${t} NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName)] no
C: {{t:}} NOTIFY SET STATUS (SELECTED-DELAYED (MessageNew (UID FLAGS ENVELOPE) MessageExpunge FlagChange)) (SUBSCRIBED (MessageNew MessageExpunge FlagChange MailboxName)) (MAILBOXES Work (MessageNew MessageExpunge FlagChange MailboxName))
S: * STATUS Work (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 1)
S: ${t} OK
C: {{i:}} IDLE
S: + idling
WAIT 1s
S: * 1 EXISTS
S: * 1 FETCH (UID 9 FLAGS (\Seen) ENVELOPE (NIL "hello" NIL NIL NIL NIL NIL NIL NIL NIL))
C: DONE
C: {{t:}} UID SEARCH 1
S: ${i} OK
S: * SEARCH 9
S: ${t} OK
C: {{i:}} IDLE
S: + idling
S: * LIST () "/" New (OLDNAME (Old))
S: * OK [NOTIFICATIONOVERFLOW] too much
C: DONE
C: {{t:}} NOTIFY SET (SELECTED-DELAYED (MessageNew MessageExpunge FlagChange))
S: ${i} OK
S: ${t} OK
C: {{t:}} LSUB "" *
C: {{l:}} LIST "" *
S: * LSUB () "/" Play
S: ${t} OK
S: * LIST () "/" Play
S: ${l} OK
C: {{t:}} STATUS Play (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)
S: * STATUS Play (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 1 UNSEEN 0)
S: ${t} OK
C: {{t:}} STATUS Work (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)
S: * STATUS Work (MESSAGES 4 UIDNEXT 5 UIDVALIDITY 1 UNSEEN 0)
S: ${t} OK
C: {{i:}} IDLE
S: + idling
SILENT 50s
C: DONE
C: {{t:}} LSUB "" *
C: {{l:}} LIST "" *
S: ${i} OK
S: ${t} OK
S: ${l} OK
C: {{t:}} STATUS Work (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)
S: ${t} NO [NONEXISTENT] gone
`, nil, func(t *testing.T, c *imapclient.Client) {
		_, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		var got []string
		o := &imapclient.WatchOptions{Subscribed: true, Mailboxes: []string{"Work"}, Fetch: imapclient.Flags | imapclient.Envelope}
		for ev, err := range c.Watch(t.Context(), o) {
			require.NoError(t, err)
			switch ev := ev.(type) {
			case *imapclient.MailboxStatus:
				got = append(got, "status "+ev.Mailbox)
			case *imapclient.Update:
				require.Len(t, ev.Messages, 1)
				require.Equal(t, mailbox.UID(9), ev.Messages[0].UID)
				require.True(t, ev.Messages[0].Entry.Flags.Has(mailbox.FlagSeen))
				got = append(got, "new "+ev.Messages[0].Subject())
			case *imapclient.MailboxChanged:
				got = append(got, "changed "+ev.Mailbox+" "+ev.OldName)
			}
			if len(got) == 7 {
				break
			}
		}
		require.Equal(t, []string{"status Work", "new hello", "changed New Old", "status Play", "status Work", "changed Play ", "changed Work "}, got)
	})
}
