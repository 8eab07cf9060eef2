package textproto

import (
	"context"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/internal/fair"
)

// Bounds divide the machine between the clients of a program, whatever the protocol:
// turns of a processor, places for the commands of an account, and memory. Who wants
// much waits behind itself. A program that has several Servers gives them the same
// Bounds; a Server without has its own. The zero value has the defaults, which no
// honest client meets; a negative number is no limit. The fields must not be changed
// once a Server serves with them.
type Bounds struct {
	// Slice is how much work, in the units of Conn.Work, a command does before it
	// needs a turn, and in each turn (default DefaultSlice).
	Slice int
	// Turns is how many commands that do more than a Slice are at work at the same
	// time. The others wait, one command of each account in a round. (Before login,
	// one of each client network.) Default: one fewer than GOMAXPROCS, at least 1.
	Turns int

	// MaxConnsPerAccount is how many connections an account may have, to all Servers
	// together (default DefaultMaxConnsPerAccount). More can't log in.
	MaxConnsPerAccount int
	// MaxCommandsPerAccount is how many commands of an account are at work at the
	// same time (default DefaultMaxCommandsPerAccount). The others wait before they
	// begin, one of each connection in a round. A command that waits for its client
	// is not at work.
	MaxCommandsPerAccount int

	// OctetsPerAccount bounds what all connections of an account send and receive
	// together (default 1 GiB in 2.5 seconds). Beyond it they are delayed. It is not for
	// those clients that the network rates are not for (Rates).
	OctetsPerAccount Rate

	// Memory is how many octets all connections hold together: their large buffers,
	// no more than half of it, and what the protocols count with Conn.Hold and
	// Conn.Keep. Commands that want
	// more wait, one of each account (or network, before login) in a round, and an
	// account has no more than a quarter of it (or 64 MiB, if that is no more than
	// half). Default: a quarter of GOMEMLIMIT, or else of the memory of the machine
	// or the control group, and at least 64 MiB; where that is unknown,
	// DefaultMemory.
	Memory int64
	// MemoryPerConn is how many octets a connection may hold beside its buffers
	// (default DefaultMemoryPerConn). A command that needs more is refused.
	MemoryPerConn int64
	// MemoryWait is how long a command waits for memory before it is refused
	// (default DefaultMemoryWait). One that holds a mebibyte already is refused at
	// once.
	MemoryWait time.Duration

	once   sync.Once
	turns  fair.Gate[party]
	memory budget
	n      boundCounts
	begun  time.Time

	octetsPerAccount Rate // with the default

	mu       sync.Mutex
	accounts map[string]*account
}

// DefaultSlice is the default of Bounds.Slice: about ten milliseconds.
const DefaultSlice = 10_000

// boundCounts count what Bounds have done.
type boundCounts struct {
	turnWaits, commandWaits, commandsWaiting, accountsRefused atomic.Int64
}

// BoundsStats are the counters of Bounds, and what is in use now.
type BoundsStats struct {
	Turns, WaitingForTurn, TurnWaits int64 // taken, wanted; how many have waited
	WaitingForPlace, PlaceWaits      int64 // of commands of an account or a network; how many have waited
	Accounts, AccountsRefused        int64 // with connections; connections beyond MaxConnsPerAccount

	MemoryHeld, MemoryPeak                       int64 // octets held and the most at once, without buffers
	MemoryBuffers                                int64 // octets of large buffers
	WaitingForMemory, MemoryWaits, MemoryRefused int64 // commands: now, and in total
}

// Stats returns the current counters. It is cheap and may be called at any time.
func (b *Bounds) Stats() BoundsStats {
	b.setup()
	var st BoundsStats
	in, waiting := b.turns.Len()
	st.Turns, st.WaitingForTurn, st.TurnWaits = int64(in), int64(waiting), b.n.turnWaits.Load()
	st.WaitingForPlace, st.PlaceWaits = b.n.commandsWaiting.Load(), b.n.commandWaits.Load()
	b.mu.Lock()
	st.Accounts = int64(len(b.accounts))
	b.mu.Unlock()
	st.AccountsRefused = b.n.accountsRefused.Load()
	m := &b.memory
	m.mu.Lock()
	st.MemoryHeld, st.MemoryPeak = m.held, m.peak
	m.mu.Unlock()
	st.MemoryBuffers, st.WaitingForMemory = m.buffers.Load(), int64(m.waiting.Load())
	st.MemoryWaits, st.MemoryRefused = m.waits.Load(), m.refused.Load()
	return st
}

