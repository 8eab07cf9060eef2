package imapclient_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
)

// describe is an Update in short.
func describe(u *imapclient.Update) string {
	s := fmt.Sprintf("%d", u.Exists)
	if u.Arrived > 0 {
		s += " new " + u.New.String()
	}
	if u.Removed > 0 {
		s += " gone " + u.Vanished.String()
	}
	for _, f := range u.Flags {
		s += fmt.Sprintf(" %d%v", f.UID, f.Flags)
	}
	if u.Lost {
		s += " lost"
	}
	return s
}

// A puller takes the Updates of a Watch one by one.
type puller struct {
	t    *testing.T
	next func() (*imapclient.Update, error, bool)
	stop func()
}

func pull(t *testing.T, seq iter.Seq2[*imapclient.Update, error]) *puller {
	next, stop := iter.Pull2(seq)
	t.Cleanup(stop)
	return &puller{t, next, stop}
}

// expect waits for the next Update, whose handling then is what follows.
func (p *puller) expect(want string) *imapclient.Update {
	p.t.Helper()
	u, err, ok := p.next()
	require.True(p.t, ok)
	require.NoError(p.t, err)
	require.Equal(p.t, want, describe(u))
	return u
}

// ends waits for the error with which the loop ends.
func (p *puller) ends(want error) {
	p.t.Helper()
	_, err, ok := p.next()
	require.True(p.t, ok)
	require.ErrorIs(p.t, err, want)
	_, _, ok = p.next()
	require.False(p.t, ok)
}

func TestPoolWatch(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		f.caps = " IDLE"
		ctx, cancel := context.WithCancelCause(t.Context())
		w := pull(t, p.Watch(ctx, "INBOX", nil))
		time.AfterFunc(time.Minute, func() { f.last().arrive(7) })
		w.expect("4 new 7") // of what was there before there is nothing
		require.Equal(t, stats{Watching: 1}, p.Stats())

		// A break while the Update is handled: it comes again, with what has
		// happened meanwhile.
		f.last().nc.Close()
		synctest.Wait()
		f.set(1, 3, 7, 8)
		w.expect("4 new 7:8 gone 2 lost")

		// A break after that.
		time.AfterFunc(time.Minute, func() { f.set(1, 3, 7, 8, 9); f.last().nc.Close() })
		u := w.expect("5 new 9 lost")
		require.NoError(t, u.Mailbox.Client().Noop(ctx))

		// Nobody else gets the connection.
		require.NoError(t, p.Select(ctx, "INBOX", nil, func(m *imapclient.Mailbox) error {
			require.NotSame(t, u.Mailbox.Client(), m.Client())
			return nil
		}))
		require.Equal(t, stats{Open: 1, Idle: 1, Watching: 1}, p.Stats())

		// An EXPUNGE, and the end.
		time.AfterFunc(time.Minute, func() { f.set(3, 7, 8, 9); f.conn(3).say("* 1 EXPUNGE") })
		w.expect("4 gone 1")
		over := errors.New("enough")
		time.AfterFunc(time.Minute, func() { cancel(over) })
		w.ends(over)
		require.Zero(t, p.Stats().Watching)
	})
}

// What a State remembers is watched from there; the step in which a loop is left
// is not yet done.
func TestPoolWatchState(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		f.caps = " IDLE"
		lose := func(uids ...int) { // later: the Update under way is handled before
			time.AfterFunc(time.Second, func() { f.set(uids...); f.last().nc.Close() })
		}
		var s imapclient.State
		w := pull(t, p.Watch(t.Context(), "INBOX", &s))
		w.expect("3 new 1:3")
		require.Equal(t, imapclient.State{UIDValidity: 7, UIDs: mailbox.UIDSetOf(1, 2, 3)}, s)
		lose(1, 2, 3, 4)
		w.expect("4 new 4 lost")
		require.Equal(t, uint32(7), s.UIDValidity)
		w.stop()
		require.Equal(t, "1:4", s.UIDs.String())
		require.Equal(t, mailbox.UID(4), s.UIDNext)

		w = pull(t, p.Watch(t.Context(), "INBOX", &s))
		w.expect("4 new 4 lost")
		lose(4, 6)
		w.expect("2 new 6 gone 1:3 lost")
		f.last().say("* BYE closing")
		lose(6)
		w.expect("1 gone 4 lost")
		require.Equal(t, "4,6", s.UIDs.String())
		w.stop()

		// What was new in a step that was broken off, and is gone.
		w = pull(t, p.Watch(t.Context(), "INBOX", &s))
		w.expect("1 gone 4 lost")
		lose(6, 8)
		w.expect("2 new 8 lost")
		f.last().nc.Close()
		synctest.Wait()
		f.set(6, 9)
		w.expect("2 new 9 gone 8 lost")
		w.stop()

		// Another UIDVALIDITY.
		f.change(func() { f.validity = 8 })
		w = pull(t, p.Watch(t.Context(), "INBOX", &s))
		w.ends(imapclient.ErrUIDValidity)
		require.Equal(t, "6,8:9", s.UIDs.String())
		f.change(func() { f.validity = 0 })
		w = pull(t, p.Watch(t.Context(), "INBOX", &s))
		w.ends(imapclient.ErrUIDValidity)
	})
}

