package pop3client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var seenAt = time.Unix(1_700_000_000, 0)

// seenOf returns what a file has, as a program that starts reads it.
func seenOf(t *testing.T, path string) []string {
	s, err := OpenSeen(path)
	require.NoError(t, err)
	defer s.Close()
	var uids []string
	for uid, at := range s.times {
		require.Equal(t, seenAt.Unix(), at, uid)
		uids = append(uids, uid)
	}
	return uids
}

// fullDisk writes no more than some octets, and then fails, at syncing too.
type fullDisk struct {
	*os.File
	room     int
	stubborn bool // can't even be truncated
}

var errNoSpace = errors.New("no space left on device")

func (f *fullDisk) WriteAt(p []byte, off int64) (int, error) {
	if len(p) <= f.room {
		f.room -= len(p)
		return f.File.WriteAt(p, off)
	}
	n, _ := f.File.WriteAt(p[:f.room], off)
	f.room = 0
	return n, errNoSpace
}

func (f *fullDisk) Sync() error {
	if f.room == 0 {
		return errNoSpace
	}
	return f.File.Sync()
}

func (f *fullDisk) Truncate(size int64) error {
	if f.stubborn {
		return errNoSpace
	}
	return f.File.Truncate(size)
}

// A write that ends at any octet of a line is reported, and costs this line
// only: whether the program goes on when there is room again, or is killed.
func TestSeenFileShortWrite(t *testing.T) {
	ctx := context.Background()
	line := string(appendSeen(nil, seenAt.Unix(), "the-uid"))
	for room := range len(line) + 1 {
		for _, stubborn := range []bool{false, true} {
			for _, next := range []string{"", "n", "the-uid", "a-much-longer-uid-than-the-one"} {
				path := filepath.Join(t.TempDir(), "seen")
				s, err := OpenSeen(path)
				require.NoError(t, err)
				require.NoError(t, s.Add(ctx, seenAt, "first"))
				disk := &fullDisk{File: s.f.(*os.File), room: room, stubborn: stubborn}
				s.f = disk
				require.ErrorIs(t, s.Add(ctx, seenAt, "the-uid"), errNoSpace)
				_, ok := s.When("the-uid")
				require.False(t, ok)
				want := []string{"first"}
				if next != "" {
					disk.room = 1 << 20
					require.NoError(t, s.Add(ctx, seenAt, next))
					require.NoError(t, s.Add(ctx, seenAt, "last"))
					want = append(want, next, "last")
				} else if stubborn && room == len(line) {
					want = append(want, "the-uid") // it is there, though not synced
				}
				require.NoError(t, s.Close())
				require.ElementsMatch(t, want, seenOf(t, path), "%d octets written", room)
			}
		}
	}
}

// A file that ends anywhere has what was written whole, and takes more.
func TestSeenFileTorn(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "seen")
	whole := seenHeading
	for _, uid := range []string{"a", "b", "c"} {
		whole = string(appendSeen([]byte(whole), seenAt.Unix(), uid))
	}
	for end := len(seenHeading); end <= len(whole); end++ {
		require.NoError(t, os.WriteFile(path, []byte(whole[:end]), 0o600))
		want := []string{"a", "b", "c"}[:strings.Count(whole[:end], "\n")-1]
		require.ElementsMatch(t, want, seenOf(t, path))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(whole, string(text)) && strings.HasSuffix(string(text), "\n"), "repaired")
		s, err := OpenSeen(path)
		require.NoError(t, err)
		require.NoError(t, s.Add(ctx, seenAt, "d"))
		require.NoError(t, s.Close())
		require.ElementsMatch(t, append(want, "d"), seenOf(t, path))
	}
}

