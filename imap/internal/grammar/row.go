package grammar

import (
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// A row is a name of the grammar: a command, an option, an item, a key, a
// response, a code. T is the type of the value that it is a part of, or that it yields.
type row[T any] struct {
	name string
	caps []imap.Cap // the name exists if one of them is offered; none: always

	has   func(*T) bool           // whether the value has it, so that it is written; nil: it is only read
	read  func(*decoder, *T) bool // reads what follows the name, from the blank on; nil: nothing follows
	write func(*wire.Encoder, *T) // writes the same
}

// A table is the rows of one kind.
type table[T any] []row[T]

// add adds rows. Rows without capabilities get caps.
func (t *table[T]) add(caps []imap.Cap, rows table[T]) {
	for _, r := range rows {
		if r.caps == nil {
			r.caps = caps
		}
		*t = append(*t, r)
	}
}

// get returns the row of a name, or nil.
func (t table[T]) get(name []byte) *row[T] {
	for i := range t {
		if wire.Is(name, t[i].name) {
			return &t[i]
		}
	}
	return nil
}

// find returns the row of a name, or nil if there is none or it is not offered.
// This is the only place that decides that for names.
func (t table[T]) find(d *decoder, name []byte) *row[T] {
	if r := t.get(name); r != nil && d.offers(r.caps...) {
		return r
	}
	return nil
}

// of returns the first row that the value has, or nil.
func (t table[T]) of(v *T) *row[T] {
	for i := range t {
		if r := &t[i]; r.has != nil && r.has(v) {
			return r
		}
	}
	return nil
}

// read reads a name and what follows it. In errors, what describes the names.
func (t table[T]) read(d *decoder, v *T, what string) bool {
	r := t.find(d, d.Word())
	if r == nil {
		return d.Expected(what)
	}
	return r.read == nil || r.read(d, v)
}

// write writes the rows that the value has, in parentheses.
func (t table[T]) write(e *wire.Encoder, v *T) {
	e.Raw("(")
	n := len(e.B)
	for i := range t {
		r := &t[i]
		if r.has == nil || !r.has(v) {
			continue
		}
		if len(e.B) > n {
			e.SP()
		}
		r.writeTo(e, v)
	}
	e.Raw(")")
}

func (r *row[T]) writeTo(e *wire.Encoder, v *T) {
	e.Raw(r.name)
	if r.write != nil {
		r.write(e, v)
	}
}

// option is the row of a name that stands for one bit of a set.
func option[T any, B ~uint8](name string, set func(*T) *B, bit B) row[T] {
	return row[T]{
		name: name,
		has:  func(v *T) bool { return *set(v)&bit != 0 },
		read: func(_ *decoder, v *T) bool { *set(v) |= bit; return true },
	}
}

// command is the row of a command. Without read and write it has no arguments.
func command[T any, C interface {
	*T
	imap.Command
}](name string, read func(*decoder, *T) bool, write func(*wire.Encoder, *T)) row[imap.Command] {
	return form[T, C](name, nil, false, read, write)
}

// pair is the rows of a command with two names, which a field distinguishes:
// SELECT and EXAMINE, FETCH and UID FETCH.
func pair[T any, C interface {
	*T
	imap.Command
}](name, other string, field func(*T) *bool, read func(*decoder, *T) bool, write func(*wire.Encoder, *T)) []row[imap.Command] {
	return []row[imap.Command]{form[T, C](name, field, false, read, write), form[T, C](other, field, true, read, write)}
}

// form is the row of a command whose field has that value.
func form[T any, C interface {
	*T
	imap.Command
}](name string, field func(*T) *bool, value bool, read func(*decoder, *T) bool, write func(*wire.Encoder, *T)) row[imap.Command] {
	r := row[imap.Command]{
		name: name,
		has: func(cmd *imap.Command) bool {
			c, ok := (*cmd).(C)
			return ok && (field == nil || *field(c) == value)
		},
		read: func(d *decoder, cmd *imap.Command) bool {
			c := new(T)
			*cmd = C(c)
			if field != nil {
				*field(c) = value
			}
			return read == nil || read(d, c)
		},
	}
	if write != nil {
		r.write = func(e *wire.Encoder, cmd *imap.Command) { write(e, (*cmd).(C)) }
	}
	return r
}

// data is the row of a response of type *T.
func data[T any](name string, read func(*decoder, *T) bool, write func(*wire.Encoder, *T)) row[Response] {
	return row[Response]{
		name: name,
		has:  func(v *Response) bool { _, ok := (*v).(*T); return ok },
		read: func(d *decoder, v *Response) bool {
			x := new(T)
			*v = x
			return read(d, x)
		},
		write: func(e *wire.Encoder, v *Response) { write(e, (*v).(*T)) },
	}
}

// value is the row of a response of type T, or of a response code's argument.
func value[T any](name string, read func(*decoder, *T) bool, write func(*wire.Encoder, *T)) row[any] {
	return row[any]{
		name: name,
		has:  func(v *any) bool { _, ok := (*v).(T); return ok },
		read: func(d *decoder, v *any) bool {
			var x T
			ok := read(d, &x)
			*v = x
			return ok
		},
		write: func(e *wire.Encoder, v *any) {
			x := (*v).(T)
			write(e, &x)
		},
	}
}

// A decoder is a wire.Decoder that knows which capabilities are offered.
type decoder struct {
	*wire.Decoder
	offered func(imap.Cap) bool // nil: all are
	decode  decodeFunc          // of a SEARCH command's strings; nil: they are UTF-8

	// What reading FETCH responses needs, to spare allocations.
	flagSets  map[string]mailbox.FlagSet   // by their text; see readFlagSet
	sections  map[string]*imap.BodySection // by their text; see readDataSection
	addresses []message.Address            // of the envelope that is being read
	parts     slab[message.Part]
	params    slab[message.Param]
	children  slab[*message.Part]
	kids      []*message.Part // of the multiparts that are being read
	list      []message.Param // of the part that is being read
}

// offers reports whether one of caps is offered, or caps is empty.
func (d *decoder) offers(caps ...imap.Cap) bool {
	return len(caps) == 0 || d.offered == nil || slices.ContainsFunc(caps, d.offered)
}

// A slab gives out pieces of larger arrays.
type slab[T any] struct{ free []T }

// take returns a piece with n elements and no room for more.
func (s *slab[T]) take(n int) []T {
	if n > cap(s.free)-len(s.free) {
		s.free = make([]T, 0, max(n, 16))
	}
	at := len(s.free)
	s.free = s.free[:at+n]
	return s.free[at : at+n : at+n]
}
