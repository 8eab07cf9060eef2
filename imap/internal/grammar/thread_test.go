package grammar

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// thread is a message with its answers.
func thread(uid mailbox.UID, children ...*search.Thread) *search.Thread {
	return &search.Thread{UID: uid, Children: children}
}

func TestThread(t *testing.T) {
	// RFC 5256 §3.
	got, err := parseOne(t, "THREAD references UTF-8 SINCE 5-MAR-2000")
	require.NoError(t, err)
	require.Equal(t, &imap.Thread{Algorithm: search.References, Charset: "UTF-8", Key: search.Date{Op: search.DateSince, Day: day(2000, 3, 5)}}, got)
	writeAndReadBack(t, got)
	got, err = parseOne(t, `UID THREAD ORDEREDSUBJECT US-ASCII TEXT "gewp"`)
	require.NoError(t, err)
	require.Equal(t, &imap.Thread{UID: true, Algorithm: search.OrderedSubject, Charset: "US-ASCII", Key: search.Text{Value: "gewp"}}, got)
	writeAndReadBack(t, got)
	for _, line := range []string{"THREAD UTF-8 ALL", "THREAD REFERENCES ALL", "THREAD (REFERENCES) UTF-8 ALL", "THREAD"} {
		_, err := parseOne(t, line)
		require.Error(t, err, line)
	}
}

func TestThreadData(t *testing.T) {
	for line, want := range map[string][]*search.Thread{
		"": nil,
		// RFC 5256 §4.
		" (2)(3 6 (4 23)(44 7 96))": {thread(2), thread(3, thread(6, thread(4, thread(23)), thread(44, thread(7, thread(96)))))},
		" ((3)(5))":                 {thread(0, thread(3), thread(5))},
		// RFC 5256 §3.
		" (166)(167)(168)(169)(172)((170)(179))": {thread(166), thread(167), thread(168), thread(169), thread(172), thread(0, thread(170), thread(179))},
		" (((1)(2))(3))":                         {thread(0, thread(0, thread(1), thread(2)), thread(3))},
		" (1 ((2)(3))(4))":                       {thread(1, thread(0, thread(2), thread(3)), thread(4))},
	} {
		got, err := readOne(t, "* THREAD"+line)
		require.NoError(t, err, line)
		require.Equal(t, &imap.ThreadData{Threads: want}, got, line)
		var e wire.Encoder
		WriteResponse(&e, got)
		require.NoError(t, e.Err)
		require.Equal(t, "* THREAD"+line+"\r\n", string(e.B))
	}
	for _, line := range []string{" 1", " (1", " (1))", " ()", " (1 ())", " (0)", " (1 (2)(3) 4)", " (1 x)", " (99999999999)", ")"} {
		_, err := readOne(t, "* THREAD"+line)
		var s *wire.SyntaxError
		require.ErrorAs(t, err, &s, line)
	}
	// Blanks in wrong places, as some servers send.
	got, err := readOne(t, "* THREAD  (2) (3 6 (4) (5 ) ) ")
	require.NoError(t, err)
	require.Equal(t, &imap.ThreadData{Threads: []*search.Thread{thread(2), thread(3, thread(6, thread(4), thread(5)))}}, got)
}

// A chain of answers is not nested on the wire and may be long.
func TestThreadLongChain(t *testing.T) {
	const n = 100_000
	line := []byte("* THREAD (1")
	for i := 2; i <= n; i++ {
		line = strconv.AppendInt(append(line, ' '), int64(i), 10)
	}
	line = append(line, ')')
	got, err := readOne(t, string(line))
	require.NoError(t, err)
	var e wire.Encoder
	WriteResponse(&e, got)
	require.NoError(t, e.Err)
	require.True(t, string(line)+"\r\n" == string(e.B))
	x := got.(*imap.ThreadData).Threads[0]
	for i := mailbox.UID(1); i < n; i++ {
		require.True(t, x.UID == i && len(x.Children) == 1)
		x = x.Children[0]
	}
	require.True(t, x.UID == n && x.Children == nil)
}

func TestThreadTooDeep(t *testing.T) {
	for _, s := range []string{"(", "(1 "} {
		_, err := readOne(t, "* THREAD "+strings.Repeat(s, 100_000))
		var limit *wire.LimitError
		require.True(t, errors.As(err, &limit), "%v", err)
	}
}

func TestThreadWithoutMessages(t *testing.T) {
	var e wire.Encoder
	WriteResponse(&e, &imap.ThreadData{Threads: []*search.Thread{thread(0, thread(0))}})
	require.Error(t, e.Err)
}