// setup sets the defaults, once.
func (b *Bounds) setup() {
	b.once.Do(func() {
		b.Slice = orDefault(b.Slice, DefaultSlice)
		b.Turns = orDefault(b.Turns, max(1, runtime.GOMAXPROCS(0)-1))
		b.turns.Size = b.Turns
		if b.Memory == 0 {
			b.Memory = defaultMemory()
		}
		b.begun = time.Now()
		b.octetsPerAccount = b.OctetsPerAccount.withDefault(defaultOctets, defaultOctetsPer)
		b.memory.limit = max(b.Memory, 0)
		b.MemoryPerConn = orDefault(b.MemoryPerConn, DefaultMemoryPerConn)
		b.MemoryWait = orDefault(b.MemoryWait, DefaultMemoryWait)
		b.MaxConnsPerAccount = orDefault(b.MaxConnsPerAccount, DefaultMaxConnsPerAccount)
		b.MaxCommandsPerAccount = orDefault(b.MaxCommandsPerAccount, DefaultMaxCommandsPerAccount)
	})
}

// orDefault returns the limit that n stands for, zero for none.
func orDefault[T int | int64 | time.Duration](n, def T) T {
	if n == 0 {
		return def
	}
	return max(n, 0)
}

// A party is whose a command is, where commands take turns: an account's, or else a
// client network's, or else its connection's only.
type party struct {
	account string
	network netip.Prefix
	conn    *serverConn
}

func (sc *serverConn) party() party {
	if sc.account != nil {
		return party{account: sc.account.name}
	}
	if sc.meter.network != nil {
		return party{network: sc.meter.network.prefix}
	}
	return party{conn: sc}
}

// turnGrace is how long a command with a turn may wait for the client before it
// loses the turn.
const turnGrace = time.Millisecond

// A turn lets a command work that has used its first slice.
type turn struct {
	held   atomic.Bool
	until  int         // the units of work of the command at which it ends
	expiry *time.Timer // runs while the command waits for the client
}

// takeTurn ends the present turn, if there is one, and waits for the next.
func (sc *serverConn) takeTurn(ctx context.Context) error {
	b := sc.s.bounds
	t := sc.turn.Load()
	if t == nil {
		t = new(turn)
		t.expiry = time.AfterFunc(time.Hour, func() { sc.leaveTurn(t) })
		t.expiry.Stop()
		sc.turn.Store(t)
	}
	who := sc.party()
	if t.held.CompareAndSwap(true, false) {
		if err := b.turns.Pass(ctx, who); err != nil {
			return err
		}
	} else if !b.turns.TryEnter(who) {
		b.n.turnWaits.Add(1)
		if err := b.turns.Enter(ctx, who); err != nil {
			return err
		}
	}
	t.until = sc.work + b.Slice
	t.held.Store(true)
	return nil
}

// leaveTurn ends a turn, if it is held. It may be called from any goroutine.
func (sc *serverConn) leaveTurn(t *turn) {
	if t.held.CompareAndSwap(true, false) {
		sc.s.bounds.turns.Leave(party{})
	}
}

// beginIO is called before a read from the network or a write to it, endIO after it,
// with the result: a command that waits for its client holds up nobody.
func (sc *serverConn) beginIO() (places uint32) {
	if sc.place.Load() != 0 {
		places = sc.place.Swap(0)
		sc.leavePlaces(places)
	}
	if t := sc.turn.Load(); t != nil && t.held.Load() {
		t.expiry.Reset(turnGrace)
	}
	return places
}

func (sc *serverConn) endIO(places uint32) {
	if t := sc.turn.Load(); t != nil && t.held.Load() {
		t.expiry.Stop()
	}
	if places != 0 {
		sc.enterPlaces(sc.ctx) // once it has ended, all that follows fails
	}
}

// endCommand gives back what the present command has taken.
func (sc *serverConn) endCommand() {
	sc.work = 0
	if sc.held > 0 {
		sc.held = 0
		sc.unreserve()
	}
	if t := sc.turn.Load(); t != nil {
		sc.leaveTurn(t)
	}
	if sc.place.Load() != 0 {
		sc.leavePlaces(sc.place.Swap(0))
	}
}
