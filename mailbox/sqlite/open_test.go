package sqlite

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	open := func(name string) error {
		s, err := Open(t.Context(), path(name), nil)
		if err == nil {
			s.Close()
		}
		return err
	}
	require.ErrorIs(t, open("no/such/folder.db"), os.ErrNotExist)

	require.NoError(t, os.WriteFile(path("text"), bytes.Repeat([]byte("no database "), 1000), 0o600))
	require.ErrorIs(t, open("text"), ErrDamaged)

	c, err := openConn(fileURL(path("other.db")))
	require.NoError(t, err)
	require.NoError(t, c.script("CREATE TABLE notes (text)"))
	require.NoError(t, c.close())
	require.ErrorContains(t, open("other.db"), "another program")

	require.NoError(t, open("ours.db"))
	require.NoError(t, open("ours.db"))
	c, err = openConn(fileURL(path("ours.db")))
	require.NoError(t, err)
	require.NoError(t, c.script("PRAGMA user_version=99"))
	require.NoError(t, c.close())
	require.ErrorContains(t, open("ours.db"), "schema version 99")
	c, err = openConn(fileURL(path("ours.db")))
	require.NoError(t, err)
	require.NoError(t, c.script("PRAGMA user_version=1"))
	require.NoError(t, c.close())
	require.ErrorContains(t, open("ours.db"), "schema version 1", "one of before the first release")
	c, err = openConn(fileURL(path("ours.db")))
	require.NoError(t, err)
	require.NoError(t, c.script(fmt.Sprintf("PRAGMA user_version=%d", firstVersion+len(migrations)-1)))
	require.NoError(t, c.close())
	require.NoError(t, open("ours.db"))

	require.NoError(t, os.WriteFile(path("empty"), nil, 0o600))
	require.NoError(t, open("empty"))
	require.NoError(t, open("a ?name#with %41 signs&x=y"))
	_, err = os.Stat(path("a ?name#with %41 signs&x=y"))
	require.NoError(t, err)

	fi, err := os.Stat(path("ours.db"))
	require.NoError(t, err)
	require.EqualValues(t, 0, fi.Mode().Perm()&0o077, "mail is for its owner only")
}

func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	s := openPath(t, path, nil)
	fill(t, inbox(t, s, "alice"), 3)
	require.NoError(t, s.Close())

	c, err := openConn(fileURL(path))
	require.NoError(t, err)
	columns := func() int64 {
		n, err := c.queryInt("SELECT count(*) FROM pragma_table_info('account')")
		require.NoError(t, err)
		return n
	}
	version := func() int64 {
		n, err := c.queryInt("PRAGMA user_version")
		require.NoError(t, err)
		return n
	}
	before := columns()
	next := append(slices.Clip(migrations), "ALTER TABLE account ADD COLUMN a TEXT; ALTER TABLE account ADD COLUMN b TEXT")
	broken := append(slices.Clip(next), "ALTER TABLE account ADD COLUMN c TEXT; ALTER TABLE account ADD COLUMN b TEXT")
	require.ErrorContains(t, c.migrate(t.Context(), broken), "duplicate column")
	newest := version()
	require.EqualValues(t, firstVersion+len(migrations)-1, newest, "all or none")
	require.Equal(t, before, columns())
	require.NoError(t, c.migrate(t.Context(), next))
	require.NoError(t, c.migrate(t.Context(), next))
	require.Equal(t, newest+1, version())
	require.Equal(t, before+2, columns())
	require.NoError(t, c.close())
	_, err = Open(t.Context(), path, nil)
	require.ErrorContains(t, err, "schema version", "an older program leaves a newer database alone")
}

func TestExclusive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	alone := &Options{Exclusive: true}
	a := openPath(t, path, alone)
	for _, opts := range []*Options{nil, alone} {
		_, err := Open(t.Context(), path, opts)
		require.ErrorIs(t, err, ErrLocked)
	}
	require.NoError(t, a.Close())
	b := openPath(t, path, nil)
	c := openPath(t, path, nil)
	_, err := Open(t.Context(), path, alone)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, b.Close())
	require.NoError(t, c.Close())
	require.NoError(t, openPath(t, path, alone).Close())
}

// holdEnv names the database that a child process holds open.
const holdEnv = "SQLITE_TEST_HOLD"

