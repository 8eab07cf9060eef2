package imap

import "strings"

// ID is the ID command (RFC 2971). Fields is nil for NIL.
type ID struct{ Fields IDFields }

func (*ID) Name() string { return "ID" }

// IDFields describe a client or a server, in the order given.
type IDFields []IDField

// IDField is a field of ID: at most 30 octets of name and 1024 of value.
type IDField struct {
	Name  string
	Value string // NIL reads as the empty string
}

// The fields of RFC 2971 §3.3 that matter most.
const (
	IDName       = "name"
	IDVersion    = "version"
	IDVendor     = "vendor"
	IDSupportURL = "support-url"
)

// The limits of RFC 2971 §3.3.
const (
	MaxIDFields = 30
	MaxIDName   = 30
	MaxIDValue  = 1024
)

// Get returns the value of the field of that name, compared without regard to
// case, or the empty string.
func (f IDFields) Get(name string) string {
	for _, x := range f {
		if strings.EqualFold(x.Name, name) {
			return x.Value
		}
	}
	return ""
}
