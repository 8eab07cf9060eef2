package pop3client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/pop3"
)

// listings answers LIST and UIDL with lines, and has messages 1 to n.
func listings(t *testing.T, pipelining bool, list, uidl []string, n int, more map[string]string) string {
	answers := map[string]string{
		"CAPA": "+OK\r\nUSER\r\n.\r\n", "USER mrose": "+OK\r\n", "PASS tanstaaf": "+OK\r\n", "QUIT": "+OK\r\n",
		"LIST": "+OK\r\n" + strings.Join(append(list, ".", ""), "\r\n"),
		"UIDL": "+OK\r\n" + strings.Join(append(uidl, ".", ""), "\r\n"),
		"":     "-ERR unexpected\r\n",
	}
	if pipelining {
		answers["CAPA"] = "+OK\r\nUSER\r\nPIPELINING\r\n.\r\n"
	}
	for i := 1; i <= n; i++ {
		answers[fmt.Sprint("RETR ", i)] = fmt.Sprintf("+OK\r\nmessage %d\r\n.\r\n", i)
		answers[fmt.Sprint("DELE ", i)] = "+OK\r\n"
	}
	for k, v := range more {
		answers[k] = v
	}
	return scripted(t, "+OK\r\n", answers)
}

// badLines describes what is reported.
func badLines(bad []*ListingError) (got []string) {
	for _, b := range bad {
		got = append(got, fmt.Sprintf("%s %d %s", b.Command, b.Num, b.Reason))
	}
	return got
}

func joined(err error) (bad []*ListingError) {
	if err == nil {
		return nil
	}
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		bad = append(bad, e.(*ListingError))
	}
	return bad
}

