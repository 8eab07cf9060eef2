package systemtest

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/smtp"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A modelWorld is the combined knowledge of the clients of TestModel: what
// happened to each message, according to what any of them was told.
type modelWorld struct {
	mu        sync.Mutex
	markers   map[instance]string   // the content of the messages, which never changes
	origins   map[instance]instance // born: copied or moved from there, appended if from nowhere
	dead      map[instance]bool     // a client was told
	movedFrom map[instance]bool
	popped    map[string]int // deleted by POP3, which knows no UIDs
	appended  int
	delivered int
}

// An instance is a message in a mailbox.
type instance struct {
	box string
	uid int
}

func newModelWorld() *modelWorld {
	return &modelWorld{
		markers: map[instance]string{}, origins: map[instance]instance{},
		dead: map[instance]bool{}, movedFrom: map[instance]bool{}, popped: map[string]int{},
	}
}

// modelText is the message with that marker.
func modelText(marker string) string {
	return "Subject: " + marker + "\r\n\r\n" + strings.Repeat(marker+"\r\n.\r\n", 1+len(marker)*7%40)
}

func (w *modelWorld) add(counter *int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*counter++
}

// saw records the content of a message and returns the one seen first.
func (w *modelWorld) saw(in instance, marker string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if was, ok := w.markers[in]; ok {
		return was
	}
	w.markers[in] = marker
	return marker
}

func (w *modelWorld) knows(in instance) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.markers[in] != ""
}

// born records the origin of a message, and reports whether it is the first
// with that UID.
func (w *modelWorld) born(in, from instance) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.origins[in]
	w.origins[in] = from
	return !ok
}

func (w *modelWorld) died(in instance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead[in] = true
}

// moved records that a message has left its mailbox, and reports whether it is
// the first time.
func (w *modelWorld) moved(in instance) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.movedFrom[in]
	w.movedFrom[in], w.dead[in] = true, true
	return !was
}

// otherProtocols delivers by SMTP and deletes by POP3, at the pace of the numbers
// that come.
func (w *modelWorld) otherProtocols(t testing.TB, s *server, pace <-chan int, rnd *rand.Rand) {
	c, err := smtp.Dial(s.addr("smtp"))
	require.NoError(t, err)
	defer c.Close()
	for n := range pace {
		if n%10 == 5 {
			w.pop3Session(t, s, rnd)
		}
		if n%2 == 0 {
			continue
		}
		require.NoError(t, c.Mail("someone@elsewhere.test"))
		require.NoError(t, c.Rcpt(bob))
		data, err := c.Data()
		require.NoError(t, err)
		_, err = io.WriteString(data, modelText(fmt.Sprintf("model-smtp-%d", w.delivered)))
		require.NoError(t, err)
		require.NoError(t, data.Close())
		w.delivered++
	}
	require.NoError(t, c.Quit())
}

// pop3Session deletes a few messages.
func (w *modelWorld) pop3Session(t testing.TB, s *server, rnd *rand.Rand) {
	c, err := textproto.Dial("tcp", s.addr("pop3"))
	require.NoError(t, err)
	defer c.Close()
	ok := func() bool {
		line, err := c.ReadLine()
		require.NoError(t, err)
		return strings.HasPrefix(line, "+OK")
	}
	must := func(command string) {
		require.NoError(t, c.PrintfLine("%s", command))
		require.True(t, ok(), command)
	}
	require.True(t, ok())
	must("USER " + bob)
	must("PASS " + bobPassword)
	must("UIDL")
	lines, err := c.ReadDotLines()
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, line := range lines {
		_, id, _ := strings.Cut(line, " ")
		require.False(t, ids[id], "unique-id %s is given twice", id)
		ids[id] = true
	}
	for range min(3, len(lines)) {
		n := 1 + rnd.IntN(len(lines))
		require.NoError(t, c.PrintfLine("RETR %d", n))
		if !ok() {
			continue // is gone, or deleted by this session
		}
		text, err := c.ReadDotBytes()
		require.NoError(t, err)
		crlf := strings.ReplaceAll(string(text), "\n", "\r\n") // as ReadDotBytes undid it
		m := subjectRE.FindStringSubmatch(crlf)
		require.NotNil(t, m, "%q", text)
		require.True(t, strings.HasSuffix(crlf, modelText(m[1])), "message %d is damaged: %q", n, text)
		must("DELE " + strconv.Itoa(n))
		w.mu.Lock()
		w.popped[m[1]]++
		w.mu.Unlock()
	}
	must("QUIT")
}

