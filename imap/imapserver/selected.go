package imapserver

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/textproto"
)

// selected is the mailbox that a session has selected, and the state of it that
// the client knows.
type selected struct {
	mb       mailbox.Mailbox
	info     mailbox.Info
	box      *boxHub
	view     *view
	readOnly bool

	memory   int             // octets that have been counted for view
	seen     uint64          // generation of box that view includes
	news     news            // changes that view includes and the client has not been told
	recent   mailbox.UIDSet  // messages that are \Recent in this session
	keywords mailbox.FlagSet // that FLAGS has named

	// own are changes that this session has made and whose command has been
	// answered, as far as they are newer than the view: they are not reported
	// to the client.
	own mailbox.Steps
}

// leaveMailbox ends the selected state.
func (c *Conn) leaveMailbox() {
	if c.sel != nil {
		c.tp.Keep(c.ctx, -c.sel.memory)
		c.sel.box.leave()
		c.sel = nil
		c.state = authenticated
	}
}

// resolve returns the UIDs that a command means. Ranges of sequence numbers
// become ranges of UIDs, however many UIDs between are not in use.
func (c *Conn) resolve(set imap.NumSet, uid bool) (mailbox.UIDSet, error) {
	v := c.sel.view
	if uid {
		return v.clip(set.UIDs(v.lastUID())), nil
	}
	seqs, ok := set.Seqs(imap.SeqNum(v.len()))
	if !ok {
		// RFC 9051 §9, seq-number.
		return mailbox.UIDSet{}, bad("no message has that sequence number")
	}
	var uids mailbox.UIDSet
	for _, r := range seqs.Ranges() {
		uids.AddRange(v.uid(uint32(r.First)), v.uid(uint32(r.Last)))
	}
	return uids, nil
}

// errExpunged refuses COPY and MOVE by sequence number of messages that another
// session has expunged (RFC 2180 §4.4.1, RFC 5530 §3).
func errExpunged() error {
	return no(imap.CodeExpungeIssued, "some of the messages no longer exist")
}

// errDamaged refuses a command that could not be answered for messages that are
// damaged (RFC 5530 §3).
func errDamaged() error {
	return no(imap.CodeCorruption, "messages that are damaged have been left out")
}

// writable refuses commands that change the mailbox after EXAMINE, and those
// for which the user lacks a right.
func (c *Conn) writable(needed mailbox.Rights) error {
	switch {
	case c.sel.readOnly:
		return no(imap.CodeReadOnly, "mailbox is selected read-only")
	case !c.sel.info.Access.Rights.Has(needed):
		return mailbox.ErrPermission
	}
	return nil
}

// poll reports the changes of the selected mailbox to the client, before the tagged
// response of each command. RFC 3501 §7.4.1: no EXPUNGE during FETCH, STORE and
// SEARCH, which use sequence numbers that the client may have chosen before the
// EXPUNGE (their UID forms may get it).
func (c *Conn) poll() error {
	sel := c.sel
	if sel == nil {
		return nil
	}
	from, err := c.catchUp()
	if err != nil {
		return err
	}
	if !c.holdExpunge {
		if err := c.tellExpunges(); err != nil {
			return link(err)
		}
	}
	if err := c.tell(from); err != nil {
		return err
	}
	if n := len(sel.own); n > 0 && sel.own[n-1].To <= sel.view.state.ModSeq {
		sel.own = sel.own[:0]
	}
	return nil
}

