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
	name   string
	info   *mailbox.Info // nil for a superior that is no mailbox
	exists bool

	superior bool // of something listed, but nothing itself
	chosen   bool // by the selection options
	deep     bool // matched by a pattern that ends with "%"

	hasChildren bool
	hasChosen   bool // an inferior
	hasHidden   bool // a chosen inferior that no pattern matches
}

// A listing is the names that a LIST or LSUB looks at.
type listing struct {
	*Conn
	*patterns
	infos      []mailbox.Info // in the order of compareLevels
	subscribed bool           // only subscriptions, and what is above them, are listed
	chooses    func(mailbox.Info) bool

	// superiors says that names are listed that are there only because they have
	// inferiors.
	superiors bool

	next []following // by place in infos, and one behind the last
}

// following are the first places, from one on, of names of a kind. Since a name
// stands right before its inferiors, they tell whether it has any of that kind.
type following struct{ existing, chosen, hidden int }

// open reads the names that may match the patterns.
func (c *Conn) open(reference string, texts []string, want mailbox.ListWant) (*listing, error) {
	infos, err := c.account.Mailboxes(c.ctx, want)
	if err != nil {
		return nil, err
	}
	if err := c.tp.Work(c.ctx, len(infos)); err != nil {
		return nil, err
	}
	slices.SortFunc(infos, func(a, b mailbox.Info) int { return compareLevels(a.Name, b.Name) })
	longest := 0
	for i := range infos {
		longest = max(longest, len(infos[i].Name))
	}
	return &listing{Conn: c, infos: infos, patterns: compilePatterns(reference, texts, longest)}, nil
}

// lookAhead fills next.
func (l *listing) lookAhead(hidden bool) error {
	n := len(l.infos)
	l.next = make([]following, n+1)
	l.next[n] = following{n, n, n}
	for i := n - 1; i >= 0; i-- {
		in, f := &l.infos[i], l.next[i+1]
		if !in.NonExistent {
			f.existing = i
		}
		if l.lists(in) && l.chooses(*in) {
			f.chosen = i
			if hidden && !l.match(in.Name, len(in.Name))[0].matched {
				f.hidden = i
			}
		}
		l.next[i] = f
		if err := l.spend(1); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) lists(in *mailbox.Info) bool { return !l.subscribed || in.Subscribed }

// each calls f with the names that a pattern matches, in the order of compareLevels:
// mailboxes, subscriptions, and, if they are wanted, superiors that are neither. f
// writes one response.
func (l *listing) each(f func(listed) error) error {
	last := ""
	for i := range l.infos {
		in := &l.infos[i]
		if !l.lists(in) {
			continue
		}
		from := len(in.Name)
		if l.superiors {
			from = ownLevels(in.Name, last)
		}
		last = in.Name
		for _, level := range l.match(in.Name, from) {
			if !level.matched {
				continue
			}
			x := listed{name: in.Name[:level.end], deep: level.deep}
			behind := i
			if level.end == len(in.Name) {
				x.info, behind = in, i+1
				x.chosen = l.chooses(*in)
			} else {
				x.superior = true
				x.info = l.find(x.name)
				x.chosen = !l.subscribed && l.chooses(mailbox.Info{NonExistent: true})
			}
			x.exists = x.info != nil && !x.info.NonExistent
			x.hasChildren = l.below(l.next[behind].existing, x.name)
			x.hasChosen = l.below(l.next[behind].chosen, x.name)
			x.hasHidden = l.below(l.next[behind].hidden, x.name)
			if err := f(x); err != nil {
				return err
			}
			l.steps += stepsPerUnit
		}
		if err := l.spend(1); err != nil {
			return err
		}
	}
	return nil
}

// below reports whether the name at a place is an inferior of another.
func (l *listing) below(i int, name string) bool {
	return i < len(l.infos) && isBelow(l.infos[i].Name, name)
}

// find returns the mailbox or subscription of that name, or nil.
func (l *listing) find(name string) *mailbox.Info {
	i, ok := slices.BinarySearchFunc(l.infos, name, func(in mailbox.Info, n string) int { return compareLevels(in.Name, n) })
	if !ok {
		return nil
	}
	return &l.infos[i]
}

// A unit of work (see textproto.Conn.Work) is about this many steps, and is counted
// when there are a few.
const (
	stepsPerUnit = 400
	unitsAtOnce  = 200
)

// spend counts the steps that were done, and some more.
func (l *listing) spend(more int) error {
	l.steps += more
	if l.steps < stepsPerUnit*unitsAtOnce {
		return nil
	}
	units := l.steps / stepsPerUnit
	l.steps %= stepsPerUnit
	return l.tp.Work(l.ctx, units)
}

// compareLevels orders names so that the inferiors of each follow it: the separator
// is the lowest octet.
func compareLevels(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch c, d := a[i], b[i]; {
		case c == d:
		case c == separator:
			return -1
		case d == separator:
			return 1
		default:
			return int(c) - int(d)
		}
	}
	return len(a) - len(b)
}

