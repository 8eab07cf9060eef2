package pop3client

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/pop3"
)

// An Entry is a message of the maildrop.
type Entry struct {
	Num  int    // message number, from 1; valid in this session
	Size int64  // octets as the server counts them; -1 if it did not say
	UID  string // unique-id, the same in every session; empty if the server has none
}

// Stat returns how many messages there are, and their octets.
func (c *Client) Stat(ctx context.Context) (count int, size int64, err error) {
	end, err := c.begin(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer end()
	st, err := c.command("STAT")
	if err != nil {
		return 0, 0, err
	}
	count, size, ok := pop3.ParseListing([]byte(st.Text))
	if !ok {
		return 0, 0, fmt.Errorf("%w: STAT is answered by %.64q", ErrProtocol, st.Text)
	}
	return count, size, nil
}

// List returns the messages with sizes and unique-ids, ascending by number.
// Unique-ids are requested whether they are announced or not.
func (c *Client) List(ctx context.Context) ([]Entry, error) {
	end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return c.list()
}

func (c *Client) list() ([]Entry, error) {
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
	var list []Entry
	var bad error
	_, err := c.status("LIST")
	if err == nil {
		err = c.lines(func(line []byte) {
			n, size, ok := pop3.ParseListing(line)
			if !ok {
				bad = fmt.Errorf("%w: listing %.64q", ErrProtocol, line)
				return
			}
			list = append(list, Entry{Num: n, Size: size})
		})
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
		find := finder(list)
		err = c.lines(func(line []byte) {
			n, uid, ok := pop3.ParseUIDListing(line)
			if e := find(n); ok && e != nil {
				e.UID = uid
			}
		})
	}
	if err != nil && !refused(err) {
		return nil, err
	}
	if listErr != nil {
		return nil, listErr
	}
	return list, bad
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

// Delete marks messages as deleted. They are deleted by Quit.
func (c *Client) Delete(ctx context.Context, nums ...int) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	f := flight{c: c}
	for _, n := range nums {
		f.deles = append(f.deles, step{dele: true, entry: Entry{Num: n}})
	}
	var first error
	for f.more() {
		_, err := f.next()
		if err != nil && first == nil {
			first = err
		}
		if err != nil && !refused(err) {
			return err
		}
	}
	return first
}

// Reset unmarks all messages (RSET).
func (c *Client) Reset(ctx context.Context) error { return c.simple(ctx, "RSET") }

// Noop does nothing. It shows whether the connection is alive.
func (c *Client) Noop(ctx context.Context) error { return c.simple(ctx, "NOOP") }

// Language asks for replies in a language (RFC 6856 §3): a basic language range,
// or "*".
func (c *Client) Language(ctx context.Context, tag string) error {
	return c.simple(ctx, "LANG "+tag)
}

func (c *Client) simple(ctx context.Context, line string) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	_, err = c.command(line)
	return err
}

// Quit ends the session: the server deletes the marked messages. Only if Quit
// returns nil is that certain to have happened. The connection is closed in any
// case.
func (c *Client) Quit(ctx context.Context) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	_, err = c.command("QUIT")
	if c.broken == nil {
		c.broken = fmt.Errorf("%w: QUIT", ErrClosed)
	}
	c.conn.Close()
	return err
}
