package imapclient_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A cutter passes connections on to a server and cuts them.
type cutter struct {
	addr string
	mu   sync.Mutex
	open map[net.Conn]struct{} // both sides of each
	cuts int
	work sync.WaitGroup
}

func newCutter(t *testing.T, server string) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	x := &cutter{addr: l.Addr().String(), open: map[net.Conn]struct{}{}}
	x.work.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			x.work.Go(func() { x.pass(nc, server) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		x.cut(1)
		x.work.Wait()
	})
	return x
}

func (x *cutter) pass(client net.Conn, server string) {
	defer client.Close()
	nc, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer nc.Close()
	x.mu.Lock()
	x.open[client] = struct{}{}
	x.mu.Unlock()
	x.work.Go(func() {
		io.Copy(nc, client)
		nc.Close()
	})
	io.Copy(client, nc)
	x.mu.Lock()
	delete(x.open, client)
	x.mu.Unlock()
}

// cut cuts each connection with this probability.
func (x *cutter) cut(p float64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for nc := range x.open {
		if rand.Float64() < p {
			nc.Close()
			x.cuts++
		}
	}
}

// during cuts connections now and then while do runs.
func (x *cutter) during(do func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Duration(rand.IntN(200)) * time.Millisecond):
				x.cut(0.3)
			}
		}
	}()
	defer func() {
		close(done)
		<-ended
	}()
	do()
}

func (x *cutter) pool(o *imapclient.Options) *imapclient.Pool {
	return &imapclient.Pool{
		Dial: func(ctx context.Context) (*imapclient.Client, error) {
			return imapclient.Dial(ctx, x.addr, o)
		},
		Backoff: imapclient.Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond},
	}
}

// Many callers, few connections, all of which are cut now and then: nobody ever
// sees or changes another mailbox than its own.
func TestPoolCut(t *testing.T) {
	sites(t, func(t *testing.T, s *site) {
		testutil.NoLeaks(t)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		direct := s.dial(t, nil)
		var names []string
		for i := range 6 {
			var messages []string
			for n := range 10 {
				messages = append(messages, letter(fmt.Sprintf("of %c, number %d", 'A'+i, n), "x"))
			}
			names = append(names, s.box(t, direct, messages...).Name())
		}
		x := newCutter(t, s.plain)
		p := x.pool(s.options())
		var mu sync.Mutex
		var good, bad int
		x.during(func() {
			var wg sync.WaitGroup
			for range 12 {
				wg.Go(func() {
					for range 20 {
						i := rand.IntN(len(names))
						letter := string(rune('A' + i))
						o := &imapclient.SelectOptions{ReadOnly: rand.IntN(4) == 0, NoWait: rand.IntN(2) == 0}
						err := p.Select(ctx, names[i], o, func(m *imapclient.Mailbox) error {
							for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Envelope) {
								if err != nil {
									return err
								}
								if !strings.HasPrefix(msg.Subject(), "of "+letter+",") {
									return fmt.Errorf("in %s: %s", letter, msg.Subject())
								}
							}
							if o.ReadOnly {
								return nil
							}
							return m.AddFlags(ctx, imapclient.Last(1+rand.IntN(5)), mailbox.Flag("is"+letter))
						})
						mu.Lock()
						if err == nil {
							good++
						} else {
							bad++
						}
						mu.Unlock()
						if err != nil && imapclient.Diagnose(err) != imapclient.ReasonConnection {
							t.Error(err)
						}
						if st := p.Stats(); st.Open > 4 || st.Idle > st.Open {
							t.Error(st)
						}
					}
				})
			}
			wg.Wait()
		})
		t.Logf("%d calls, %d failed, %d cuts", good+bad, bad, x.cuts)
		require.Greater(t, good, 50)
		st := p.Stats()
		require.Equal(t, stats{Open: st.Open, Idle: st.Open}, st)
		require.NoError(t, p.Shutdown(ctx))
		require.Zero(t, p.Stats())
		for i, name := range names {
			m, err := direct.Select(ctx, name, nil)
			require.NoError(t, err)
			for j := range names {
				found, err := m.Search(ctx, search.Flag{Flag: mailbox.Flag("is" + string(rune('A'+j)))}, nil)
				require.NoError(t, err)
				if j != i {
					require.True(t, found.UIDs.IsEmpty())
				}
			}
		}
	})
}

// A follower keeps a copy of a mailbox's flags by a Watch.
type follower struct {
	mu    sync.Mutex
	flags map[mailbox.UID]string
	news  chan struct{}
}