// inspect returns the flags of the messages of a mailbox by UID, as a new client
// sees them, and checks that everything that counts them agrees.
func (w *modelWorld) inspect(t testing.TB, s *server, box string) map[int][]string {
	c := newModelClient(t, s, w, "inspector", nil)
	defer c.conn.Close()
	var counts, search string
	tag := c.begin("STATUS "+box+" (MESSAGES UNSEEN UIDNEXT)", "")
	counts = c.receive().text
	c.finish(tag)
	c.selectBox("EXAMINE", box)
	c.fetchAll("FLAGS BODY.PEEK[]")
	tag = c.begin("UID SEARCH ALL", "")
	search = c.receive().text
	c.finish(tag)

	truth := map[int][]string{}
	unseen, last, all := 0, 0, "* SEARCH"
	for _, m := range c.view {
		require.NotZero(t, m.uid)
		truth[m.uid] = m.flags
		if !slices.Contains(m.flags, `\Seen`) {
			unseen++
		}
		last = m.uid
		all += " " + strconv.Itoa(m.uid)
	}
	require.Equal(t, all, search)
	var messages, unseenTold, next int
	_, err := fmt.Sscanf(counts, "* STATUS "+box+" (MESSAGES %d UNSEEN %d UIDNEXT %d)", &messages, &unseenTold, &next)
	require.NoError(t, err, counts)
	require.Equal(t, len(truth), messages, counts)
	require.Equal(t, unseen, unseenTold, counts)
	require.Greater(t, next, last, counts)
	if box == "INBOX" {
		p := s.dial(t, "pop3")
		p.send("USER %s\r\nPASS %s\r\nSTAT\r\n", bob, bobPassword)
		p.expect("+OK")
		p.expect("+OK")
		p.expect(fmt.Sprintf("+OK %d ", len(truth)))
		p.send("QUIT\r\n")
		p.expect("+OK")
	}
	return truth
}

// account checks every message: it came into being once, and it is either there
// or was removed by a client.
func (w *modelWorld) account(t testing.TB, truth map[string]map[int][]string) {
	all := map[instance]bool{}
	for box, messages := range truth {
		for uid := range messages {
			all[instance{box, uid}] = true
		}
	}
	alive := maps.Clone(all)
	for _, from := range []map[instance]bool{w.dead, keys(w.origins), keys(w.markers)} {
		maps.Copy(all, from)
	}
	deliveries := map[string]int{}
	popped := maps.Clone(w.popped)
	for in := range all {
		marker := w.marker(in)
		require.NotEmpty(t, marker, "nobody knows what %v was", in)
		from, born := w.origins[in]
		switch {
		case !born:
			require.Contains(t, marker, "model-smtp-", "%v came from nowhere", in)
			require.Equal(t, "INBOX", in.box, "%v came from nowhere", in)
			deliveries[marker]++
		case from != instance{}:
			require.Equal(t, w.marker(from), marker, "%v came from %v", in, from)
		}
		switch {
		case alive[in]:
			require.False(t, w.dead[in], "%v is there, and was expunged", in)
		case !w.dead[in]:
			popped[marker]--
			require.Equal(t, "INBOX", in.box, "%v is lost: %s", in, marker)
			require.GreaterOrEqual(t, popped[marker], 0, "%v is lost: %s", in, marker)
		}
	}
	for i := range w.delivered {
		marker := fmt.Sprintf("model-smtp-%d", i)
		if deliveries[marker] == 0 && popped[marker] > 0 {
			continue // POP3 took it before any IMAP client looked
		}
		require.Equal(t, 1, deliveries[marker], "deliveries of %s", marker)
	}
}

// marker returns the content of a message, as seen in it or in the message that
// it was copied from.
func (w *modelWorld) marker(in instance) string {
	if m := w.markers[in]; m != "" {
		return m
	}
	if from := w.origins[in]; from != (instance{}) {
		return w.marker(from)
	}
	return ""
}

func keys[K comparable, V any](m map[K]V) map[K]bool {
	set := map[K]bool{}
	for k := range m {
		set[k] = true
	}
	return set
}