// catchUp applies what other sessions have changed to the view and to the news,
// without telling the client. It returns the changes that all of the news come from,
// if they are those of one call.
func (c *Conn) catchUp() (*delta, error) {
	sel := c.sel
	gen := sel.box.gen.Load()
	if gen == sel.seen && !c.force {
		return nil, nil
	}
	needed := gen
	if c.force {
		// Not even a recent result of another session is enough: it may be from
		// before a change that this client knows of.
		needed = math.MaxUint64
	}
	calls := sel.box.shared.begun()
	var from *delta
	single := sel.news.changed.IsEmpty()
	for fresh := false; !fresh; {
		var d *delta
		var err error
		if d, fresh, err = sel.box.since(c.ctx, sel.mb, sel.view.state, needed, calls); err != nil {
			return nil, c.selectedGone(err)
		}
		sel.view.apply(d.Changes, &sel.news)
		if err := c.workOn(len(sel.view.runs)/64 + d.octets()/rangeOctets); err != nil {
			return nil, err
		}
		if !d.Changed.IsEmpty() {
			from, single = d, single && from == nil
		}
	}
	sel.seen = gen
	c.force = false
	if !single {
		from = nil
	}
	// The view is as large as it is: what can't be counted now is the next time.
	if err := c.keepView(); err != nil && !errors.Is(err, textproto.ErrTooMuchMemory) {
		return nil, err
	}
	return from, nil
}

// keepView counts the memory of the view, which is large where many messages have been
// expunged between others.
func (c *Conn) keepView() error {
	sel := c.sel
	n := sel.view.memory() - sel.memory
	if n <= 0 { // its memory is not returned either
		return nil
	}
	if err := c.tp.Keep(c.ctx, n); err != nil {
		return err
	}
	sel.memory += n
	return nil
}

// holdsExpunges reports whether the client still has to be told that messages no
// longer exist, but can't be told in the command in progress.
func (c *Conn) holdsExpunges() bool {
	return c.holdExpunge && c.sel != nil && !c.sel.view.gone.IsEmpty()
}

// made applies the changes that the session itself has just made in the selected
// mailbox, and notifies other sessions. If no other change came in between, the
// view is updated with ch, without reading the mailbox.
func (c *Conn) made(steps mailbox.Steps, ch mailbox.Changes) {
	if len(steps) == 0 {
		return
	}
	sel := c.sel
	gen := sel.box.changed()
	to, ok := steps.Advance(sel.view.state.ModSeq)
	if !ok {
		for _, step := range steps {
			sel.own.Add(step)
		}
		return
	}
	ch.State.ModSeq = to
	sel.view.apply(ch, &sel.news)
	if gen == sel.seen+1 {
		sel.seen = gen
	}
}

// selectedGone ends the session if another one has deleted the mailbox: clients
// expect nothing else (RFC 2180 §3.3).
func (c *Conn) selectedGone(err error) error {
	if errors.Is(err, mailbox.ErrNotExist) {
		return &imap.Error{Status: imap.BYE, Text: "the selected mailbox has been deleted"}
	}
	return err
}

func (c *Conn) tellExpunges() error {
	tell := (func(*Conn, mailbox.UIDSet) error)(nil)
	for _, x := range c.on {
		if x.tellGone != nil {
			tell = x.tellGone
		}
	}
	var err error
	gone := c.sel.view.takeExpunges(func(seq uint32, _ mailbox.UID) {
		if tell != nil || err != nil {
			return
		}
		grammar.WriteCount(c.begin(), "EXPUNGE", seq)
		if err = c.end(); err == nil {
			err = c.workOn(1)
		}
	})
	if gone.IsEmpty() {
		return err
	}
	if sel := c.sel; !sel.recent.Intersect(gone).IsEmpty() {
		sel.recent = sel.recent.Subtract(gone)
		sel.news.fewerRecent = true
	}
	if tell != nil {
		return tell(c, gone)
	}
	return err
}

// tell announces new messages, the number of recent ones and changes of flags. The
// changed messages are those of from, unless nil.
func (c *Conn) tell(from *delta) error {
	sel := c.sel
	n := sel.news
	sel.news = news{}
	if n.first != 0 {
		c.claimRecent(n.first)
		if err := c.tellExists(); err != nil {
			return link(err)
		}
	} else if n.fewerRecent {
		if err := c.tellRecent(); err != nil {
			return link(err)
		}
	}
	if n.changed.IsEmpty() {
		return nil
	}
	if from == nil {
		_, err := c.readFlags(c.ctx, n.changed, c.tellChange)
		return err
	}
	return from.flags(c.ctx, sel.mb, c.tellPage)
}

