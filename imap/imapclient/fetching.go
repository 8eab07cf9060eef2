package imapclient

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A fetching is what a call has asked for by FETCH, and the queue of what came. The
// Client's mu guards it.
type fetching struct {
	m     *Mailbox
	req   *request            // what was asked for; nil: no more than asked says
	asked Want                // of req, what the server can have understood
	all   bool                // every message was asked for
	set   mailbox.UIDSet      // or else these
	bySeq bool                // asked for by number, which means every message
	wants func(*Message) bool // whether a response may be an answer; nil: see fitsRequest
	each  func(*Message)      // takes the messages, instead of the queue

	binary      bool // the server removes transfer encodings
	annotations bool // annotations were asked for, and the server has them

	got     mailbox.UIDSet
	queue   []*Message
	octets  int64         // of all responses
	waiting int64         // octets of the queue, without bodies
	count   int           // and their number
	signal  chan struct{} // has an element if there is news
	over    bool
	err     error
	dropped bool
}

func newFetching(m *Mailbox) *fetching {
	return &fetching{m: m, signal: make(chan struct{}, 1)}
}

// A fit says how well a response fits what a call has asked for.
type fit uint8

const (
	fitNot   fit = iota
	fitPart      // items are missing
	fitMore      // there are others besides
	fitExact     // but for flags, which may be in any response
)

// fits reports how well a response answers the call. Several calls may have asked for
// items of one message, and the response does not say whose it is: it belongs to the
// call that it fits best, of several to the one that was sent first. It may also be
// news of a message that was asked for: news have flags only, and the answer comes
// once (RFC 9051 §7.5.2). got reports whether the call has its answer.
func (f *fetching) fits(msg *Message) (how fit, got bool) {
	if f.over {
		return fitNot, false
	}
	uid := msg.UID
	if uid == 0 && f.m.view != nil {
		uid = f.m.view.uid(msg.seq)
	}
	if uid == 0 {
		if !msg.content {
			return fitNot, false
		}
		return f.fitsItems(msg), false
	}
	if !f.all && !f.bySeq && !f.set.Contains(uid) {
		return fitNot, false
	}
	return f.fitsItems(msg), f.got.Contains(uid)
}

func (f *fetching) fitsItems(msg *Message) fit {
	switch {
	case !msg.content && msg.Has == 0: // nothing but the UID, from a server that lacks the rest
		if f.light() && f.asked == 0 && f.wants == nil {
			return fitExact
		}
		return fitPart
	case f.wants != nil && !f.wants(msg):
		return fitNot
	}
	how := f.fitsRequest(msg)
	if f.wants != nil {
		how = max(how, fitPart)
	}
	return how
}

func (f *fetching) fitsRequest(msg *Message) fit {
	if f.light() && msg.failed == nil {
		return f.fitsFlags(msg)
	}
	if !msg.content && msg.failed == nil || f.req == nil { // news
		return fitNot
	}
	have := msg.Has
	found := len(f.req.raw) > 0 && len(msg.Raw) > 0 || len(f.req.annotations) > 0 && len(msg.Annotations) > 0
	if msg.failed != nil {
		w := wantOf(msg.failed.Item)
		have |= w
		found = found || w == 0 || f.asked&w != 0 // an item without a Want may be any
	}
	content := have &^ (Flags | ModSeq)
	found = found || f.asked&content != 0
	missing := f.asked&^have != 0 || len(msg.Raw) < len(f.req.raw) || f.annotations && len(msg.Annotations) == 0
	extra := content&^f.asked != 0 || len(msg.Raw) > len(f.req.raw) || !f.annotations && len(msg.Annotations) > 0
	for _, s := range f.req.sections {
		binary := f.binary && s.decodes()
		switch {
		case msg.part(s, binary) != nil:
			found = true
			missing = missing || s.decodes() && !binary && msg.part(s.encodingSection(), false) == nil
		case msg.part(s, !binary) != nil:
			found, missing = true, true
		default:
			missing = true
		}
	}
	for i := range msg.parts {
		extra = extra || !f.names(&msg.parts[i])
	}
	switch {
	case !found:
		return fitNot
	case missing:
		return fitPart
	case extra:
		return fitMore
	}
	return fitExact
}

// fitsFlags is for a call that has asked for flags and mod-sequences alone. A response
// with anything else is no answer to it, nor is one that lacks the flags.
func (f *fetching) fitsFlags(msg *Message) fit {
	switch {
	case msg.content, f.asked&Flags != 0 && msg.Has&Flags == 0:
		return fitNot
	case f.asked == 0: // the UID alone was asked for
		if f.req == nil || f.req.want == 0 {
			return fitPart
		}
		return fitNot
	case f.asked&msg.Has == 0:
		return fitNot
	case f.asked&^msg.Has != 0:
		return fitPart
	}
	return fitExact
}

// light reports whether nothing but flags and mod-sequences was asked for, so that
// an answer can't be told from news.
func (f *fetching) light() bool {
	r := f.req
	return f.asked&^(Flags|ModSeq) == 0 && (r == nil || len(r.sections) == 0 && len(r.raw) == 0 && len(r.annotations) == 0)
}

// names reports whether a section of a response was asked for.
func (f *fetching) names(p *partData) bool {
	for _, s := range f.req.sections {
		binary := f.binary && s.decodes()
		if s.isOf(p, binary) || s.decodes() && !binary && s.encodingSection().isOf(p, false) {
			return true
		}
	}
	return false
}

