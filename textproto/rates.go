package textproto

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"
)

// Rates bound how much clients may do in a time. They are on by default, with
// values that no honest client meets; Server.OnExcess decides what happens to
// those who do.
//
// Each protocol's server tells of commands and failures with Conn.Spend.
type Rates struct {
	// Commands bounds the commands of a connection (default 200,000 in 10
	// seconds). IMAP and POP3 count a command before login as a hundred, and
	// SMTP counts none that carry a message.
	Commands Rate
	// Failures bounds the commands of a connection that were wrong or were
	// refused (default 10,000 in 10 minutes).
	Failures Rate

	// NetworkCommands and NetworkFailures bound those of all connections of a
	// client network together (default 2,000,000 in 10 seconds, and 50,000 in an
	// hour), NetworkLogins its attempts to log in that failed (default 1,000 in
	// an hour). What a network is follows from Server.IPv4Prefix and IPv6Prefix.
	// Loopback addresses are none, nor is what has no IP address.
	NetworkCommands, NetworkFailures, NetworkLogins Rate

	// NetworkOctets bounds what all connections of a client network send and receive
	// together (default 1 GiB in 2.5 seconds). Beyond it they are delayed; OnExcess is
	// not asked. See also Bounds.OctetsPerAccount.
	NetworkOctets Rate

	// Exempt lists networks that the network rates are not for: of proxies, and
	// of web mail.
	Exempt []netip.Prefix

	// Input is how many octets a second a client must send of a command and the
	// message in it (default 100; negative: any). The server waits for them for no
	// longer, in total, than their number at this rate takes, and Grace (default 3
	// minutes). Waiting for a command is not counted: see IdleTimeout. What the client
	// must take of output follows from WriteTimeout, in which it must take 256 KiB or
	// all there is.
	Input int
	Grace time.Duration
}

// A Rate is N in the time Per: a client may spend N at once, and then as fast as
// they come back. An N of zero means the default, a negative one no limit.
type Rate struct {
	N   int
	Per time.Duration // zero: that of the default
}

// Defaults of Rates and Bounds.
const (
	defaultOctets    = 1 << 30 // an int may have 32 bits
	defaultOctetsPer = 2500 * time.Millisecond

	DefaultInputRate  = 100 // octets a second
	DefaultInputGrace = 3 * time.Minute
)

func (r Rates) withDefaults() Rates {
	for _, d := range []struct {
		r   *Rate
		n   int
		per time.Duration
	}{
		{&r.Commands, 200_000, 10 * time.Second},
		{&r.Failures, 10_000, 10 * time.Minute},
		{&r.NetworkCommands, 2_000_000, 10 * time.Second},
		{&r.NetworkFailures, 50_000, time.Hour},
		{&r.NetworkLogins, 1_000, time.Hour},
		{&r.NetworkOctets, defaultOctets, defaultOctetsPer},
	} {
		*d.r = d.r.withDefault(d.n, d.per)
	}
	if r.Input == 0 {
		r.Input = DefaultInputRate
	}
	if r.Grace == 0 {
		r.Grace = DefaultInputGrace
	}
	return r
}

func (r Rate) withDefault(n int, per time.Duration) Rate {
	if r.N == 0 {
		r.N = n
	}
	if r.Per <= 0 {
		r.Per = per
	}
	return r
}

// A RateKind says what a Rate counts.
type RateKind int

const (
	CommandRate RateKind = iota
	FailureRate          // commands that were wrong or were refused
	LoginRate            // attempts to log in that failed
	rateKinds
)

func (k RateKind) String() string {
	switch k {
	case CommandRate:
		return "commands"
	case FailureRate:
		return "failed commands"
	case LoginRate:
		return "failed logins"
	}
	return "unknown"
}

// ErrTooMany is what Enforce returns for a client that has exceeded a rate and is
// to be disconnected, and the reason given to Handler.Refuse for one whose network
// has.
var ErrTooMany = errors.New("textproto: too many failures")

// ErrTooSlow is returned by reads from a client that sends less than Rates.Input.
// It is a timeout.
var ErrTooSlow error = &slowError{}

type slowError struct{ TimeoutError }

func (*slowError) Error() string { return "textproto: input is too slow" }

// An Excess is a rate that a client has exceeded.
type Excess struct {
	Conn    *Conn
	Kind    RateKind
	Network netip.Prefix  // whose rate it is; invalid: the connection's
	Wait    time.Duration // until the client keeps the rate again
	Refusal bool          // the client has just connected, and its network had exceeded the rate before
}