// Rubbish costs the lines that it is in. What it leaves of a unique-id is not
// taken for one.
func TestSeenFileRubbish(t *testing.T) {
	line := func(uid string) string { return string(appendSeen(nil, seenAt.Unix(), uid)) }
	v1 := func(uid string) string { return fmt.Sprintf("%d %s\n", seenAt.Unix(), uid) }
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"NULs":                   {seenHeading + line("a") + strings.Repeat("\x00", 5000) + line("b") + line("c"), []string{"a", "c"}},
		"a line cut within":      {seenHeading + line("a") + v1("uid-cut-off") + line("c"), []string{"a", "c"}},
		"lines merged":           {seenHeading + "1700000000 x" + line("a") + "17" + line("b") + line("c"), []string{"c"}},
		"an octet changed":       {seenHeading + strings.Replace(line("abc"), "abc", "abd", 1) + line("c"), []string{"c"}},
		"a time changed":         {seenHeading + strings.Replace(line("abc"), "1700", "1701", 1) + line("c"), []string{"c"}},
		"no line end for long":   {seenHeading + line("a") + strings.Repeat("1700000000 x", 1000) + "\n" + line("c"), []string{"a", "c"}},
		"the heading":            {"posthorn-sXXn 2\n" + line("a") + v1("b") + line("c"), []string{"a", "c"}},
		"empty lines":            {seenHeading + "\n\n" + line("a") + "\n", []string{"a"}},
		"empty file":             {"", nil},
		"heading only":           {seenHeading, nil},
		"first version":          {v1("a") + v1("b"), []string{"a", "b"}},
		"first version, torn":    {v1("a") + v1("b") + "1700000000 c", []string{"a", "b"}},
		"first version, merged":  {v1("a") + "1700000000 b" + v1("c") + "17" + v1("d") + "1700000000" + v1("e") + v1("f"), []string{"a", "f"}},
		"first version, rubbish": {v1("a") + "\x00\x00\n" + "x y\n" + v1("f"), []string{"a", "f"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "seen")
			require.NoError(t, os.WriteFile(path, []byte(tc.text), 0o600))
			for range 2 { // read, and what reading has made of it
				require.ElementsMatch(t, tc.want, seenOf(t, path))
			}
			s, err := OpenSeen(path)
			require.NoError(t, err)
			require.NoError(t, s.Add(context.Background(), seenAt, "more"))
			require.NoError(t, s.Close())
			require.ElementsMatch(t, append(tc.want, "more"), seenOf(t, path))
		})
	}
	// Another file, named by mistake, is left alone.
	for _, text := range []string{"not a list\n", "not a list", "root:x:0:0:root:/root:/bin/bash\nx y\n", strings.Repeat("x", 5000)} {
		path := filepath.Join(t.TempDir(), "seen")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := OpenSeen(path)
		require.ErrorContains(t, err, "not a list of messages seen")
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(after))
	}
}

// A file that cannot be replaced stays as it is, and takes more.
func TestSeenFileCompaction(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "seen")
	require.NoError(t, os.WriteFile(path+".new", []byte("left by a crash"), 0o600))
	s, err := OpenSeen(path)
	require.NoError(t, err)
	for _, uid := range []string{"a", "b", "c"} {
		require.NoError(t, s.Add(ctx, seenAt, uid))
	}
	odd := func(uid string) bool { return uid != "b" }
	require.NoError(t, os.MkdirAll(filepath.Join(path+".new", "in the way"), 0o700))
	require.Error(t, s.Keep(ctx, odd))
	_, ok := s.When("b")
	require.True(t, ok)
	require.NoError(t, s.Add(ctx, seenAt, "d"))
	require.ElementsMatch(t, []string{"a", "b", "c", "d"}, seenOf(t, path))

	require.NoError(t, os.RemoveAll(path+".new"))
	require.NoError(t, s.Keep(ctx, odd))
	require.NoError(t, s.Add(ctx, seenAt, "e"))
	require.NoError(t, s.Close())
	require.ElementsMatch(t, []string{"a", "c", "d", "e"}, seenOf(t, path))
	_, err = os.Stat(path + ".new")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A Download that meets a full disk loses nothing, and the next one goes on.
func TestDownloadFullDisk(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "seen")
	ts := serve(t, nil, numbered(5)...)
	got := inboxOf{}
	seen, err := OpenSeen(path)
	require.NoError(t, err)
	seen.f = &fullDisk{File: seen.f.(*os.File), room: 50, stubborn: true}
	c, err := Dial(ctx, ts.addr, insecure())
	require.NoError(t, err)
	_, err = c.Download(ctx, seen, nil, got.deliver)
	require.ErrorIs(t, err, errNoSpace)
	require.NoError(t, c.Close())
	require.NoError(t, seen.Close())
	require.Equal(t, 5, ts.count(t))

	_, err = download(t, ts, path, nil, got.deliver)
	require.NoError(t, err)
	require.Zero(t, ts.count(t))
	require.Len(t, got, 5)
	seen, err = OpenSeen(path)
	require.NoError(t, err)
	require.Len(t, seen.times, 5)
	require.NoError(t, seen.Close())
}
