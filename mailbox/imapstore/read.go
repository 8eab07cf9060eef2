package imapstore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// Bounds of what Messages reads ahead: so much is in memory while it yields.
const (
	windowLight   = 4000    // messages, without a summary
	windowSummary = 1000    // messages, with one
	windowOctets  = 2 << 20 // octets of contents
	headSize      = 256 << 10
	headerCost    = 16 << 10 // what a header counts for
	fewMessages   = 16       // are read with their contents in one command
	fewUIDs       = 64       // are asked for without looking first whether they exist
)

// Messages implements [mailbox.Mailbox]. It reads by windows: while it yields it has
// no connection, so that the loop may call whatever it likes. Of a longer message,
// Content has the first 256 KiB in memory and fetches the rest as it is read; that
// fails if the message is expunged in between.
//
// Summaries are the server's: ENVELOPE, BODYSTRUCTURE and PREVIEW; where the
// server makes no preview (RFC 8970), the beginning of the text part is fetched. A message of which the
// server leaves out or garbles what was asked for, or which it refuses to read, comes
// as a *mailbox.MessageError.
func (m *boxHandle) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		r := &reading{m: m, b: m.b, ctx: ctx, want: want, rest: set}
		r.known = set.Len() <= fewUIDs
		for r.more() {
			if err := r.next(); err != nil {
				yield(nil, err)
				return
			}
			for i := range r.window {
				w := &r.window[i]
				var ok bool
				if w.err != nil {
					ok = yield(nil, &mailbox.MessageError{UID: w.msg.UID, Err: w.err})
				} else {
					ok = yield(&w.msg, nil)
				}
				r.window[i] = record{}
				if !ok {
					return
				}
				if err := ctx.Err(); err != nil {
					yield(nil, wrap("messages of", m.info.Name, err))
					return
				}
			}
		}
	}
}

// A reading is a call of Messages.
type reading struct {
	m    *boxHandle
	b    *box
	ctx  context.Context
	want mailbox.Want

	known bool           // rest needs no comparison with what there is
	rest  mailbox.UIDSet // still to be read
	on    *imapclient.Mailbox

	described []record // whose contents are still to be read
	window    []record // to be yielded
}

// A record is a message that has been read.
type record struct {
	msg  mailbox.Message
	err  error
	size int64
}

func (r *reading) more() bool { return !r.rest.IsEmpty() || len(r.described) > 0 }

// octets reports whether contents or headers are wanted.
func (r *reading) octets() bool { return r.want&(mailbox.WantContent|mailbox.WantHeader) != 0 }

// next reads the next window.
func (r *reading) next() error {
	if err := r.m.check(r.ctx); err != nil {
		return err
	}
	return r.b.read(r.ctx, "messages of", func(im *imapclient.Mailbox) error {
		r.window = nil
		if r.on != im {
			// The connection may not have heard of the latest changes.
			if err := im.CatchUp(r.ctx); err != nil {
				return err
			}
		}
		if !r.known {
			all, err := im.UIDs(r.ctx)
			if err != nil {
				return err
			}
			r.rest = r.rest.Intersect(all)
		}
		r.known, r.on = true, im
		if len(r.described) == 0 {
			if err := r.describe(im); err != nil {
				return err
			}
		}
		if !r.octets() {
			r.window, r.described = r.described, nil
			return nil
		}
		return r.fetchContents(im)
	})
}

// describe reads all but contents of the next messages.
func (r *reading) describe(im *imapclient.Mailbox) error {
	n := windowLight
	if r.want&(mailbox.WantSummary|mailbox.WantContent|mailbox.WantHeader) != 0 {
		n = windowSummary
	}
	part, rest := cut(r.rest, n)
	if part.IsEmpty() {
		return nil
	}
	if r.octets() && part.Len() <= fewMessages {
		list, err := r.fetch(im, part, r.ask(true))
		if err == nil {
			r.rest = rest
			r.window = list
			r.described = list
		}
		return err
	}
	list, err := r.fetch(im, part, r.ask(false))
	if err != nil {
		return err
	}
	r.rest, r.described = rest, list
	return nil
}

// cut returns the first n UIDs and the others.
func cut(set mailbox.UIDSet, n int) (first, rest mailbox.UIDSet) {
	last := set.At(n - 1)
	if last == 0 || last == mailbox.MaxUID {
		return set, mailbox.UIDSet{}
	}
	return set.Intersect(mailbox.UIDRangeSet(1, last)), set.Intersect(mailbox.UIDRangeSet(last+1, mailbox.MaxUID))
}

// references is the section of which References is made.
var references = imapclient.Header("References")

// An ask is what FETCH asks for.
type ask struct {
	want                        imapclient.Want
	references, content, header bool
}

