package sqlite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// The counters of all mailboxes, of any number, are one query.
func TestListStatusIsOneQuery(t *testing.T) {
	s := openStore(t, nil)
	a := inbox(t, s, "alice").(*box).a
	// statements lists the mailboxes and returns how many statements ran.
	statements := func(want mailbox.ListWant) int {
		c, err := s.pool.get(t.Context(), 0)
		require.NoError(t, err)
		before := c.ran
		s.pool.put(c) // and is used next
		list, err := a.Mailboxes(t.Context(), want)
		require.NoError(t, err)
		for _, info := range list {
			require.Equal(t, mailbox.FullAccess(), info.Access)
			if want == 0 {
				require.Nil(t, info.Status)
				continue
			}
			m, err := a.Mailbox(t.Context(), info.Name)
			require.NoError(t, err)
			st, err := m.Status(t.Context())
			require.NoError(t, err)
			require.Equal(t, st, *info.Status)
		}
		ran := c.ran - before
		if want != 0 {
			ran -= len(list) * (1 + 4) // of Status, and of Mailbox with begin and rollback
		}
		return ran
	}
	few, fewStatus := statements(0), statements(mailbox.ListStatus)
	for i := range 200 {
		name := fmt.Sprint("box ", i)
		_, err := a.Create(t.Context(), name, nil)
		require.NoError(t, err)
		if i%10 == 0 {
			m, err := a.Mailbox(t.Context(), name)
			require.NoError(t, err)
			fill(t, m, i/10, mailbox.FlagSeen)
			fill(t, m, i/20, mailbox.FlagDeleted)
		}
	}
	require.Equal(t, 5, few, "begin, account, subscriptions, mailboxes, rollback")
	require.Equal(t, few, fewStatus)
	require.Equal(t, few, statements(0))
	require.Equal(t, few, statements(mailbox.ListStatus))
}

const largeHeader = "Subject: large\r\n\r\n" // of lines

func TestHeader(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	fill(t, m, 1)
	for _, body := range []string{"", "no header", "Subject: x", "Subject: x\r\n\r\n", "\r\nbody"} {
		_, err := m.Append(t.Context(), mailbox.Incoming{Body: strings.NewReader(body), Size: mailbox.SizeUnknown})
		require.NoError(t, err)
	}
	_, err := m.Append(t.Context(), mailbox.Incoming{Body: lines(1 << 20), Size: 1 << 20})
	require.NoError(t, err)
	want := []string{string(message4k[:strings.Index(string(message4k), "\r\n\r\n")+4]), "", "no header", "Subject: x", "Subject: x\r\n\r\n", "\r\n", largeHeader}

	for _, also := range []mailbox.Want{0, mailbox.WantContent, mailbox.WantEntry, mailbox.WantSummary} {
		i := 0
		for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantHeader|also) {
			require.NoError(t, err)
			b, err := io.ReadAll(io.NewSectionReader(msg.Header, 0, msg.Header.Size()))
			require.NoError(t, err)
			require.Equal(t, want[i], string(b))
			i++
		}
		require.Equal(t, len(want), i)
	}

	// The rest of the body is not read.
	require.NoError(t, s.write(t.Context(), func(t *tx) error { _, err := t.exec("DELETE FROM chunk WHERE offset > 0"); return err }))
	for msg, err := range m.Messages(t.Context(), mailbox.UIDSetOf(7), mailbox.WantHeader|mailbox.WantContent) {
		require.NoError(t, err)
		b := make([]byte, len(largeHeader))
		_, err := msg.Header.ReadAt(b, 0)
		require.NoError(t, err)
		require.Equal(t, largeHeader, string(b))

		_, err = msg.Content.(io.WriterTo).WriteTo(io.Discard)
		var damaged *mailbox.MessageError
		require.ErrorAs(t, err, &damaged)
		require.ErrorIs(t, err, ErrDamaged)
		require.EqualValues(t, 7, damaged.UID)
	}
	_, err = m.Expunge(t.Context(), mailbox.UIDSetOf(7), mailbox.FlagSet{}) // for requireSound
	require.NoError(t, err)
}

