package imap

import "strings"

// A Value is data of an unknown form, from an extension that this package does
// not implement.
type Value struct {
	Kind ValueKind
	Text string  // of an atom, a string or a name
	List []Value // of a list
}

// ValueKind is the kind of a Value.
type ValueKind uint8

const (
	ValueNIL    ValueKind = iota
	ValueAtom             // atoms and numbers, also with brackets: "BODY[]"
	ValueString           // quoted strings and literals
	ValueList
	ValueMailbox // the name of a mailbox, in UTF-8: only in what is sent; see MailboxName
)

// A NamedValue is a data item with an unknown name.
type NamedValue struct {
	Name  string // in capitals
	Value Value
}

// String returns the value in a readable form.
func (v Value) String() string {
	switch v.Kind {
	case ValueAtom:
		return v.Text
	case ValueString, ValueMailbox:
		return `"` + v.Text + `"`
	case ValueList:
		var b strings.Builder
		b.WriteByte('(')
		for i, x := range v.List {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(x.String())
		}
		b.WriteByte(')')
		return b.String()
	}
	return "NIL"
}
