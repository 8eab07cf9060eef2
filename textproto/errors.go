package textproto

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/posthorn-mail/posthorn/textproto/internal/deflate"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrWoken is what Wait returns after a call of Wake.
	ErrWoken = errors.New("textproto: woken")
	// ErrServerClosed is what Wait returns once the connection's server is
	// shutting down, and what Server.Serve returns after Shutdown or Close.
	ErrServerClosed = errors.New("textproto: server closed")
	// ErrTooManyConns is the reason given to Handler.Refuse when a limit on
	// connections is reached.
	ErrTooManyConns = errors.New("textproto: too many connections")
	// ErrTooManyConnsFromNetwork is ErrTooManyConns for the limit per client
	// network; errors.Is(err, ErrTooManyConns) holds for it too.
	ErrTooManyConnsFromNetwork = fmt.Errorf("%w from this network", ErrTooManyConns)
	// ErrPeerGone is the cause with which the context of a Handler ends when the
	// client has gone.
	ErrPeerGone = errors.New("textproto: client has gone")
	// ErrLoginTimeout is what reads fail with when LoginTimeout is over.
	ErrLoginTimeout = errors.New("textproto: no login within the time limit")
	// ErrPanic is the reason given to Handler.Refuse when ServeConn panicked.
	ErrPanic = errors.New("textproto: panic while serving the connection")

	// ErrLineTooLong is returned for a line longer than the limit. The rest of
	// the line has been consumed: the next read begins with the next line. See
	// Conn.LineEnd.
	ErrLineTooLong = errors.New("textproto: line too long")
	// ErrLineEndless is ErrLineTooLong for a line that did not end within
	// MaxLineDiscard octets. All further reads fail with ErrOutOfStep.
	ErrLineEndless = fmt.Errorf("%w, without end", ErrLineTooLong)
	// ErrOutOfStep is returned by reads after ErrLineEndless: it is not known
	// where the next line begins. The connection can only be closed.
	ErrOutOfStep = errors.New("textproto: beginning of the next line unknown")
	// ErrBareLF marks an LF without a CR before it.
	ErrBareLF = errors.New("textproto: bare LF")
	// ErrBareCR marks a CR without an LF after it.
	ErrBareCR = errors.New("textproto: bare CR")
	// ErrInvalidLine is returned for an attempt to send a line with CR, LF or
	// NUL in it.
	ErrInvalidLine = errors.New("textproto: CR, LF or NUL in a line to be sent")
	// ErrUnreadBody is returned by ReadLine and Wait, and for the start of a new
	// body, while the body before it has not been read to its end (Drain does
	// that).
	ErrUnreadBody = errors.New("textproto: previous body not read to its end")
	// ErrBodyTooLong is returned by Drain when the body exceeds the given
	// limit. The connection is then out of step and must be closed.
	ErrBodyTooLong = errors.New("textproto: body exceeds the limit")
	// ErrShortBody is returned by the Close of a counted writer that was given
	// fewer octets than announced.
	ErrShortBody = errors.New("textproto: fewer octets than announced")
	// ErrLongBody is returned by the Write of a counted writer that was given
	// more octets than announced. None of the excess has been sent.
	ErrLongBody = errors.New("textproto: more octets than announced")

	// ErrPlaintextBuffered is returned by StartTLSServer and StartTLSClient
	// when the peer sent something after the command or reply that starts TLS
	// (CVE-2011-0411, CVE-2021-33515). The connection has been closed.
	ErrPlaintextBuffered = errors.New("textproto: plaintext after STARTTLS")
	// ErrTLSActive and ErrCompressActive are returned when a layer cannot be
	// added because it, or one that must be above it, is active.
	ErrTLSActive      = errors.New("textproto: TLS is already active")
	ErrCompressActive = errors.New("textproto: compression is already active")
	// ErrExpansion is returned by reads when compressed input expands more than
	// MaxCompressRatio.
	ErrExpansion = deflate.ErrExpansion

	// ErrProxyHeader marks a connection from a trusted proxy that did not begin
	// with a valid PROXY protocol header.
	ErrProxyHeader = errors.New("textproto: invalid PROXY protocol header")
)

// A ProtocolError says which rule of the wire format was violated, and where.
type ProtocolError struct {
	Err  error  // what was broken, such as ErrBareLF
	Off  int64  // octets of the body before it
	Near []byte // the bytes around it, at most 32
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("%v at octet %d near %q", e.Err, e.Off, e.Near)
}

func (e *ProtocolError) Unwrap() error { return e.Err }

// A TimeoutError says that the peer exceeded a time limit. It implements
// net.Error, and errors.Is(err, os.ErrDeadlineExceeded) holds.
type TimeoutError struct {
	Op string // "read", "write", "wait"
}

func (e *TimeoutError) Error() string   { return "textproto: " + e.Op + ": time limit exceeded" }
func (e *TimeoutError) Timeout() bool   { return true }
func (e *TimeoutError) Temporary() bool { return true }
func (e *TimeoutError) Unwrap() error   { return os.ErrDeadlineExceeded }

// contextError is the end of a bound context: its cause and its Err.
type contextError struct{ cause, err error }

func (e *contextError) Error() string   { return e.cause.Error() }
func (e *contextError) Unwrap() []error { return []error{e.cause, e.err} }

// isTimeout reports whether err is due to a deadline, after which reading may
// continue. ETIMEDOUT is not: it means that the connection is dead.
func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout() && !errors.Is(err, syscall.ETIMEDOUT)
}
