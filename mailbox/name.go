package mailbox

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Inbox is the mailbox that every account has.
const Inbox = "INBOX"

// CanonicalName returns the spelling under which stores keep a name: in
// Unicode normalization form C, with "INBOX" in capitals if it is the first
// level or all of the name. A store calls it for every name it is given. A name
// that is not UTF-8 is returned unchanged; ValidName refuses it.
func CanonicalName(name string) string {
	if !utf8.ValidString(name) {
		return name
	}
	name = norm.NFC.String(name)
	if len(name) >= len(Inbox) && strings.EqualFold(name[:len(Inbox)], Inbox) &&
		(len(name) == len(Inbox) || name[len(Inbox)] == '/') && name[:len(Inbox)] != Inbox {
		name = Inbox + name[len(Inbox):]
	}
	return name
}

// ValidName reports whether a mailbox can have that name; the error wraps
// ErrInvalidName and says why not. A name must be
//
//   - not empty, and no longer than lim.MaxNameLength octets, since it is sent in
//     command lines and is a key in databases;
//   - valid UTF-8 in normalization form C: names that look the same are
//     then the same (RFC 9051 §5.1, RFC 5198);
//   - free of control characters, C0, DEL and C1, and of the line and paragraph
//     separators U+2028 and U+2029 (RFC 9051 §5.1.1): they would break lines
//     and lists on a screen;
//   - free of the wildcards "*" and "%": LIST could not request only
//     that name (RFC 9051 §6.3.9.1);
//   - made of levels that are neither empty nor "." nor "..": "a//b", "/a" and
//     "a/" have no clear place in a hierarchy, and stores that use directories
//     must never leave theirs;
//   - of no more than lim.MaxNameDepth levels.
//
// Zero limits are their defaults. A mailbox that a store has already keeps a name
// that the limits do not allow, and can be used, renamed and deleted under it.
//
// ValidName expects the canonical spelling: call [CanonicalName] first.
func ValidName(name string, lim Limits) error {
	lim = lim.WithDefaults()
	switch {
	case name == "":
		return fmt.Errorf("%w: empty", ErrInvalidName)
	case lim.MaxNameLength > 0 && len(name) > lim.MaxNameLength:
		return fmt.Errorf("%w: longer than %d octets", ErrInvalidName, lim.MaxNameLength)
	case lim.MaxNameDepth > 0 && strings.Count(name, "/") >= lim.MaxNameDepth:
		return fmt.Errorf("%w: more than %d levels", ErrInvalidName, lim.MaxNameDepth)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: not UTF-8", ErrInvalidName)
	case !norm.NFC.IsNormalString(name):
		return fmt.Errorf("%w: not in normalization form C", ErrInvalidName)
	}
	for _, r := range name {
		switch {
		case r < 0x20, 0x7f <= r && r < 0xa0, r == '\u2028', r == '\u2029':
			return fmt.Errorf("%w: control character %U", ErrInvalidName, r)
		case r == '*', r == '%':
			return fmt.Errorf("%w: wildcard %q", ErrInvalidName, r)
		}
	}
	for level := range strings.SplitSeq(name, "/") {
		switch level {
		case "":
			return fmt.Errorf("%w: empty level", ErrInvalidName)
		case ".", "..":
			return fmt.Errorf("%w: level %q", ErrInvalidName, level)
		}
	}
	return nil
}
