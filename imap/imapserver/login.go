package imapserver

import (
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
)

// loginExt is LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3).
func loginExt() extension {
	return extension{
		commands: []command{
			{"LOGIN", notAuthenticated, on((*Session).login)},
			{"AUTHENTICATE", notAuthenticated, on((*Session).authenticate)},
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
	return s.logIn("LOGIN", "LOGIN", sc, func() (string, error) {
		return sasl.CheckPassword(s.ctx, s.srv.Authenticator, sc, c.User, c.Password)
	})
}

func (s *Session) authenticate(c *imap.Authenticate) (reply, error) {
	sc := s.saslConn()
	mech, err := sasl.NewServer(c.Mechanism, s.srv.Authenticator, sc)
	if err != nil {
		return reply{}, s.authRefusal(err)
	}
	return s.logIn("AUTHENTICATE", mech.Name(), sc, func() (string, error) {
		s.conn.SetSecret(true)
		defer s.conn.SetSecret(false)
		return sasl.Serve(s.ctx, mech, c.Initial, s.ask)
	})
}

// ask sends a challenge and reads the line that answers it.
func (s *Session) ask(challenge string) ([]byte, error) {
	if err := s.r.WriteChallenge(challenge); err != nil {
		return nil, link(err)
	}
	line, err := s.r.ReadResponse()
	if e := (*imap.Error)(nil); errors.As(err, &e) {
		return nil, fmt.Errorf("%w: %w", sasl.ErrMalformed, err)
	}
	return line, link(err)
}

// logIn makes an attempt to log in, to the account of the identity that check
// returns. A session that failed stays as it was, ready for another attempt.
func (s *Session) logIn(command, mechanism string, sc sasl.Conn, check func() (string, error)) (reply, error) {
	err := s.attempts.Try(s.ctx, sc, mechanism, check, s.openAccount)
	switch {
	case isLinkError(s.ctx, err):
		return reply{}, err
	case err != nil:
		return reply{}, s.authRefusal(err)
	}
	return reply{code: imap.CodeCapability, arg: s.capabilities(), text: command + " completed"}, nil
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