// wantOf returns the Want of an item that can't be read.
func wantOf(name string) Want {
	switch name {
	case "FLAGS":
		return Flags
	case "INTERNALDATE":
		return Date
	case "RFC822.SIZE":
		return Size
	case "MODSEQ":
		return ModSeq
	case "SAVEDATE":
		return SaveDate
	case "EMAILID", "THREADID":
		return ObjectID
	case "ENVELOPE":
		return Envelope
	case "BODYSTRUCTURE":
		return Structure
	case "PREVIEW":
		return Preview
	case "X-GM-MSGID", "X-GM-THRID", "X-GM-LABELS":
		return Gmail
	}
	return 0
}

// confusable reports whether the answers to two FETCHes could be taken for each other
// though they differ: a response names the first octet of a range and not how many
// were asked for.
func confusable(f, g *fetching) bool {
	if f.req == nil || g.req == nil {
		return false
	}
	for _, s := range f.req.sections {
		for _, t := range g.req.sections {
			if s.offset != t.offset || f.req.octets(s) == g.req.octets(t) {
				continue
			}
			// Without BINARY, the octets of a part are the same, decoded or not.
			s.decoded, t.decoded = f.binary && s.decodes(), g.binary && t.decodes()
			if s.equal(t) {
				return f.all || g.all || !f.set.Intersect(g.set).IsEmpty()
			}
		}
	}
	return false
}

// push hands a message over.
func (f *fetching) push(k *call, msg *Message) {
	if msg.UID == 0 && f.m.view != nil {
		msg.UID = f.m.view.uid(msg.seq)
	}
	msg.mb, msg.req = f.m, f.req
	f.m.modSeq = max(f.m.modSeq, msg.Entry.ModSeq)
	k.octets += msg.octets
	if f.dropped {
		f.m.c.drained(k, msg.octets)
		msg.free()
		return
	}
	f.got.Add(msg.UID)
	f.octets += msg.octets
	f.count++
	bodies := int64(0)
	for _, p := range msg.parts {
		if p.data != nil {
			bodies += p.data.size
		}
	}
	f.waiting += msg.memory
	if limit := f.m.c.o.Limits.Result; f.waiting > limit {
		// More than a window was not asked for.
		k.err = &LimitError{"result too long", limit}
		msg.free()
		f.drop()
		return
	}
	f.m.c.done.answers++
	if f.each != nil {
		f.each(msg)
		return
	}
	f.m.c.held += bodies
	f.queue = append(f.queue, msg)
	f.wake()
}

// perResponse is what a response in memory costs besides its octets, about.
const perResponse = 256

func (f *fetching) wake() {
	select {
	case f.signal <- struct{}{}:
	default:
	}
}

// end says that no more will come.
func (f *fetching) end(err error) {
	f.over, f.err = true, err
	f.wake()
}

// drop gives up what is queued and what is still to come.
func (f *fetching) drop() {
	f.dropped = true
	for _, msg := range f.queue {
		for _, p := range msg.parts {
			if p.data != nil {
				f.m.c.releaseLocked(p.data.size)
				p.data.free()
			}
		}
	}
	f.queue = nil
}

// A request is the items of a Fetch.
type request struct {
	want     Want
	sections []Section
	raw      []rawItem

	annotations []*imap.AnnotationQuery

	since *mailbox.ModSeq
	exact bool // the sections are ranges that are asked for in one piece: see Body.ask
}

func newRequest(items []Item) *request {
	r := &request{}
	for _, it := range items {
		switch it := it.(type) {
		case Want:
			r.want |= it
		case Section:
			r.sections = append(r.sections, it)
		case changedSince:
			m := mailbox.ModSeq(it)
			r.since = &m
		case rawItem:
			r.raw = append(r.raw, it)
		case annotationItem:
			q := imap.AnnotationQuery(it)
			r.annotations = append(r.annotations, &q)
		}
	}
	return r
}

// octets returns how many octets of a section are asked for.
func (r *request) octets(s Section) int64 {
	switch {
	case r.exact:
		return s.count
	case s.count > 0:
		return min(s.count, firstPart)
	}
	return firstPart
}

// items returns the data items of the command, and which of r.want they are.
func (r *request) items(c *Client) (out []imap.FetchItem, asked Want) {
	out = []imap.FetchItem{{Att: imap.FetchUID}}
	add := func(w Want, need imap.Cap, atts ...imap.FetchAtt) {
		if r.want&w == 0 || need != "" && !c.has(need) {
			return
		}
		asked |= w
		for _, att := range atts {
			out = append(out, imap.FetchItem{Att: att})
		}
	}
	add(Flags, "", imap.FetchFlags)
	add(Date, "", imap.FetchInternalDate)
	add(Size, "", imap.FetchSize)
	add(ModSeq, imap.CapCondStore, imap.FetchModSeq)
	add(SaveDate, imap.CapSaveDate, imap.FetchSaveDate)
	add(ObjectID, imap.CapObjectID, imap.FetchEmailID, imap.FetchThreadID)
	add(Envelope, "", imap.FetchEnvelope)
	add(Structure, "", imap.FetchBodyStructure)
	add(Preview, imap.CapPreview, imap.FetchPreview)
	add(Gmail, imap.CapGmail, imap.FetchGmailMessageID, imap.FetchGmailThreadID, imap.FetchGmailLabels)
	if c.has(imap.CapAnnotate) {
		for _, q := range r.annotations {
			out = append(out, imap.FetchItem{Att: imap.FetchAnnotation, Annotation: q})
		}
	}
	for _, x := range r.raw {
		out = append(out, imap.FetchItem{Att: imap.FetchRaw, Name: x.name, Args: x.args})
	}
	for _, s := range r.sections {
		out = append(out, s.first(c)...)
	}
	return out, asked
}