// take handles an Update. What fails by a break will be told again.
func (f *follower) take(ctx context.Context, u *imapclient.Update) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for uid := range u.Vanished.All() {
		delete(f.flags, uid)
	}
	for _, x := range u.Flags {
		f.flags[x.UID] = x.Flags.String()
	}
	of := u.New
	if u.Lost {
		of = imapclient.All()
	}
	for msg, err := range u.Mailbox.Fetch(ctx, of, imapclient.Flags) {
		if err != nil {
			break
		}
		f.flags[msg.UID] = msg.Entry.Flags.String()
	}
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// A Watch over breaks, and over crashes of its program, knows in the end what is in
// the mailbox.
func TestPoolWatchCut(t *testing.T) {
	sites(t, func(t *testing.T, s *site) {
		t.Run("mod-sequences", func(t *testing.T) { testWatchCut(t, s, s.options()) })
		t.Run("none", func(t *testing.T) {
			o := s.options()
			o.Disable = []imap.Cap{imap.CapCondStore, imap.CapQResync}
			testWatchCut(t, s, o)
		})
	})
}

func testWatchCut(t *testing.T, s *site, o *imapclient.Options) {
	testutil.NoLeaks(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	direct := s.dial(t, nil)
	m := s.box(t, direct, count(10)...)
	x := newCutter(t, s.plain)
	p := x.pool(o)
	f := &follower{flags: map[mailbox.UID]string{}, news: make(chan struct{}, 1)}
	watching, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	updates, crashes := 0, 0
	go func() {
		var saved []byte // with the flags of then
		flags := map[mailbox.UID]string{}
		for {
			var state imapclient.State
			if err := state.UnmarshalText(saved); err != nil {
				ended <- err
				return
			}
			f.mu.Lock()
			f.flags = maps.Clone(flags)
			f.mu.Unlock()
			life := 2 + rand.IntN(10)
			for u, err := range p.Watch(watching, m.Name(), &state) {
				if err != nil {
					ended <- err
					return
				}
				if rand.IntN(3) == 0 {
					saved, _ = state.MarshalText()
					flags = maps.Clone(f.flags)
				}
				f.take(watching, u)
				updates++
				if life--; life == 0 {
					crashes++
					break
				}
			}
		}
	}()
	change := func() {
		uids, err := m.UIDs(ctx)
		require.NoError(t, err)
		switch uid := uids.At(rand.IntN(uids.Len())); rand.IntN(5) {
		case 0, 1:
			msg := letter(fmt.Sprintf("another %d", rand.Int64()), "x")
			_, err = direct.Append(ctx, m.Name(), mailbox.Incoming{Body: strings.NewReader(msg), Size: int64(len(msg))})
		case 2:
			if uids.Len() > 3 {
				_, err = m.Delete(ctx, imapclient.UIDs(uid))
			}
		case 3:
			err = m.AddFlags(ctx, imapclient.UIDs(uid), mailbox.FlagSeen)
		case 4:
			err = m.RemoveFlags(ctx, imapclient.UIDs(uid), mailbox.FlagSeen)
		}
		require.NoError(t, err)
		_, err = m.Poll(ctx)
		require.NoError(t, err)
	}
	x.during(func() {
		for range 100 {
			change()
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		}
	})
	want := map[mailbox.UID]string{}
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Flags) {
		require.NoError(t, err)
		want[msg.UID] = msg.Entry.Flags.String()
	}
	for same := false; !same; {
		f.mu.Lock()
		same = maps.Equal(want, f.flags)
		f.mu.Unlock()
		if same {
			break
		}
		select {
		case <-f.news:
		case err := <-ended:
			t.Fatal(err)
		case <-ctx.Done():
			f.mu.Lock()
			t.Fatal("want", slices.Sorted(maps.Keys(want)), want, "got", slices.Sorted(maps.Keys(f.flags)), f.flags)
		}
	}
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
	t.Logf("%d updates, %d cuts, %d crashes", updates, x.cuts, crashes)
	require.NoError(t, p.Shutdown(ctx))
}

// A mailbox that is deleted ends its Watch, once the server ends the selection.
func TestPoolWatchDeleted(t *testing.T) {
	sites(t, func(t *testing.T, s *site) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		direct := s.dial(t, nil)
		m := s.box(t, direct, count(2)...)
		require.NoError(t, m.Unselect(ctx))
		x := newCutter(t, s.plain)
		p := x.pool(s.options())
		var state imapclient.State
		var last error
		for _, err := range p.Watch(ctx, m.Name(), &state) {
			if last = err; err == nil {
				require.NoError(t, direct.Delete(ctx, m.Name()))
				go x.cut(1)
			}
		}
		require.ErrorIs(t, last, mailbox.ErrNotExist)
		require.NoError(t, p.Shutdown(ctx))
	})
}
