package smtpserver

import (
	"context"
	"errors"
	"io"

	"github.com/posthorn-mail/posthorn/smtp"
)

// Hooks are functions around the calls of a Session. Each is given next, which
// goes on with the call; it may look at the arguments and the result, change
// them, or refuse without calling next. A nil hook changes nothing. They are
// called as the methods of the Session are, one at a time.
//
// To log what is refused:
//
//	backend = smtpserver.Wrap(backend, func(c *smtpserver.Conn) smtpserver.Hooks {
//		return smtpserver.Hooks{
//			Rcpt: func(ctx context.Context, to smtp.Address, o *smtp.RcptOptions, next smtpserver.RcptFunc) error {
//				err := next(ctx, to, o)
//				if err != nil {
//					log.Info("recipient refused", "conn", c.ID(), "to", to, "error", err)
//				}
//				return err
//			},
//		}
//	})
type Hooks struct {
	// NewSession goes around that of the Backend.
	NewSession func(ctx context.Context, next func(ctx context.Context) error) error

	Mail  func(ctx context.Context, from smtp.Address, o *smtp.MailOptions, next MailFunc) error
	Rcpt  func(ctx context.Context, to smtp.Address, o *smtp.RcptOptions, next RcptFunc) error
	Reset func(ctx context.Context, next func(ctx context.Context))
	Close func(next func() error) error

	// What next and the hook return is what Session.Data may: an error can be, or
	// wrap, a RecipientErrors, of which all may be nil.
	Data func(ctx context.Context, r io.Reader, next DataFunc) error

	// These go around optional methods too, and are called whether the Session
	// has them or not: next does nothing where it hasn't.
	Hello         func(ctx context.Context, name string, next StringFunc) error
	Authenticated func(ctx context.Context, identity string, next StringFunc) error
	BeginData     func(ctx context.Context, next func(ctx context.Context) error) error

	// With one of these the server offers what it is for, even if the Session
	// has no such method: next then returns the reply that the client would
	// have got.
	Verify     func(ctx context.Context, name string, utf8 bool, next VerifyFunc) (string, error)
	Expand     func(ctx context.Context, list string, utf8 bool, next ExpandFunc) ([]string, error)
	StartQueue func(ctx context.Context, host string, next StringFunc) error
}

// What goes on with a call, for Hooks.
type (
	MailFunc   func(ctx context.Context, from smtp.Address, o *smtp.MailOptions) error
	RcptFunc   func(ctx context.Context, to smtp.Address, o *smtp.RcptOptions) error
	DataFunc   func(ctx context.Context, r io.Reader) error
	StringFunc func(ctx context.Context, s string) error
	VerifyFunc func(ctx context.Context, name string, utf8 bool) (string, error)
	ExpandFunc func(ctx context.Context, list string, utf8 bool) ([]string, error)
)

// Wrap returns a Backend that calls hooks around the calls of b. hooks is called
// for each connection before b is: what the functions that it returns share are
// variables of that connection.
//
// The server offers of the result what it offers of b. This is why there is Wrap:
// a type of one's own around a Backend or Session, usually one that embeds it,
// hides each optional interface that it doesn't pass on, and the server then
// silently offers less.
func Wrap(b Backend, hooks func(c *Conn) Hooks) Backend { return &hookedBackend{b, hooks} }

// hookedBackend is the Backend of Wrap. It has the optional interfaces in any
// case, since what they return for nothing is what their lack means. For URLFetcher see
// urlFetcher.
type hookedBackend struct {
	Backend
	hooks func(c *Conn) Hooks
}

// Extensions implements Extender.
func (b *hookedBackend) Extensions() smtp.ExtensionSet {
	if x, ok := b.Backend.(Extender); ok {
		return x.Extensions()
	}
	return 0
}

// ExtensionParams implements ExtensionParams.
func (b *hookedBackend) ExtensionParams(e smtp.Extension) string {
	if x, ok := b.Backend.(ExtensionParams); ok {
		return x.ExtensionParams(e)
	}
	return ""
}

// NewSession implements Backend.
func (b *hookedBackend) NewSession(ctx context.Context, c *Conn) (Session, error) {
	hooks := b.hooks(c)
	var s Session
	next := func(ctx context.Context) (err error) {
		s, err = b.Backend.NewSession(ctx, c)
		return err
	}
	var err error
	if hooks.NewSession == nil {
		err = next(ctx)
	} else {
		err = hooks.NewSession(ctx, next)
	}
	switch {
	case err != nil && s != nil:
		s.Close()
		return nil, err
	case err == nil && s == nil:
		err = errNoSession
	}
	if err != nil {
		return nil, err
	}
	return newHooked(s, hooks), nil
}

var errNoSession = errors.New("smtpserver: a NewSession hook has returned nil although there is no session")

// hooked is the Session of Wrap. It has the methods of all optional interfaces: see
// optional.
type hooked struct {
	session Session
	hooks   Hooks

	// next holds methods of session, so that no call has to allocate one.
	next struct {
		mail       MailFunc
		rcpt       RcptFunc
		data       DataFunc
		reset      func(context.Context)
		close      func() error
		hello      StringFunc
		auth       StringFunc
		beginData  func(context.Context) error
		verify     VerifyFunc
		expand     ExpandFunc
		startQueue StringFunc
	}
}

