package imapserver

import (
	"context"
	"maps"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// An extension is a part of the protocol: its capabilities, the commands that it
// adds, and its effects on others. The base protocol has several. Each is a
// function in a file of its own, listed in newProtocol. Package grammar refuses
// the syntax of extensions that are not offered (see Conn.offers).
type extension struct {
	// caps are advertised in the states of capStates (loggedIn if zero),
	// provided that offer, unless nil, agrees.
	caps      []imap.Cap
	capStates state
	offer     func(*Conn) bool

	// enable, unless nil, is called when one of caps becomes enabled: by ENABLE,
	// or by a command that implies it, with turnOn.
	enable func(*Conn)

	commands    []command
	items       map[imap.FetchAtt]fetchItem // of FETCH
	statusItems map[imap.StatusItem]statusItem

	// onSelect, unless nil, tells of the mailbox that SELECT or EXAMINE has just
	// selected, whose status is given. It is called where all caps are offered.
	onSelect func(*Conn, *imap.Select, mailbox.Status) error

	// onFetch, onStore and onSearch, unless nil, implement the modifiers and keys
	// of the extension. onFetch may narrow the set and add items, onStore
	// may make the change conditional, and onSearch may add to the response when
	// messages have been found, within the time that the context allows.
	onFetch  func(*Conn, *imap.Fetch, *mailbox.UIDSet) error
	onStore  func(*Conn, *imap.Store, *mailbox.FlagChange)
	onSearch func(*Conn, context.Context, *imap.Search, mailbox.UIDSet, *imap.SearchData) error

	// Once one of caps is enabled: whether FETCH responses that the client did
	// not ask for have the UID, the data that they have besides flags, and the
	// function that reports expunged messages, instead of EXPUNGE.
	withUID   bool
	withFlags func(*Conn, *wire.Encoder, mailbox.Entry)
	tellGone  func(*Conn, mailbox.UIDSet) error
}

// A command is a row of the table.
type command struct {
	name   string
	states state
	run    handlerFunc
}

// A handlerFunc executes a command and writes its untagged responses. Its results
// determine the tagged one: OK with the reply, or the refusal for the error (see
// Conn.refusal).
type handlerFunc func(c *Conn, cmd imap.Command) (reply, error)

// A reply completes a command with OK.
type reply struct {
	code  imap.Code    // empty: none
	arg   any          // of the code, as in grammar.StatusLine
	text  string       // empty: "NAME completed"
	after func() error // to be done once the reply has been written
}

// on makes a handlerFunc of a method for one type of command.
func on[C imap.Command](f func(*Conn, C) (reply, error)) handlerFunc {
	return func(c *Conn, cmd imap.Command) (reply, error) { return f(c, cmd.(C)) }
}

// A protocol is the extensions and commands of a server.
type protocol struct {
	extensions []extension        // in the order in which capabilities are advertised
	commands   map[string]command // by name

	items       map[imap.FetchAtt]fetchItem
	statusItems map[imap.StatusItem]statusItem
}

func newProtocol() *protocol {
	p := &protocol{
		extensions: []extension{
			baseExt(), saslIRExt(), literalPlusExt(), startTLSExt(), loginExt(),
			idExt(), enableExt(),
			namespaceExt(), mailboxesExt(), childrenExt(), listExtendedExt(), specialUseExt(), statusExt(), statusSizeExt(),
			selectExt(), unselectExt(), fetchExt(), storeExt(), searchExt(), appendExt(), copyExt(), expungeExt(), uidPlusExt(),
			moveExt(), condStoreExt(), idleExt(), quotaExt(), quotaSetExt(),
		},
		commands: make(map[string]command),

		items:       make(map[imap.FetchAtt]fetchItem),
		statusItems: make(map[imap.StatusItem]statusItem),
	}
	for _, x := range p.extensions {
		for _, c := range x.commands {
			p.commands[c.name] = c
		}
		maps.Copy(p.items, x.items)
		maps.Copy(p.statusItems, x.statusItems)
	}
	return p
}

func (s *Server) extensions() []extension { return s.proto.extensions }
