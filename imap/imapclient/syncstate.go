package imapclient

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A State is what a program remembers of a mailbox between two calls of
// Mailbox.Sync. The zero State is that of a program that has nothing. It is text in
// files, databases and JSON: see MarshalText.
//
// A copy of a State shares memory with it, which Sync goes on to use. To keep the
// State of a certain step, keep its text.
type State struct {
	UIDValidity   uint32         // zero: the server has told none
	UIDNext       mailbox.UID    // the program has all messages with lower UIDs
	HighestModSeq mailbox.ModSeq // and their flags as of then; zero: not known (RFC 7162)

	// UIDs are the messages that the program has. Those from UIDNext on come as New
	// once more, or as Vanished: the program may have been stopped while it stored
	// them.
	UIDs mailbox.UIDSet
}

// isZero reports whether the program has nothing.
func (s *State) isZero() bool {
	return s.UIDValidity == 0 && s.UIDNext == 0 && s.HighestModSeq == 0 && s.UIDs.IsEmpty()
}

// stateVersion begins the text of a State.
const stateVersion = "1"

// MarshalText writes the state as one line without line break: a version, the
// three numbers, and the UIDs as IMAP writes them, or "-" if there are none. Its
// length grows with the gaps between UIDs. It never fails.
func (s State) MarshalText() ([]byte, error) {
	b := append([]byte(stateVersion), ' ')
	b = append(strconv.AppendUint(b, uint64(s.UIDValidity), 10), ' ')
	b = append(strconv.AppendUint(b, uint64(s.UIDNext), 10), ' ')
	b = append(strconv.AppendUint(b, uint64(s.HighestModSeq), 10), ' ')
	if s.UIDs.IsEmpty() {
		return append(b, '-'), nil
	}
	return s.UIDs.Append(b), nil
}

var errState = errors.New("imapclient: invalid text of a State")

// UnmarshalText reads what MarshalText has written. Nothing at all, such as an
// empty column, is the zero State. After an error the State is unchanged.
func (s *State) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = State{}
		return nil
	}
	f := strings.Split(string(text), " ")
	if len(f) != 5 || f[0] != stateVersion {
		return errState
	}
	var out State
	v, err1 := strconv.ParseUint(f[1], 10, 32)
	next, err2 := strconv.ParseUint(f[2], 10, 32)
	m, err3 := strconv.ParseUint(f[3], 10, 63) // RFC 7162 §7
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	out.UIDValidity, out.UIDNext, out.HighestModSeq = uint32(v), mailbox.UID(next), mailbox.ModSeq(m)
	if f[4] != "-" {
		if f[4] == "" {
			return errState
		}
		uids, err := mailbox.ParseUIDSet(f[4])
		if err != nil {
			return fmt.Errorf("%w: %w", errState, err)
		}
		out.UIDs = uids
	}
	*s = out
	return nil
}
