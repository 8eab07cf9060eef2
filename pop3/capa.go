package pop3

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Capability is a line of the reply to CAPA (RFC 2449 §5).
type Capability struct {
	Name string   // in capitals
	Args []string // as they came
}

// Capabilities are those that a server announces.
type Capabilities []Capability

// ParseCapability reads a line of the reply to CAPA. ok is false for an empty
// line.
func ParseCapability(line []byte) (c Capability, ok bool) {
	f := strings.Fields(string(line))
	if len(f) == 0 {
		return c, false
	}
	return Capability{Name: strings.ToUpper(f[0]), Args: f[1:]}, true
}

// Append appends the line, without CRLF.
func (c Capability) Append(b []byte) []byte {
	b = append(b, c.Name...)
	for _, a := range c.Args {
		b = append(append(b, ' '), a...)
	}
	return b
}

// Get returns the arguments of a capability. The name is in capitals.
func (l Capabilities) Get(name string) (args []string, ok bool) {
	for _, c := range l {
		if c.Name == name {
			return c.Args, true
		}
	}
	return nil, false
}

// Has reports whether a capability is announced, with the argument if one is
// given.
func (l Capabilities) Has(name string, arg ...string) bool {
	args, ok := l.Get(name)
	for _, a := range arg {
		ok = ok && slices.ContainsFunc(args, func(x string) bool { return strings.EqualFold(x, a) })
	}
	return ok
}

// Expire returns the argument of EXPIRE (RFC 2449 §6.7): the minimum number of
// days that the server keeps messages, 0 if none may be left on it. ok is false
// without the capability, or with NEVER: then messages are kept.
func (l Capabilities) Expire() (days int, ok bool) {
	args, _ := l.Get("EXPIRE")
	if len(args) == 0 {
		return 0, false
	}
	return parseNumber([]byte(args[0]))
}

// LoginDelay returns the argument of LOGIN-DELAY (RFC 2449 §6.5): how long a
// client must wait between logins. It is zero without the capability.
func (l Capabilities) LoginDelay() time.Duration {
	args, _ := l.Get("LOGIN-DELAY")
	if len(args) == 0 {
		return 0
	}
	n, _ := parseNumber([]byte(args[0]))
	return time.Duration(n) * time.Second
}

// numbered returns a capability with a number as its argument.
func numbered(name string, n int, more ...string) Capability {
	return Capability{Name: name, Args: append([]string{strconv.Itoa(n)}, more...)}
}

// ExpireCapability returns EXPIRE for a number of days, NEVER if that is
// negative. perUser says that the value may differ after login.
func ExpireCapability(days int, perUser bool) Capability {
	c := Capability{Name: "EXPIRE", Args: []string{"NEVER"}}
	if days >= 0 {
		c = numbered("EXPIRE", days)
	}
	if perUser {
		c.Args = append(c.Args, "USER")
	}
	return c
}

// LoginDelayCapability returns LOGIN-DELAY, rounded up to seconds.
func LoginDelayCapability(d time.Duration, perUser bool) Capability {
	c := numbered("LOGIN-DELAY", int((d+time.Second-1)/time.Second))
	if perUser {
		c.Args = append(c.Args, "USER")
	}
	return c
}
