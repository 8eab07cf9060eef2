package imap

import (
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Rights is a set of rights as on the wire: a lower-case letter or a digit for
// each (RFC 4314 §2). Servers may have rights that package mailbox does not know.
type Rights string

// RightsOf returns the letters of r.
func RightsOf(r mailbox.Rights) Rights { return Rights(r.String()) }

// Known returns the rights that package mailbox knows. The letters "c" and "d" of
// RFC 2086 stand for the rights that they have become (RFC 4314 §2.1.1).
func (r Rights) Known() mailbox.Rights {
	var known mailbox.Rights
	for i := range len(r) {
		if one, err := mailbox.ParseRights(string(r[i : i+1])); err == nil {
			known |= one
		}
	}
	return known
}

// Has reports whether all letters of want are in the set.
func (r Rights) Has(want Rights) bool {
	for _, c := range want {
		if !strings.ContainsRune(string(r), c) {
			return false
		}
	}
	return true
}

// Valid reports whether the set has lower-case letters and digits only.
func (r Rights) Valid() bool {
	return strings.Trim(string(r), "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// RightsOp says what SETACL does with the rights that an identifier has.
type RightsOp uint8

// The operations.
const (
	RightsReplace RightsOp = iota
	RightsAdd              // "+"
	RightsRemove           // "-"
)

// The commands of ACL (RFC 4314 §3). An identifier is a user, a group, "anyone" or
// "anonymous"; with "-" before it, its rights are those that it does not get (§2).
type (
	SetACL struct {
		Mailbox, Identifier string
		Op                  RightsOp
		Rights              Rights
	}
	DeleteACL  struct{ Mailbox, Identifier string }
	GetACL     struct{ Mailbox string }
	ListRights struct{ Mailbox, Identifier string }
	MyRights   struct{ Mailbox string }
)

func (*SetACL) Name() string     { return "SETACL" }
func (*DeleteACL) Name() string  { return "DELETEACL" }
func (*GetACL) Name() string     { return "GETACL" }
func (*ListRights) Name() string { return "LISTRIGHTS" }
func (*MyRights) Name() string   { return "MYRIGHTS" }

// ACLData is an ACL response (RFC 4314 §3.6).
type ACLData struct {
	Mailbox string
	Entries []ACLEntry
}

// ACLEntry is an identifier and its rights.
type ACLEntry struct {
	Identifier string
	Rights     Rights
}

// ListRightsData is a LISTRIGHTS response (RFC 4314 §3.7).
type ListRightsData struct {
	Mailbox, Identifier string
	Required            Rights   // the identifier always has these
	Optional            []Rights // each can be granted; those of one element only together
}

// MyRightsData is a MYRIGHTS response (RFC 4314 §3.8).
type MyRightsData struct {
	Mailbox string
	Rights  Rights
}
