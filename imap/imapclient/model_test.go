package imapclient_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A model is a server that is simple enough to be right. It is logged in from the
// start. With a source of randomness it answers commands that are in flight together
// in any order, and mixed, as far as RFC 9051 §5.5 allows, with news in between.
type model struct {
	caps string
	rnd  *rand.Rand                       // nil: in order, and no news
	send func(n int, s *job, w io.Writer) // sends the answer to the n-th command; nil: all of it
	open func(n int) (refuse string)      // before a literal is asked for; an answer other than "" refuses it

	mu    sync.Mutex // guards what follows and the mailboxes
	boxes map[string]*modelBox
	last  *session // the last one that was made
}

type modelBox struct {
	name     string
	validity uint32
	next     mailbox.UID
	msgs     []*modelMessage        // ascending
	ever     map[mailbox.UID]string // bodies of all messages, those that have gone, too
}

type modelMessage struct {
	uid   mailbox.UID
	flags map[string]bool
	body  string
}

func newModel(caps string) *model {
	return &model{caps: caps, boxes: map[string]*modelBox{}}
}

// fill makes a mailbox with n messages.
func (m *model) fill(name string, n int) *modelBox {
	b := &modelBox{name: name, validity: uint32(len(m.boxes) + 1), next: 1, ever: map[mailbox.UID]string{}}
	m.boxes[name] = b
	for i := range n {
		b.add(modelBody(name, b.next, i))
	}
	return b
}

func (b *modelBox) add(body string) *modelMessage {
	msg := &modelMessage{b.next, map[string]bool{}, body}
	b.msgs = append(b.msgs, msg)
	b.ever[msg.uid] = body
	b.next++
	return msg
}

// modelBody is the message with a UID: no two are alike.
func modelBody(name string, uid mailbox.UID, i int) string {
	head := fmt.Sprintf("Subject: %s %d\r\nMessage-ID: <%d@%s>\r\n\r\n", name, uid, uid, name)
	return head + strings.Repeat(fmt.Sprintf("%s %d\r\n", name, uid), 1+i%11*i%7)
}

func (b *modelBox) get(uid mailbox.UID) *modelMessage {
	for _, msg := range b.msgs {
		if msg.uid == uid {
			return msg
		}
	}
	return nil
}

func (b *modelBox) uids() mailbox.UIDSet {
	var set mailbox.UIDSet
	for _, msg := range b.msgs {
		set.Add(msg.uid)
	}
	return set
}

func (msg *modelMessage) flagList() string {
	return "(" + strings.Join(slices.Sorted(maps.Keys(msg.flags)), " ") + ")"
}

func (b *modelBox) remove(uid mailbox.UID) {
	b.msgs = slices.DeleteFunc(b.msgs, func(msg *modelMessage) bool { return msg.uid == uid })
}

// A session is a connection.
type session struct {
	m    *model
	w    io.Writer
	box  *modelBox
	view []mailbox.UID // as the client numbers them

	wake chan struct{}
	jobs []*job // of the model's mu
	done bool
	n    int
	read int // commands that were read
}

// A job is a command that is being carried out. Each step sends a response, or
// nothing.
type job struct {
	tag     string
	cmd     imap.Command
	started bool
	steps   []func() string
	end     func() string // the tagged response, without its tag

	answer string // all of it, for model.send
}

// lockedConn is a connection to which two goroutines write.
type lockedConn struct {
	net.Conn
	mu sync.Mutex
}

func (c *lockedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Conn.Write(p)
}

// dial starts a session and returns the client's end of it.
func (m *model) dial() net.Conn {
	client, server := net.Pipe()
	go m.serve(&lockedConn{Conn: server})
	return client
}

