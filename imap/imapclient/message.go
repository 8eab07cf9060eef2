package imapclient

import (
	"context"
	"io"
	"iter"
	"sync"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// A Message is what Fetch yields. All of it but the bodies may be kept. It is used
// by one goroutine at a time.
type Message struct {
	mailbox.Entry      // as far as Has says; the UID always
	Has           Want // what the server gave
	Envelope      *message.Envelope
	Structure     *message.Part // its parts have no offsets
	Preview       string
	Gmail         *imap.GmailData
	Annotations   []imap.Annotation // see Annotation
	Raw           []RawData         // items that this package does not know

	mb      *Mailbox
	req     *request
	seq     imap.SeqNum
	parts   []partData // the octets that came with it
	onePart [1]partData
	oneBody [1]*Body
	group   *messageGroup
	index   int        // in group
	content bool       // there is more than flags
	failed  *ItemError // an item that can't be read
	bodies  []*Body
	expired bool
	octets  int64           // of the response
	memory  int64           // of the response without bodies, in memory
	context context.Context // of the call that fetched it
}

// RawData is a data item that this package does not know.
type RawData struct {
	Name  string // in capitals
	Value imap.Value
}

// partData is a section in a response.
type partData struct {
	att     imap.FetchAtt
	section *imap.BodySection
	data    *blob // nil: NIL, or the octets were dropped
	dropped bool
}

// Subject returns the subject with its encoded words decoded, empty without an
// Envelope.
func (m *Message) Subject() string {
	if m.Envelope == nil {
		return ""
	}
	return message.DecodeText(m.Envelope.Subject)
}

// Attachments yields the parts that are attachments or have a file name, with
// their part numbers, for Part. It needs Structure.
func (m *Message) Attachments() iter.Seq2[[]int, *message.Part] {
	return func(yield func([]int, *message.Part) bool) {
		if m.Structure == nil {
			return
		}
		stop := false
		m.Structure.Walk(func(path []int, p *message.Part) bool {
			if stop {
				return false
			}
			if p.Type != "multipart" && (p.Disposition == "attachment" || p.Filename() != "") {
				if len(path) == 0 {
					path = []int{1}
				}
				stop = !yield(append([]int(nil), path...), p)
				return false
			}
			return !stop
		})
	}
}

// Body returns the octets of a section that was asked for; without an argument,
// those of the first one. It is never nil: if the section was not asked for, or the
// server left it out, reading returns ErrItemMissing.
func (m *Message) Body(s ...Section) *Body {
	var want Section
	switch {
	case len(s) > 0:
		want = s[0]
	case m.req != nil && len(m.req.sections) > 0:
		want = m.req.sections[0]
	}
	want = m.askedFor(want)
	for _, b := range m.bodies {
		if b.sec.same(want) {
			return b
		}
	}
	b := m.group.body(m.index)
	if len(m.bodies) > 0 {
		b = &Body{}
	}
	*b = m.newBody(want)
	if b.sec.decodes() && b.err == nil && !b.binary {
		b.size, b.decoder = -1, m.decoder(b)
	}
	if m.bodies == nil {
		m.bodies = m.oneBody[:0]
	}
	m.bodies = append(m.bodies, b)
	return b
}

// askedFor returns the section that was asked for and that s means: s itself, or else
// a range of it.
func (m *Message) askedFor(s Section) Section {
	if m.req == nil {
		return s
	}
	for _, x := range m.req.sections {
		if x.same(s) {
			return x
		}
	}
	for _, x := range m.req.sections {
		if x.equal(s) {
			return x
		}
	}
	return s
}

// Draft returns the message for an Append elsewhere. It needs Entry and Whole. Its
// size is unknown if not all octets have come with the message: that which servers
// tell may be an estimate.
func (m *Message) Draft() mailbox.Incoming {
	b := m.Body(Whole())
	size := int64(mailbox.SizeUnknown)
	if b.err == nil && !b.more {
		size = b.Size()
	}
	return mailbox.Incoming{Body: b, Size: size, Flags: m.Entry.Flags, InternalDate: m.InternalDate}
}

// Close gives up the bodies of a message that Mailbox.Message returned.
func (m *Message) Close() error {
	m.expire()
	return nil
}

// expire ends the lifetime of the bodies.
func (m *Message) expire() {
	if m.expired {
		return
	}
	m.expired = true
	for _, b := range m.bodies {
		b.stop()
	}
	held := int64(0)
	for i := range m.parts {
		if p := &m.parts[i]; p.data != nil {
			held += p.data.size
			p.data.free()
			p.data = nil
		}
	}
	if held > 0 {
		m.mb.c.release(held)
	}
}

// release says that octets of bodies are no longer held.
func (c *Client) release(n int64) {
	c.mu.Lock()
	c.releaseLocked(n)
	c.mu.Unlock()
}

// releaseLocked is release; mu is held.
func (c *Client) releaseLocked(n int64) {
	c.held -= n
	c.roomLocked()
}

// A messageGroup is messages that share an array, so that they cost an allocation
// together, and another one if their bodies are read.
type messageGroup struct {
	messages [16]Message
	once     sync.Once
	bodies   []Body
}

// body returns the first Body of a message.
func (g *messageGroup) body(i int) *Body {
	if g == nil {
		return &Body{}
	}
	g.once.Do(func() { g.bodies = make([]Body, len(g.messages)) })
	return &g.bodies[i]
}

// newMessage returns an empty Message.
func (c *Client) newMessage() *Message {
	if c.group == nil || c.grouped == len(c.group.messages) {
		c.group, c.grouped = &messageGroup{}, 0
	}
	m := &c.group.messages[c.grouped]
	m.group, m.index = c.group, c.grouped
	c.grouped++
	return m
}

// readFetch reads a FETCH response and hands it to the call that asked for it, or
// to the selected mailbox.
func (c *Client) readFetch(r *grammar.Fetch) {
	c.deliver(c.parseFetch(r))
}

// deliver hands a FETCH response over.
//
// A response that fits several calls exactly is the answer to each of them: what it
// says is true, and which of them the server meant is not known. If it went to one, the
// answer meant for that one could come after the end of another, which then had none.
func (c *Client) deliver(msg *Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if msg.failed != nil {
		msg.failed.UID = msg.UID
	}
	var first *call
	best, spent := fitNot, false
	var also []*call
	for _, k := range c.inflight {
		if k.sees != nil && !k.abandoned {
			k.sees(msg)
		}
		if k.fetch == nil {
			continue
		}
		how, got := k.fetch.fits(msg)
		switch {
		case got:
			spent = spent || how == fitExact
		case how == fitExact && best == fitExact:
			also = append(also, k)
		case how > best:
			first, best = k, how
		}
	}
	if first != nil && (best == fitExact || !spent) {
		copies := make([]*Message, 0, len(also)) // made before any of them can be given up
		for range also {
			copies = append(copies, c.parseAgain(msg.seq))
		}
		first.fetch.push(first, msg)
		for i, k := range also {
			k.fetch.push(k, copies[i])
		}
		return
	}
	msg.free()
	if msg.content {
		c.unasked(msg.octets)
	}
	m := c.current()
	if m == nil {
		return
	}
	if msg.failed != nil {
		c.events.add(&Malformed{Raw: msg.failed.Raw, Err: msg.failed})
	}
	m.news(msg)
}

// parseFetch reads the items of the response that Read has begun.
func (c *Client) parseFetch(r *grammar.Fetch) *Message {
	msg := c.newMessage()
	msg.UID, msg.seq, msg.octets, msg.memory = r.UID, r.Seq, c.fr.size, int64(len(c.fr.text))+perResponse
	for {
		it, err := c.rd.NextItem()
		if err != nil {
			c.repair(msg, err)
			break
		}
		if it == nil {
			break
		}
		msg.take(it)
	}
	if c.fr.err != nil && msg.failed == nil {
		msg.failed = &ItemError{Item: "", Raw: c.fr.raw(), Err: c.fr.err}
	}
	return msg
}

// parseAgain reads the response in the frame once more, into a Message that shares
// nothing with the first one.
func (c *Client) parseAgain(seq imap.SeqNum) *Message {
	c.fr.again()
	resp, err := c.rd.Read()
	if r, ok := resp.(*grammar.Fetch); ok && err == nil {
		return c.parseFetch(r)
	}
	return &Message{seq: seq, content: true, failed: &ItemError{Raw: c.fr.raw(), Err: err}} // not reached: it was readable
}

// free gives up octets that belong to nobody.
func (m *Message) free() {
	for _, p := range m.parts {
		if p.data != nil {
			p.data.free()
		}
	}
}

// take adds an item of the response.
func (m *Message) take(it *grammar.Item) {
	if it.Raw != nil {
		m.Raw = append(m.Raw, RawData{it.Name, *it.Raw})
		m.content = true
		return
	}
	switch it.Att {
	case imap.FetchUID:
		if it.N > 0 && it.N <= int64(mailbox.MaxUID) {
			m.UID = mailbox.UID(it.N)
		}
		return
	case imap.FetchFlags:
		m.Entry.Flags = it.Flags
		m.Has |= Flags
		return
	case imap.FetchModSeq:
		m.Entry.ModSeq = mailbox.ModSeq(it.N)
		m.Has |= ModSeq
		return
	}
	m.content = true
	switch it.Att {
	case imap.FetchInternalDate:
		m.InternalDate = it.Time
		m.Has |= Date
	case imap.FetchSize:
		m.Entry.Size = it.N
		m.Has |= Size
	case imap.FetchSaveDate:
		m.Entry.SaveDate = it.Time
		m.Has |= SaveDate
	case imap.FetchEmailID:
		m.EmailID = it.Text
		m.Has |= ObjectID
	case imap.FetchThreadID:
		m.ThreadID = it.Text
		m.Has |= ObjectID
	case imap.FetchEnvelope:
		m.Envelope = it.Envelope
		m.Has |= Envelope
	case imap.FetchBodyStructure, imap.FetchBody:
		m.Structure = it.Structure
		m.Has |= Structure
	case imap.FetchGmailMessageID, imap.FetchGmailThreadID, imap.FetchGmailLabels:
		m.takeGmail(it)
	case imap.FetchAnnotation:
		m.Annotations = append(m.Annotations, it.Annotations...)
	case imap.FetchPreview:
		m.Preview = it.Text
		m.Has |= Preview
	case imap.FetchBodySection, imap.FetchBinary, imap.FetchRFC822, imap.FetchRFC822Header, imap.FetchRFC822Text:
		p := partData{att: it.Att, section: it.Section}
		switch r := it.Body.(type) {
		case nil:
		case *blobReader:
			p.data, p.dropped = r.b, r.b == nil
		default: // a quoted string
			b, _ := io.ReadAll(r)
			p.data = &blob{first: b, size: int64(len(b))}
		}
		if m.parts == nil {
			m.parts = m.onePart[:0]
		}
		m.parts = append(m.parts, p)
	}
}

// repair reads a response that can't be read in one piece item by item.
func (c *Client) repair(msg *Message, err error) {
	*msg = Message{group: msg.group, index: msg.index, seq: msg.seq, octets: msg.octets, memory: msg.memory, content: true, failed: &ItemError{Raw: c.fr.raw(), Err: err}}
	var ext []int
	for _, b := range c.fr.bodies {
		ext = append(ext, b.at)
	}
	named := false
	for _, p := range grammar.SplitFetch(c.fr.text, ext, c.utf8.Load()) {
		if p.Err != nil {
			if !named {
				named = true
				msg.failed = &ItemError{Item: p.Name, Raw: append([]byte(nil), p.Raw[:min(len(p.Raw), maxRaw)]...), Err: p.Err}
			}
			continue
		}
		if p.Ext >= 0 {
			p.Item.Body = &blobReader{b: c.fr.bodies[p.Ext].data}
		}
		msg.take(&p.Item)
	}
}
