package imapserver

import (
	"errors"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// childrenExt is CHILDREN (RFC 3348): \HasChildren and \HasNoChildren stand in
// every LIST response.
func childrenExt() extension { return extension{caps: []imap.Cap{imap.CapChildren}} }

// specialUseExt is SPECIAL-USE (RFC 6154). The roles are in every LIST
// response, for clients that don't request them.
func specialUseExt() extension {
	return extension{caps: []imap.Cap{imap.CapSpecialUse, imap.CapCreateSpecialUse}}
}

// listExtendedExt is LIST-EXTENDED (RFC 5258) and LIST-STATUS (RFC 5819).
func listExtendedExt() extension {
	return extension{caps: []imap.Cap{imap.CapListExtended, imap.CapListStatus}}
}

// A listed name is one that LIST may return: a mailbox, a name that is only
// subscribed to, or a name that is there only because it has inferiors.
type listed struct {
	info        mailbox.Info
	exists      bool
	hasChildren bool
	superior    bool // of something listed, but nothing itself
}

// names returns every name of the account in order: of mailboxes, of
// subscriptions, and of superiors that are neither. With subscribed, only
// subscriptions and their superiors count.
func (c *Conn) names(subscribed bool, want mailbox.ListWant) ([]listed, error) {
	infos, err := c.account.Mailboxes(c.ctx, want)
	if err != nil {
		return nil, err
	}
	out := make([]listed, 0, len(infos))
	index := make(map[string]int, len(infos))
	for _, in := range infos {
		if subscribed && !in.Subscribed {
			continue
		}
		index[in.Name] = len(out)
		out = append(out, listed{info: in, exists: !in.NonExistent})
	}
	parents := make(map[string]bool)
	for _, in := range infos {
		if !in.NonExistent {
			for up := superior(in.Name); up != "" && !parents[up]; up = superior(up) {
				parents[up] = true
			}
		}
	}
	for i := range out {
		out[i].hasChildren = parents[out[i].info.Name]
	}
	for _, l := range out { // out grows, but only by superiors
		for up := superior(l.info.Name); up != ""; up = superior(up) {
			if _, ok := index[up]; ok {
				continue
			}
			index[up] = len(out)
			in, exists := findInfo(infos, up)
			in.Name = up
			out = append(out, listed{info: in, exists: exists, superior: true, hasChildren: parents[up]})
		}
	}
	slices.SortFunc(out, func(a, b listed) int { return strings.Compare(a.info.Name, b.info.Name) })
	return out, nil
}

// findInfo looks for a mailbox of that name; infos are ordered by name.
func findInfo(infos []mailbox.Info, name string) (mailbox.Info, bool) {
	i, ok := slices.BinarySearchFunc(infos, name, func(in mailbox.Info, n string) int { return strings.Compare(in.Name, n) })
	if !ok {
		return mailbox.Info{}, false
	}
	return infos[i], !infos[i].NonExistent
}

// superior returns the name one level up, empty for a name at the top.
func superior(name string) string {
	i := strings.LastIndexByte(name, separator)
	if i < 0 {
		return ""
	}
	return name[:i]
}

func (c *Conn) list(cmd *imap.List) (reply, error) {
	if !cmd.Extended && len(cmd.Patterns) == 1 && cmd.Patterns[0] == "" {
		// A request for the separator and the root name (RFC 9051 §6.3.9).
		return reply{}, c.respond(&imap.ListData{Attrs: []imap.MailboxAttr{imap.AttrNoSelect}, Separator: separator})
	}
	var want mailbox.ListWant
	if cmd.Return&imap.ReturnStatus != 0 {
		want = mailbox.ListStatus
	}
	names, err := c.names(cmd.Select&imap.SelectSubscribed != 0, want)
	if err != nil {
		return reply{}, err
	}
	above := superiorsOfSelected(cmd, names)
	for _, l := range names {
		p := matchAny(cmd.Reference, cmd.Patterns, l.info.Name)
		chosen := selects(cmd, l)
		hidden, hasSelected := above[l.info.Name]
		switch {
		case p == "", !chosen && !hidden:
			continue
		case !chosen, cmd.Select&imap.SelectSubscribed != 0:
		case l.superior && !strings.HasSuffix(p, "%"):
			// RFC 3501 §6.3.8: levels that are no mailboxes are listed where
			// "%" ends the pattern; "*" lists what is below them anyway.
			continue
		case !l.exists && !l.hasChildren:
			continue
		}
		if err := c.listOne(cmd, l, chosen, hasSelected); err != nil {
			return reply{}, err
		}
	}
	return reply{}, nil
}

// selects reports whether a name meets the selection options (RFC 5258 §3.1, RFC
// 6154 §5.1). REMOTE adds nothing: there are no remote mailboxes.
func selects(c *imap.List, l listed) bool {
	return (c.Select&imap.SelectSubscribed == 0 || l.info.Subscribed && !l.superior) &&
		(c.Select&imap.SelectSpecialUse == 0 || l.info.SpecialUse != 0 && l.exists)
}

// superiorsOfSelected returns, for RECURSIVEMATCH, the names that have an inferior
// which meets the selection options; true if there is one that no pattern matches.
// Only then a name is listed which does not meet them itself (RFC 5258 §3.5).
func superiorsOfSelected(c *imap.List, names []listed) map[string]bool {
	if c.Select&imap.SelectRecursiveMatch == 0 {
		return nil
	}
	above := make(map[string]bool)
	for _, l := range names {
		if !selects(c, l) {
			continue
		}
		hidden := matchAny(c.Reference, c.Patterns, l.info.Name) == ""
		for up := superior(l.info.Name); up != ""; up = superior(up) {
			above[up] = above[up] || hidden
		}
	}
	return above
}

// listOne lists a name, with CHILDINFO if it has an inferior that meets the
// selection options, and with its status if that is asked for and the name meets
// them itself (RFC 5819 §2).
func (c *Conn) listOne(cmd *imap.List, l listed, chosen, childInfo bool) error {
	var st *imap.StatusData
	if l.info.Status != nil && l.exists && chosen {
		var err error
		q := &statusQuery{Conn: c, StatusData: imap.StatusData{Mailbox: l.info.Name}, st: l.info.Status}
		st, err = q.ask(cmd.Status)
		if errors.Is(err, mailbox.ErrNotExist) {
			l.exists = false // it has just been deleted
		} else if err != nil {
			return err
		}
	}
	d := listData(l, cmd.Extended)
	if l.hasChildren {
		d.Attrs = append(d.Attrs, imap.AttrHasChildren)
	} else {
		d.Attrs = append(d.Attrs, imap.AttrHasNoChildren)
	}
	for use := range l.info.SpecialUse.All() {
		d.Attrs = append(d.Attrs, imap.MailboxAttr(use.String()))
	}
	if l.info.Subscribed && (cmd.Return&imap.ReturnSubscribed != 0 || cmd.Select&imap.SelectSubscribed != 0) {
		d.Attrs = append(d.Attrs, imap.AttrSubscribed)
	}
	if childInfo {
		d.ChildInfo = selectNames(cmd.Select)
	}
	if err := c.respond(d); err != nil || st == nil {
		return err
	}
	return c.tellStatus(st, cmd.Status)
}

// selectNames returns the options that CHILDINFO names.
func selectNames(set imap.ListSelect) []string {
	var names []string
	if set&imap.SelectSubscribed != 0 {
		names = append(names, "SUBSCRIBED")
	}
	if set&imap.SelectSpecialUse != 0 {
		names = append(names, "SPECIAL-USE")
	}
	return names
}

// lsub is LSUB (RFC 3501 §6.3.9). A name that is not subscribed to, but has
// inferiors that are, is returned with \Noselect where "%" ends the pattern.
func (c *Conn) lsub(cmd *imap.LSub) (reply, error) {
	names, err := c.names(true, 0)
	if err != nil {
		return reply{}, err
	}
	for _, l := range names {
		p := matchAny(cmd.Reference, []string{cmd.Pattern}, l.info.Name)
		if p == "" || l.superior && !strings.HasSuffix(p, "%") {
			continue
		}
		if l.superior {
			l.exists = false
		}
		if err := c.respond(&grammar.LSub{ListData: *listData(l, false)}); err != nil {
			return reply{}, err
		}
	}
	return reply{}, nil
}

// listData returns the response of LIST and LSUB for a name.
func listData(l listed, extended bool) *imap.ListData {
	d := &imap.ListData{Separator: separator, Mailbox: l.info.Name}
	switch {
	case l.exists:
	case extended:
		d.Attrs = append(d.Attrs, imap.AttrNonExistent) // RFC 5258 §3: implies \Noselect
	default:
		d.Attrs = append(d.Attrs, imap.AttrNoSelect)
	}
	return d
}

// matchAny returns the first pattern that the name matches, interpreted with
// the reference, or "" if there is none.
func matchAny(reference string, patterns []string, name string) string {
	for _, p := range patterns {
		if p != "" && matchName(reference+p, name) {
			return reference + p
		}
	}
	return ""
}

// matchName reports whether a name matches a pattern: "*" stands for anything,
// "%" for anything without a separator. INBOX, as a name and as a first level,
// matches without regard to case. The cost is bounded by the square of the
// name's length, whatever the pattern.
func matchName(pattern, name string) bool {
	pattern, ok := simplify(pattern, len(name))
	if !ok {
		return false
	}
	fold := 0
	if name == mailbox.Inbox || strings.HasPrefix(name, mailbox.Inbox+"/") {
		fold = len(mailbox.Inbox)
	}
	// at[i]: pattern[:i] matches the part of the name that has been read.
	at := make([]bool, len(pattern)+1)
	at[0] = true
	skipWildcards := func() {
		for i := range pattern {
			if at[i] && (pattern[i] == '*' || pattern[i] == '%') {
				at[i+1] = true
			}
		}
	}
	skipWildcards()
	for n := range len(name) {
		c := name[n]
		for i := len(pattern) - 1; i >= 0; i-- {
			// at[i+1] for the longer name, from at of the shorter.
			switch p := pattern[i]; {
			case p == '*' || p == '%':
				ok := p == '*' || c != separator
				at[i+1] = ok && (at[i] || at[i+1])
			case p == c, n < fold && upper(p) == c:
				at[i+1] = at[i]
			default:
				at[i+1] = false
			}
		}
		at[0] = false
		skipWildcards()
	}
	return at[len(pattern)]
}

// simplify joins consecutive wildcards. It returns false if the pattern has more
// than max other octets, so that it matches no name of that length.
func simplify(pattern string, max int) (string, bool) {
	out := make([]byte, 0, min(len(pattern), 2*max+1))
	for i := range len(pattern) {
		c, n := pattern[i], len(out)
		wild := c == '*' || c == '%'
		switch {
		case wild && n > 0 && (out[n-1] == '*' || out[n-1] == '%'):
			if c == '*' {
				out[n-1] = c
			}
			continue
		case wild:
		case max == 0:
			return "", false
		default:
			max--
		}
		out = append(out, c)
	}
	return string(out), true
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}