func (m *model) serve(nc *lockedConn) {
	s := &session{m: m, w: nc, wake: make(chan struct{}, 1)}
	m.mu.Lock()
	m.last = s
	m.mu.Unlock()
	var executor sync.WaitGroup
	executor.Go(s.execute)
	defer executor.Wait()
	defer nc.Close()
	io.WriteString(nc, "* PREAUTH [CAPABILITY IMAP4rev1"+m.caps+"] ready\r\n")
	r := grammar.NewReader(textproto.NewConn(nc, nil), wire.LimitsAfterLogin())
	for {
		tag, cmd, err := r.ReadCommand()
		var bad *imap.Error
		if errors.As(err, &bad) {
			io.WriteString(nc, tag+" BAD "+bad.Text+"\r\n")
			continue
		}
		if err == nil {
			err = s.take(r, tag, cmd)
		}
		if err != nil {
			break
		}
	}
	m.mu.Lock()
	s.done = true
	m.mu.Unlock()
	s.poke()
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take makes a job of a command.
func (s *session) take(r *grammar.Reader, tag string, cmd imap.Command) error {
	j := &job{tag: tag, cmd: cmd}
	s.read++
	if a, ok := cmd.(*imap.Append); ok {
		if s.m.open != nil {
			if refuse := s.m.open(s.read - 1); refuse != "" {
				io.WriteString(s.w, tag+" "+refuse+"\r\n")
				return r.RefuseLiteral()
			}
		}
		body, err := r.OpenLiteral()
		if err != nil {
			return err
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if _, err := r.NextMessage(); err != nil {
			return err
		}
		j.steps = []func() string{func() string { return s.store(a, j, string(text)) }}
	}
	if _, ok := cmd.(*imap.Idle); ok {
		io.WriteString(s.w, "+ idling\r\n")
		if err := r.ReadDone(); err != nil {
			return err
		}
	}
	s.m.mu.Lock()
	s.jobs = append(s.jobs, j)
	s.m.mu.Unlock()
	s.poke()
	return nil
}

// execute carries jobs out.
func (s *session) execute() {
	for {
		s.m.mu.Lock()
		idle, done := len(s.jobs) == 0, s.done
		s.m.mu.Unlock()
		switch {
		case done:
			return
		case idle:
			<-s.wake
			if s.m.rnd != nil {
				runtime.Gosched() // so that more commands come
			}
		case s.m.rnd == nil:
			s.inOrder()
		default:
			s.atRandom()
		}
	}
}

func (s *session) inOrder() {
	s.m.mu.Lock()
	j := s.jobs[0]
	s.jobs = s.jobs[1:]
	s.begin(j)
	for _, step := range j.steps {
		j.answer += step()
	}
	j.answer += s.news(s.box != nil && !isSeq(j.cmd)) + j.tag + " " + j.end() + "\r\n"
	n := s.n
	s.n++
	send := s.m.send
	s.m.mu.Unlock()
	if send != nil {
		send(n, j, s.w)
		return
	}
	io.WriteString(s.w, j.answer)
}

// atRandom does one step of one of the jobs that may be carried out.
func (s *session) atRandom() {
	m := s.m
	m.mu.Lock()
	var free []int
	seq := false
	for i, j := range s.jobs {
		blocked := false
		for _, earlier := range s.jobs[:i] {
			blocked = blocked || conflict(earlier.cmd, j.cmd)
		}
		if j.started || !blocked {
			free = append(free, i)
		}
		seq = seq || isSeq(j.cmd)
	}
	i := free[m.rnd.IntN(len(free))]
	j := s.jobs[i]
	if !j.started {
		s.begin(j)
	}
	out := ""
	if s.box != nil && m.rnd.IntN(4) == 0 {
		s.m.others(s.box)
		out = s.news(!seq)
	}
	if len(j.steps) > 0 {
		out += j.steps[0]()
		j.steps = j.steps[1:]
	} else {
		out += j.tag + " " + j.end() + "\r\n"
		s.jobs = slices.Delete(s.jobs, i, i+1)
	}
	m.mu.Unlock()
	if out != "" {
		io.WriteString(s.w, out)
	}
}

// conflict reports whether the result of one of the commands depends on which is
// carried out first.
func conflict(a, b imap.Command) bool {
	if changes(a) || changes(b) {
		sa, oka := setOf(a)
		sb, okb := setOf(b)
		return !oka || !okb || !sa.Intersect(sb).IsEmpty()
	}
	return false
}

func changes(cmd imap.Command) bool {
	switch cmd.(type) {
	case *imap.Fetch, *imap.Search, *imap.List, *imap.Status, *imap.Noop, *imap.ID:
		return false
	}
	return true
}

// setOf returns the UIDs that a command reads or changes, if it is one for which
// nothing else counts.
func setOf(cmd imap.Command) (mailbox.UIDSet, bool) {
	switch c := cmd.(type) {
	case *imap.Fetch:
		return c.Set.UIDs(mailbox.MaxUID), c.UID
	case *imap.Store:
		return c.Set.UIDs(mailbox.MaxUID), c.UID && !c.Set.Saved
	case *imap.List, *imap.Noop:
		return mailbox.UIDSet{}, true
	}
	return mailbox.UIDSet{}, false
}

// isSeq reports whether EXPUNGE may not be sent during the command (RFC 9051
// §7.5.1).
func isSeq(cmd imap.Command) bool {
	switch c := cmd.(type) {
	case *imap.Fetch:
		return !c.UID
	case *imap.Store:
		return !c.UID
	case *imap.Search:
		return !c.UID || seqKey(c.Key)
	}
	return false
}

func seqKey(key search.Key) bool {
	for k := range search.Leaves(key) {
		if _, ok := k.(imap.SearchSeq); ok {
			return true
		}
	}
	return false
}

// others changes the mailbox as another client would. mu is held.
func (m *model) others(b *modelBox) {
	switch m.rnd.IntN(6) {
	case 0:
		b.add(modelBody(b.name, b.next, m.rnd.IntN(30)))
	case 1:
		if len(b.msgs) > 60 {
			b.remove(b.msgs[m.rnd.IntN(len(b.msgs))].uid)
		}
	default:
		if len(b.msgs) > 0 {
			msg := b.msgs[m.rnd.IntN(len(b.msgs))]
			if msg.flags["other"] = !msg.flags["other"]; !msg.flags["other"] {
				delete(msg.flags, "other")
			}
			msg.flags["news"] = true
		}
	}
}

// news tells what has changed: EXPUNGE, if that is allowed, EXISTS and flags. mu is
// held.
func (s *session) news(expunge bool) string {
	out := ""
	b := s.box
	if b == nil {
		return ""
	}
	for i := 0; expunge && i < len(s.view); i++ {
		if b.get(s.view[i]) == nil {
			out += fmt.Sprintf("* %d EXPUNGE\r\n", i+1)
			s.view = slices.Delete(s.view, i, i+1)
			i--
		}
	}
	n := len(s.view)
	for _, msg := range b.msgs {
		if len(s.view) == 0 || msg.uid > s.view[len(s.view)-1] {
			s.view = append(s.view, msg.uid)
		}
	}
	if len(s.view) > n {
		out += fmt.Sprintf("* %d EXISTS\r\n", len(s.view))
	}
	for i, uid := range s.view {
		if msg := b.get(uid); msg != nil && msg.flags["news"] {
			delete(msg.flags, "news")
			if s.m.rnd.IntN(2) == 0 {
				out += fmt.Sprintf("* %d FETCH (FLAGS %s)\r\n", i+1, msg.flagList())
			} else {
				out += fmt.Sprintf("* %d FETCH (FLAGS %s UID %d)\r\n", i+1, msg.flagList(), uid)
			}
		}
	}
	return out
}

func ok(text string) func() string { return func() string { return "OK " + text } }

// begin prepares the steps of a job. mu is held, as in the steps.
func (s *session) begin(j *job) {
	j.started = true
	m := s.m
	j.end = ok("done")
	one := func(f func() string) { j.steps = append(j.steps, f) }
	switch c := j.cmd.(type) {
	case *imap.Select:
		b := m.boxes[c.Mailbox]
		s.box, s.view = nil, nil
		if b == nil {
			j.end = func() string { return "NO [NONEXISTENT] no such mailbox" }
			return
		}
		one(func() string {
			s.box = b
			for _, msg := range b.msgs {
				delete(msg.flags, "news")
				s.view = append(s.view, msg.uid)
			}
			return fmt.Sprintf("* FLAGS (\\Seen \\Deleted)\r\n* %d EXISTS\r\n* OK [UIDVALIDITY %d] x\r\n* OK [UIDNEXT %d] x\r\n", len(s.view), b.validity, b.next)
		})
		j.end = ok("[READ-WRITE] selected")
	case *imap.Unselect, *imap.Close:
		s.box, s.view = nil, nil
	case *imap.Logout:
		one(func() string { return "* BYE bye\r\n" })
	case *imap.Capability:
		one(func() string { return "* CAPABILITY IMAP4rev1" + m.caps + "\r\n" })
	case *imap.ID:
		one(func() string { return "* ID (\"name\" \"model\")\r\n" })
	case *imap.Enable:
		one(func() string { return "* ENABLED CONDSTORE\r\n" })
	case *imap.Namespace:
		one(func() string { return "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n" })
	case *imap.GetQuotaRoot:
		one(func() string { return "* QUOTAROOT INBOX \"\"\r\n* QUOTA \"\" (STORAGE 10 512)\r\n" })
	case *imap.List:
		for _, name := range slices.Sorted(maps.Keys(m.boxes)) {
			one(func() string { return fmt.Sprintf("* LIST () \"/\" %q\r\n", name) })
		}
	case *imap.LSub:
		one(func() string { return "* LSUB () \"/\" INBOX\r\n" })
	case *imap.Status:
		b := m.boxes[c.Mailbox]
		if b == nil {
			j.end = func() string { return "NO [NONEXISTENT] no such mailbox" }
			return
		}
		one(func() string {
			return fmt.Sprintf("* STATUS %q (MESSAGES %d UIDNEXT %d UIDVALIDITY %d)\r\n", c.Mailbox, len(b.msgs), b.next, b.validity)
		})
	case *imap.Create:
		m.fill(c.Mailbox, 0)
	case *imap.Fetch:
		for _, uid := range s.named(c.Set, c.UID) {
			one(func() string { return s.fetch(uid, c.Items) })
		}
	case *imap.Search:
		one(func() string { return s.search(j, c) })
	case *imap.Store:
		for _, uid := range s.named(c.Set, c.UID) {
			one(func() string { return s.change(uid, c) })
		}
	case *imap.Copy:
		one(func() string { return s.copy(j, c) })
	case *imap.Move:
		one(func() string {
			s.copy(j, &imap.Copy{UID: c.UID, Set: c.Set, Mailbox: c.Mailbox})
			out := "* " + j.end() + "\r\n"
			j.end = ok("moved")
			for _, uid := range s.named(c.Set, c.UID) {
				s.box.remove(uid)
			}
			return out + s.news(true)
		})
	case *imap.Expunge:
		one(func() string {
			for _, uid := range slices.Clone(s.view) {
				if msg := s.box.get(uid); msg != nil && msg.flags[`\Deleted`] && (!c.UID || c.Set.UIDs(mailbox.MaxUID).Contains(uid)) {
					s.box.remove(uid)
				}
			}
			return s.news(true)
		})
	}
}

// named returns the messages that a set names.
func (s *session) named(set imap.NumSet, uid bool) []mailbox.UID {
	var out []mailbox.UID
	if uid {
		uids := set.UIDs(s.box.uids().Max())
		for _, u := range s.view {
			if uids.Contains(u) {
				out = append(out, u)
			}
		}
		return out
	}
	seqs, _ := set.Seqs(imap.SeqNum(len(s.view)))
	for n := range seqs.All() {
		out = append(out, s.view[n-1])
	}
	return out
}

// fetch makes a FETCH response.
func (s *session) fetch(uid mailbox.UID, items []imap.FetchItem) string {
	i := slices.Index(s.view, uid)
	msg := s.box.get(uid)
	if i < 0 || msg == nil {
		return ""
	}
	var out []string
	for _, it := range items {
		switch it.Att {
		case imap.FetchUID:
			out = append(out, fmt.Sprint("UID ", uid))
		case imap.FetchFlags:
			out = append(out, "FLAGS "+msg.flagList())
		case imap.FetchSize:
			out = append(out, fmt.Sprint("RFC822.SIZE ", len(msg.body)))
		case imap.FetchInternalDate:
			out = append(out, `INTERNALDATE "17-Jul-1996 02:44:25 -0700"`)
		case imap.FetchEnvelope:
			out = append(out, fmt.Sprintf("ENVELOPE (NIL \"%s %d\" NIL NIL NIL NIL NIL NIL NIL \"<%d@%s>\")", s.box.name, uid, uid, s.box.name))
		case imap.FetchBodySection:
			head, body, _ := strings.Cut(msg.body, "\r\n\r\n")
			text, name := msg.body, ""
			switch {
			case it.Section.Spec == imap.SectionHeader:
				text, name = head+"\r\n\r\n", "HEADER"
			case it.Section.Spec == imap.SectionText:
				text, name = body, "TEXT"
			case len(it.Section.Path) > 0:
				text, name = body, "1"
			}
			name = "BODY[" + name + "]"
			if p := it.Section.Partial; p != nil {
				name += fmt.Sprintf("<%d>", p.Offset)
				text = text[min(int(p.Offset), len(text)):]
				text = text[:min(int(p.Count), len(text))]
			}
			out = append(out, fmt.Sprintf("%s {%d}\r\n%s", name, len(text), text))
		}
	}
	if s.m.rnd != nil {
		s.m.rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	return fmt.Sprintf("* %d FETCH (%s)\r\n", i+1, strings.Join(out, " "))
}

func (s *session) search(j *job, c *imap.Search) string {
	var found mailbox.UIDSet
	for i, uid := range s.view {
		if msg := s.box.get(uid); msg != nil && s.matches(imap.SeqNum(i+1), msg, c.Key) {
			found.Add(uid)
		} else if msg == nil && seqKey(c.Key) && s.matches(imap.SeqNum(i+1), &modelMessage{uid: uid}, c.Key) {
			found.Add(uid) // it has a number until EXPUNGE
		}
	}
	if c.Extended {
		if found.IsEmpty() {
			return fmt.Sprintf("* ESEARCH (TAG %q) UID\r\n", j.tag)
		}
		return fmt.Sprintf("* ESEARCH (TAG %q) UID ALL %s\r\n", j.tag, found)
	}
	out := "* SEARCH"
	for uid := range found.All() {
		out += fmt.Sprint(" ", uid)
	}
	return out + "\r\n"
}

func (s *session) matches(seq imap.SeqNum, msg *modelMessage, key search.Key) bool {
	switch k := key.(type) {
	case search.And:
		for _, k := range k {
			if !s.matches(seq, msg, k) {
				return false
			}
		}
		return true
	case imap.SearchUID:
		return k.Set.UIDs(s.box.uids().Max()).Contains(msg.uid)
	case imap.SearchSeq:
		set, _ := k.Set.Seqs(imap.SeqNum(len(s.view)))
		return set.Contains(seq)
	case search.Flag:
		return msg.flags[string(k.Flag)] != k.Absent
	}
	return true
}

func (s *session) change(uid mailbox.UID, c *imap.Store) string {
	msg := s.box.get(uid)
	if msg == nil {
		return ""
	}
	for _, f := range c.Flags {
		if c.Op == mailbox.FlagsRemove {
			delete(msg.flags, string(f))
		} else {
			msg.flags[string(f)] = true
		}
	}
	if c.Silent {
		return ""
	}
	return fmt.Sprintf("* %d FETCH (UID %d FLAGS %s)\r\n", slices.Index(s.view, uid)+1, uid, msg.flagList())
}

func (s *session) copy(j *job, c *imap.Copy) string {
	dest := s.m.boxes[c.Mailbox]
	if dest == nil {
		j.end = func() string { return "NO [TRYCREATE] no such mailbox" }
		return ""
	}
	var from, to mailbox.UIDSet
	for _, uid := range s.named(c.Set, c.UID) {
		if msg := s.box.get(uid); msg != nil {
			from.Add(uid)
			to.Add(dest.add(msg.body).uid)
		}
	}
	if from.IsEmpty() {
		return ""
	}
	j.end = ok(fmt.Sprintf("[COPYUID %d %s %s] copied", dest.validity, from, to))
	return ""
}

func (s *session) store(a *imap.Append, j *job, text string) string {
	b := s.m.boxes[a.Mailbox]
	if b == nil {
		j.end = func() string { return "NO [TRYCREATE] no such mailbox" }
		return ""
	}
	j.end = ok(fmt.Sprintf("[APPENDUID %d %d] stored", b.validity, b.add(text).uid))
	return ""
}