// A damaged message affects no other, and reads that do not need the damaged part
// succeed.
func TestDamaged(t *testing.T) {
	const content = "(SELECT content FROM message WHERE uid = 3)"
	for name, c := range map[string]struct {
		statement string
		large     bool
		fails     mailbox.Want
	}{
		"summary":       {statement: "UPDATE content SET summary = x'ffff' WHERE id = " + content, fails: mailbox.WantSummary},
		"summary lost":  {statement: "UPDATE content SET summary = x'' WHERE id = " + content, fails: mailbox.WantSummary},
		"header":        {statement: "UPDATE content SET header = 5000 WHERE id = " + content, fails: mailbox.WantHeader},
		"content":       {statement: "DELETE FROM content WHERE id = " + content, fails: mailbox.WantSummary | mailbox.WantHeader},
		"body":          {statement: "DELETE FROM body WHERE id = " + content, fails: mailbox.WantHeader | mailbox.WantContent},
		"body cut":      {statement: "UPDATE body SET data = x'00' WHERE id = " + content, fails: mailbox.WantHeader | mailbox.WantContent},
		"chunks":        {statement: "DELETE FROM chunk", large: true, fails: mailbox.WantHeader | mailbox.WantContent},
		"large content": {statement: "DELETE FROM content WHERE id = " + content, large: true, fails: mailbox.WantSummary | mailbox.WantHeader},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, nil)
			m := inbox(t, s, "alice")
			fill(t, m, 2)
			if c.large {
				_, err := m.Append(t.Context(), mailbox.Incoming{Body: lines(1 << 20), Size: 1 << 20})
				require.NoError(t, err)
			} else {
				fill(t, m, 1)
			}
			fill(t, m, 2)
			require.NoError(t, s.write(t.Context(), func(t *tx) error { _, err := t.exec(c.statement); return err }))
			for _, want := range []mailbox.Want{0, mailbox.WantFlags, mailbox.WantEntry, mailbox.WantSummary, mailbox.WantHeader, mailbox.WantContent} {
				var uids mailbox.UIDSet
				for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), want) {
					if err == nil {
						uids.Add(msg.UID)
						continue
					}
					require.Nil(t, msg)
					var damaged *mailbox.MessageError
					require.ErrorAs(t, err, &damaged)
					require.ErrorIs(t, err, ErrDamaged)
					require.EqualValues(t, 3, damaged.UID)
				}
				if want&c.fails != 0 {
					require.Equal(t, "1:2,4:5", uids.String(), "want %b", want)
				} else {
					require.Equal(t, "1:5", uids.String(), "want %b", want)
				}
			}
			require.NoError(t, s.DeleteAccount(t.Context(), "alice")) // for requireSound
			sweepAll(t, s)
			require.NoError(t, s.write(t.Context(), func(t *tx) error {
				for _, table := range []string{"body", "chunk"} {
					if _, err := t.exec("DELETE FROM " + table); err != nil {
						return err
					}
				}
				return nil
			}))
		})
	}
}

// A block of the file that SQLite cannot read affects its own message, and no
// other.
func TestDamagedBlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	s, err := Open(t.Context(), path, nil)
	require.NoError(t, err)
	m := inbox(t, s, "alice")
	fill(t, m, 20)
	const mark = "the end of a body of several blocks"
	_, err = m.Append(t.Context(), mailbox.Incoming{Body: strings.NewReader(strings.Repeat("x", 20_000) + mark), Size: mailbox.SizeUnknown})
	require.NoError(t, err)
	fill(t, m, 300)
	require.NoError(t, s.Close())

	file, err := os.ReadFile(path)
	require.NoError(t, err)
	at := bytes.Index(file, []byte(mark))
	require.Positive(t, at)
	block := file[at/4096*4096:]
	require.Zero(t, binary.BigEndian.Uint32(block), "the last of a chain of blocks")
	// The number of the last block stands at the start of the one before it.
	number := binary.BigEndian.AppendUint32(nil, uint32(at/4096+1))
	for i := 0; i < len(file); i += 4096 {
		if bytes.HasPrefix(file[i:], number) {
			copy(file[i:], []byte{0, 0, 0, 0})
		}
	}
	require.NoError(t, os.WriteFile(path, file, 0o600))

	s, err = Open(t.Context(), path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	m = inbox(t, s, "alice")
	for range 2 {
		n := 0
		for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantContent) {
			if n++; n != 21 {
				require.NoError(t, err)
				require.EqualValues(t, n, msg.UID)
				continue
			}
			var damaged *mailbox.MessageError
			require.ErrorAs(t, err, &damaged)
			require.ErrorIs(t, err, ErrDamaged)
			require.EqualValues(t, n, damaged.UID)
		}
		require.Equal(t, 321, n)
	}
	require.Empty(t, s.pins.n)
}

// Messages with the same content, and only those, have the same EmailID.
func TestEmailID(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	ctx := t.Context()
	for _, body := range []string{"one", "two"} {
		_, err := m.Append(ctx, mailbox.Incoming{Body: strings.NewReader(body), Size: 3})
		require.NoError(t, err)
	}
	_, err := m.Copy(ctx, mailbox.UIDSetOf(1), "INBOX")
	require.NoError(t, err)
	_, err = m.Move(ctx, mailbox.UIDSetOf(2), "INBOX")
	require.NoError(t, err)
	ids := map[mailbox.UID]string{}
	for msg, err := range m.Messages(ctx, mailbox.AllUIDs(), mailbox.WantEntry) {
		require.NoError(t, err)
		require.NotEmpty(t, msg.EmailID)
		ids[msg.UID] = msg.EmailID
	}
	require.Len(t, ids, 3)
	require.Equal(t, ids[1], ids[3])
	require.NotEqual(t, ids[1], ids[4])
}

// What a reader holds while its caller is slow does not grow with the messages.
func TestPageIsBounded(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	fill(t, m, 600)
	for range 5 {
		_, err := m.Append(t.Context(), mailbox.Incoming{Body: lines(maxBody), Size: maxBody})
		require.NoError(t, err)
	}
	for _, want := range []mailbox.Want{0, mailbox.WantEntry, mailbox.WantSummary, mailbox.WantHeader, mailbox.WantContent} {
		p := pager{b: m.(*box), want: want, cols: columnsOf(want), parts: itemsOf(want), at: cursorOf(mailbox.AllUIDs())}
		n := 0
		for more := true; more; {
			var err error
			more, err = p.fill(t.Context())
			require.NoError(t, err)
			n += len(p.items)
			held := 0
			for i := range p.items[:max(0, len(p.items)-1)] {
				held += itemBytes + len(p.items[i].summary) + cap(p.items[i].body)
			}
			require.Less(t, held, pageBytes)
			require.LessOrEqual(t, len(p.items), pageRows)
		}
		require.Equal(t, 605, n)
	}
}
