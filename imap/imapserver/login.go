package imapserver

import (
	"context"
	"errors"
	"time"

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
	c := sasl.Conn{
		Service: "imap", Host: s.srv.hostname(),
		TLS: s.conn.TLS(), RemoteAddr: s.conn.RemoteAddr(),
		AllowInsecure: s.srv.AllowInsecureAuth, Mechanisms: s.srv.Mechanisms,
	}
	// Where there is but one certificate, it is the one that was shown.
	if t := s.srv.TLSConfig; c.TLS != nil && t != nil && len(t.Certificates) == 1 &&
		t.GetCertificate == nil && t.GetConfigForClient == nil && len(t.Certificates[0].Certificate) > 0 {
		c.ServerCertificate = t.Certificates[0].Certificate[0]
	}
	return c
}

func (s *Session) login(c *imap.Login) (reply, error) {
	sc := s.saslConn()
	if !sc.AllowsPasswords() {
		return reply{}, no(imap.CodePrivacyRequired, "LOGIN needs TLS")
	}
	id, err := sasl.CheckPassword(s.ctx, s.srv.Authenticator, sc, c.User, c.Password)
	if err != nil {
		return reply{}, s.loginFailed(c.User, err)
	}
	return s.logIn(id, "LOGIN")
}

func (s *Session) authenticate(c *imap.Authenticate) (reply, error) {
	mech, err := sasl.NewServer(c.Mechanism, s.srv.Authenticator, s.saslConn())
	if err != nil {
		return reply{}, s.authRefusal(err)
	}
	s.conn.SetSecret(true)
	err = s.exchange(mech, c.Initial)
	s.conn.SetSecret(false)
	if err != nil {
		if isLinkError(s.ctx, err) {
			return reply{}, err
		}
		return reply{}, s.loginFailed("", err)
	}
	return s.logIn(mech.Identity(), "AUTHENTICATE")
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

// loginFailed has the failure told and slowed down. The session stays usable
// for another attempt.
func (s *Session) loginFailed(user string, err error) error {
	var e *imap.Error
	if !errors.As(err, &e) { // ReadResponse answers "*" and bad base64 itself
		e = s.authRefusal(err)
	}
	if e.Status == imap.BYE {
		return e
	}
	if s.failures++; s.failures >= s.srv.maxBadCommands() {
		return &imap.Error{Status: imap.BYE, Text: "too many failed logins"}
	}
	if s.srv.OnLogin != nil {
		s.srv.OnLogin(s.ctx, s, user, err)
		return e
	}
	if e.Code == imap.CodeAuthenticationFailed {
		pause(s.ctx, time.Second<<min(s.failures-1, 4))
	}
	return e
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// logIn opens the account and moves the session on.
func (s *Session) logIn(identity, command string) (reply, error) {
	h, err := s.srv.hub.join(s.ctx, s.srv.Store, identity, s.log())
	if err != nil {
		if errors.Is(err, mailbox.ErrNotExist) {
			// The authenticator knows a user that the store doesn't.
			s.log().Error("imap: no account for identity", "identity", identity)
			return reply{}, no(imap.CodeAuthorizationFailed, "this user has no mail account")
		}
		return reply{}, err
	}
	s.hub, s.account, s.identity = h, h.acct, identity
	s.state = authenticated
	s.failures = 0
	s.unbind()
	lim := wire.LimitsAfterLogin()
	if s.srv.MaxCommand > 0 {
		lim.Command = int64(s.srv.MaxCommand)
	}
	s.r.SetLimits(lim)
	if s.srv.OnLogin != nil {
		s.srv.OnLogin(s.ctx, s, identity, nil)
	}
	return reply{code: s.capabilityCode(), text: command + " completed"}, nil
}