// hold opens the database exclusively until it is killed, or the parent ends.
func hold(path string) {
	_, err := Open(context.Background(), path, &Options{Exclusive: true})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// The lock excludes other processes, and ends with its holder.
func TestExclusiveProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	exe, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(exe)
	child.Env = append(os.Environ(), holdEnv+"="+path)
	_, err = child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", line)
	for range 2 {
		_, err = Open(t.Context(), path, nil)
		require.ErrorIs(t, err, ErrLocked)
	}
	require.NoError(t, child.Process.Kill())
	child.Wait()
	s := openPath(t, path, &Options{Exclusive: true})

	// An attempt to open it here again does not weaken the lock.
	_, err = Open(t.Context(), path, nil)
	require.ErrorIs(t, err, ErrLocked)
	child = exec.Command(exe)
	child.Env = append(os.Environ(), holdEnv+"="+path)
	text, err := child.Output()
	require.Error(t, err)
	require.Contains(t, string(text), ErrLocked.Error())
	require.NoError(t, s.Close())
}

// Several stores on one file behave like several processes.
func TestManyOnOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	var stores []*Store
	var opening sync.WaitGroup
	var mu sync.Mutex
	for range 3 { // all at once, on a file that does not exist yet
		opening.Go(func() {
			s, err := Open(context.Background(), path, &Options{PollInterval: 10 * time.Millisecond})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			stores = append(stores, s)
		})
	}
	opening.Wait()
	require.Len(t, stores, 3)
	defer func() {
		for _, s := range stores {
			require.NoError(t, s.Close())
		}
	}()

	boxes := make([]mailbox.Mailbox, 3)
	for i, s := range stores {
		boxes[i] = inbox(t, s, "alice")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events, err := boxes[2].(*box).a.Watch(ctx)
	require.NoError(t, err)

	const each = 40
	var wg sync.WaitGroup
	var all mailbox.UIDSet
	for i, m := range boxes {
		for k := range 2 {
			wg.Go(func() {
				for n := range each {
					res, err := m.Append(context.Background(), mailbox.Incoming{Body: strings.NewReader(fmt.Sprint(i, k, n)), Size: mailbox.SizeUnknown})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					uid := res.DestUIDs().Min()
					if all.Contains(uid) {
						t.Errorf("UID %d was given twice", uid)
					}
					all.Add(uid)
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	require.Equal(t, 3*2*each, all.Len())
	for _, m := range boxes {
		snap, err := m.Snapshot(t.Context())
		require.NoError(t, err)
		require.True(t, snap.UIDs.Equal(all))
	}

	// Changes of another store are reported, too.
	next := func(kind mailbox.EventKind, id string) {
		t.Helper()
		for timeout := time.After(10 * time.Second); ; {
			select {
			case e := <-events:
				if e.Kind&kind != 0 && e.MailboxID == id {
					return
				}
			case <-timeout:
				require.Fail(t, "no event")
			}
		}
	}
	drain := func() {
		for {
			select {
			case <-events:
			case <-time.After(100 * time.Millisecond):
				return
			}
		}
	}
	id := boxes[0].Info().ID
	drain()
	_, err = boxes[0].Append(t.Context(), mailbox.Incoming{Body: strings.NewReader("x"), Size: 1})
	require.NoError(t, err)
	next(mailbox.EventNew, id)
	drain()
	_, err = boxes[1].SetFlags(t.Context(), mailbox.UIDSetOf(1), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagSeen)})
	require.NoError(t, err)
	next(mailbox.EventFlags, id)
	drain()
	_, err = boxes[0].Expunge(t.Context(), mailbox.UIDSetOf(1), mailbox.FlagSet{})
	require.NoError(t, err)
	next(mailbox.EventVanished, id)
	drain()
	info, err := boxes[1].(*box).a.Create(t.Context(), "new", nil)
	require.NoError(t, err)
	next(mailbox.EventMailboxes, "")
	require.NoError(t, boxes[1].(*box).a.Delete(t.Context(), "new"))
	next(mailbox.EventVanished, info.ID)
	requireSound(t, stores[0])
}

// A lock that another process holds for too long is a temporary error.
func TestBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	s := openPath(t, path, &Options{BusyTimeout: 50 * time.Millisecond})
	m := inbox(t, s, "alice")
	other, err := openConn(s.dsn)
	require.NoError(t, err)
	defer other.close()
	require.NoError(t, other.script("BEGIN IMMEDIATE"))
	_, err = m.Append(t.Context(), mailbox.Incoming{Body: strings.NewReader("x"), Size: 1})
	require.ErrorIs(t, err, mailbox.ErrUnavailable)
	_, err = m.Status(t.Context())
	require.NoError(t, err, "reading goes on")
	require.NoError(t, other.script("COMMIT"))
	_, err = m.Append(t.Context(), mailbox.Incoming{Body: strings.NewReader("x"), Size: 1})
	require.NoError(t, err)
}
