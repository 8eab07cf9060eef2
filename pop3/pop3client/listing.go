package pop3client

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/posthorn-mail/posthorn/pop3"
)

// An Entry is a message of the maildrop.
type Entry struct {
	Num  int    // message number, from 1; valid in this session
	Size int64  // octets as the server counts them; -1 if it did not say
	UID  string // unique-id, the same in every session; empty if it is not known
}

// A ListingError is a line of LIST or UIDL that cannot be used, or a unique-id
// that is missing. It concerns one message and leaves the session intact.
type ListingError struct {
	Command string // LIST or UIDL
	Num     int    // of the message; 0 if that could not be read
	Line    string // as the server sent it, 128 octets at most; empty if there is none
	Reason  string
}

// Error returns the whole in one line.
func (e *ListingError) Error() string {
	s := "pop3client: " + e.Command
	if e.Num > 0 {
		s += fmt.Sprintf(" of message %d", e.Num)
	}
	s += ": " + e.Reason
	if e.Line != "" {
		s += fmt.Sprintf(": %q", e.Line)
	}
	return s
}

// Is makes a ListingError an ErrProtocol.
func (e *ListingError) Is(target error) bool { return target == ErrProtocol }

// maxBadLines is how many lines of a listing may be unusable. With more it is no
// listing.
const maxBadLines = 1000

// maxNum is the largest message number that package pop3 tells from larger ones.
const maxNum = math.MaxInt32 - 1

// A listing is what LIST and UIDL say together.
type listing struct {
	entries []Entry
	bad     []*ListingError
	uids    bool // the server has UIDL
	tooBad  bool
}

func (l *listing) report(command string, n int, line []byte, reason string) {
	if l.tooBad = len(l.bad) == maxBadLines; l.tooBad {
		return
	}
	l.bad = append(l.bad, &ListingError{command, n, string(line[:min(len(line), 128)]), reason})
}

// List returns the messages with sizes and unique-ids, in the order of the
// server, which is ascending by number. Unique-ids are requested whether they are
// announced or not.
//
// A line that cannot be read costs its message only: the others are returned
// beside an error that is a *ListingError, or several joined. A message whose
// size or unique-id is missing is among them.
func (c *Client) List(ctx context.Context) ([]Entry, error) {
	end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	l, err := c.list()
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(l.bad))
	for i, e := range l.bad {
		errs[i] = e
	}
	return l.entries, errors.Join(errs...)
}

// list asks for both at once if the server allows it.
func (c *Client) list() (*listing, error) {
	together := c.pipelining()
	line := "LIST"
	if together {
		if err := c.conn.WriteLine(line); err != nil {
			return nil, c.fail(err)
		}
		line = "UIDL"
	}
	if err := c.send(line); err != nil {
		return nil, err
	}
	l := &listing{}
	_, err := c.status("LIST")
	if err == nil {
		err = c.lines(l.readSizes())
	}
	if err != nil && !(together && refused(err)) {
		return nil, err
	}
	listErr := err
	if !together {
		if err := c.send("UIDL"); err != nil {
			return nil, err
		}
	}
	if _, err = c.status("UIDL"); err == nil {
		l.uids = true
		err = c.lines(l.readUIDs())
	}
	switch {
	case err != nil && !refused(err):
		return nil, err
	case listErr != nil:
		return nil, listErr
	case l.uids:
		l.missing()
	}
	if l.tooBad {
		return nil, fmt.Errorf("%w: no listing: %w", ErrProtocol, l.bad[0])
	}
	return l, nil
}

// readSizes returns a function that reads the lines of LIST.
func (l *listing) readSizes() func(line []byte, cut bool) {
	last := 0
	var seen map[int]bool // once the numbers do not ascend
	return func(line []byte, cut bool) {
		n, size, ok := pop3.ParseListing(line)
		if !ok {
			size = -1
		}
		if n < 1 || n > maxNum {
			l.report("LIST", 0, line, "no message number")
			return
		}
		if n <= last && seen == nil {
			seen = make(map[int]bool, len(l.entries))
			for _, e := range l.entries {
				seen[e.Num] = true
			}
		}
		if seen[n] {
			l.report("LIST", n, line, "listed twice")
			return
		}
		if seen != nil {
			seen[n] = true
		}
		last = n
		l.entries = append(l.entries, Entry{Num: n, Size: size})
	}
}

// readUIDs returns a function that reads the lines of UIDL. Which messages there
// are is said by LIST.
func (l *listing) readUIDs() func(line []byte, cut bool) {
	find := finder(l.entries)
	var twice map[int]bool
	return func(line []byte, cut bool) {
		n, uid, ok := pop3.ParseUIDListing(line)
		if n < 1 || n > maxNum {
			l.report("UIDL", 0, line, "no message number")
			return
		}
		e := find(n)
		switch {
		case e == nil:
			l.report("UIDL", n, line, "LIST has no such message")
		case !ok || cut:
			l.report("UIDL", n, line, "malformed")
		case e.UID == "" && !twice[n]:
			e.UID = uid
		case e.UID != uid: // either could be another message's
			l.report("UIDL", n, line, "listed twice")
			e.UID = ""
			if twice == nil {
				twice = map[int]bool{}
			}
			twice[n] = true
		}
	}
}

// missing reports the messages whose unique-id is not known, and for no reason
// that is known.
func (l *listing) missing() {
	var known map[int]bool
	for _, e := range l.entries {
		if e.UID != "" {
			continue
		}
		if known == nil {
			known = make(map[int]bool)
			for _, b := range l.bad {
				if b.Command == "UIDL" {
					known[b.Num] = true
				}
			}
		}
		if !known[e.Num] {
			l.report("UIDL", e.Num, nil, "no unique-id")
		}
	}
}

// finder returns a function that finds the entry of a message, or nil. It expects
// to be asked in the order of the list, but does not depend on it.
func finder(list []Entry) func(n int) *Entry {
	next := 0
	var index map[int]int
	return func(n int) *Entry {
		if next < len(list) && list[next].Num == n {
			next++
			return &list[next-1]
		}
		if index == nil {
			index = make(map[int]int, len(list))
			for i, e := range list {
				index[e.Num] = i
			}
		}
		i, ok := index[n]
		if !ok {
			return nil
		}
		next = i + 1
		return &list[i]
	}
}
