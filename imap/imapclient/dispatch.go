package imapclient

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// handle reads the response in the frame and hands it to the call it belongs to.
func (c *Client) handle() error {
	c.events.size = c.fr.size
	if c.takeGreeting() {
		return nil
	}
	raw := c.raws.Load() > 0 && c.takeRaw()
	resp, err := c.rd.Read()
	if c.fr.err != nil {
		err = c.fr.err // a part is missing
	}
	switch {
	case raw && (err != nil || !isState(resp)):
		return nil
	case err != nil:
		if seq, ok := fetchOf(c.fr.text); ok {
			msg := c.newMessage()
			msg.seq, msg.octets, msg.memory = seq, c.fr.size, int64(len(c.fr.text))+perResponse
			c.repair(msg, err)
			c.deliver(msg)
			return nil
		}
		c.unreadable(err)
		return nil
	}
	switch r := resp.(type) {
	case *grammar.StatusLine:
		if r.Tag != "" {
			return c.complete(r)
		}
		return c.condition(r)
	case *grammar.Continuation:
		return c.continuation(r)
	case *grammar.Fetch:
		c.readFetch(r)
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.data(resp)
	return nil
}

// takeGreeting takes the first response of the connection. What it says holds before
// the next response is read.
func (c *Client) takeGreeting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.greeting == nil {
		return false
	}
	resp, err := c.rd.Read()
	line, ok := resp.(*grammar.StatusLine)
	if err != nil || !ok || line.Tag != "" {
		line = refusedGreeting(c.fr.text)
	}
	c.statusCode(line)
	if line.Cond == imap.PREAUTH {
		c.preAuth, c.login = true, true
	}
	c.greeting <- line
	c.greeting = nil
	return true
}

// refusedGreeting makes a BYE of what a server says that does not talk IMAP when
// it refuses: " NO LOGOUT Intrusion prevention active", "421 Server is busy".
func refusedGreeting(text []byte) *grammar.StatusLine {
	s := strings.TrimSpace(string(text[:min(len(text), 512)]))
	line := &grammar.StatusLine{Cond: imap.BYE, Text: s}
	if len(s) > 3 && s[0] == '4' && s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9' {
		line.Code = imap.CodeUnavailable // a temporary refusal, as in SMTP
	}
	return line
}

// unreadable reports a response that can't be understood.
func (c *Client) unreadable(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw := c.fr.raw()
	bad := &ResponseError{Raw: raw, Err: err}
	for _, k := range c.inflight {
		if k.secret { // a server may repeat what it was sent
			err = errUnreadable
			bad = &ResponseError{Err: err}
		}
	}
	if tag, _, ok := bytes.Cut(raw, []byte(" ")); ok {
		for _, k := range c.inflight {
			if k.tag == string(tag) { // a tagged response that is not one
				k.err = bad
				c.endCall(k, &grammar.StatusLine{Tag: k.tag, Cond: imap.BAD})
				return
			}
		}
	}
	if k := c.owner(raw); k != nil {
		k.err = errors.Join(k.err, bad)
		return
	}
	c.events.add(&Malformed{Raw: bad.Raw, Err: err})
	c.log("unreadable response", "error", err)
}

var errUnreadable = errors.New("during the login")

// fetchOf returns the number in a FETCH response.
func fetchOf(text []byte) (imap.SeqNum, bool) {
	words := bytes.Fields(text[:min(len(text), 64)])
	if len(words) < 3 || string(words[0]) != "*" || !bytes.EqualFold(words[2], []byte("FETCH")) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(words[1]), 10, 32)
	return imap.SeqNum(n), err == nil
}

// owner returns the call whose result an unreadable response is, nil if that is not
// known: the one with its tag (RFC 4466 §2.6.2), or the first of those that await a
// response of that name. mu is held.
func (c *Client) owner(raw []byte) *call {
	words := bytes.Fields(raw[:min(len(raw), 256)])
	if len(words) < 2 || string(words[0]) != "*" {
		return nil
	}
	name := string(words[1])
	tagged := strings.EqualFold(name, "ESEARCH")
	if tagged {
		name = "SEARCH"
		for _, k := range c.inflight {
			if k.take != nil && bytes.Contains(raw, []byte(`"`+k.tag+`"`)) {
				return k
			}
		}
	}
	for _, k := range c.inflight {
		kind, _, _ := strings.Cut(k.kind, " ")
		if k.take != nil && (strings.EqualFold(kind, name) || k.cmd != nil && strings.EqualFold(k.cmd.Name(), name)) && !(tagged && k.kind != "") {
			return k
		}
	}
	return nil
}

// complete ends the call that a tagged response answers.
func (c *Client) complete(r *grammar.StatusLine) error {
	c.mu.Lock()
	var k *call
	for _, f := range c.inflight {
		if f.tag == r.Tag {
			k = f
			break
		}
	}
	if k == nil {
		c.mu.Unlock()
		c.log("response to an unknown tag", "tag", r.Tag)
		return nil
	}
	c.statusCode(r)
	onOK := k.onOK
	if r.Cond == imap.OK && onOK != nil {
		for !k.flushed && c.reason == nil { // the writer is about to say so
			changed := c.changed
			c.mu.Unlock()
			select {
			case <-changed:
			case <-c.closed:
			}
			c.mu.Lock()
		}
		c.mu.Unlock()
		if err := onOK(); err != nil {
			return err
		}
		c.mu.Lock()
	}
	c.endCall(k, r)
	c.mu.Unlock()
	return nil
}