// tellPage writes FETCH responses for the messages of a page.
func (c *Conn) tellPage(set mailbox.UIDSet, p *flagPage, read int) error {
	if err := c.workOn(read); err != nil {
		return err
	}
	if p.damaged != nil {
		_, err := c.readFlags(c.ctx, set, c.tellChange)
		return err
	}
	// The keywords of all of them are told first, and once.
	keywords := c.sel.keywords
	for i := range p.runs {
		if kw := mailbox.FlagSetOf(0, p.runs[i].flags.Keywords()); !keywords.HasAll(kw) {
			keywords = keywords.With(kw)
		}
	}
	if err := c.tellKeywords(keywords); err != nil {
		return link(err)
	}
	for _, r := range p.runs {
		for uid := uint64(r.first); uid <= uint64(r.last); uid++ {
			e := mailbox.Entry{UID: mailbox.UID(uid), ModSeq: r.modSeq, Flags: r.flags}
			if err := c.tellChange(&e); err != nil {
				return link(err)
			}
		}
	}
	return nil
}

// readFlags reads the flags of the messages of the set and calls tell with
// each, whose errors are those of the connection. It leaves out damaged messages
// and reports whether there were any. The work is not refused.
func (c *Conn) readFlags(ctx context.Context, set mailbox.UIDSet, tell func(*mailbox.Entry) error) (damaged bool, err error) {
	for m, err := range c.sel.mb.Messages(ctx, set, mailbox.WantFlags) {
		if err != nil {
			if !c.damaged(err) {
				return damaged, c.selectedGone(err)
			}
			damaged = true
			continue
		}
		err := c.workOn(1)
		if err == nil {
			err = tell(&m.Entry)
		}
		if err != nil {
			return damaged, link(err)
		}
	}
	return damaged, nil
}

// damaged reports whether an error is about one message only, which it logs.
func (c *Conn) damaged(err error) bool {
	_, ok := errors.AsType[*mailbox.MessageError](err)
	if ok {
		c.log().Error("imap: message is damaged", "error", err)
	}
	return ok
}

// tellChange writes a FETCH response for a message that the client knows of,
// unless it was this session that changed it.
func (c *Conn) tellChange(e *mailbox.Entry) error {
	sel := c.sel
	seq := sel.view.seq(e.UID)
	if seq == 0 || sel.view.gone.Contains(e.UID) || sel.own.Has(e.ModSeq) {
		return nil
	}
	return c.tellFlags(seq, *e, false)
}

func (c *Conn) tellExists() error {
	grammar.WriteCount(c.begin(), "EXISTS", c.sel.view.len())
	if err := c.end(); err != nil {
		return err
	}
	return c.tellRecent()
}

// tellRecent reports how many messages are recent: with EXISTS, and when fewer are
// after EXPUNGE (RFC 3501 §7.3.2).
func (c *Conn) tellRecent() error {
	grammar.WriteCount(c.begin(), "RECENT", c.sel.view.countSet(c.sel.recent))
	return c.end()
}

// tellFlags writes a FETCH response with a message's flags, and what enabled
// extensions add to them.
func (c *Conn) tellFlags(seq uint32, entry mailbox.Entry, withUID bool) error {
	if err := c.tellKeywords(entry.Flags); err != nil {
		return err
	}
	e := c.beginUnasked(seq, entry, withUID)
	grammar.WriteItemName(e, imap.FetchFlags, nil)
	e.FlagSet(entry.Flags, c.sel.recent.Contains(entry.UID))
	for _, x := range c.on {
		if x.withFlags != nil {
			x.withFlags(c, e.SP(), entry)
		}
	}
	grammar.EndFetch(e)
	return c.end()
}

