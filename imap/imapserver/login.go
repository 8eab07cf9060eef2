package imapserver

import (
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
)

// loginExt is LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3).
func loginExt() extension {
	return extension{
		commands: []command{
			{"LOGIN", notAuthenticated, "", on((*Session).login)},
			{"AUTHENTICATE", notAuthenticated, "", on((*Session).authenticate)},
		},
	}
}

// saslConn describes the connection to package sasl.
func (s *Session) saslConn() sasl.Conn {
	return sasl.Conn{
		Service: "imap", Host: s.srv.host, TLS: s.conn.TLS(), RemoteAddr: s.conn.RemoteAddr(),
		ServerCertificate: sasl.CertificateOf(s.srv.TLSConfig),
		NoChannelBinding:  !s.srv.ChannelBinding,
		AllowInsecure:     s.srv.AllowInsecureAuth, Mechanisms: s.srv.Mechanisms,
	}
}

func (s *Session) login(c *imap.Login) (reply, error) {
	sc := s.saslConn()
	if !sc.AllowsPasswords() {
		return reply{}, no(imap.CodePrivacyRequired, "LOGIN needs TLS")
	}
	id, err := sasl.CheckPassword(s.ctx, s.srv.Authenticator, sc, c.User, c.Password)
	return s.logIn("LOGIN", "LOGIN", id, err)
}

func (s *Session) authenticate(c *imap.Authenticate) (reply, error) {
	mech, err := sasl.NewServer(c.Mechanism, s.srv.Authenticator, s.saslConn())
	if err != nil {
		return reply{}, s.authRefusal(err)
	}
	s.conn.SetSecret(true)
	err = s.exchange(mech, c.Initial)
	s.conn.SetSecret(false)
	if isLinkError(s.ctx, err) {
		return reply{}, err
	}
	id := ""
	if err == nil {
		id = mech.Identity()
	}
	return s.logIn("AUTHENTICATE", mech.Name(), id, err)
}

// exchange carries challenges and responses.
func (s *Session) exchange(mech sasl.Server, response []byte) error {
	for {
		challenge, done, err := mech.Next(s.ctx, response)
		if err != nil {
			return err
		}
		if done && challenge == nil {
			return nil
		}
		if err := s.r.WriteChallenge(challenge); err != nil {
			return link(err)
		}
		if response, err = s.r.ReadResponse(); err != nil {
			return link(err)
		}
		if done { // IMAP has no place for data with OK: it went as a challenge
			return nil
		}
	}
}

// logIn ends an attempt to log in: with err, or in the account of identity. A
// session that failed stays as it was, ready for another attempt.
func (s *Session) logIn(command, mechanism, identity string, err error) (reply, error) {
	if err == nil {
		err = s.openAccount(identity)
	}
	a := sasl.Attempt{Conn: s.saslConn(), Mechanism: mechanism, Identity: identity, Err: err}
	if err != nil {
		s.failures++
		a.Identity = ""
		if e := (*imap.Error)(nil); errors.As(err, &e) && e.Status == imap.BAD {
			a.Err = sasl.ErrCancelled // "*", or what is no base64
		}
	}
	a.Failures = s.failures
	onAuth := s.srv.OnAuth
	if onAuth == nil {
		onAuth = sasl.SlowDown
	}
	onAuth(s.ctx, a)
	if err != nil {
		return reply{}, s.authRefusal(err)
	}
	return reply{code: imap.CodeCapability, args: s.capabilities().String(), text: command + " completed"}, nil
}

// openAccount moves the session on.
func (s *Session) openAccount(identity string) error {
	h, err := s.srv.hub.join(s.ctx, s.srv.Store, identity, s.log())
	if err != nil {
		if errors.Is(err, mailbox.ErrNotExist) {
			// The authenticator knows a user that the store doesn't.
			s.log().Error("imap: no account for identity", "identity", identity)
			return no(imap.CodeAuthorizationFailed, "this user has no mail account")
		}
		return err
	}
	s.hub, s.account, s.identity = h, h.acct, identity
	s.state = authenticated
	s.unbind()
	lim := wire.LimitsAfterLogin()
	if s.srv.MaxCommand > 0 {
		lim.Command = int64(s.srv.MaxCommand)
	}
	s.r.SetLimits(lim)
	return nil
}
