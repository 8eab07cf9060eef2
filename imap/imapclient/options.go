package imapclient

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Options adjusts a Client. Nil and the zero value mean the defaults. A Client
// copies it when it is made.
type Options struct {
	// Credentials log in, by the strongest mechanism that both the server and
	// they support: those with channel binding first, the LOGIN command last.
	// Credentials.Token is called at each login. Without Credentials, see
	// Client.Login. Mechanisms, unless nil, restricts the choice: names of SASL
	// mechanisms; the LOGIN command counts as "LOGIN".
	Credentials *sasl.Credentials
	Mechanisms  []string

	// AllowInsecureAuth permits to send passwords and tokens over a connection
	// without TLS.
	AllowInsecureAuth bool

	// TLSConfig is for TLS. An empty ServerName is set to the host.
	TLSConfig *tls.Config

	// Dialer makes connections, such as through a proxy: see
	// [textproto.ThroughProxy]. By default it is a net.Dialer.
	Dialer textproto.Dialer

	// ID is sent after the login if the server supports it (RFC 2971): some
	// providers refuse to select a mailbox before. Nil: the name "posthorn";
	// empty but not nil: nothing is sent.
	ID imap.IDFields

	// Disable are capabilities that are not used though the server offers them,
	// such as COMPRESS=DEFLATE, UTF8=ACCEPT, IMAP4rev2, QRESYNC, LITERAL+.
	// Enable are capabilities that are enabled besides those that the Client
	// enables by itself, such as UIDONLY.
	Disable, Enable []imap.Cap

	// NoEmulation says what the Client must not do by itself where the server
	// can't; see Emulation.
	NoEmulation Emulation

	// NoPipelining sends one command at a time.
	NoPipelining bool

	Timeouts Timeouts
	Limits   Limits

	// Trace receives the lines sent and received, without credentials and
	// message texts. ConnID names the connection in it.
	Trace  textproto.Tracer
	ConnID string

	// Logger receives what no caller is told: alerts while nobody watches, and
	// what the server sends that can't be understood. It is called on the
	// goroutine that reads, and must not wait for the Client. Nil: nothing is
	// logged.
	Logger *slog.Logger

	// OnCommand is called when a command has ended, on the goroutine of the
	// caller.
	OnCommand func(CommandStats)
}

// CommandStats describes a command that has ended.
type CommandStats struct {
	Command  string // such as "UID FETCH"
	Mailbox  string // the selected one, or that which the command names
	Duration time.Duration
	Octets   int64 // of the responses that belong to the command
	Err      error // nil after OK
}

// Timeouts bound how long a Client waits. Each octet that the server sends or
// takes renews them. Zero means the default, negative no limit.
type Timeouts struct {
	Dial, Handshake, Greeting time.Duration // 30 seconds each

	Command time.Duration // silence while an answer is due, 10 minutes
	Write   time.Duration // the server takes nothing, or a message to be stored does not come while others wait (ErrStalled), 2 minutes

	IdlePeriod time.Duration // after which IDLE is issued anew, 9 minutes less up to a tenth
	Done       time.Duration // for the answers to IDLE and DONE, 15 seconds
	Poll       time.Duration // between the questions of Watch where there is no IDLE, or no NOTIFY, 1 minute
	KeepAlive  time.Duration // after which NOOP is sent if nothing else was, 5 minutes

	// Cancelled is how long the rest of the answer to a cancelled command may
	// hold up others before the connection is closed, 10 seconds.
	Cancelled time.Duration
}

// Limits bound memory and patience. Zero means the default.
type Limits struct {
	Window   int64 // octets asked for ahead by one loop, 4 MiB
	Response int64 // octets of one response that are held, 32 MiB
	Result   int64 // octets of one call's result, 64 MiB
	Drain    int64 // octets of unwanted data that are read before the connection is given up, 64 MiB
	Line     int   // octets of a command line: 1,000 (RFC 2683 §3.2.1.5); 8,000 with CONDSTORE or IMAP4rev2 (RFC 7162 §4)
	Batch    int   // messages in one FETCH, COPY or MOVE, 2,000; never above the server's MESSAGELIMIT
	Emulate  int   // messages that SORT and THREAD by the client may read, 20,000
}

// Emulation is a set of what a Client does by itself where the server can't.
type Emulation uint16

// What is emulated, and how.
const (
	EmulateMove      Emulation = 1 << iota // MOVE: COPY, STORE \Deleted, expunge; not atomic
	EmulateExpunge                         // UID EXPUNGE: EXPUNGE, while \Deleted is taken off other messages
	EmulateReplace                         // REPLACE: APPEND, then delete; not atomic
	EmulateAppend                          // MULTIAPPEND: one APPEND a message; not all or none
	EmulateSort                            // SORT, from the envelopes
	EmulateThread                          // THREAD, from the envelopes
	EmulatePreview                         // PREVIEW, from the beginning of the text part; not for Summary
	EmulateBinary                          // BINARY: the transfer encoding is removed by the client
	EmulateListItems                       // LIST-STATUS and its like, by commands for each mailbox
	EmulateIdle                            // IDLE and NOTIFY, by polling

	EmulateAll Emulation = 1<<iota - 1
)

func pick[T int | int64 | time.Duration](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return 0
	}
	return v
}

func (t Timeouts) withDefaults() Timeouts {
	t.Dial = pick(t.Dial, 30*time.Second)
	t.Handshake = pick(t.Handshake, 30*time.Second)
	t.Greeting = pick(t.Greeting, 30*time.Second)
	t.Command = pick(t.Command, 10*time.Minute)
	t.Write = pick(t.Write, 2*time.Minute)
	t.IdlePeriod = pick(t.IdlePeriod, 9*time.Minute)
	t.Done = pick(t.Done, 15*time.Second)
	t.Poll = pick(t.Poll, time.Minute)
	t.KeepAlive = pick(t.KeepAlive, 5*time.Minute)
	t.Cancelled = pick(t.Cancelled, 10*time.Second)
	return t
}

func (l Limits) withDefaults() Limits {
	l.Window = pick(l.Window, 4<<20)
	l.Response = pick(l.Response, 32<<20)
	l.Result = pick(l.Result, 64<<20)
	l.Drain = pick(l.Drain, 64<<20)
	l.Batch = pick(l.Batch, 2000)
	l.Emulate = pick(l.Emulate, 20000)
	return l
}
