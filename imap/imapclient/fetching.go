package imapclient

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A fetching is what a call has asked for by FETCH, and the queue of what came. The
// Client's mu guards it.
type fetching struct {
	m     *Mailbox
	req   *request
	all   bool                // every message was asked for
	set   mailbox.UIDSet      // or else these
	bySeq bool                // asked for by number: every response belongs here
	light bool                // only flags and mod-sequences were asked for
	wants func(*Message) bool // whether a response has what was asked for; nil: see request.has
	each  func(*Message)      // takes the messages, instead of the queue

	got     mailbox.UIDSet
	queue   []*Message
	octets  int64         // of all responses
	count   int           // and their number
	signal  chan struct{} // has an element if there is news
	over    bool
	err     error
	dropped bool
}

func newFetching(m *Mailbox) *fetching {
	return &fetching{m: m, signal: make(chan struct{}, 1)}
}

// accepts reports whether a response answers the call. It may also be news of a
// message that was asked for: news have flags only, and the answer comes once (RFC
// 9051 §7.5.2).
func (f *fetching) accepts(msg *Message) bool {
	if f.over || !f.isAnswer(msg) {
		return false
	}
	if msg.UID == 0 {
		if f.m.view != nil {
			msg.UID = f.m.view.uid(msg.seq)
		}
		if msg.UID == 0 {
			return msg.content
		}
	}
	if f.bySeq || f.all {
		return !f.got.Contains(msg.UID)
	}
	return f.set.Contains(msg.UID) && !f.got.Contains(msg.UID)
}

// isAnswer reports whether a response has something that was asked for.
func (f *fetching) isAnswer(msg *Message) bool {
	switch {
	case !msg.content && msg.Has == 0: // nothing but the UID, from a server that lacks the rest
		return true
	case f.wants != nil:
		return f.wants(msg)
	case f.req == nil:
		return f.light && !msg.content
	}
	return msg.failed != nil || f.req.has(msg)
}

// has reports whether a response has an item that was asked for; flags count only
// if nothing else was.
func (r *request) has(msg *Message) bool {
	if r.light() {
		return !msg.content && (r.want == 0 || r.want&msg.Has != 0 && (r.want&Flags == 0 || msg.Has&Flags != 0))
	}
	if r.want&msg.Has&^(Flags|ModSeq) != 0 || len(r.raw) > 0 && len(msg.Raw) > 0 || len(r.annotations) > 0 && len(msg.Annotations) > 0 {
		return true
	}
	for _, s := range r.sections {
		if msg.part(s, false) != nil || msg.part(s, true) != nil {
			return true
		}
	}
	return false
}

// push hands a message over.
func (f *fetching) push(k *call, msg *Message) {
	msg.mb, msg.req = f.m, f.req
	f.m.modSeq = max(f.m.modSeq, msg.Entry.ModSeq)
	f.got.Add(msg.UID)
	f.octets += msg.octets
	f.count++
	k.octets += msg.octets
	if f.dropped {
		for _, p := range msg.parts {
			if p.data != nil {
				p.data.free()
			}
		}
		return
	}
	f.m.c.done.answers++
	if f.each != nil {
		f.each(msg)
		return
	}
	for _, p := range msg.parts {
		if p.data != nil {
			f.m.c.held += p.data.size
		}
	}
	f.queue = append(f.queue, msg)
	f.wake()
}

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
				f.m.c.held -= p.data.size
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

// items returns the data items of the command.
func (r *request) items(c *Client) []imap.FetchItem {
	out := []imap.FetchItem{{Att: imap.FetchUID}}
	add := func(w Want, need imap.Cap, atts ...imap.FetchAtt) {
		if r.want&w == 0 || need != "" && !c.has(need) {
			return
		}
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
	return out
}

// light reports whether nothing but flags and mod-sequences is asked for, so that
// an answer can't be told from news.
func (r *request) light() bool {
	return r.want&^(Flags|ModSeq) == 0 && len(r.sections) == 0 && len(r.raw) == 0 && len(r.annotations) == 0
}