// endCall takes a call out of flight. mu is held.
func (c *Client) endCall(k *call, r *grammar.StatusLine) {
	for i, f := range c.inflight {
		if f == k {
			c.inflight = append(c.inflight[:i], c.inflight[i+1:]...)
			break
		}
	}
	if c.wantCont == k {
		c.wantCont = nil
	}
	if k.secret {
		c.conn.SetSecret(false)
	}
	k.status = r
	if !k.abandoned {
		c.done.answers++
	}
	c.unwanted = 0
	if k.ended != nil {
		k.ended(k)
	}
	if k.fetch != nil {
		err := k.err
		if err == nil {
			err = r.Err()
		}
		if err != nil {
			err = &CommandError{Command: k.name, Mailbox: k.box, Err: err}
		}
		k.fetch.end(err)
	}
	close(k.done)
	c.broadcastLocked()
}

// condition takes an untagged status response.
func (c *Client) condition(r *grammar.StatusLine) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Cond == imap.BYE {
		c.bye = r.Err().(*imap.Error)
	}
	c.statusCode(r)
	for _, k := range c.inflight {
		if k.take != nil && k.take(r) {
			return nil
		}
	}
	if c.inProgress(r) {
		return nil
	}
	if r.Code == imap.CodeNotificationOverflow {
		c.events.add(overflow{})
	}
	if r.Code == imap.CodeClosed {
		c.selected = nil // not because of a SELECT: the mailbox has gone
	}
	if r.Code != imap.CodeAlert && (r.Cond == imap.BAD || r.Cond == imap.NO) {
		c.log("warning of the server", "text", r.Text)
	}
	if r.Cond == imap.BAD && len(c.inflight) == 1 {
		c.failSoon(c.inflight[0], r.Err())
	}
	return nil
}

// failSoon fails a command to which the server has sent an untagged BAD, if it
// then says nothing more: poczta.fm answers so, and sends no tagged response.
func (c *Client) failSoon(k *call, err error) {
	in, _ := c.conn.Octets()
	time.AfterFunc(untaggedBad, func() {
		select {
		case <-k.done:
			return
		default:
		}
		if now, _ := c.conn.Octets(); now == in {
			c.mu.Lock()
			k.err = err
			c.mu.Unlock()
			c.fail(err)
		}
	})
}

// untaggedBad is how long a tagged response may follow an untagged BAD.
const untaggedBad = 5 * time.Second

// statusCode takes the response codes that are not about one command. mu is held.
func (c *Client) statusCode(r *grammar.StatusLine) {
	if caps, ok := r.Arg.(imap.CapSet); ok {
		c.setCaps(caps)
	}
	if r.Code == imap.CodeAlert {
		if !c.events.watching {
			c.log("alert", "text", r.Text)
		}
		c.events.add(&Alert{Text: r.Text})
	}
}

// continuation hands a continuation request to the command that waits for it.
func (c *Client) continuation(r *grammar.Continuation) error {
	c.mu.Lock()
	k := c.wantCont
	if k == nil {
		c.mu.Unlock()
		return &ProtocolError{What: "continuation request that no command waits for"}
	}
	c.wantCont = nil
	k.acked = true
	k.cont <- r.Text
	c.broadcastLocked()
	left := k.abandoned
	c.mu.Unlock()
	if left {
		c.doneIfFree()
	}
	return nil
}

// data hands an untagged response to the call that takes it, or to the mailbox or
// the events. mu is held.
func (c *Client) data(resp grammar.Response) {
	for _, k := range c.inflight {
		if k.take == nil || !k.take(resp) {
			continue
		}
		if !k.abandoned {
			c.done.answers++
		}
		k.octets += c.fr.size
		if k.abandoned {
			c.drained(k, c.fr.size)
		}
		if k.cost += c.fr.size + perResponse; k.cost > c.o.Limits.Result && k.err == nil {
			k.err = &LimitError{"result too long", c.o.Limits.Result}
			k.take = func(grammar.Response) bool { return false }
		}
		return
	}
	switch r := resp.(type) {
	case imap.CapSet:
		c.setCaps(r)
	case grammar.Enabled:
		if c.login { // before, nothing can be enabled (RFC 5161 §3.1)
			c.setEnabled(r)
		}
	case *grammar.Count:
		c.count(r)
	case *imap.VanishedData:
		if m := c.current(); m != nil && !r.Earlier {
			m.vanished(r.UIDs)
		}
	case grammar.Flags:
		if m := c.current(); m != nil {
			m.setFlags(r)
		}
	case *imap.StatusData:
		c.events.add(&MailboxStatus{StatusData: r})
	case *imap.ListData:
		c.keepName(r)
		c.events.add(&MailboxChanged{ListData: r})
	case *imap.MetadataData:
		c.events.add(metadataChanged(r))
	case *imap.ESearchData:
		c.lives[r.Tag].take(c, r) // or it answers a command that was cancelled
	case *imap.SearchData, *imap.SortData, *imap.ThreadData, *grammar.LSub, imap.IDFields:
		// The answer to a command that was cancelled.
	case *grammar.Unknown:
		c.events.add(&Unknown{Name: r.Name, Number: r.N, Values: r.Values})
	default:
		if u, err := grammar.ReadRaw(c.fr.whole(), c.utf8.Load()); err == nil {
			c.events.add(&Unknown{Name: u.Name, Number: u.N, Values: u.Values})
		}
	}
}

// current is the mailbox that responses are about: the one that is being
// selected, or else the selected one. mu is held.
func (c *Client) current() *Mailbox {
	if c.selecting != nil {
		return c.selecting
	}
	return c.selected
}

func (c *Client) count(r *grammar.Count) {
	m := c.current()
	if m == nil {
		return
	}
	switch r.Name {
	case "EXISTS":
		m.exist(r.N)
	case "EXPUNGE":
		m.expunged(imap.SeqNum(r.N))
	}
}
