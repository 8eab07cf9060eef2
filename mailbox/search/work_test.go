package search_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// counted searches with a count of the units of work, and ends at limit.
func counted(t *testing.T, m mailbox.Mailbox, key search.Key, limit int) (units int, found mailbox.UIDSet, err error) {
	found, err = search.Find(t.Context(), m, mailbox.AllUIDs(), key, &search.Options{
		Work: func(ctx context.Context, n int) error {
			require.NoError(t, ctx.Err())
			require.Positive(t, n)
			if units += n; units > limit {
				return errLimit
			}
			return nil
		},
	})
	return units, found, err
}

var errLimit = errors.New("limit")

const noLimit = 1 << 40

// texts is n keys for texts that no message has.
func texts(n int, key func(text string) search.Key) search.And {
	keys := make(search.And, n)
	for i := range keys {
		keys[i] = search.Not{Key: key(fmt.Sprintf("absent %d", i))}
	}
	return keys
}

// A message is read once for all texts, and the search for each is counted.
func TestWorkOfTexts(t *testing.T) {
	const size = 1 << 20
	body := strings.Repeat("these are lines of 32 octets...\n", size/32)
	for _, tc := range []struct {
		name string
		key  func(string) search.Key
		msg  string
	}{
		{"TEXT", func(s string) search.Key { return search.Text{Value: s} }, "Subject: x\n\n" + body},
		{"HEADER", func(s string) search.Key { return search.Header{Field: "X-Long", Value: s} },
			"X-Long: " + strings.ReplaceAll(body[:size/2], "\n", "\n ") + "\n\n"},
		{"FROM", search.From, "From: " + strings.Repeat("a name <local@example.com>,\n ", size/4/30) + "end@example.com\n\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := watch(inbox(t, draft(tc.msg)))
			one, found, err := counted(t, s, texts(1, tc.key), noLimit)
			require.NoError(t, err)
			require.Equal(t, "1", found.String())
			read := s.read[1]
			many, _, err := counted(t, s, texts(64, tc.key), noLimit)
			require.NoError(t, err)
			require.Equal(t, 2*read, s.read[1])
			require.Greater(t, many, 8*one)
			require.Greater(t, many, 64*len(tc.msg)/8/1024)
			require.Less(t, many, 64*one)

			units, _, err := counted(t, s, texts(64, tc.key), many/4)
			require.Equal(t, errLimit, err)
			require.Less(t, units, many/2)
		})
	}
}

// What takes time without reading is counted too.
func TestWorkOfKeys(t *testing.T) {
	var drafts []mailbox.Incoming
	for range 100 {
		drafts = append(drafts, draft(plain))
	}
	m := inbox(t, drafts...)
	all := func(n int, key func(i int) search.Key) search.And {
		keys := make(search.And, n)
		for i := range keys {
			keys[i] = key(i)
		}
		return keys
	}
	for name, key := range map[string]func(int) search.Key{
		"flags": func(int) search.Key { return search.Flag{Flag: mailbox.FlagFlagged, Absent: true} },
		"sets": func(i int) search.Key {
			return search.Not{Key: search.UID{Set: mailbox.UIDSetOf(mailbox.UID(2*i + 1))}}
		},
		"unions": func(i int) search.Key { return search.Or{A: uid(mailbox.UID(2*i + 1)), B: search.All{}} },
	} {
		t.Run(name, func(t *testing.T) {
			few, _, err := counted(t, m, all(300, key), noLimit)
			require.NoError(t, err)
			many, _, err := counted(t, m, all(3000, key), noLimit)
			require.NoError(t, err)
			require.Greater(t, many, 8*few)
			require.Greater(t, many, 150)
			_, _, err = counted(t, m, all(3000, key), many/2)
			require.Equal(t, errLimit, err)
		})
	}
}

// The work for a long text does not depend on how little is decoded at a time.
func TestWorkOfSmallPieces(t *testing.T) {
	key := search.Body{Value: strings.Repeat("absent ", 10000)}
	head := "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
	long, _, err := counted(t, inbox(t, draft(head+strings.Repeat(strings.Repeat("QUFB", 16)+"\n", 4000))), key, noLimit)
	require.NoError(t, err)
	short, _, err := counted(t, inbox(t, draft(head+strings.Repeat("QUFB\n", 64000))), key, noLimit)
	require.NoError(t, err)
	require.Less(t, short, 2*long)
}
