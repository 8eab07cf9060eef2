package sqlite

// The size of the steps in which unused space is freed, each a transaction of a
// few milliseconds.
const (
	sweepMessages = sliceRows
	sweepContents = 200
	sweepChunks   = 64
)

// sweep frees the space of some deleted messages. It reports whether there are
// more.
func (t *tx) sweep() (more bool, err error) {
	if more, err = t.sweepTrash(); err != nil || more {
		return more, err
	}
	return t.sweepContents()
}

// sweepTrash removes the messages of deleted mailboxes.
func (t *tx) sweepTrash() (more bool, err error) {
	r, err := t.c.query("SELECT account, mailbox FROM trash LIMIT 1")
	if err != nil {
		return false, err
	}
	var account, box int64
	if r.next() {
		account, box = r.int(0), r.int(1)
	}
	if err := r.close(); err != nil || box == 0 {
		return false, err
	}
	r, err = t.c.query("SELECT uid, content FROM message WHERE account = ? AND mailbox = ? LIMIT ?", account, box, int64(sweepMessages))
	if err != nil {
		return false, err
	}
	type message struct{ uid, content int64 }
	var list []message
	for r.next() {
		list = append(list, message{r.int(0), r.int(1)})
	}
	if err := r.close(); err != nil {
		return false, err
	}
	for _, m := range list {
		if _, err := t.exec("DELETE FROM message WHERE account = ? AND mailbox = ? AND uid = ?", account, box, m.uid); err != nil {
			return false, err
		}
		if err := t.release(m.content); err != nil {
			return false, err
		}
	}
	if len(list) == sweepMessages {
		return true, nil
	}
	res, err := t.exec(`DELETE FROM vanished WHERE account = ?1 AND mailbox = ?2 AND (modseq, first) IN
		(SELECT modseq, first FROM vanished WHERE account = ?1 AND mailbox = ?2 LIMIT ?3)`, account, box, int64(sweepMessages))
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == sweepMessages {
		return true, err
	}
	for _, table := range []string{"keyword", "trash"} {
		if _, err := t.exec("DELETE FROM "+table+" WHERE account = ? AND mailbox = ?", account, box); err != nil {
			return false, err
		}
	}
	return true, nil
}

const selectFree = "SELECT id, account FROM content WHERE refs = 0 AND free_at <= ? ORDER BY free_at LIMIT ?"

// sweepContents deletes contents that no message refers to and no call reads.
func (t *tx) sweepContents() (more bool, err error) {
	r, err := t.c.query(selectFree, t.now.Unix(), int64(sweepContents))
	if err != nil {
		return false, err
	}
	type content struct{ id, account int64 }
	var list []content
	n := 0
	for r.next() {
		n++
		if c := (content{r.int(0), r.int(1)}); !t.s.pins.has(c.id) {
			list = append(list, c)
		}
	}
	if err := r.close(); err != nil {
		return false, err
	}
	chunks := int64(0)
	for _, c := range list {
		res, err := t.exec(`DELETE FROM chunk WHERE account = ?1 AND content = ?2 AND offset IN
			(SELECT offset FROM chunk WHERE account = ?1 AND content = ?2 LIMIT ?3)`, c.account, c.id, sweepChunks-chunks)
		if err != nil {
			return false, err
		}
		deleted, err := res.RowsAffected()
		if err != nil {
			return false, err
		}
		if chunks += deleted; chunks == sweepChunks {
			return true, nil // a part of this content may remain
		}
		if _, err := t.exec("DELETE FROM body WHERE id = ?", c.id); err != nil {
			return false, err
		}
		if _, err := t.exec("DELETE FROM content WHERE id = ?", c.id); err != nil {
			return false, err
		}
	}
	return n == sweepContents && len(list) > 0, nil
}