// ask returns what is wanted, with octets or without.
func (r *reading) ask(octets bool) ask {
	has := func(w mailbox.Want) bool { return r.want&w != 0 }
	a := ask{references: has(mailbox.WantReferences), content: octets && has(mailbox.WantContent), header: octets && has(mailbox.WantHeader)}
	if has(mailbox.WantFlags) {
		a.want |= imapclient.Flags | imapclient.ModSeq
	}
	if has(mailbox.WantEntry) {
		a.want |= imapclient.Entry
	}
	if has(mailbox.WantEnvelope) {
		a.want |= imapclient.Envelope
	}
	if has(mailbox.WantStructure) || has(mailbox.WantPreview) { // see previews
		a.want |= imapclient.Structure
	}
	if has(mailbox.WantPreview) && r.b.a.has(imap.CapPreview) {
		a.want |= imapclient.Preview
	}
	if r.octets() || a.want == 0 {
		a.want |= imapclient.Size
	}
	return a
}

func (a ask) items() []imapclient.Item {
	items := []imapclient.Item{a.want}
	if a.references {
		items = append(items, references)
	}
	if a.content {
		items = append(items, imapclient.Whole())
	}
	if a.header {
		items = append(items, imapclient.Header())
	}
	return items
}

// fetch reads messages, in ascending order. Those that the server refuses to read
// cost only themselves.
func (r *reading) fetch(im *imapclient.Mailbox, part mailbox.UIDSet, q ask) ([]record, error) {
	var list []record
	var got mailbox.UIDSet
	for msg, err := range im.Fetch(r.ctx, imapclient.UIDSet(part), q.items()...) {
		if msg == nil {
			refused, ofMessages := isRefusal(err)
			if !refused || !ofMessages {
				return nil, err
			}
			more, err := r.retry(im, part.Subtract(got), q, err)
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
			break
		}
		if msg.UID == 0 || !part.Contains(msg.UID) {
			continue
		}
		got.Add(msg.UID)
		rec := record{err: err}
		rec.msg.UID = msg.UID
		if err == nil {
			rec.err = r.take(&rec, msg, q)
		}
		if rec.err != nil && (isLost(rec.err) || r.ctx.Err() != nil || errors.Is(rec.err, imapclient.ErrNotSelected)) {
			return nil, rec.err
		}
		list = append(list, rec)
	}
	slices.SortFunc(list, func(a, b record) int { return int(int64(a.msg.UID) - int64(b.msg.UID)) })
	if slices.ContainsFunc(list, func(rec record) bool { return errors.Is(rec.err, imapclient.ErrItemMissing) }) {
		// Servers may have no more than the flags of a message that somebody else
		// has just expunged.
		if err := im.CatchUp(r.ctx); err != nil {
			return nil, err
		}
		all, err := im.UIDs(r.ctx)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(rec record) bool { return rec.err != nil && !all.Contains(rec.msg.UID) })
	}
	return r.finish(im, list, q.want)
}

// retry reads what a refused FETCH has left out, in halves, until single messages are
// left.
func (r *reading) retry(im *imapclient.Mailbox, part mailbox.UIDSet, q ask, refused error) ([]record, error) {
	n := part.Len()
	switch n {
	case 0:
		return nil, nil
	case 1:
		rec := record{err: refused}
		rec.msg.UID = part.Min()
		// It may have been expunged.
		_, err := im.Message(r.ctx, part.Min(), imapclient.Want(0))
		if errors.Is(err, mailbox.ErrNotExist) {
			return nil, nil
		}
		if isLost(err) {
			return nil, err
		}
		return []record{rec}, nil
	}
	a, b := cut(part, n/2)
	list, err := r.fetch(im, a, q)
	if err != nil {
		return nil, err
	}
	more, err := r.fetch(im, b, q)
	return append(list, more...), err
}

// take moves what was read into the record.
func (r *reading) take(rec *record, msg *imapclient.Message, q ask) error {
	out := &rec.msg
	out.Entry, rec.size = msg.Entry, msg.Entry.Size
	if q.want&^msg.Has&needed != 0 {
		return imapclient.ErrItemMissing
	}
	out.Envelope, out.Structure, out.Preview = msg.Envelope, msg.Structure, msg.Preview
	if env := out.Envelope; env != nil && env.Time.IsZero() {
		env.Time, _ = message.ParseDate(env.Date)
	}
	var err error
	if q.references {
		if out.References, err = referencesOf(msg.Body(references)); err != nil {
			return err
		}
	}
	if q.content {
		c, err := r.content(msg, imapclient.Whole(), false)
		if err != nil {
			return err
		}
		out.Content = c
	}
	if q.header {
		c, err := r.content(msg, imapclient.Header(), true)
		if err != nil {
			return err
		}
		out.Header = c
	}
	return nil
}