// errRefused stands for the server's answer.
var errRefused = &imap.Error{Status: imap.NO}

// What ends the loop, and what is tried again.
func TestPoolWatchErrors(t *testing.T) {
	login := func(answer string) func(*fakeConn, string) string {
		return func(c *fakeConn, cmd string) string {
			if strings.HasPrefix(cmd, "LOGIN") && c.n == 1 {
				return answer
			}
			return ""
		}
	}
	sel := func(answer string) func(*fakeConn, string) string {
		return func(c *fakeConn, cmd string) string {
			if strings.HasPrefix(cmd, "SELECT") && c.n == 1 {
				return answer
			}
			return ""
		}
	}
	cases := []struct {
		name string
		on   func(*fakeConn, string) string
		err  error         // nil: it is tried again …
		wait time.Duration // … after this time, at most
	}{
		{"credentials", login("${tag} NO [AUTHENTICATIONFAILED] no"), sasl.ErrAuthFailed, 0},
		{"credentials in prose", login("${tag} NO wrong password"), sasl.ErrAuthFailed, 0},
		{"expired", login("${tag} NO [EXPIRED] password"), sasl.ErrExpired, 0},
		{"unavailable", login("${tag} NO [UNAVAILABLE] later"), nil, time.Second},
		{"too many", login("${tag} NO [ALERT] Too many simultaneous connections. (Failure)"), nil, 10 * time.Second},
		{"closed", login("CLOSE"), nil, time.Second},
		{"gone", sel("${tag} NO [NONEXISTENT] no"), mailbox.ErrNotExist, 0},
		{"gone in prose", sel("${tag} NO Mailbox does not exist"), mailbox.ErrNotExist, 0},
		{"permission", sel("${tag} NO [NOPERM] no"), mailbox.ErrPermission, 0},
		{"server bug", sel("${tag} NO [SERVERBUG] oops"), nil, time.Second},
		{"in use", sel("${tag} NO [INUSE] locked"), nil, time.Second},
		{"access", sel("${tag} NO SELECT Unsafe Login. Please contact kefu@188.com for help"), errRefused, 0},
		{"bandwidth", sel("${tag} NO [OVERQUOTA] Account exceeded command or bandwidth limits."), nil, 10 * time.Second},
		{"bye", sel("* BYE shutting down\nCLOSE"), nil, time.Second},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
				f.on = tc.on
				f.greeting = "* OK [CAPABILITY IMAP4rev1] ready"
				f.opts = &imapclient.Options{Credentials: &sasl.Credentials{Username: "tim", Password: "x"}, AllowInsecureAuth: true}
				var waits []time.Duration
				p.Backoff.Notify = func(err error, d time.Duration) {
					require.Error(t, err)
					waits = append(waits, d)
				}
				w := pull(t, p.Watch(t.Context(), "INBOX", new(imapclient.State)))
				defer w.stop()
				if tc.err != nil {
					w.ends(tc.err)
					require.Empty(t, waits)
					return
				}
				start := time.Now()
				w.expect("3 new 1:3")
				require.Equal(t, waits, []time.Duration{time.Since(start)})
				require.LessOrEqual(t, waits[0], tc.wait)
				require.Greater(t, waits[0], tc.wait/2)
			})
		})
	}
}

// The waits grow while nothing works, and begin anew after a connection that has
// lasted.
func TestPoolWatchBackoff(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		f.caps = " IDLE"
		p.Backoff = imapclient.Backoff{Min: time.Minute, Max: 8 * time.Minute}
		var waits []time.Duration
		p.Backoff.Notify = func(err error, d time.Duration) {
			if waits = append(waits, d); len(waits) == 6 {
				f.change(func() { f.refuse = nil })
			}
		}
		f.refuse = errors.New("connection refused")
		var s imapclient.State
		w := pull(t, p.Watch(t.Context(), "INBOX", &s))
		w.expect("3 new 1:3")
		for i, most := range []time.Duration{1, 2, 4, 8, 8, 8} {
			require.LessOrEqual(t, waits[i], most*time.Minute)
			require.Greater(t, waits[i], most*time.Minute/2)
		}
		f.last().nc.Close() // too early to begin anew
		synctest.Wait()
		w.expect("3 new 1:3")
		require.Greater(t, waits[6], 4*time.Minute)
		time.AfterFunc(2*time.Minute, func() { f.last().nc.Close() })
		w.expect("3 lost")
		require.LessOrEqual(t, waits[7], time.Minute)

		// Closing the pool ends a loop, whether it waits for an Update …
		time.AfterFunc(time.Second, func() {
			f.change(func() { f.refuse = errors.New("connection refused") })
			f.last().nc.Close()
		})
		done := make(chan error, 1)
		time.AfterFunc(time.Minute, func() { done <- p.Shutdown(t.Context()) })
		w.ends(imapclient.ErrPoolClosed) // … or for the next attempt
		require.NoError(t, <-done)
	})
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		f.caps = " IDLE"
		w := pull(t, p.Watch(t.Context(), "INBOX", nil))
		done := make(chan error, 1)
		time.AfterFunc(time.Minute, func() { done <- p.Shutdown(t.Context()) })
		w.ends(imapclient.ErrPoolClosed)
		require.NoError(t, <-done)
		require.Contains(t, f.commands(), "LOGOUT")
		pull(t, p.Watch(t.Context(), "INBOX", nil)).ends(imapclient.ErrPoolClosed)
	})
	require.NoError(t, (&imapclient.Pool{}).Close())
}