// tellSilent writes a FETCH response for a message whose flags the client has
// changed with .SILENT: only the data that enabled extensions add.
func (c *Conn) tellSilent(seq uint32, entry mailbox.Entry, withUID bool) error {
	if err := c.tellKeywords(entry.Flags); err != nil {
		return err
	}
	e := c.beginUnasked(seq, entry, withUID)
	n := 0
	for _, x := range c.on {
		if x.withFlags == nil {
			continue
		}
		if n++; n > 1 {
			e.SP()
		}
		x.withFlags(c, e, entry)
	}
	grammar.EndFetch(e)
	return c.end()
}

// beginUnasked begins a FETCH response about a change, with the UID where it
// belongs there.
func (c *Conn) beginUnasked(seq uint32, entry mailbox.Entry, withUID bool) *wire.Encoder {
	e := c.begin()
	grammar.BeginFetch(e, seq)
	if withUID || slices.ContainsFunc(c.on, func(x extension) bool { return x.withUID }) {
		grammar.WriteItemName(e, imap.FetchUID, nil)
		e.Uint(uint64(entry.UID)).SP()
	}
	return e
}

// addsToFlags reports whether an enabled extension adds data for messages whose
// flags have changed.
func (c *Conn) addsToFlags() bool {
	return slices.ContainsFunc(c.on, func(x extension) bool { return x.withFlags != nil })
}

// systemFlags are the flags that every mailbox takes.
func systemFlags() mailbox.FlagSet {
	return mailbox.NewFlagSet(mailbox.FlagAnswered, mailbox.FlagFlagged, mailbox.FlagDeleted, mailbox.FlagSeen, mailbox.FlagDraft)
}

// tellKeywords sends FLAGS and PERMANENTFLAGS again when a message has a
// keyword that they have not named yet.
func (c *Conn) tellKeywords(flags mailbox.FlagSet) error {
	kw := flags.Keywords()
	if len(kw) == 0 || c.sel.keywords.HasAll(mailbox.FlagSetOf(0, kw)) {
		return nil
	}
	c.sel.keywords = c.sel.keywords.With(mailbox.FlagSetOf(0, kw))
	if err := c.workOn(len(c.sel.keywords.Keywords()) / 4); err != nil {
		return link(err)
	}
	return c.flagsResponses()
}

func (c *Conn) flagsResponses() error {
	sel := c.sel
	all := slices.Collect(systemFlags().With(sel.keywords).All())
	if err := c.respond(grammar.Flags(all)); err != nil {
		return err
	}
	permanent := grammar.StatusLine{Cond: imap.OK, Code: imap.CodePermanentFlags, Arg: []mailbox.Flag(nil), Text: "no flags can be changed"}
	if !sel.readOnly {
		access := sel.info.Access
		flags := slices.Collect(access.MayChange(mailbox.NewFlagSet(all...)).All())
		if access.NewKeywords && access.Rights.Has(mailbox.RightWrite) {
			flags = append(flags, imap.FlagAny)
		}
		permanent.Arg, permanent.Text = flags, "flags that can be changed"
	}
	return c.respond(&permanent)
}

// claimRecent makes messages from first on recent to this session, those that
// no other session was told of before (RFC 3501 §2.3.2).
func (c *Conn) claimRecent(first mailbox.UID) {
	sel := c.sel
	m, ok := sel.mb.(mailbox.RecentMarker)
	if !ok {
		return
	}
	var from mailbox.UID
	var err error
	if sel.readOnly {
		from, err = m.Recent(c.ctx)
	} else {
		from, err = sel.box.claimRecent(c.ctx, m, sel.view.state.UIDNext)
	}
	if err != nil {
		c.log().Warn("imap: cannot tell recent messages", "error", err)
		return
	}
	sel.recent.AddRange(max(from, first), sel.view.state.UIDNext-1)
}
