package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Sizes of what Sync asks for.
const (
	maxFlagChanges = 65536  // changes of flags that are kept before they are yielded
	maxFlagWindow  = 262144 // messages in one FETCH with CHANGEDSINCE
	flagLine       = 128    // of the answer about one message
)

// flagWindows reads the flags of messages, or what has changed since a
// mod-sequence, by FETCH commands of which two are in flight (RFC 7162 §3.1.4.1,
// §3.2.6). A command names a range of UIDs, gaps included, which is short and lets
// the server tell what has vanished from it.
//
// It keeps no more of an answer than what a Changed needs. With CHANGEDSINCE the
// answers are mostly short, so a window grows while they are.
type flagWindows struct {
	m        *Mailbox
	of       mailbox.UIDSet // the messages that matter
	since    *mailbox.ModSeq
	vanished bool // the server tells what has vanished
	req      *request

	cut    bool // rest is what is left of the set
	rest   []mailbox.UIDRange
	size   int
	most   int
	active []*flagWindow
	gone   mailbox.UIDSet
	flags  []flagsOf
}

type flagWindow struct {
	k     *call
	first mailbox.UID
	known int
	gone  mailbox.UIDSet
	flags []flagsOf
}

// flagsOf is what is kept of a FETCH response.
type flagsOf struct {
	uid    mailbox.UID
	has    Want
	modSeq mailbox.ModSeq
	flags  mailbox.FlagSet
	gmail  *imap.GmailData
}

// flagWindows returns what reads the flags of the known messages that may have
// changed, nil if none has.
func (y *syncing) flagWindows() *flagWindows {
	c, s := y.m.c, y.s
	w := &flagWindows{m: y.m, of: s.UIDs.Subtract(y.above(s.UIDs)), most: c.batch()}
	want := Flags
	if y.level > SyncScan {
		want |= ModSeq
		if s.HighestModSeq == y.modSeq {
			return nil
		}
		// A lower mod-sequence than the program has seen tells nothing.
		if s.HighestModSeq != 0 && s.HighestModSeq < y.modSeq {
			since := s.HighestModSeq
			w.since, w.vanished = &since, y.level == SyncQResync
			w.most = maxFlagWindow
			if n := c.messageLimit(); n > 0 {
				w.most = min(w.most, n)
			}
		}
	}
	w.req = newRequest([]Item{want | newRequest(y.items).want&Gmail})
	w.size = int(max(1, min(int64(w.most), c.o.Limits.Window/2/flagLine)))
	return w
}

// fill sends commands until two are in flight.
func (w *flagWindows) fill(ctx context.Context) error {
	if !w.cut {
		w.cut, w.rest = true, append([]mailbox.UIDRange(nil), w.of.Ranges()...)
	}
	for len(w.active) < 2 && len(w.rest) > 0 {
		win := &flagWindow{first: w.rest[0].First}
		var last mailbox.UID
		for len(w.rest) > 0 && win.known < w.size {
			r := &w.rest[0]
			if n := w.size - win.known; n < r.Len() {
				last = r.First + mailbox.UID(n) - 1
				r.First = last + 1
				win.known += n
				break
			}
			win.known += r.Len()
			last = r.Last
			w.rest = w.rest[1:]
		}
		if err := w.ask(ctx, win, last); err != nil {
			return err
		}
	}
	return nil
}

// items returns the data items of the commands, and what they are.
func (w *flagWindows) items() (items []imap.FetchItem, asked Want) {
	items, asked = []imap.FetchItem{{Att: imap.FetchUID}, {Att: imap.FetchFlags}}, Flags
	if w.req.want&ModSeq != 0 {
		items = append(items, imap.FetchItem{Att: imap.FetchModSeq})
		asked |= ModSeq
	}
	if w.req.want&Gmail != 0 && w.m.c.has(imap.CapGmail) {
		items = append(items, imap.FetchItem{Att: imap.FetchGmailLabels})
		asked |= Gmail
	}
	return items, asked
}

// ask sends the command for a window.
func (w *flagWindows) ask(ctx context.Context, win *flagWindow, last mailbox.UID) error {
	set := mailbox.UIDRangeSet(win.first, last)
	cmd := &imap.Fetch{UID: true, Set: imap.UIDNumSet(set), ChangedSince: w.since, Vanished: w.vanished}
	f := newFetching(w.m)
	f.set, f.req = set, w.req
	cmd.Items, f.asked = w.items()
	k := w.m.newCall(cmd)
	k.name, k.reads = "UID FETCH", true
	f.wants = func(msg *Message) bool {
		return msg.Has&Flags != 0 && (!msg.content || w.req.want&msg.Has&Gmail != 0) && len(msg.parts) == 0
	}
	f.each = func(msg *Message) {
		if msg.Has&Flags != 0 {
			win.flags = append(win.flags, flagsOf{msg.UID, msg.Has & (Flags | ModSeq | Gmail), msg.Entry.ModSeq, msg.Entry.Flags, msg.Gmail})
		}
	}
	k.fetch = f
	if w.vanished {
		k.take = func(resp grammar.Response) bool {
			v, ok := resp.(*imap.VanishedData)
			if ok = ok && v.Earlier; ok {
				win.gone = win.gone.Union(v.UIDs)
			}
			return ok
		}
	}
	win.k = k
	if err := w.m.c.start(ctx, k); err != nil {
		return err
	}
	w.active = append(w.active, win)
	return nil
}

// read waits for answers until all have come or there is much to yield. It reports
// whether there are more.
func (w *flagWindows) read(ctx context.Context) (more bool, err error) {
	for {
		if err := w.fill(ctx); err != nil {
			return false, err
		}
		if len(w.active) == 0 {
			return false, nil
		}
		win := w.active[0]
		w.active = w.active[1:]
		if err := w.m.c.wait(ctx, win.k); err != nil && !isExpungeIssued(err) {
			return false, err
		}
		w.gone = w.gone.Union(win.gone)
		w.flags = append(w.flags, win.flags...)
		if w.since != nil && len(win.flags)*8 < win.known {
			w.size = min(w.size*4, w.most)
		}
		if below := leftOut(win.k); below > win.first {
			if err := w.ask(ctx, &flagWindow{first: win.first, known: win.known}, below-1); err != nil {
				return false, err
			}
		}
		if len(w.flags) >= maxFlagChanges {
			return len(w.active) > 0 || len(w.rest) > 0, nil
		}
	}
}

// takeVanished returns what has vanished, and takeFlags the flags, of the answers
// that were read.
func (w *flagWindows) takeVanished() mailbox.UIDSet {
	gone := w.gone
	w.gone = mailbox.UIDSet{}
	return gone
}

func (w *flagWindows) takeFlags() []flagsOf {
	flags := w.flags
	w.flags = nil
	return flags
}

// stop gives up what is still to come.
func (w *flagWindows) stop() {
	for _, win := range w.active {
		w.m.c.abandon(win.k)
	}
}
