package textproto

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/fair"
)

// Defaults of Bounds and Server.
const (
	// DefaultMaxConnsPerAccount leaves room for a mailbox that a whole office has
	// open on all its devices.
	DefaultMaxConnsPerAccount    = 500
	DefaultMaxCommandsPerAccount = 16
	DefaultMaxCommandsPerNetwork = 64
)

// ErrTooManyConnsOfAccount is what SetAccount returns when Bounds.MaxConnsPerAccount
// is reached; errors.Is(err, ErrTooManyConns) holds for it too.
var ErrTooManyConnsOfAccount = fmt.Errorf("%w of this account", ErrTooManyConns)

// An account is one that has connections.
type account struct {
	name   string
	conns  int              // guarded by the Bounds' mu
	octets bucket           // likewise
	places fair.Gate[party] // for commands at work
}

// The places that a command can have, as bits.
const (
	accountPlace = 1 << iota
	networkPlace
)

// SetAccount says which account the commands of the connection are for from now on,
// the present one included; empty: none any more. Until then they are the client
// network's. The account has places for Bounds.MaxCommandsPerAccount commands, and the
// present command waits for one.
//
// It returns ErrTooManyConnsOfAccount if the account has Bounds.MaxConnsPerAccount
// other connections, after which the connection is nobody's, or the cause of the end
// of ctx. It is for servers, on the connection's goroutine: on a connection that no
// Server has accepted it does nothing.
func (c *Conn) SetAccount(ctx context.Context, name string) error {
	sc := c.served
	if sc == nil {
		return nil
	}
	sc.leavePlaces(sc.place.Swap(0))
	sc.leaveAccount()
	var refused error
	if name != "" {
		if sc.account, refused = sc.s.bounds.join(name); refused != nil {
			sc.s.logger().Info("login refused", "conn", c.ID(), "remote", c.RemoteAddr(), "account", name, "error", refused)
		}
	}
	if err := sc.enterPlaces(ctx); err != nil {
		return err
	}
	return refused
}

// Yield gives back the turn and the place of the present command, for one that goes on
// to wait for something other than this machine: a delay, another server. The command
// goes on without a place.
func (c *Conn) Yield() {
	if sc := c.served; sc != nil {
		sc.leavePlaces(sc.place.Swap(0))
		if t := sc.turn.Load(); t != nil {
			sc.leaveTurn(t)
		}
	}
}

func (b *Bounds) join(name string) (*account, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[name]
	if a == nil {
		if b.accounts == nil {
			b.accounts = make(map[string]*account)
		}
		a = &account{name: name, places: fair.Gate[party]{Size: b.MaxCommandsPerAccount}}
		b.accounts[name] = a
	}
	if b.MaxConnsPerAccount > 0 && a.conns >= b.MaxConnsPerAccount {
		b.n.accountsRefused.Add(1)
		return nil, ErrTooManyConnsOfAccount
	}
	a.conns++
	return a, nil
}

func (sc *serverConn) leaveAccount() {
	a := sc.account
	if a == nil {
		return
	}
	sc.account = nil
	b := sc.s.bounds
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.conns--; a.conns == 0 {
		delete(b.accounts, a.name)
	}
}

// enterPlaces waits for the places of a command that begins, or goes on. An account
// can't have all places of its network while it waits for one of its own.
func (sc *serverConn) enterPlaces(ctx context.Context) error {
	var places uint32
	who := party{conn: sc}
	if a := sc.account; a != nil {
		if err := sc.enterPlace(ctx, &a.places, who); err != nil {
			return err
		}
		places, who = accountPlace, party{account: a.name}
	}
	if n := sc.meter.network; n != nil {
		if err := sc.enterPlace(ctx, n.places, who); err != nil {
			sc.leavePlaces(places)
			return err
		}
		places |= networkPlace
	}
	sc.place.Store(places)
	return nil
}

func (sc *serverConn) enterPlace(ctx context.Context, g *fair.Gate[party], who party) error {
	if g.TryEnter(who) {
		return nil
	}
	n := &sc.s.bounds.n
	n.commandWaits.Add(1)
	n.commandsWaiting.Add(1)
	defer n.commandsWaiting.Add(-1)
	return g.Enter(ctx, who)
}

func (sc *serverConn) leavePlaces(places uint32) {
	if places&accountPlace != 0 {
		sc.account.places.Leave(party{})
	}
	if places&networkPlace != 0 {
		sc.meter.network.places.Leave(party{})
	}
}
