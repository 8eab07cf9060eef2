package imapstore

import (
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Names of mailboxes here have "/" between their levels and are in normalization
// form C. Those of the server have a separator of its choice, and a prefix that all
// of the user's own may need to have (RFC 2342), which is left out here.
//
// Where the separator is another, it and "/" change places: the name "a.b/c" here
// is "a/b.c" on a server with "." as separator. So every name of either side has
// its own on the other.

// A space is a namespace.
type space struct {
	prefix string // on the server, with the separator at its end; may be empty
	sep    byte   // zero: there are no levels
	here   string // what stands for the prefix here, empty or with "/" at its end
}

// names translates between both.
type names struct {
	own    space   // the user's own mailboxes
	others []space // with a prefix, longest first
	spaces mailbox.Namespaces

	noted map[string]string // names on the server that can't be computed; guarded by account.mu
}

func newNames(ns *imap.NamespaceData) *names {
	n := &names{noted: map[string]string{}, spaces: mailbox.Namespaces{Personal: []string{""}}}
	personal := ns.Personal
	if len(personal) > 0 {
		n.own = space{prefix: personal[0].Prefix, sep: personal[0].Separator}
		personal = personal[1:]
	}
	if n.own.sep == 0 {
		n.own.prefix = "" // without a hierarchy it can't be told from the name
	}
	add := func(list []imap.NamespaceEntry, to *[]string) {
		for _, e := range list {
			if e.Prefix == "" || e.Prefix == n.own.prefix {
				continue
			}
			s := space{prefix: e.Prefix, sep: e.Separator, here: mailbox.CanonicalName(swap(e.Prefix, e.Separator))}
			if !strings.HasSuffix(s.here, "/") {
				s.here += "/"
			}
			n.others = append(n.others, s)
			*to = append(*to, s.here)
		}
	}
	add(personal, &n.spaces.Personal)
	add(ns.OtherUsers, &n.spaces.OtherUsers)
	add(ns.Shared, &n.spaces.Shared)
	slices.SortStableFunc(n.others, func(a, b space) int { return len(b.prefix) - len(a.prefix) })
	return n
}

// swap exchanges the separator and "/".
func swap(name string, sep byte) string {
	if sep == '/' || sep == 0 {
		return name
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case rune(sep):
			return '/'
		case '/':
			return rune(sep)
		}
		return r
	}, name)
}

// server returns the name on the server of a canonical name.
func (n *names) server(name string) string {
	if name == mailbox.Inbox {
		return name
	}
	if s, ok := n.noted[name]; ok {
		return s
	}
	return n.compute(name)
}

func (n *names) compute(name string) string {
	if name == mailbox.Inbox {
		return name
	}
	for _, s := range n.others {
		if rest, ok := strings.CutPrefix(name, s.here); ok {
			return s.prefix + swap(rest, s.sep)
		}
	}
	return n.own.prefix + swap(name, n.own.sep)
}

// local returns the name here of a name on the server, and notes the latter if it
// can't be computed from the former. ok is false if another mailbox has that name
// here already, or the name is none.
func (n *names) local(server string) (name string, ok bool) {
	name = n.translate(server)
	if name == "" {
		return "", false
	}
	if name == mailbox.Inbox {
		return name, strings.EqualFold(server, mailbox.Inbox)
	}
	if n.compute(name) == server {
		// Another spelling may have been listed before.
		other, taken := n.noted[name]
		return name, !taken || other == server
	}
	if old, taken := n.noted[name]; taken {
		return name, old == server
	}
	n.noted[name] = server
	return name, true
}

func (n *names) translate(server string) string {
	if strings.EqualFold(server, mailbox.Inbox) {
		return mailbox.Inbox
	}
	for _, s := range n.others {
		if rest, ok := strings.CutPrefix(server, s.prefix); ok && rest != "" {
			return mailbox.CanonicalName(s.here + swap(rest, s.sep))
		}
	}
	rest, ok := strings.CutPrefix(server, n.own.prefix)
	if !ok {
		if server == strings.TrimSuffix(n.own.prefix, string(n.own.sep)) {
			return "" // the prefix itself, which is no mailbox of the user
		}
		rest = server
	}
	return mailbox.CanonicalName(swap(rest, n.own.sep))
}

// renamed moves what is noted of a mailbox and its inferiors.
func (n *names) renamed(from string) {
	for name := range n.noted {
		if name == from || strings.HasPrefix(name, from+"/") {
			delete(n.noted, name)
		}
	}
}
