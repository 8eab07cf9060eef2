package imapserver

import (
	"bufio"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
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
	write func(*fetcher, *imap.FetchItem, *mailbox.Message) error
}

// A fetcher writes the responses of one FETCH command.
type fetcher struct {
	*Conn
	items []imap.FetchItem
	write []func(*fetcher, *imap.FetchItem, *mailbox.Message) error
	want  mailbox.Want

	begun    bool           // a part of the response that is being written may have left
	hasFlags bool           // FLAGS is asked for
	marks    bool           // an item sets \Seen
	unseen   mailbox.UIDSet // messages that have been sent and are to be marked
	later    bool           // \Seen is told when it is set, for extensions to add to it

	header *bufio.Reader // for filtering headers
	fields fieldBuffer
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
	f := &fetcher{Conn: c, later: c.addsToFlags()}
	if cmd.UID {
		// RFC 9051 §6.4.9: UID comes whether asked for or not.
		err = f.add(imap.FetchItem{Att: imap.FetchUID})
	}
	for _, it := range cmd.Items {
		if cmd.UID && it.Att == imap.FetchUID {
			continue
		}
		if err == nil {
			err = f.add(it)
		}
	}
	if err != nil {
		return reply{}, err
	}
	sent, damaged := uint32(0), false
	for m, err := range c.sel.mb.Messages(c.ctx, set, f.want) {
		if err != nil {
			if !c.damaged(err) {
				return reply{}, c.selectedGone(err)
			}
			damaged = true
			continue
		}
		seq := c.sel.view.seq(m.UID)
		if seq == 0 {
			continue
		}
		if err := f.message(seq, m); err != nil {
			if f.begun || !c.damaged(err) {
				return reply{}, link(err)
			}
			damaged = true
			continue
		}
		sent++
	}
	if err := f.mark(); err != nil {
		return reply{}, err
	}
	if damaged {
		return reply{}, errDamaged()
	}
	if sent < c.sel.view.countSet(set) {
		c.force = true // others have been expunged, whether or not an event has told
	}
	return reply{}, nil
}

func (f *fetcher) add(it imap.FetchItem) error {
	x, ok := f.srv.proto.items[it.Att]
	if !ok {
		return bad("unknown data item")
	}
	f.items = append(f.items, it)
	f.write = append(f.write, x.write)
	f.want |= x.want
	if sec := sectionOf(&it); sec != nil {
		f.want |= wantOf(sec)
	}
	f.hasFlags = f.hasFlags || it.Att == imap.FetchFlags
	if it.Marks() {
		f.want |= mailbox.WantFlags
	}
	f.marks = f.marks || it.Marks() && f.marksSeen()
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
	f.begun = false
	e := f.begin()
	grammar.BeginFetch(e, seq)
	for i, w := range f.write {
		if i > 0 {
			f.enc.SP()
		}
		it := &f.items[i]
		grammar.WriteItemName(&f.enc, it.Att, it.Section)
		if err := w(f, it, m); err != nil {
			return err
		}
	}
	if news && !f.hasFlags {
		grammar.WriteItemName(f.enc.SP(), imap.FetchFlags, nil)
		f.flagSet(m)
	}
	grammar.EndFetch(&f.enc)
	if err := f.end(); err != nil {
		return err
	}
	if unseen {
		f.unseen.Add(m.UID)
	}
	return nil
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
	_, err = f.sel.mb.SetFlags(f.ctx, res.Conflicts, change)
	f.sel.box.changed()
	if err != nil {
		return f.selectedGone(err)
	}
	return nil
}

func (f *fetcher) uid(_ *imap.FetchItem, m *mailbox.Message) error {
	f.enc.Uint(uint64(m.UID))
	return nil
}

func (f *fetcher) flags(_ *imap.FetchItem, m *mailbox.Message) error {
	f.flagSet(m)
	return nil
}

func (f *fetcher) flagSet(m *mailbox.Message) {
	f.enc.FlagSet(m.Flags, f.sel.recent.Contains(m.UID))
}

func (f *fetcher) internalDate(_ *imap.FetchItem, m *mailbox.Message) error {
	f.enc.DateTime(m.InternalDate)
	return nil
}

func (f *fetcher) size(_ *imap.FetchItem, m *mailbox.Message) error {
	f.enc.Uint(uint64(m.Size))
	return nil
}

func (f *fetcher) envelope(_ *imap.FetchItem, m *mailbox.Message) error {
	grammar.WriteEnvelope(&f.enc, m.Envelope)
	return nil
}

func (f *fetcher) structure(it *imap.FetchItem, m *mailbox.Message) error {
	grammar.WriteStructure(&f.enc, m.Structure, it.Att == imap.FetchBodyStructure)
	return nil
}