// needed are the items that every server has for every message.
const needed = imapclient.Flags | imapclient.Date | imapclient.Size | imapclient.Envelope | imapclient.Structure

// referencesOf parses the References field, in a section of it alone.
func referencesOf(body *imapclient.Body) ([]string, error) {
	raw, err := body.Bytes(1 << 20)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	sum, _, err := message.Parse(bytes.NewReader(raw), nil)
	if err != nil {
		return nil, err
	}
	return sum.References, nil
}

// finish adds what takes further commands: previews that the server has not made, and
// mod-sequences of its own where it has none.
func (r *reading) finish(im *imapclient.Mailbox, list []record, want imapclient.Want) ([]record, error) {
	if r.want&mailbox.WantPreview != 0 {
		if err := r.previews(im, list); err != nil {
			return nil, err
		}
	}
	if r.want&mailbox.WantStructure == 0 {
		for i := range list {
			list[i].msg.Structure = nil
		}
	}
	v := r.b.own.Load()
	if v == nil || want&imapclient.Flags == 0 {
		return list, nil
	}
	if err := v.ready(r.ctx, im); err != nil {
		return nil, err
	}
	some := make([]seen, len(list))
	for i := range list {
		some[i] = seen{list[i].msg.UID, list[i].msg.Flags}
	}
	modSeqs := v.glance(some)
	if slices.Contains(modSeqs, 0) {
		if err := v.refresh(r.ctx, im); err != nil {
			return nil, err
		}
		modSeqs = v.glance(some)
	}
	out := list[:0]
	for i, rec := range list {
		if rec.msg.ModSeq = modSeqs[i]; modSeqs[i] != 0 { // else it was expunged meanwhile
			out = append(out, rec)
		}
	}
	return out, nil
}

// fetchContents reads the contents of as many messages as there is room for, unless
// they came along.
func (r *reading) fetchContents(im *imapclient.Mailbox) error {
	if len(r.window) > 0 && len(r.described) == len(r.window) {
		r.described = nil
		return nil
	}
	var set mailbox.UIDSet
	room, n := int64(windowOctets), 0
	for n < len(r.described) {
		rec := &r.described[n]
		cost := int64(0)
		if r.want&mailbox.WantContent != 0 {
			cost += min(rec.size, headSize)
		}
		if r.want&mailbox.WantHeader != 0 {
			cost += min(rec.size, headerCost)
		}
		if room -= cost; room < 0 && n > 0 {
			break
		}
		if rec.err == nil {
			set.Add(rec.msg.UID)
		}
		n++
	}
	part := r.described[:n]
	q := ask{want: imapclient.Size, content: r.want&mailbox.WantContent != 0, header: r.want&mailbox.WantHeader != 0}
	got, err := (&reading{m: r.m, b: r.b, ctx: r.ctx}).fetch(im, set, q)
	if err != nil {
		return err
	}
	for i := range part {
		rec := part[i]
		if rec.err == nil {
			at, ok := slices.BinarySearchFunc(got, rec.msg.UID, func(g record, uid mailbox.UID) int { return int(int64(g.msg.UID) - int64(uid)) })
			if !ok {
				continue // it was expunged meanwhile
			}
			rec.err = got[at].err
			rec.msg.Content, rec.msg.Header = got[at].msg.Content, got[at].msg.Header
		}
		r.window = append(r.window, rec)
	}
	clear(part)
	r.described = r.described[n:]
	return nil
}

// content makes a Content of a section: what has come of it, and where to get the
// rest.
func (r *reading) content(msg *imapclient.Message, s imapclient.Section, header bool) (*content, error) {
	body := msg.Body(s)
	head := make([]byte, 0, min(max(msg.Entry.Size, 512), headSize))
	if n := body.Size(); n >= 0 && n <= headSize {
		head = make([]byte, 0, n)
	}
	w := bytes.NewBuffer(head)
	n, err := io.CopyN(w, body, headSize)
	if err != nil && err != io.EOF {
		return nil, err
	}
	c := &content{b: r.b, ctx: r.ctx, uid: msg.UID, section: s, head: w.Bytes(), size: n}
	if err == nil { // there may be more
		c.size = max(msg.Entry.Size, n)
		if header {
			rest, err := io.ReadAll(io.LimitReader(body, maxHeader))
			if err != nil {
				return nil, err
			}
			c.head = append(c.head, rest...)
			c.size = int64(len(c.head))
		}
	}
	return c, nil
}

// maxHeader bounds what of a header is read.
const maxHeader = 16 << 20