func newHooked(session Session, hooks Hooks) *hooked {
	s := &hooked{session: session, hooks: hooks}
	n := &s.next
	n.mail, n.rcpt, n.data, n.reset, n.close = session.Mail, session.Rcpt, session.Data, session.Reset, session.Close
	if o, ok := optional[HelloSession](session); ok {
		n.hello = o.Hello
	} else {
		n.hello = func(context.Context, string) error { return nil }
	}
	if o, ok := optional[AuthSession](session); ok {
		n.auth = o.Authenticated
	} else {
		n.auth = func(context.Context, string) error { return nil }
	}
	if o, ok := optional[DataSession](session); ok {
		n.beginData = o.BeginData
	} else {
		n.beginData = func(context.Context) error { return nil }
	}
	if o, ok := optional[Verifier](session); ok {
		n.verify = o.Verify
	} else {
		n.verify = func(context.Context, string, bool) (string, error) { return "", errCannotVerify }
	}
	if o, ok := optional[Expander](session); ok {
		n.expand = o.Expand
	} else {
		n.expand = func(context.Context, string, bool) ([]string, error) { return nil, errNotImplemented }
	}
	if o, ok := optional[QueueStarter](session); ok {
		n.startQueue = o.StartQueue
	} else {
		n.startQueue = func(context.Context, string) error { return errNotImplemented }
	}
	return s
}

// optional returns a Session as one of the optional interfaces, if it has it. A
// hooked session has those for which a hook is set, and those of the session in
// it.
func optional[T any](session Session) (T, bool) {
	t, ok := session.(T)
	s, is := session.(*hooked)
	if !ok || !is {
		return t, ok
	}
	set := true // what only hears of a command does nothing without a hook
	switch any((*T)(nil)).(type) {
	case *Verifier:
		set = s.hooks.Verify != nil
	case *Expander:
		set = s.hooks.Expand != nil
	case *QueueStarter:
		set = s.hooks.StartQueue != nil
	}
	if !set {
		_, ok = optional[T](s.session)
	}
	return t, ok
}

// Mail implements Session.
func (s *hooked) Mail(ctx context.Context, from smtp.Address, o *smtp.MailOptions) error {
	if s.hooks.Mail == nil {
		return s.next.mail(ctx, from, o)
	}
	return s.hooks.Mail(ctx, from, o, s.next.mail)
}

// Rcpt implements Session.
func (s *hooked) Rcpt(ctx context.Context, to smtp.Address, o *smtp.RcptOptions) error {
	if s.hooks.Rcpt == nil {
		return s.next.rcpt(ctx, to, o)
	}
	return s.hooks.Rcpt(ctx, to, o, s.next.rcpt)
}

// Data implements Session.
func (s *hooked) Data(ctx context.Context, r io.Reader) error {
	if s.hooks.Data == nil {
		return s.next.data(ctx, r)
	}
	return s.hooks.Data(ctx, r, s.next.data)
}

// Reset implements Session.
func (s *hooked) Reset(ctx context.Context) {
	if s.hooks.Reset == nil {
		s.next.reset(ctx)
		return
	}
	s.hooks.Reset(ctx, s.next.reset)
}

// Close implements Session.
func (s *hooked) Close() error {
	if s.hooks.Close == nil {
		return s.next.close()
	}
	return s.hooks.Close(s.next.close)
}

// Hello implements HelloSession.
func (s *hooked) Hello(ctx context.Context, name string) error {
	return callString(ctx, name, s.hooks.Hello, s.next.hello)
}

// Authenticated implements AuthSession.
func (s *hooked) Authenticated(ctx context.Context, identity string) error {
	return callString(ctx, identity, s.hooks.Authenticated, s.next.auth)
}

// StartQueue implements QueueStarter.
func (s *hooked) StartQueue(ctx context.Context, host string) error {
	return callString(ctx, host, s.hooks.StartQueue, s.next.startQueue)
}

func callString(ctx context.Context, arg string, hook func(context.Context, string, StringFunc) error, next StringFunc) error {
	if hook == nil {
		return next(ctx, arg)
	}
	return hook(ctx, arg, next)
}

// BeginData implements DataSession.
func (s *hooked) BeginData(ctx context.Context) error {
	if s.hooks.BeginData == nil {
		return s.next.beginData(ctx)
	}
	return s.hooks.BeginData(ctx, s.next.beginData)
}

// Verify implements Verifier.
func (s *hooked) Verify(ctx context.Context, name string, utf8 bool) (string, error) {
	if s.hooks.Verify == nil {
		return s.next.verify(ctx, name, utf8)
	}
	return s.hooks.Verify(ctx, name, utf8, s.next.verify)
}

// Expand implements Expander.
func (s *hooked) Expand(ctx context.Context, list string, utf8 bool) ([]string, error) {
	if s.hooks.Expand == nil {
		return s.next.expand(ctx, list, utf8)
	}
	return s.hooks.Expand(ctx, list, utf8, s.next.expand)
}
