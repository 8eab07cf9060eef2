package imapserver

import (
	"bufio"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// fetchExt is FETCH (RFC 9051 §6.4.5) with the data items of RFC 3501 and
// RFC 9051.
func fetchExt() extension {
	section := fetchItem{write: (*fetcher).section}
	return extension{
		commands: []command{{"FETCH", selectedState, on((*Conn).fetch)}},
		items: map[imap.FetchAtt]fetchItem{
			imap.FetchUID:           {write: (*fetcher).uid},
			imap.FetchFlags:         {want: mailbox.WantFlags, write: (*fetcher).flags},
			imap.FetchInternalDate:  {want: mailbox.WantEntry, write: (*fetcher).internalDate},
			imap.FetchSize:          {want: mailbox.WantEntry, write: (*fetcher).size},
			imap.FetchEnvelope:      {want: mailbox.WantEnvelope, write: (*fetcher).envelope},
			imap.FetchBodyStructure: {want: mailbox.WantStructure, write: (*fetcher).structure},
			imap.FetchBody:          {want: mailbox.WantStructure, write: (*fetcher).structure},
			imap.FetchBodySection:   section,
			imap.FetchRFC822:        section,
			imap.FetchRFC822Header:  section,
			imap.FetchRFC822Text:    section,
		},
	}
}

// A fetchItem is a data item of FETCH: the parts of a message that it needs, and
// the function that writes its value.
type fetchItem struct {
	want  mailbox.Want
	write func(*fetcher, *askedItem, *mailbox.Message) error
}

// An askedItem is a data item that the command asks for.
type askedItem struct {
	imap.FetchItem
	write   func(*fetcher, *askedItem, *mailbox.Message) error
	section *section // nil if it is not one of octets
}

// A fetcher writes the responses of one FETCH command.
type fetcher struct {
	*Conn
	items []askedItem
	asked map[itemKey]struct{}
	want  mailbox.Want

	begun    bool           // a part of the response that is being written may have left
	hasFlags bool           // FLAGS is asked for
	marks    bool           // an item sets \Seen
	unseen   mailbox.UIDSet // messages that have been sent and are to be marked
	cost     int            // units of work of reading for this response
	later    bool           // \Seen is told when it is set, for extensions to add to it

	root   *message.Part // with the places of the parts of the message, once they are known
	header *bufio.Reader // for filtering headers
	fields fieldBuffer
}

// An itemKey is what makes two data items the same: their responses have the same
// name and value.
type itemKey struct {
	att     imap.FetchAtt
	section string // in capitals
	partial imap.Partial
}

func keyOf(it *imap.FetchItem) itemKey {
	key := itemKey{att: it.Att}
	if s := it.Section; s != nil {
		key.section = strings.ToUpper(s.Text)
		if s.Partial != nil {
			key.partial = *s.Partial
		}
	}
	return key
}

// fetch reads the messages in one pass, and then sets \Seen on those that were
// unseen: its memory does not grow with the set.
func (c *Conn) fetch(cmd *imap.Fetch) (reply, error) {
	c.holdExpunge = !cmd.UID
	set, err := c.resolve(cmd.Set, cmd.UID)
	if err != nil {
		return reply{}, err
	}
	for _, x := range c.srv.extensions() {
		if x.onFetch == nil {
			continue
		}
		if err := x.onFetch(c, cmd, &set); err != nil {
			return reply{}, err
		}
	}
	f := &fetcher{Conn: c, later: c.addsToFlags(), asked: make(map[itemKey]struct{}, len(cmd.Items)+1)}
	if cmd.UID {
		// RFC 9051 §6.4.9: UID comes whether asked for or not.
		err = f.add(imap.FetchItem{Att: imap.FetchUID})
	}
	for _, it := range cmd.Items {
		if err == nil {
			err = f.add(it)
		}
	}
	if err != nil {
		return reply{}, err
	}
	sent, damaged, err := f.messages(set)
	if err == nil || !isLinkError(c.ctx, err) {
		// What has been sent is marked, also when the rest is refused.
		if e := f.mark(); e != nil {
			return reply{}, e
		}
	}
	switch {
	case err != nil:
		return reply{}, err
	case damaged:
		return reply{}, errDamaged()
	}
	if sent < c.sel.view.countSet(set) {
		c.force = true // others have been expunged, whether or not an event has told
	}
	return reply{}, nil
}

// messages writes the responses for the messages of the set. It returns their
// number, and whether some are left out because they are damaged.
func (f *fetcher) messages(set mailbox.UIDSet) (sent uint32, damaged bool, err error) {
	f.enc.Spill = f.spill
	defer func() { f.enc.Spill = nil }()
	for m, err := range f.sel.mb.Messages(f.ctx, set, f.want) {
		if err == nil {
			err = f.work(1 + len(f.items)/8)
		}
		if err == nil {
			seq := f.sel.view.seq(m.UID)
			if seq == 0 {
				continue
			}
			err = f.message(seq, m)
		}
		switch {
		case err == nil:
			sent++
		case f.begun:
			return sent, damaged, link(err) // the client waits for the rest of the response
		case f.damaged(err):
			damaged = true
		default:
			return sent, damaged, f.selectedGone(err)
		}
	}
	return sent, damaged, nil
}

// add adds an item to the response. One that is asked for again comes once, so
// that the response is no longer than the message makes it; but it sets \Seen if
// one of the two does.
func (f *fetcher) add(it imap.FetchItem) error {
	x, ok := f.srv.proto.items[it.Att]
	if !ok {
		return bad("unknown data item")
	}
	if it.Marks() {
		f.want |= mailbox.WantFlags
		f.marks = f.marks || f.marksSeen()
	}
	key := keyOf(&it)
	if _, twice := f.asked[key]; twice {
		return nil
	}
	f.asked[key] = struct{}{}
	asked := askedItem{FetchItem: it, write: x.write}
	f.want |= x.want
	if sec := sectionOf(&it); sec != nil {
		asked.section = newSection(sec)
		f.want |= wantOf(sec)
	}
	f.items = append(f.items, asked)
	f.hasFlags = f.hasFlags || it.Att == imap.FetchFlags
	return nil
}

// marksSeen reports whether fetched messages become \Seen: not after EXAMINE, nor
// without the right to set it (RFC 4314 §4).
func (f *fetcher) marksSeen() bool {
	return !f.sel.readOnly && f.sel.info.Access.MayChange(mailbox.FlagSetOf(mailbox.SystemSeen, nil)).System() != 0
}

// message writes the response for one message.
func (f *fetcher) message(seq uint32, m *mailbox.Message) error {
	unseen := f.marks && m.Flags.System()&mailbox.SystemSeen == 0
	news := unseen && !f.later // \Seen is set by this command, and told here
	if news {
		m.Flags = m.Flags.With(mailbox.NewFlagSet(mailbox.FlagSeen))
	}
	if f.hasFlags || news {
		if err := f.tellKeywords(m.Flags); err != nil {
			return err
		}
	}
	f.begun, f.cost, f.root = false, 0, nil
	held := messageMemory(m) // as long as the client takes to read the response
	if err := f.tp.Hold(f.ctx, held); err != nil {
		return err
	}
	defer f.tp.Free(held)
	e := f.begin()
	grammar.BeginFetch(e, seq)
	for i := range f.items {
		if i > 0 {
			e.SP()
		}
		it := &f.items[i]
		grammar.WriteItemName(e, it.Att, it.Section)
		if err := it.write(f, it, m); err != nil {
			return err
		}
		e.Overflow()
	}
	if news && !f.hasFlags {
		grammar.WriteItemName(e.SP(), imap.FetchFlags, nil)
		f.flagSet(m)
	}
	grammar.EndFetch(e)
	if err := f.end(); err != nil {
		return err
	}
	f.begun = false
	if unseen {
		f.unseen.Add(m.UID)
	}
	return nil
}

// spill writes the beginning of a response that is long.
func (f *fetcher) spill(b []byte) ([]byte, error) {
	f.begun = true
	if _, err := f.tp.Write(b); err != nil {
		return b[:0], link(err)
	}
	return f.tp.AvailableBuffer(), f.workOn(len(b) >> 9)
}

// maxCompletion is how many units of work a response may have cost that is
// completed although the command has come to its limit.
const maxCompletion = 500_000

// read counts n units of reading for the response that is being written. At the
// limit a response that has begun is completed first, if that does not cost much
// more: in the middle of it the client can't be refused anything.
func (f *fetcher) read(n int) error {
	if f.cost += n; f.begun && f.cost <= maxCompletion {
		return f.workOn(n)
	}
	return f.work(n)
}

// mark sets \Seen on the messages that were sent.
func (f *fetcher) mark() error {
	if f.unseen.IsEmpty() {
		return nil
	}
	change := mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.NewFlagSet(mailbox.FlagSeen)}
	res, err := f.setKnown(f.unseen, change)
	if err == nil && f.later {
		_, _, err = f.tellStored(mailbox.UIDSet{}, res.Changed, false)
	}
	if err != nil {
		// The \Seen that was sent may not be true: poll tells.
		f.sel.news.changed = f.sel.news.changed.Union(f.unseen)
		f.sel.box.changed()
		return err
	}
	f.made(res.Steps, mailbox.Changes{})
	if res.Conflicts.IsEmpty() {
		return nil
	}
	// The flags that were sent with these may be out of date: poll tells.
	_, err = f.setFlags(res.Conflicts, change)
	f.sel.box.changed()
	return err
}

func (f *fetcher) uid(_ *askedItem, m *mailbox.Message) error {
	f.enc.Uint(uint64(m.UID))
	return nil
}

func (f *fetcher) flags(_ *askedItem, m *mailbox.Message) error {
	f.flagSet(m)
	return nil
}

func (f *fetcher) flagSet(m *mailbox.Message) {
	f.enc.FlagSet(m.Flags, f.sel.recent.Contains(m.UID))
}

func (f *fetcher) internalDate(_ *askedItem, m *mailbox.Message) error {
	f.enc.DateTime(m.InternalDate)
	return nil
}

func (f *fetcher) size(_ *askedItem, m *mailbox.Message) error {
	f.enc.Uint(uint64(m.Size))
	return nil
}

func (f *fetcher) envelope(_ *askedItem, m *mailbox.Message) error {
	grammar.WriteEnvelope(&f.enc, m.Envelope)
	return nil
}

func (f *fetcher) structure(it *askedItem, m *mailbox.Message) error {
	grammar.WriteStructure(&f.enc, m.Structure, it.Att == imap.FetchBodyStructure)
	return nil
}