// isBelow reports whether a name is an inferior of another.
func isBelow(name, superior string) bool {
	return len(name) > len(superior) && name[len(superior)] == separator && strings.HasPrefix(name, superior)
}

// ownLevels returns where the superiors of a name begin that are not the last one,
// nor superiors of it too.
func ownLevels(name, last string) (from int) {
	for i := range min(len(name), len(last)) {
		if name[i] != last[i] {
			return from
		}
		if name[i] == separator {
			from = i + 1
		}
	}
	if isBelow(name, last) {
		from = len(last) + 1
	}
	return from
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
	if limit := c.srv.MaxListPatterns; reached(len(cmd.Patterns)-1, limit, DefaultMaxListPatterns) {
		return reply{}, no(imap.CodeLimit, "too many patterns")
	}
	var want mailbox.ListWant
	cmd.Status = distinct(cmd.Status)
	if cmd.Return&imap.ReturnStatus != 0 {
		want = mailbox.ListStatus
	}
	l, err := c.open(cmd.Reference, cmd.Patterns, want)
	if err != nil {
		return reply{}, err
	}
	recursive := cmd.Select&imap.SelectRecursiveMatch != 0
	l.subscribed = cmd.Select&imap.SelectSubscribed != 0
	l.chooses = func(in mailbox.Info) bool { return selects(cmd, in) }
	l.superiors = recursive || l.deep() && l.chooses(mailbox.Info{NonExistent: true})
	if err := l.lookAhead(recursive); err != nil {
		return reply{}, err
	}
	return reply{}, l.each(func(x listed) error {
		switch {
		case !x.chosen && !x.hasHidden:
			return nil
		case !x.chosen, l.subscribed:
		case x.superior && !x.deep, !x.exists && !x.hasChildren:
			return nil
		}
		x.hasChosen = x.hasChosen && recursive
		return c.listOne(cmd, x)
	})
}

// selects reports whether a name meets the selection options (RFC 5258 §3.1, RFC
// 6154 §5.1). REMOTE adds nothing: there are no remote mailboxes.
func selects(c *imap.List, in mailbox.Info) bool {
	return (c.Select&imap.SelectSubscribed == 0 || in.Subscribed) &&
		(c.Select&imap.SelectSpecialUse == 0 || in.SpecialUse != 0 && !in.NonExistent)
}

// listOne lists a name. With RECURSIVEMATCH it has CHILDINFO if an inferior meets the
// selection options that only then make a name listed which does not meet them itself
// (RFC 5258 §3.5). Its status is told if that is asked for and the name meets the
// options itself (RFC 5819 §2).
func (c *Conn) listOne(cmd *imap.List, x listed) error {
	var st *imap.StatusData
	if x.exists && x.info.Status != nil && x.chosen {
		var err error
		q := &statusQuery{Conn: c, StatusData: imap.StatusData{Mailbox: x.name}, st: x.info.Status}
		st, err = q.ask(cmd.Status)
		if errors.Is(err, mailbox.ErrNotExist) {
			x.exists = false // it has just been deleted
		} else if err != nil {
			return err
		}
	}
	d := listData(x, cmd.Extended)
	if x.hasChildren {
		d.Attrs = append(d.Attrs, imap.AttrHasChildren)
	} else {
		d.Attrs = append(d.Attrs, imap.AttrHasNoChildren)
	}
	if x.info != nil {
		for use := range x.info.SpecialUse.All() {
			d.Attrs = append(d.Attrs, imap.MailboxAttr(use.String()))
		}
		if x.info.Subscribed && (cmd.Return&imap.ReturnSubscribed != 0 || cmd.Select&imap.SelectSubscribed != 0) {
			d.Attrs = append(d.Attrs, imap.AttrSubscribed)
		}
	}
	if x.hasChosen {
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
	l, err := c.open(cmd.Reference, []string{cmd.Pattern}, 0)
	if err != nil {
		return reply{}, err
	}
	l.subscribed, l.superiors = true, l.deep()
	l.chooses = func(mailbox.Info) bool { return true }
	if err := l.lookAhead(false); err != nil {
		return reply{}, err
	}
	return reply{}, l.each(func(x listed) error {
		if x.superior {
			x.exists = false
		}
		return c.respond(&grammar.LSub{ListData: *listData(x, false)})
	})
}

// listData returns the response of LIST and LSUB for a name.
func listData(x listed, extended bool) *imap.ListData {
	d := &imap.ListData{Separator: separator, Mailbox: x.name}
	switch {
	case x.exists:
	case extended:
		d.Attrs = append(d.Attrs, imap.AttrNonExistent) // RFC 5258 §3: implies \Noselect
	default:
		d.Attrs = append(d.Attrs, imap.AttrNoSelect)
	}
	return d
}