// A line that cannot be read costs its message, and is reported.
func TestBadListings(t *testing.T) {
	ctx := context.Background()
	long := strings.Repeat("x", 20_000)
	for name, tc := range map[string]struct {
		list, uidl []string
		want       []Entry
		bad        []string
	}{
		"fine":                  {[]string{"1 10", "2 20"}, []string{"1 a", "2 b"}, []Entry{{1, 10, "a"}, {2, 20, "b"}}, nil},
		"LIST without a number": {[]string{"1 10", "x 20", "3 30"}, []string{"1 a", "2 b", "3 c"}, []Entry{{1, 10, "a"}, {3, 30, "c"}}, []string{"LIST 0 no message number", "UIDL 2 LIST has no such message"}},
		"LIST without a size":   {[]string{"1 10", "2", "3 x", "4 -4"}, []string{"1 a", "2 b", "3 c", "4 d"}, []Entry{{1, 10, "a"}, {2, -1, "b"}, {3, -1, "c"}, {4, -1, "d"}}, nil},
		"LIST out of range":     {[]string{"0 10", "-1 10", "99999999999 10", "2147483647 5", "1 10"}, []string{"1 a"}, []Entry{{1, 10, "a"}}, []string{"LIST 0 no message number", "LIST 0 no message number", "LIST 0 no message number", "LIST 0 no message number"}},
		"LIST twice":            {[]string{"1 10", "2 20", "1 30", "3 1", "3 1"}, []string{"1 a", "2 b", "3 c"}, []Entry{{1, 10, "a"}, {2, 20, "b"}, {3, 1, "c"}}, []string{"LIST 1 listed twice", "LIST 3 listed twice"}},
		"not in order":          {[]string{"3 30", "1 10"}, []string{"1 a", "3 c"}, []Entry{{3, 30, "c"}, {1, 10, "a"}}, nil},
		"UIDL malformed":        {[]string{"1 10", "2 20", "3 30"}, []string{"1 a", "2 \x01", "3 c"}, []Entry{{1, 10, "a"}, {2, 20, ""}, {3, 30, "c"}}, []string{"UIDL 2 malformed"}},
		"UIDL without a number": {[]string{"1 10", "2 20"}, []string{"1 a", "x b"}, []Entry{{1, 10, "a"}, {2, 20, ""}}, []string{"UIDL 0 no message number", "UIDL 2 no unique-id"}},
		"UIDL missing":          {[]string{"1 10", "2 20"}, []string{"2 b"}, []Entry{{1, 10, ""}, {2, 20, "b"}}, []string{"UIDL 1 no unique-id"}},
		"UIDL out of range":     {[]string{"1 10"}, []string{"1 a", "0 b", "7 c", "4294967297 d"}, []Entry{{1, 10, "a"}}, []string{"UIDL 0 no message number", "UIDL 7 LIST has no such message", "UIDL 0 no message number"}},
		"UIDL contradictory":    {[]string{"1 10", "2 20"}, []string{"1 a", "1 b", "1 a", "2 c"}, []Entry{{1, 10, ""}, {2, 20, "c"}}, []string{"UIDL 1 listed twice", "UIDL 1 listed twice"}},
		"UIDL repeated":         {[]string{"1 10"}, []string{"1 a", "1 a"}, []Entry{{1, 10, "a"}}, nil},
		"UIDL of no end":        {[]string{"1 10", "2 20"}, []string{"1 " + long, "2 b"}, []Entry{{1, 10, ""}, {2, 20, "b"}}, []string{"UIDL 1 malformed"}},
		"LIST of no end":        {[]string{"1 10 " + long, "2 20"}, []string{"1 a", "2 b"}, []Entry{{1, 10, "a"}, {2, 20, "b"}}, nil},
		"empty lines":           {[]string{"", "1 10", ""}, []string{"", "1 a"}, []Entry{{1, 10, "a"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pipelining := range []bool{true, false} {
				c, err := Dial(ctx, listings(t, pipelining, tc.list, tc.uidl, 9, nil), insecure())
				require.NoError(t, err)
				list, err := c.List(ctx)
				require.Equal(t, tc.want, list)
				require.Equal(t, tc.bad, badLines(joined(err)))
				if len(tc.bad) > 0 {
					require.ErrorIs(t, err, ErrProtocol)
				}

				// Messages yields all that there are, and the reports.
				var bad []*ListingError
				var nums, wanted []int
				for m, err := range c.Messages(ctx, nil) {
					var e *ListingError
					if errors.As(err, &e) {
						require.Nil(t, m.Body)
						m.Delete() // has no effect
						bad = append(bad, e)
						continue
					}
					require.NoError(t, err)
					text, err := io.ReadAll(m.Body)
					require.NoError(t, err)
					require.Equal(t, fmt.Sprintf("message %d\r\n", m.Num), string(text))
					nums = append(nums, m.Num)
				}
				for _, e := range tc.want {
					wanted = append(wanted, e.Num)
				}
				require.Equal(t, wanted, nums)
				require.Equal(t, tc.bad, badLines(bad))
				require.NoError(t, c.Quit(ctx))
			}
		})
	}
}

// What Download does with messages that have no unique-id of their own.
func TestDownloadBadListings(t *testing.T) {
	ctx := context.Background()
	for name, tc := range map[string]struct {
		list, uidl []string
		o          DownloadOptions
		seen       string // known already, separated by blanks
		more       map[string]string
		got        string // the numbers of the messages that are fetched
		done       Downloaded
		bad        []string
		after      string // what is known then
	}{
		"one bad UIDL line": {
			list: []string{"1 10", "2 10", "3 10"}, uidl: []string{"1 a", "2 \x01", "3 c"},
			got: "1 2 3", done: Downloaded{Fetched: 3, Deleted: 3}, bad: []string{"UIDL 2 malformed"}, after: "a c",
		},
		"one bad UIDL line, messages are left": {
			list: []string{"1 10", "2 10", "3 10"}, uidl: []string{"1 a", "2 \x01", "3 c"}, o: DownloadOptions{Leave: -1},
			got: "1 3", done: Downloaded{Fetched: 2, Skipped: 1}, bad: []string{"UIDL 2 malformed"}, after: "a c",
		},
		"one bad LIST line": {
			list: []string{"1 10", "? 10", "3 10"}, uidl: []string{"1 a", "2 b", "3 c"},
			got: "1 3", done: Downloaded{Fetched: 2, Deleted: 2}, bad: []string{"LIST 0 no message number", "UIDL 2 LIST has no such message"}, after: "a c",
		},
		"nothing is forgotten": {
			list: []string{"1 10", "2 10"}, uidl: []string{"1 a", "2 \x01"}, seen: "a b z", o: DownloadOptions{Leave: -1},
			got: "", done: Downloaded{Skipped: 1}, bad: []string{"UIDL 2 malformed"}, after: "a b z",
		},
		"all is gone": {seen: "a b", done: Downloaded{}},
		"no unique-id at all": {
			list: []string{"1 10", "2 10"},
			got:  "1 2", done: Downloaded{Fetched: 2, Deleted: 2}, bad: []string{"UIDL 1 no unique-id", "UIDL 2 no unique-id"},
		},
		"no size, and a limit": {
			list: []string{"1", "2 10"}, uidl: []string{"1 a", "2 b"}, o: DownloadOptions{MaxSize: 100},
			got: "2", done: Downloaded{Fetched: 1, Deleted: 1, Skipped: 1}, after: "b",
		},
		"copies": {
			list: []string{"1 10", "2 10", "3 10"}, uidl: []string{"1 a", "2 a", "3 c"},
			got: "1 2 3", done: Downloaded{Fetched: 3, Deleted: 3}, after: "a c",
		},
		"copies exceed Max, or none of them is known": {
			list: []string{"1 10", "2 10", "3 10"}, uidl: []string{"1 a", "2 b", "3 a"}, o: DownloadOptions{Max: 1},
			got: "1 3", done: Downloaded{Fetched: 2, Deleted: 2}, after: "a",
		},
		"a copy is refused: it does not count as seen": {
			list: []string{"1 10", "2 10"}, uidl: []string{"1 a", "2 a"}, more: map[string]string{"RETR 1": "-ERR\r\n"},
			got: "2", done: Downloaded{Fetched: 1, Deleted: 1, Skipped: 1},
		},
		"known copies": {
			list: []string{"1 10", "2 10"}, uidl: []string{"1 a", "2 a"}, seen: "a",
			done: Downloaded{Deleted: 2}, after: "a",
		},
		"the unique-id of different messages, one of them known": {
			list: []string{"1 10", "2 11", "3 10"}, uidl: []string{"1 a", "2 a", "3 b"}, seen: "a", o: DownloadOptions{Leave: time.Nanosecond},
			got: "3", done: Downloaded{Fetched: 1, Skipped: 2}, bad: []string{"UIDL 1 unique-id of different messages", "UIDL 2 unique-id of different messages"}, after: "a b",
		},
		"the unique-id of different messages": {
			list: []string{"1 10", "2 11"}, uidl: []string{"1 a", "2 a"},
			got: "1 2", done: Downloaded{Fetched: 2, Deleted: 2}, bad: []string{"UIDL 1 unique-id of different messages", "UIDL 2 unique-id of different messages"},
		},
		"a deletion is refused": {
			list: []string{"1 10", "2 10"}, uidl: []string{"1 a", "2 b"}, seen: "a", more: map[string]string{"DELE 1": "-ERR\r\n"},
			got: "2", done: Downloaded{Fetched: 1, Deleted: 1}, after: "a b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pipelining := range []bool{true, false} {
				seen := memorySeen{}
				for _, uid := range strings.Fields(tc.seen) {
					seen[uid] = time.Unix(1_700_000_000, 0)
				}
				c, err := Dial(ctx, listings(t, pipelining, tc.list, tc.uidl, 9, tc.more), insecure())
				require.NoError(t, err)
				var got []string
				done, err := c.Download(ctx, &seen, &tc.o, func(m *Message) error {
					text, err := io.ReadAll(m.Body)
					got = append(got, strings.TrimSpace(strings.TrimPrefix(string(text), "message ")))
					return err
				})
				require.NoError(t, err)
				require.Equal(t, tc.got, strings.Join(got, " "))
				require.Equal(t, tc.bad, badLines(done.Bad))
				done.Bad = nil
				require.Equal(t, tc.done, done)
				require.Equal(t, tc.after, strings.Join(seen.uids(), " "))
			}
		})
	}
}

// Copies that are interrupted are not known by halves: a message of the same
// unique-id that has not been fetched would be deleted.
func TestDownloadCopiesInterrupted(t *testing.T) {
	ctx := context.Background()
	seen := memorySeen{}
	c, err := Dial(ctx, listings(t, true, []string{"1 10", "2 10"}, []string{"1 a", "2 a"}, 2, nil), insecure())
	require.NoError(t, err)
	enough := errors.New("enough")
	n := 0
	done, err := c.Download(ctx, &seen, nil, func(m *Message) error {
		if n++; n == 2 {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	require.Equal(t, Downloaded{Fetched: 1}, done)
	require.Empty(t, seen)
	require.NoError(t, c.Close())
	require.Equal(t, "pop3client: UIDL of message 3: malformed: \"3 \\x01\"", (&ListingError{"UIDL", 3, "3 \x01", "malformed"}).Error())
	var refused *pop3.Error
	require.False(t, errors.As(&ListingError{}, &refused))
}
