package memory

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Replace implements [mailbox.Replacer].
func (h *boxHandle) Replace(ctx context.Context, uid mailbox.UID, dest string, msg mailbox.Incoming) (res mailbox.Result, err error) {
	// Refuse what can be refused before the message is read.
	_, unlock, err := h.lockBoth(ctx, removal, dest)
	if err != nil {
		return res, err
	}
	_, err = h.box.get(uid)
	unlock()
	if err != nil {
		return res, err
	}
	msgs := []mailbox.Incoming{msg}
	entries, size, err := h.read(ctx, msgs)
	if err != nil {
		return res, err
	}
	to, unlock, err := h.lockBoth(ctx, removal, dest)
	if err != nil {
		return res, err
	}
	defer unlock()
	m := h.box
	old, err := m.get(uid)
	if err != nil {
		return res, err
	}
	messages, more := int64(1), size
	if to.owner == m.owner {
		messages, more = 0, size-old.body.size
	}
	if err := to.owner.room(messages, more); err != nil {
		return res, err
	}
	step, err := h.insert(to, entries, flagsOf(msgs), func(_ int, put mailbox.UID) { res.Add(uid, put) })
	if err != nil {
		return res, err
	}
	h.finish(&res, to, step, true)
	res.DestID, res.DestUIDValidity = to.id, to.validity
	return res, nil
}

// get returns the message with a UID. The owner is locked.
func (m *box) get(uid mailbox.UID) (*entry, error) {
	if c, i := m.seek(uid); uid > 0 && c < len(m.chunks) && m.chunks[c].entries[i].uid == uid {
		return &m.chunks[c].entries[i], nil
	}
	return nil, fmt.Errorf("message %d: %w", uid, mailbox.ErrNotExist)
}
