package memory

import (
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
)

// An entry is a message in a mailbox.
type entry struct {
	uid      mailbox.UID
	system   mailbox.SystemFlags
	keywords *keywordSet // nil if there are none
	modSeq   mailbox.ModSeq
	received int64          // seconds since 1970
	zone     *time.Location // of received
	saved    int64          // seconds since 1970
	body     *body
}

func (e *entry) flags() mailbox.FlagSet {
	if e.keywords == nil {
		return mailbox.FlagSetOf(e.system, nil)
	}
	return mailbox.FlagSetOf(e.system, e.keywords.flags)
}

func (e *entry) export() mailbox.Entry {
	return mailbox.Entry{
		UID:          e.uid,
		ModSeq:       e.modSeq,
		Flags:        e.flags(),
		InternalDate: time.Unix(e.received, 0).In(e.zone),
		SaveDate:     time.Unix(e.saved, 0).UTC(),
		Size:         e.body.size,
		EmailID:      e.body.id,
	}
}

// A keywordSet is shared by the messages of a mailbox that have the same
// keywords.
type keywordSet struct {
	key   string
	flags []mailbox.Flag
	refs  int // messages that have it
}

// A keyword is a keyword that messages of a mailbox have.
type keyword struct {
	flag mailbox.Flag // in its first spelling
	refs int          // keywordSets that hold it
}

// intern returns the mailbox's shared set of these keywords, whose refs the
// caller counts with hold and release. The account is locked for writing.
func (m *box) intern(flags []mailbox.Flag) *keywordSet {
	if len(flags) == 0 {
		return nil
	}
	var buf [128]byte
	key := buf[:0]
	for _, f := range flags {
		key = append(storekit.AppendFolded(key, f), ' ')
	}
	if s := m.keywordSets[string(key)]; s != nil {
		return s
	}
	s := &keywordSet{key: string(key), flags: make([]mailbox.Flag, len(flags))}
	for i, f := range flags {
		if k := m.keywords[storekit.Fold(f)]; k != nil {
			f = k.flag
		}
		s.flags[i] = f
	}
	return s
}

// hold adds n to the messages that have the set.
func (m *box) hold(s *keywordSet, n int) {
	if s == nil || n == 0 {
		return
	}
	if s.refs == 0 {
		m.keywordSets[s.key] = s
		for _, f := range s.flags {
			name := storekit.Fold(f)
			k := m.keywords[name]
			if k == nil {
				k = &keyword{flag: f}
				m.keywords[name] = k
			}
			k.refs++
		}
	}
	s.refs += n
}

// release subtracts one from the messages that have the set.
func (m *box) release(s *keywordSet) {
	if s == nil {
		return
	}
	if s.refs--; s.refs > 0 {
		return
	}
	delete(m.keywordSets, s.key)
	for _, f := range s.flags {
		name := storekit.Fold(f)
		k := m.keywords[name]
		if k.refs--; k.refs == 0 {
			delete(m.keywords, name)
		}
	}
}
