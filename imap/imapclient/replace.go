package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Replace stores a message in place of another one of the mailbox, in one step (RFC
// 8508), and returns the UID of the new one, zero if the server does not tell. So a
// draft is saved again. Bodies and errors are as for Append.
//
// Where the server has no REPLACE, the message is appended and the old one is
// deleted: see EmulateReplace. That is not atomic: if the old message can't be
// removed, the error is a [StepError], and the UID is that of the new one, which
// remains. The error is mailbox.ErrNotExist, and nothing is stored, if there is no
// old message.
func (m *Mailbox) Replace(ctx context.Context, uid mailbox.UID, msg mailbox.Incoming) (mailbox.UID, error) {
	c := m.c
	if !c.has(imap.CapReplace) {
		return m.replaceByAppend(ctx, uid, msg)
	}
	msgs := []mailbox.Incoming{msg}
	ups, release, err := c.uploads(ctx, m.name, msgs)
	defer release()
	if err != nil {
		return 0, err
	}
	cmd := &imap.Replace{UID: true, Num: uint32(uid), Mailbox: m.name}
	k := m.newCall(cmd)
	k.name = "UID REPLACE"
	out := &Appended{}
	k.take = func(resp grammar.Response) bool { // RFC 8508 §3
		line, ok := resp.(*grammar.StatusLine)
		if ok = ok && line.Code == imap.CodeAppendUID; ok {
			out.take(line.Arg)
		}
		return ok
	}
	k.write = func(w *writer) error {
		return w.writeMessages(msgs, ups, progressOf(ctx, k.name, totalSize(ups)), func(first *imap.AppendMessage) {
			cmd.Message = *first
			grammar.WriteCommand(&w.e, cmd)
		})
	}
	if err := c.run(ctx, k); err != nil {
		return 0, err
	}
	out.take(k.status.Arg)
	return out.uid(), nil
}

func (m *Mailbox) replaceByAppend(ctx context.Context, uid mailbox.UID, msg mailbox.Incoming) (mailbox.UID, error) {
	c := m.c
	if c.o.NoEmulation&EmulateReplace != 0 {
		return 0, &UnsupportedError{Cap: imap.CapReplace, What: "replacing a message"}
	}
	if !c.has(imap.CapUIDPlus) && c.o.NoEmulation&EmulateExpunge != 0 {
		return 0, &UnsupportedError{Cap: imap.CapUIDPlus, What: "replacing a message"}
	}
	if _, err := m.Message(ctx, uid, Flags); err != nil {
		return 0, err
	}
	out, err := c.Append(ctx, m.name, msg)
	if err != nil {
		return 0, err
	}
	if _, err := m.Delete(ctx, UIDs(uid)); err != nil {
		return out.uid(), &StepError{Command: "REPLACE", Step: "EXPUNGE", State: "the new message is stored and the old one not removed", Err: err}
	}
	return out.uid(), nil
}

// uid returns the UID of the only message, zero if it is not known.
func (a *Appended) uid() mailbox.UID {
	if len(a.UIDs) == 0 {
		return 0
	}
	return a.UIDs[0]
}
