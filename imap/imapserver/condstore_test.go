package imapserver_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
)

var fetchResponse = regexp.MustCompile(`^\* (\d+) FETCH \((.*)\)$`)

// A modSeqClient keeps what a client with CONDSTORE keeps: the flags and the
// mod-sequence of each message, as it is told of them.
type modSeqClient struct {
	*client
	flags  map[string]string // by sequence number
	modSeq map[string]int
}

// hear processes untagged responses. A response without flags is about a message
// that the client has changed with .SILENT: it computes them by itself.
func (m *modSeqClient) hear(t *testing.T, lines []string, silent func(flags string) string) {
	for _, l := range lines {
		match := fetchResponse.FindStringSubmatch(l)
		if match == nil {
			continue
		}
		seq, items := match[1], match[2]
		before, after, ok := strings.Cut(items, "MODSEQ (")
		require.True(t, ok, "every response about flags has MODSEQ: %s", l)
		n, err := strconv.Atoi(strings.TrimRight(after, ")"))
		require.NoError(t, err)
		m.modSeq[seq] = n
		if _, flags, ok := strings.Cut(before, "FLAGS ("); ok {
			flags, _, _ = strings.Cut(flags, ")")
			m.flags[seq] = sorted(strings.Fields(flags))
		} else {
			m.flags[seq] = silent(m.flags[seq])
		}
	}
}

// sorted returns flags as a text that can be compared.
func sorted(flags []string) string {
	flags = slices.DeleteFunc(flags, func(f string) bool { return f == `\Recent` })
	slices.Sort(flags)
	return strings.Join(slices.Compact(flags), " ")
}

// stored returns what STORE makes of flags.
func stored(op, flag, flags string) string {
	had := strings.Fields(flags)
	switch op[0] {
	case '+':
		return sorted(append(had, flag))
	case '-':
		return sorted(slices.DeleteFunc(had, func(f string) bool { return f == flag }))
	}
	return flag
}

// What a client with CONDSTORE is told, by whatever command of its own or of
// others, adds up to what FETCH says; and CHANGEDSINCE tells the rest to one that
// was away.
func TestModSeqsAddUp(t *testing.T) {
	const messages = 8
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	for i := range messages {
		appendTo(t, acct, "INBOX", testMessage(i+1))
	}
	addr := start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}})
	connect := func() *client {
		c := login(t, addr)
		c.ok("SELECT INBOX (CONDSTORE)")
		return c
	}
	read := func(c *client, change string) *modSeqClient {
		m := &modSeqClient{client: c, flags: map[string]string{}, modSeq: map[string]int{}}
		m.hear(t, c.ok("FETCH 1:* (FLAGS MODSEQ)"+change), nil)
		return m
	}
	other := connect()
	m := read(connect(), "")
	require.Len(t, m.modSeq, messages)
	rnd := rand.New(rand.NewPCG(7, 162))
	for step := range 400 {
		who := m.client
		if rnd.IntN(2) == 0 {
			who = other
		}
		first := 1 + rnd.IntN(messages)
		set := fmt.Sprintf("%d:%d", first, min(messages, first+rnd.IntN(3)))
		flag := []string{`\Flagged`, `\Answered`, `\Draft`, "$Work"}[rnd.IntN(4)]
		op := []string{"+FLAGS", "-FLAGS", "FLAGS", "+FLAGS.SILENT", "-FLAGS.SILENT", "FLAGS.SILENT"}[rnd.IntN(6)]
		away := rnd.IntN(10) == 0
		highest := 0
		for _, n := range m.modSeq {
			highest = max(highest, n)
		}
		var lines []string
		switch rnd.IntN(6) {
		case 0:
			lines = who.ok("FETCH " + set + " (BODY[TEXT] MODSEQ)")
		case 1:
			lines, _ = who.cmd(fmt.Sprintf("STORE %s (UNCHANGEDSINCE %d) %s (%s)", set, highest-rnd.IntN(3), op, flag))
		default:
			lines = who.ok(fmt.Sprintf("STORE %s %s (%s)", set, op, flag))
		}
		if away {
			// Not told of this: the connection is lost.
			m.client.conn.Close()
			since := fmt.Sprintf(" (CHANGEDSINCE %d)", highest)
			back := read(connect(), since)
			for seq, n := range back.modSeq {
				require.Greater(t, n, highest)
				m.flags[seq], m.modSeq[seq] = back.flags[seq], n
			}
			m.client = back.client
		} else {
			if who == m.client {
				m.hear(t, lines, func(flags string) string { return stored(op, flag, flags) })
			}
			if rnd.IntN(3) == 0 {
				continue // the client changes what it has not heard of
			}
			m.hear(t, m.client.ok("NOOP"), nil)
		}
		now := read(connect(), "")
		require.Equal(t, now.modSeq, m.modSeq, "step %d", step)
		require.Equal(t, now.flags, m.flags, "step %d", step)
		now.client.conn.Close()
	}
}
