package wire

import "strings"

// Pattern expects a string that may have the wildcards "*" and "%", without quotes
// too, and that is not a mailbox name.
func (d *Decoder) Pattern(s *string) bool { return d.orString(s, classList) }

// Pattern appends s, in quotes if it can't stand without them.
func (e *Encoder) Pattern(s string) *Encoder {
	if allOf(s, classList) && !strings.EqualFold(s, "NIL") {
		return e.Raw(s)
	}
	return e.String(s)
}
