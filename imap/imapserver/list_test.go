package imapserver_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A wideStore has accounts with these mailboxes and subscriptions.
type wideStore struct {
	mailbox.Store
	infos []mailbox.Info
	wait  func(ctx context.Context) // before they are returned
	opens int                       // calls of Mailbox
}

type wideAccount struct {
	mailbox.Account
	s *wideStore
}

func (s *wideStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return wideAccount{a, s}, err
}

func (a wideAccount) Mailboxes(ctx context.Context, _ mailbox.ListWant) ([]mailbox.Info, error) {
	if a.s.wait != nil {
		a.s.wait(ctx)
	}
	return append([]mailbox.Info(nil), a.s.infos...), nil
}

func (a wideAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	a.s.opens++
	return a.Account.Mailbox(ctx, "INBOX")
}

// deep is the name of a mailbox with many levels.
func deep(n, levels int) string {
	return fmt.Sprintf("m%05d", n) + strings.Repeat("/a", levels-1)
}

func (s *wideStore) subscribe(names, levels int) {
	for n := range names {
		s.infos = append(s.infos, mailbox.Info{Name: deep(n, levels), Subscribed: true, NonExistent: true})
	}
}

// What LIST and LSUB hold does not grow with the depth of names, nor what they do
// with that of others than are asked for.
func TestListDepth(t *testing.T) {
	store := &wideStore{Store: newStore(t, nil)}
	const names, levels = 2000, 480
	store.subscribe(names, levels)
	// Every octet of each name, once for the pattern and once for its levels.
	const most = names * (levels*2 + 10) / 100
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true}
	srv.MaxWork = most
	c := login(t, start(t, srv))
	for _, tc := range []struct {
		cmd  string
		want int
	}{
		{`LSUB "" x`, 0},
		{`LSUB "" *`, names},
		{`LSUB "" %`, names},
		{`LSUB "" %/%/%`, names},
		{`LSUB "" m00007*%`, levels},
		{`LIST "" *`, 0},
		{`LIST (SUBSCRIBED RECURSIVEMATCH) "" %`, names},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n := 0
		for _, line := range c.ok(tc.cmd) {
			require.True(t, strings.HasPrefix(line, "* L"), line)
			n++
		}
		runtime.ReadMemStats(&after)
		require.Equal(t, tc.want, n, tc.cmd)
		// Both copies of the list, and the lines that were read.
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(names*1000+n*2500+1<<20), tc.cmd)
	}
	// All the levels of all names are what a client gets that asks for them.
	_, status := c.cmd(`LSUB "" *%`)
	require.True(t, strings.HasPrefix(status, "NO "), status)
	c.ok("NOOP")
}

// Patterns are counted, and the work of matching them.
func TestListPatterns(t *testing.T) {
	store := &wideStore{Store: newStore(t, nil)}
	for n := range 10_000 {
		store.infos = append(store.infos, mailbox.Info{Name: fmt.Sprintf("m%05d", n)})
	}
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true}
	srv.MaxWork = 40_000 // of which 10,000 are for reading the list
	c := login(t, start(t, srv))
	patterns := func(n int, text string) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`"%d%s"`, i, text))
		}
		return "(" + strings.Join(all, " ") + ")"
	}
	require.Empty(t, c.ok(`LIST "" `+patterns(100, "*x*y%*z")))
	require.Len(t, c.ok(`LIST "" ("*" "%" "m*" "*m*" "*5" "m00007" "m00007")`), 10_000, "one response for each name")
	_, status := c.cmd(`LIST "" ` + patterns(101, "*"))
	require.Equal(t, "NO [LIMIT] too many patterns", status)
	require.Empty(t, c.ok(`LIST "" (x y)`))

	// What is bounded by lengths alone may still be too much.
	long := strings.Repeat("*m*0", 1000)
	store.infos = nil
	for n := range 10_000 {
		store.infos = append(store.infos, mailbox.Info{Name: strings.Repeat("m0", 499) + fmt.Sprint(n)})
	}
	_, status = c.cmd(`LIST "" *` + long[:2*950] + "x")
	require.True(t, strings.HasPrefix(status, "NO "), status)
	c.ok("NOOP")
}

// LIST ends when its client has gone, also when the store has not noticed.
func TestListEndsWithClient(t *testing.T) {
	store := &wideStore{Store: newStore(t, nil)}
	began, ended := make(chan bool), make(chan error, 1)
	store.wait = func(ctx context.Context) {
		began <- true
		<-ctx.Done()
		ended <- context.Cause(ctx)
	}
	store.infos = []mailbox.Info{{Name: "INBOX", Status: &mailbox.Status{UIDNext: 7}}}
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true}
	c := login(t, start(t, srv))
	c.send("x LIST \"\" * RETURN (STATUS (RECENT))\r\n")
	<-began
	c.conn.Close()
	require.Equal(t, textproto.ErrPeerGone, <-ended)
	require.NoError(t, srv.Shutdown(t.Context()))
	require.Zero(t, store.opens)
}

// Names are listed so that the inferiors of each follow it, whatever octets their
// siblings have, and each once.
func TestListOrder(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	for _, name := range []string{"a", "a b", "a b/c", "a-b", "a/b", "a/b c/d", "a/b/c", "a/b-c", "a.", "p/q r/s", "p/q/s", "p/q-r", "INBOX/x"} {
		_, err := acct.Create(t.Context(), name, nil)
		require.NoError(t, err)
	}
	for _, name := range []string{"s/t/u", "s/t v/w", "s/t/x", "a/b/c/d"} {
		require.NoError(t, acct.Subscribe(t.Context(), name, true))
	}
	c := login(t, start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true}))
	list := func(cmd string) string {
		var all []string
		for _, line := range c.ok(cmd) {
			name := strings.Trim(line[strings.Index(line, `"/" `)+4:], `"`)
			switch {
			case strings.Contains(line, `\HasChildren`):
				name += "+"
			case strings.Contains(line, `\NonExistent`), strings.Contains(line, `\Noselect`):
				name += "-"
			}
			all = append(all, name)
		}
		return strings.Join(all, ",")
	}
	require.Equal(t, "INBOX+,INBOX/x,a+,a/b+,a/b/c,a/b c/d,a/b-c,a b+,a b/c,a-b,a.,p/q/s,p/q r/s,p/q-r", list(`LIST "" *`))
	require.Equal(t, "INBOX+,a+,a b+,a-b,a.,p+", list(`LIST "" %`))
	require.Equal(t, "p/q+,p/q r+,p/q-r", list(`LIST "" p/%`))
	require.Equal(t, "p+,p/q+,p/q/s,p/q r+,p/q r/s,p/q-r", list(`LIST "" p*%`))
	require.Equal(t, "p+,p/q/s,p/q r/s,p/q-r", list(`LIST "" (p* p%)`), "by any pattern that ends with %")
	require.Equal(t, "a-,s-", list(`LSUB "" %`))
	require.Equal(t, "a/b/c/d-,s/t/u-,s/t/x-,s/t v/w-", list(`LSUB "" *`))
	require.Equal(t, "s/t-,s/t v-", list(`LSUB "" s/%`))
	require.Equal(t, "a/b/c/d-,s/t/u-,s/t/x-", list(`LIST (SUBSCRIBED RECURSIVEMATCH) "" (*/c* s/t/*)`))
}