// Enforce is the default of Server.OnExcess, which other functions may call. For
// commands it waits, as long as the rate demands or until ctx ends. For failures,
// it returns ErrTooMany.
func Enforce(ctx context.Context, x Excess) error {
	if x.Kind != CommandRate {
		return ErrTooMany
	}
	t := time.NewTimer(x.Wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Spend counts n of a kind for the connection and for its network. It is for
// servers: on a connection that no Server has accepted it does nothing. It
// returns what Server.OnExcess says of a rate that is exceeded: an error means
// that the connection is to be closed.
//
// With CommandRate, it begins a command, of which n may be zero: the command waits for
// a place (Server.MaxCommandsPerNetwork, Bounds.MaxCommandsPerAccount), which it has
// until it is over, with the next command or Wait. The error may then be the cause of
// the end of ctx.
func (c *Conn) Spend(ctx context.Context, k RateKind, n int) error {
	sc := c.served
	switch {
	case sc == nil:
		return nil
	case k != CommandRate:
		return c.spend(ctx, k, n)
	}
	sc.endCommand()
	if n > 0 {
		if err := c.spend(ctx, k, n); err != nil {
			return err
		}
	}
	return sc.enterPlaces(ctx)
}

func (c *Conn) spend(ctx context.Context, k RateKind, n int) error {
	m, s := &c.served.meter, c.served.s
	now := s.now()
	var own time.Duration
	if k < RateKind(len(m.own)) {
		own = m.own[k].spend(s.rates.of(k, false), n, now)
	}
	var shared time.Duration
	if m.network != nil {
		shared = m.network.spend(k, s.rates.of(k, true), n, now)
	}
	if own > 0 {
		if err := c.excess(ctx, Excess{Kind: k, Wait: own}); err != nil {
			return err
		}
	}
	if shared > 0 {
		return c.excess(ctx, Excess{Kind: k, Wait: shared, Network: m.network.prefix})
	}
	return nil
}

// excess asks what to do about a rate that is exceeded. What was answered before
// is not held back meanwhile.
func (c *Conn) excess(ctx context.Context, x Excess) error {
	if err := c.Flush(); err != nil {
		return err
	}
	x.Conn = c
	return c.served.s.excess(ctx, x)
}

func (r *Rates) of(k RateKind, network bool) Rate {
	switch {
	case k == CommandRate && network:
		return r.NetworkCommands
	case k == CommandRate:
		return r.Commands
	case k == FailureRate && network:
		return r.NetworkFailures
	case k == FailureRate:
		return r.Failures
	}
	return r.NetworkLogins
}

// exempts reports whether the network rates are not for an address.
func (r *Rates) exempts(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	for _, p := range r.Exempt {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func (s *Server) excess(ctx context.Context, x Excess) error {
	s.stats.excesses.Add(1)
	switch x.Kind {
	case FailureRate:
		s.stats.excessFailures.Add(1)
	case LoginRate:
		s.stats.excessLogins.Add(1)
	}
	enforce := s.OnExcess
	if enforce == nil {
		enforce = Enforce
	}
	err := enforce(ctx, x)
	if err != nil && ctx.Err() == nil {
		of, level := "connection", slog.LevelInfo
		if x.Network.IsValid() {
			of = x.Network.String()
		}
		if x.Refusal { // as many as it likes
			level = slog.LevelDebug
		}
		s.logger().Log(ctx, level, "client closed: it exceeds a rate", "conn", x.Conn.ID(), "remote", x.Conn.RemoteAddr(), "rate", x.Kind, "of", of)
	}
	return err
}

// A meter counts what the client of a Server's connection does.
type meter struct {
	own     [LoginRate]bucket // the protocols limit the logins of a connection themselves
	network *network          // nil: not counted
}

// A moment is the time since the Server began to serve.
type moment = time.Duration

func (s *Server) now() moment { return time.Since(s.begun) }

// A bucket is the moment at which all that was spent will have come back.
type bucket moment

// spend takes n and returns how long it takes until the rate is kept again.
func (b *bucket) spend(r Rate, n int, now moment) (wait time.Duration) {
	if r.N < 0 {
		return 0
	}
	full := max(moment(*b), now) + time.Duration(float64(r.Per)/float64(r.N)*float64(n))
	full = min(full, now+2*r.Per) // however much was spent, it is forgiven after Per
	*b = bucket(full)
	return full - now - r.Per
}