// Each connection asks for a token of its own.
func TestPoolToken(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		f.greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 IDLE] ready"
		tokens := 0
		var used []string
		f.opts = &imapclient.Options{AllowInsecureAuth: true, Credentials: &sasl.Credentials{Username: "tim", Token: func(context.Context) (string, error) {
			tokens++
			if tokens == 3 {
				return "", errors.New("the token service is away")
			}
			return fmt.Sprintf("token %d", tokens), nil
		}}}
		f.on = func(c *fakeConn, cmd string) string {
			if initial, ok := strings.CutPrefix(cmd, "AUTHENTICATE XOAUTH2 "); ok {
				b, err := base64.StdEncoding.DecodeString(initial)
				require.NoError(t, err)
				_, token, _ := strings.Cut(string(b), "Bearer ")
				used = append(used, strings.Trim(token, "\x01"))
				if len(used) == 4 {
					return "${tag} NO [AUTHENTICATIONFAILED] revoked"
				}
			}
			return ""
		}
		require.NoError(t, p.Select(t.Context(), "INBOX", nil, nothing))
		w := pull(t, p.Watch(t.Context(), "INBOX", new(imapclient.State)))
		w.expect("3 new 1:3")
		require.Equal(t, []string{"token 1", "token 2"}, used)
		f.last().nc.Close()
		synctest.Wait()
		w.expect("3 new 1:3") // in spite of the error of Token
		require.Equal(t, []string{"token 1", "token 2", "token 4"}, used)
		f.last().nc.Close()
		w.ends(sasl.ErrAuthFailed)
	})
}

// With mod-sequences, the flags that have changed are known, and the state's
// mod-sequence follows in time.
func TestPoolWatchModSeq(t *testing.T) {
	inPool(t, func(t *testing.T, f *fake, p *imapclient.Pool) {
		f.caps = " IDLE CONDSTORE ENABLE"
		var highest atomic.Int64
		highest.Store(10)
		f.on = func(c *fakeConn, cmd string) string {
			switch {
			case strings.HasPrefix(cmd, "SELECT"):
				return strings.Replace(c.reply(cmd), "${tag}", fmt.Sprintf("* OK [HIGHESTMODSEQ %d] x\n${tag}", highest.Load()), 1)
			case strings.Contains(cmd, "CHANGEDSINCE 10"):
				return "* 2 FETCH (UID 2 MODSEQ (12) FLAGS (\\Seen))\n${tag} OK done"
			case strings.Contains(cmd, "CHANGEDSINCE"):
				return "${tag} OK done"
			}
			return ""
		}
		s := imapclient.State{UIDValidity: 7, UIDNext: 4, HighestModSeq: 10, UIDs: mailbox.UIDSetOf(1, 2, 3)}
		w := pull(t, p.Watch(t.Context(), "INBOX", &s))
		time.AfterFunc(time.Second, func() { highest.Store(12); f.last().nc.Close() }) // nothing has happened until then
		w.expect("3 2\\Seen")
		require.Equal(t, mailbox.ModSeq(10), s.HighestModSeq)
		time.AfterFunc(time.Second, func() { f.last().say("* 1 FETCH (UID 1 MODSEQ (13) FLAGS (\\Flagged))") })
		w.expect("3 1\\Flagged")
		require.Equal(t, mailbox.ModSeq(12), s.HighestModSeq)
		f.commands()
		time.AfterFunc(2*time.Minute, func() { f.last().say("* 1 FETCH (UID 1 MODSEQ (14) FLAGS ())") })
		w.expect("3 1")
		require.Equal(t, mailbox.ModSeq(12), s.HighestModSeq) // not yet known to be all
		time.AfterFunc(2*time.Minute, func() { f.last().say("* 1 FETCH (UID 1 MODSEQ (15) FLAGS ())") })
		w.expect("3 1")
		require.Equal(t, mailbox.ModSeq(14), s.HighestModSeq)
		require.Equal(t, 1, strings.Count(f.commands(), "NOOP"))
		w.stop()
	})
}
